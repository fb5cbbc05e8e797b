"""Would the same units be found with other subjects? Matched cosine of units over bootstraps of subjects."""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.base import clone

from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.recovery import intensity_correlations
from dfecs_lib.interpretability.units import Units, as_units
from dfecs_lib.keypoints import in_time

__all__ = ["matched_cosine", "recovery", "stability"]


class _Fits(Protocol):
    def fit(self, X: pd.DataFrame) -> Self: ...


def matched_cosine(reference: Units, other: Units) -> NDArray[np.float64]:
    """Cosine of each reference unit with its partner in `other`, one to one, best in sum; 0 where partners run out.

    With signed codes the sign of a unit is arbitrary, so absolute cosines are matched.

    Returns
    -------
    array of shape (len(reference),)
    """
    a, b = reference.motion.reshape(len(reference), -1), other.motion.reshape(len(other), -1)
    size = np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))
    cosine = np.divide(a @ b.T, size, out=np.zeros_like(size), where=size > 0)
    if reference.signed:
        cosine = np.abs(cosine)
    rows, columns = linear_sum_assignment(-cosine)
    out = np.zeros(len(reference))
    out[rows] = cosine[rows, columns]
    return out


def stability(
    model: object, motion: pd.DataFrame, *, n_bootstraps: int = 20, random_state: int = 0
) -> NDArray[np.float64]:
    """Mean matched cosine of a fitted model's units with those of refits on resampled subjects.

    Parameters
    ----------
    model : fitted scikit-learn estimator with ``components_``
        Refitted as a clone with the same number of units (its ``n_units`` or ``n_components``).
    motion : KPM table
        The training table; its index level "subject" (within "dataset") is what is resampled.
    n_bootstraps : int
    random_state : int

    Returns
    -------
    array of shape (n_units,)
        1: found again whoever is in the sample.

    Raises
    ------
    DfecsError
        If the table has fewer than two subjects.
    """
    reference, motion = as_units(model), in_time(motion)
    keys = list(zip(motion.index.get_level_values("dataset"), motion.index.get_level_values("subject"), strict=True))
    rows_of: dict[tuple[str, str], list[int]] = {}
    for row, key in enumerate(keys):
        rows_of.setdefault(key, []).append(row)
    if len(rows_of) < 2:
        raise DfecsError(f"stability over subjects needs at least two subjects; the table has {len(rows_of)}")
    subjects = list(rows_of)
    rng = np.random.default_rng(random_state)
    found = np.zeros((n_bootstraps, len(reference)))
    for b in range(n_bootstraps):
        drawn = rng.integers(len(subjects), size=len(subjects))
        pieces = []
        for turn, s in enumerate(drawn):
            # A subject drawn twice counts as two: the index of a keypoint table must stay unique.
            piece = motion.iloc[rows_of[subjects[s]]].rename(index={subjects[s][1]: f"{turn:04d}"}, level="subject")
            pieces.append(piece)
        sample = pd.concat(pieces).sort_index()
        sample.attrs = dict(motion.attrs)
        fresh = clone(model)
        for parameter in ("n_units", "n_components"):
            if parameter in fresh.get_params():
                fresh.set_params(**{parameter: len(reference)})
        found[b] = matched_cosine(reference, as_units(_fitted(fresh, sample), signed=reference.signed))
    return np.asarray(found.mean(axis=0))


def _fitted(model: _Fits, motion: pd.DataFrame) -> object:
    return model.fit(motion)


def recovery(codes: pd.DataFrame, action_units: pd.DataFrame) -> pd.DataFrame:
    """How well each unit's code follows a true action unit, on data whose action units are known.

    Parameters
    ----------
    codes : DataFrame of shape (n_frames, n_units)
    action_units : AU table
        True intensities, rows by the same index; NaN where not coded.

    Returns
    -------
    DataFrame
        One row a unit: ``au`` (the one it follows best), ``correlation`` (Pearson, its size: the sign of a signed unit
        is arbitrary), ``second`` (with the next best: low when the unit is about one action unit alone). NaN for a
        unit that never varies.
    """
    r = intensity_correlations(codes, action_units).abs().T
    size = r.to_numpy()
    ranked = np.sort(np.nan_to_num(size, nan=-1.0), axis=1)[:, ::-1]
    first, second = ranked[:, 0], ranked[:, min(1, ranked.shape[1] - 1)]
    names = [str(r.columns[k]) for k in np.nan_to_num(size, nan=-1.0).argmax(axis=1)]
    table = pd.DataFrame({"au": names, "correlation": first, "second": second}, index=r.index)
    return table.mask(table[["correlation"]].lt(0).to_numpy().repeat(3, axis=1))
