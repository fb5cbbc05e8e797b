"""Units taken as they are: each action unit gets the unit that follows it on training people, and no probe."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.detection.fitting import coded_units
from dfecs_lib.evaluation.detection.measures import PRESENT
from dfecs_lib.evaluation.recovery import intensity_correlations

__all__ = ["match_units", "zero_shot"]


def match_units(codes: pd.DataFrame, intensities: pd.DataFrame) -> pd.DataFrame:
    """Match each AU with the unit whose activation correlates most with its intensity, on training people.

    Parameters
    ----------
    codes : DataFrame of shape (n_frames, n_units)
    intensities : AU table

    Returns
    -------
    DataFrame
        Index: the AUs. ``unit``; ``sign`` (−1 only where codes may be negative); ``correlation``; ``threshold``, half
        of the unit's mean activation over frames where the AU is present: from there on it is said to be there;
        ``step``, activation per step of intensity.

    Raises
    ------
    DfecsError
        If codes and labels share no frame, or no AU varies.
    """
    labels = intensities.loc[intensities.index.intersection(codes.index)]
    if labels.empty:
        raise DfecsError("the codes and the labels share no frame; they are matched by index")
    units = coded_units(labels)
    values = codes.loc[labels.index]
    correlations = intensity_correlations(values, labels[units])
    signed = bool((values < 0).any(axis=None))
    rows = {}
    for au in units:
        r: pd.Series[float] = correlations.T[au]
        size = (r.abs() if signed else r).dropna()
        if size.empty:
            continue
        unit = str(size.idxmax())
        sign = -1.0 if signed and r[unit] < 0 else 1.0
        truth, activity = labels[au].to_numpy(np.float64), sign * values[unit].to_numpy(np.float64)
        activation = float(np.nanmean(np.maximum(activity[truth >= PRESENT], 0)))
        rows[au] = {
            "unit": unit,
            "sign": sign,
            "correlation": sign * float(r[unit]),
            "threshold": activation / 2,
            "step": activation / float(np.mean(truth[truth >= PRESENT])),
        }
    if not rows:
        raise DfecsError("no unit's activation varies in the labelled frames: constant codes match no action unit")
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("au")


def zero_shot(codes: pd.DataFrame, matches: pd.DataFrame) -> pd.DataFrame:
    """Predict by the matched units' activations, for `measure_table`; one scale and threshold an AU."""
    columns: dict[tuple[str, str], object] = {}
    for au, match in matches.iterrows():
        activation = (float(match["sign"]) * codes[match["unit"]]).clip(lower=0)
        step = float(match["step"])
        columns[str(au), "decision"] = (activation >= match["threshold"]).astype(float).where(activation.notna())
        columns[str(au), "score"] = activation
        columns[str(au), "estimate"] = (activation / step).clip(upper=5) if step > 0 else activation * np.nan
    return pd.DataFrame(columns)
