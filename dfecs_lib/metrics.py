r"""Scores of units and encodings. Percent where a name says "explained"; NaN is masked, never counted as zero.

``keypoints=`` keeps some points only: iBUG-68 numbers where the columns are those of a keypoint scheme (numbers
that the scheme lacks are passed over), positions otherwise.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import coordinates, same_rows, scheme_of
from dfecs_lib.keypoints.schemes import Scheme

__all__ = [
    "active_units",
    "frame_variance_explained",
    "norm_variance_explained",
    "sparsity",
    "symmetry",
    "variance_explained",
]


def _columns(K: pd.DataFrame | ArrayLike, width: int, keypoints: ArrayLike | None) -> NDArray[np.intp]:
    if keypoints is None:
        return np.arange(width, dtype=np.intp)
    if width % 2:
        raise DfecsError(f"{width} columns are not x's and y's of keypoints, so that keypoints= cannot pick among them")
    wanted = np.asarray(keypoints)
    points = np.flatnonzero(wanted) if wanted.dtype == np.bool_ else wanted.astype(np.intp).ravel()
    try:
        scheme: Scheme | None = scheme_of(K)
    except DfecsError:
        scheme = None
    if wanted.dtype == np.bool_ and len(wanted) != width // 2:
        raise DfecsError(f"a mask of {len(wanted)} keypoints does not fit {width // 2} keypoints")
    if scheme is not None and wanted.dtype != np.bool_:
        points = scheme.positions([int(k) for k in points if scheme.has(int(k))])
    elif points.size and not 0 <= points.min() <= points.max() < width // 2:
        raise DfecsError(f"keypoints must lie in 0 … {width // 2 - 1}")
    if not points.size:
        raise DfecsError("none of the keypoints asked for is among the columns")
    return np.concatenate([points, points + width // 2]).astype(np.intp)


def _matched(
    K: pd.DataFrame | ArrayLike, K_hat: pd.DataFrame | ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values of both, tables matched by the names of their columns and rows."""
    if isinstance(K, pd.DataFrame) and isinstance(K_hat, pd.DataFrame):
        K_hat = same_rows(K_hat, K.index, "the reconstruction")
        if set(K.columns) == set(K_hat.columns):
            K_hat = K_hat[list(K.columns)]
    values = [coordinates(X) if _of_keypoints(X) else np.asarray(X, dtype=np.float64) for X in (K, K_hat)]
    return values[0], values[1]


def _of_keypoints(X: pd.DataFrame | ArrayLike) -> bool:
    return isinstance(X, pd.DataFrame) and ("scheme" in X.attrs or any(str(c).startswith("x_") for c in X.columns))


def _squares(
    K: pd.DataFrame | ArrayLike, K_hat: pd.DataFrame | ArrayLike, keypoints: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """‖x_i‖² and ‖x_i − x̂_i‖² of every frame that has a point in both, over the points that both have."""
    true, guess = _matched(K, K_hat)
    if true.ndim != 2 or true.shape != guess.shape:
        raise DfecsError(f"motion of shape {true.shape} and its reconstruction of shape {guess.shape} do not match")
    keep = _columns(K, true.shape[1], keypoints)
    true, guess = true[:, keep], guess[:, keep]
    seen = np.isfinite(true) & np.isfinite(guess)
    if not seen.any():
        raise DfecsError("no value is present in both the motion and its reconstruction")
    energy = np.where(seen, true, 0.0)
    left = np.where(seen, true - guess, 0.0)
    rows = seen.any(axis=1)
    return (energy[rows] ** 2).sum(axis=1), (left[rows] ** 2).sum(axis=1)


def variance_explained(
    K: pd.DataFrame | ArrayLike, K_hat: pd.DataFrame | ArrayLike, keypoints: ArrayLike | None = None
) -> float:
    r"""Squared, uncentred variance explained, :math:`100 (1 - \lVert K-\hat K\rVert_F^2 / \lVert K\rVert_F^2)`.

    Parameters
    ----------
    K, K_hat : DataFrame or array-like of shape (n_frames, 2K)
        Motion and its reconstruction. Entries missing in either are left out of both sums.
    keypoints : array-like of int or bool, optional
        Points to keep; all by default.

    Returns
    -------
    float
        Percent; at most 100, negative for a reconstruction worse than none; NaN when the motion is zero.

    Raises
    ------
    DfecsError
        For shapes that differ, or nothing to compare.

    Examples
    --------
    >>> variance_explained([[3.0, 4.0]], [[3.0, 0.0]])
    36.0
    """
    energy, left = _squares(K, K_hat, keypoints)
    return float(100 * (1 - left.sum() / energy.sum())) if energy.sum() > 0 else float("nan")


def norm_variance_explained(
    K: pd.DataFrame | ArrayLike, K_hat: pd.DataFrame | ArrayLike, keypoints: ArrayLike | None = None
) -> float:
    r"""Variance explained as a ratio of norms, :math:`100 (1 - \sum_i\|x_i-\hat x_i\|/\sum_i\|x_i\|)`.

    The paper's comparison with FACS units uses this one. Parameters as in `variance_explained`.

    Examples
    --------
    >>> norm_variance_explained([[3.0, 4.0]], [[3.0, 0.0]]).__round__(6)
    20.0
    """
    energy, left = _squares(K, K_hat, keypoints)
    total = np.sqrt(energy).sum()
    return float(100 * (1 - np.sqrt(left).sum() / total)) if total > 0 else float("nan")


def frame_variance_explained(
    K: pd.DataFrame | ArrayLike, K_hat: pd.DataFrame | ArrayLike, keypoints: ArrayLike | None = None
) -> float:
    r"""Mean over frames, :math:`100 - 100\,\mathrm{mean}_i(\lVert x_i-\hat x_i\rVert^2/\lVert x_i\rVert^2)`.

    Frames without motion are left out: their share is undefined. Parameters as in `variance_explained`.

    Examples
    --------
    >>> frame_variance_explained([[1.0, 0.0], [0.0, 10.0]], [[0.0, 0.0], [0.0, 10.0]])
    50.0
    """
    energy, left = _squares(K, K_hat, keypoints)
    moving = energy > 0
    return float(100 - 100 * np.mean(left[moving] / energy[moving])) if moving.any() else float("nan")


def _codes(E: pd.DataFrame | ArrayLike) -> NDArray[np.float64]:
    codes = np.asarray(E, dtype=np.float64)
    if codes.ndim != 2 or not codes.shape[1]:
        raise DfecsError(f"codes must have the shape (n_frames, n_units), not {codes.shape}")
    codes = codes[np.isfinite(codes).all(axis=1)]
    if not len(codes):
        raise DfecsError("no frame is encoded: every row holds NaN")
    return codes


def active_units(E: pd.DataFrame | ArrayLike, threshold: float = 0.0) -> float:
    """Mean number of units per frame whose code exceeds `threshold` in size; frames with NaN are left out.

    Examples
    --------
    >>> active_units([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]])
    1.5
    """
    return float((np.abs(_codes(E)) > threshold).sum(axis=1).mean())


def sparsity(E: pd.DataFrame | ArrayLike, threshold: float = 0.0) -> float:
    """Share, 0 to 1, of entries (codes, or units' motions) that do not exceed `threshold` in size.

    Examples
    --------
    >>> sparsity([[1.0, 0.0], [0.0, 0.0]])
    0.75
    """
    return float((np.abs(_codes(E)) <= threshold).mean())


def symmetry(units: pd.DataFrame | ArrayLike, scheme: str | Scheme | None = None) -> NDArray[np.float64]:
    """Correlation (cosine, uncentred) of each unit's motion with its mirror image.

    The mirror image swaps left and right points and negates x.

    Parameters
    ----------
    units : DataFrame or array-like of shape (n_units, 2K)
    scheme : str or Scheme, optional
        By default as the table says or the width tells.

    Returns
    -------
    array of shape (n_units,)
        1 for a motion symmetric about the face's midline, −1 for an antisymmetric one (a shift sideways), about 0
        for a one-sided one; NaN for a unit without motion.

    Examples
    --------
    >>> import numpy as np
    >>> up = np.r_[np.zeros(68), -np.ones(68)]
    >>> symmetry([up, np.roll(up, 68)])
    array([ 1., -1.])
    """
    motion = coordinates(units)
    found = scheme_of(units, scheme)
    points = np.where(np.isfinite(motion), motion, 0.0).reshape(len(motion), 2, -1)
    mirrored = points[:, :, found.mirror] * np.array([-1.0, 1.0])[:, None]
    seen = np.isfinite(motion).reshape(points.shape)
    both = seen & seen[:, :, found.mirror]
    points, mirrored = np.where(both, points, 0.0), np.where(both, mirrored, 0.0)
    energy = (points**2).sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((points * mirrored).sum(axis=(1, 2)) / energy)
