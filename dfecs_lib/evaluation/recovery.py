"""Do units find the true action units? Only where the truth is known: simulated faces, or intensity labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import as_values, same_rows

__all__ = ["au_recovery", "cosines", "intensity_correlations"]


def cosines(units: ArrayLike, true_units: ArrayLike) -> NDArray[np.float64]:
    """Cosine of every true unit (rows) with every unit (columns), over the numbers that a pair both has."""
    a, b = as_values(true_units), as_values(units)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise DfecsError(f"units of shape {b.shape} cannot be compared with true units of shape {a.shape}")
    in_a, in_b = np.isfinite(a), np.isfinite(b)
    a, b = np.where(in_a, a, 0.0), np.where(in_b, b, 0.0)
    length = np.sqrt(a**2 @ in_b.T) * np.sqrt(in_a @ (b**2).T)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(length > 0, a @ b.T / length, np.nan)


def intensity_correlations(codes: pd.DataFrame, intensities: pd.DataFrame) -> pd.DataFrame:
    """Pearson correlation of every AU's intensity (rows) with every unit's code (columns), over frames that have both.

    NaN where the AU, or the unit, never varies.
    """
    labels = intensities.reindex(codes.index)
    if labels.notna().to_numpy().sum() == 0:
        raise DfecsError("no frame has both codes and intensities; the two tables share no row")
    out = np.full((labels.shape[1], codes.shape[1]), np.nan)
    values = codes.to_numpy()
    for i, au in enumerate(labels):
        label = labels[au].to_numpy()
        seen = np.isfinite(label) & np.isfinite(values).all(axis=1)
        if seen.sum() < 3:
            continue
        x, y = label[seen] - label[seen].mean(), values[seen] - values[seen].mean(axis=0)
        length = np.linalg.norm(x) * np.linalg.norm(y, axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            out[i] = np.where(length > 0, x @ y / length, np.nan)
    return pd.DataFrame(out, index=list(labels), columns=list(codes))


def au_recovery(
    units: ArrayLike,
    true_units: pd.DataFrame,
    codes: pd.DataFrame,
    intensities: pd.DataFrame,
    *,
    match_codes: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """For every true AU: the unit that moves most like it, and how well codes follow its intensity.

    Parameters
    ----------
    units : array-like of shape (n_units, 2K)
    true_units : DataFrame of shape (n_aus, 2K)
        Motion of each true AU, indexed by its name.
    codes : DataFrame of shape (n_frames, n_units)
        Encodings of the test frames.
    intensities : DataFrame of shape (n_frames, n_aus)
        True intensities of (some of) the same frames.
    match_codes : DataFrame, optional
        Encodings of other frames, with intensities, on which the matching by correlation is chosen; by default the
        unit is the one with the best cosine, so that no test label is used for choosing.

    Returns
    -------
    DataFrame
        Index: the AUs in both tables. ``best_unit, cosine`` (best match, several AUs may share a unit),
        ``own_unit, own_cosine`` (one unit an AU at most, Hungarian assignment), ``correlation`` (of the best
        unit's code with the intensity), ``own_correlation``.
    """
    names = [au for au in true_units.index if au in intensities.columns]
    if not names:
        raise DfecsError("no AU is in both the true units and the intensities")
    similar = cosines(units, same_rows(true_units, pd.Index(names)))
    known = np.nan_to_num(similar, nan=-1.0)
    follow = intensity_correlations(codes, intensities[names]).to_numpy()
    if match_codes is None:
        best = known.argmax(axis=1)
    else:
        chosen = intensity_correlations(match_codes, intensities[names]).to_numpy()
        best = np.nan_to_num(chosen, nan=-1.0).argmax(axis=1)
    rows = np.arange(len(names))
    table = pd.DataFrame({"best_unit": best, "cosine": similar[rows, best], "correlation": follow[rows, best]}, names)
    own = np.full(len(names), -1, dtype=np.intp)
    assigned, unit = linear_sum_assignment(-known)
    own[assigned] = unit
    has = own >= 0
    table["own_unit"] = own
    table["own_cosine"] = np.where(has, similar[rows, own], np.nan)
    table["own_correlation"] = np.where(has, follow[rows, own], np.nan)
    return table.rename_axis("au")
