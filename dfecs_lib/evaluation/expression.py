"""How well registered faces tell the expression, and whether one preprocessing's faces tell more than another's."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.pose_leakage import RIDGE, complete_rows, free_columns, held_out
from dfecs_lib.keypoints import scheme_of

__all__ = ["expression_r2", "expression_r2_difference"]

_BLOCKS = 20  # stretches of neighbouring frames, which are alike: their means are the sample of a standard error
Array = NDArray[np.float64]


def _losses(faces: Array, units: Array, components: float | None, random_state: int) -> Array:
    """Return each frame's share of what is not told: the mean over frames is 1 − R²."""
    units = units[:, units.std(axis=0) > 0]
    if not units.shape[1]:
        raise DfecsError("expression R²: every unit is constant")
    y = (units - units.mean(axis=0)) / units.std(axis=0)
    scale = np.sqrt(((faces - faces.mean(axis=0)) ** 2).mean())
    model = RidgeCV(RIDGE)
    if components is not None:
        model = make_pipeline(PCA(components, svd_solver="full"), StandardScaler(), model)
    rest = y - held_out(model, faces / scale, y, random_state)
    return np.asarray((rest**2).mean(axis=1) / (y**2).mean())


def expression_r2(
    registered: pd.DataFrame | ArrayLike,
    expression: pd.DataFrame | ArrayLike,
    *,
    components: float | None = None,
    random_state: int = 0,
) -> float:
    """Return how well the registered faces tell the expression: cross-validated R², averaged over the units.

    Ridge regression of the units (each scaled to unit variance; constant ones left out) on the free coordinates in
    px, strength chosen by leave-one-out within the training folds, five shuffled folds.

    Parameters
    ----------
    registered : keypoint table or array of shape (n_frames, 2K)
        One recording, or one subject.
    expression : DataFrame or array of shape (n_frames, n_units)
        Intensities from a source other than these keypoints.
    components : int, or float in (0, 1), optional
        Look only at this number of principal components of the motion, or at those that make up this share of it:
        expression that stands out, as it must for a model that explains motion. Without it the regression may dig out,
        and free from pose, what is small. Compare methods at a number: a method that leaves more noise in the faces
        needs more components for the same share, and its faces only seem to tell more.
    random_state : int
        Seed of the folds.
    """
    faces, units = complete_rows(registered, expression, "expression R²")
    return 1 - float(_losses(faces, units, components, random_state).mean())


def expression_r2_difference(
    registered: pd.DataFrame | ArrayLike,
    rival: pd.DataFrame | ArrayLike,
    expression: pd.DataFrame | ArrayLike,
    *,
    components: float | None = None,
    random_state: int = 0,
) -> tuple[float, float]:
    """Return `expression_r2` of one preprocessing's faces less that of another's, and its paired standard error.

    Both are judged on the same frames in the same folds. With d the difference of a frame's untold shares and d̄ its
    mean in each of B = 20 stretches of neighbouring frames (fewer in a recording of less than 40),

    ``standard error = sd(d̄_1 … d̄_B) / √B``

    Parameters
    ----------
    registered, rival : keypoint table or array of shape (n_frames, 2K)
        One recording, in the order of time.
    expression, components, random_state
        As in `expression_r2`.

    Returns
    -------
    difference, standard_error : float
        The error is of these frames: how much another stretch of the same recording could differ.

    Examples
    --------
    >>> smile = np.random.default_rng(0).normal(size=(200, 1))
    >>> faces = smile * np.ones(136)
    >>> expression_r2_difference(faces, faces, smile)
    (0.0, 0.0)
    """
    units = np.array(expression, dtype=np.float64)
    for table in (registered, rival):  # a frame that one of them lacks counts in neither
        faces = np.asarray(table, dtype=np.float64)[:, free_columns(scheme_of(table))]
        if len(faces) == len(units):
            units[~np.isfinite(faces[:, np.isfinite(faces).any(axis=0)]).all(axis=1)] = np.nan
    ours, theirs = (
        _losses(*complete_rows(table, units, "expression R²"), components, random_state)
        for table in (registered, rival)
    )
    gain = theirs - ours
    means = np.array([part.mean() for part in np.array_split(gain, min(_BLOCKS, len(gain) // 2))])
    return float(gain.mean()), float(means.std(ddof=1) / np.sqrt(len(means)))
