"""Encodings with at most n active units per frame, n = 1, 2, …, by least-angle regression (Efron et al., 2004).

The paper compares data-driven and FACS units on this path: both dictionaries may spend n units on a frame, and the
variance explained is drawn over n. Three paths are offered; all start at zero and add one unit at a time.

``"lar"``
    Least-angle regression: signed, no unit ever leaves; n units = n steps; ends in least squares.
``"lasso"``
    LARS with the lasso modification: signed; a unit whose code reaches zero leaves.
``"nonnegative"``
    The same with codes held at or above zero; ends in non-negative least squares.

"At most n active" is the last point of a path before an (n+1)-th unit would enter for the first time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.coding.least_angle import METHODS, path_codes, path_residuals
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import FrameOrArray, coordinates
from dfecs_lib.metrics import columns_of, explained

__all__ = [
    "EncodingPath",
    "encode_at_most",
    "least_angle_path",
]

Method = Literal["lar", "lasso", "nonnegative"]


@dataclass(frozen=True)
class EncodingPath:
    """What each frame costs at n = 1, 2, …, n_steps active units.

    Attributes
    ----------
    residual : array of shape (n_frames, n_steps)
        Squared error, in square pixels, of each frame at each n; NaN for a frame with no observed point.
    total : array of shape (n_frames,)
        Squared motion of each frame over the same points.
    active : array of shape (n_frames, n_steps)
        Units really active (a path may end early, or a unit may leave it).
    """

    residual: NDArray[np.float64]
    total: NDArray[np.float64]
    active: NDArray[np.int64]

    def variance_explained(self, metric: str = "ve_squared") -> NDArray[np.float64]:
        """Percent of variance explained at each n, by a formula of `dfecs_lib.metrics.METRICS`; shape (n_steps,)."""
        return np.array([explained(step, self.total, metric) for step in self.residual.T])


@dataclass(frozen=True)
class _Problem:
    """Units and motion prepared for the solver: offset removed, units scaled, columns kept."""

    motion: NDArray[np.float64]
    offset: NDArray[np.float64]
    units: NDArray[np.float64]
    scale: NDArray[np.float64]
    max_active: int
    method: int


def _prepare(
    K: FrameOrArray,
    units: ArrayLike,
    max_active: int | None,
    method: Method,
    offset: ArrayLike | None,
    normalize: bool,
    keypoints: ArrayLike | None,
) -> _Problem:
    motion = coordinates(K)
    rows = coordinates(units)
    if rows.shape[1] != motion.shape[1]:
        raise DfecsError(
            f"units have shape {rows.shape} but the motion has {motion.shape[1]} columns; "
            "convert one to the other's keypoint scheme first"
        )
    if not np.isfinite(rows).all():
        raise DfecsError("units hold missing values; keep only points that every unit has (keypoints=…)")
    if method not in METHODS:
        raise DfecsError(f"unknown path {method!r}; known: {', '.join(METHODS)}")
    steps = len(rows) if max_active is None else max_active
    if not 1 <= steps <= len(rows):
        raise DfecsError(f"max_active is {steps}, but it must lie in 1 … {len(rows)}, the number of units")
    shift = np.zeros(rows.shape[1]) if offset is None else np.asarray(offset, dtype=np.float64).ravel()
    keep = columns_of(K, keypoints)
    norms = np.linalg.norm(rows, axis=1) if normalize else np.ones(len(rows))
    scale = np.where(norms > 0, norms, 1.0)
    return _Problem(motion[:, keep], shift[keep], (rows / scale[:, None])[:, keep], scale, steps, METHODS[method])


def _patterns(motion: NDArray[np.float64]) -> list[tuple[NDArray[np.intp], NDArray[np.bool_]]]:
    """Rows grouped by which columns are observed: (row numbers, observed columns)."""
    observed = np.isfinite(motion)
    if observed.all():
        return [(np.arange(len(motion), dtype=np.intp), observed[0])] if len(motion) else []
    kinds, inverse = np.unique(observed, axis=0, return_inverse=True)
    return [(np.flatnonzero(inverse.ravel() == k), kind) for k, kind in enumerate(kinds)]


def least_angle_path(
    K: FrameOrArray,
    units: ArrayLike,
    *,
    max_active: int | None = None,
    method: Method = "lar",
    offset: ArrayLike | None = None,
    normalize: bool = True,
    keypoints: ArrayLike | None = None,
) -> EncodingPath:
    r"""Squared error of every frame at n = 1 … `max_active` active units.

    Parameters
    ----------
    K : DataFrame or array of shape (n_frames, 2K)
        Keypoint motion in pixels. Missing points are left out of the fit and of the score, frame by frame.
    units : array-like of shape (n_units, 2K)
        Motion units, in the same scheme and complete.
    max_active : int, optional
        Longest encoding; all units by default.
    method : {"lar", "lasso", "nonnegative"}
        The path, see the module's head.
    offset : array-like of shape (2K,), optional
        Taken off every frame first: PCA's mean.
    normalize : bool
        Bring units to unit length first, as FACS and PCA units are, so that none enters early for being long.
    keypoints : array-like of int, optional
        iBUG-68 points to fit and to score; all by default. `preprocessing.moving_points` leaves out the anchors.

    Returns
    -------
    EncodingPath

    Raises
    ------
    DfecsError
        For units of another width or with missing values, or a `max_active` out of range.

    Notes
    -----
    With orthonormal units and ``"lar"`` the codes are soft-thresholded scores, not the scores themselves: at n units
    the path stops where the next one ties, so that its variance explained lies below that of the n best components.
    The paper's figures are of this kind.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> units = rng.normal(size=(5, 136))
    >>> K = rng.random((40, 5)) @ units
    >>> least_angle_path(K, units).variance_explained()[-1].round(6)
    np.float64(100.0)
    """
    problem = _prepare(K, units, max_active, method, offset, normalize, keypoints)
    n_frames = len(problem.motion)
    residual = np.full((n_frames, problem.max_active), np.nan)
    active = np.zeros((n_frames, problem.max_active), dtype=np.int64)
    total = np.full(n_frames, np.nan)
    for rows, seen in _patterns(problem.motion):
        if not seen.any():
            continue
        raw = problem.motion[np.ix_(rows, np.flatnonzero(seen))]
        centred = raw - problem.offset[seen]
        atoms = np.ascontiguousarray(problem.units[:, seen])
        total[rows] = np.einsum("ij,ij->i", raw, raw)
        residual[rows], active[rows] = path_residuals(
            atoms @ atoms.T,
            centred @ atoms.T,
            np.einsum("ij,ij->i", centred, centred),
            problem.max_active,
            problem.method,
        )
    return EncodingPath(residual, total, active)


def encode_at_most(
    K: FrameOrArray,
    units: ArrayLike,
    n_active: int,
    *,
    method: Method = "lar",
    offset: ArrayLike | None = None,
    normalize: bool = True,
    keypoints: ArrayLike | None = None,
) -> FrameOrArray:
    """Codes with at most `n_active` active units per frame; parameters as in `least_angle_path`.

    Returns
    -------
    DataFrame or array of shape (n_frames, n_units)
        A table (index kept, columns ``unit_0 …``) for a table. Codes belong to the units as given, not to
        the normalised ones. NaN for a frame with no observed point.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> codes = encode_at_most(rng.normal(size=(9, 136)), rng.normal(size=(5, 136)), 2, method="nonnegative")
    >>> int((codes > 0).sum(axis=1).max()), bool((codes >= 0).all())
    (2, True)
    """
    problem = _prepare(K, units, n_active, method, offset, normalize, keypoints)
    codes = np.full((len(problem.motion), len(problem.units)), np.nan)
    for rows, seen in _patterns(problem.motion):
        if not seen.any():
            continue
        atoms = np.ascontiguousarray(problem.units[:, seen])
        centred = problem.motion[np.ix_(rows, np.flatnonzero(seen))] - problem.offset[seen]
        codes[rows] = path_codes(atoms @ atoms.T, centred @ atoms.T, n_active, problem.method)
    codes /= problem.scale
    if not isinstance(K, pd.DataFrame):
        return codes
    return pd.DataFrame(codes, index=K.index, columns=[f"unit_{k}" for k in range(codes.shape[1])])
