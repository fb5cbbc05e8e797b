r"""Scores of units and encodings. Percent where a name says "explained"; NaN is masked, never counted as zero.

``keypoints=`` keeps some points only: iBUG-68 numbers where the columns are those of a keypoint scheme (numbers
that the scheme lacks are passed over), positions otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import as_values, coordinates, same_rows, scheme_of
from dfecs_lib.keypoints.schemes import Scheme

__all__ = [
    "METRICS",
    "active_per_frame",
    "active_units",
    "cancellation",
    "cancellation_per_frame",
    "columns_of",
    "explained",
    "frame_energies",
    "frame_variance_explained",
    "norm_variance_explained",
    "sparsity",
    "symmetry",
    "terms",
    "variance_explained",
]

#: Metric -> what it is. Variance explained is in percent.
METRICS: Mapping[str, str] = {
    "ve_squared": "variance explained, 100·(1 − Σ‖x−x̂‖²/Σ‖x‖²)",
    "ve_norm": "variance explained, 100·(1 − Σ‖x−x̂‖/Σ‖x‖)",
    "ve_frame": "mean variance explained per frame, 100 − 100·mean(‖x−x̂‖²/‖x‖²)",
    "active_units": "active units per frame",
    "cancellation": "cancellation, ‖E|V|‖/‖EV‖; 1 where nothing cancels out",
}
Array = NDArray[np.float64]
#: Beyond this, sums of squares overflow; no motion of a face comes near.
_LARGEST = 1e150
#: Share of a frame's motion that a unit must make up to count as active where units are given.
SHARE = 0.05


def columns_of(K: pd.DataFrame | ArrayLike, keypoints: ArrayLike | None) -> NDArray[np.intp]:
    """Return the columns, x's then y's, that `keypoints` choose: iBUG-68 numbers (or a mask of positions), or all.

    Raises
    ------
    DfecsError
        If none of the points is among the columns.
    """
    width = np.shape(K)[1]
    if keypoints is None:
        return np.arange(width, dtype=np.intp)
    if width % 2:
        raise DfecsError(f"{width} columns are not x's and y's of keypoints, so that keypoints= cannot pick among them")
    wanted = np.asarray(keypoints)
    if wanted.size and wanted.dtype.kind not in "biu":
        raise DfecsError(f"keypoints must be whole numbers or a mask, not {str(keypoints)[:60]}")
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


def _matched(K: pd.DataFrame | ArrayLike, K_hat: pd.DataFrame | ArrayLike) -> tuple[Array, Array]:
    """Values of both, tables matched by the names of their columns and rows."""
    if isinstance(K, pd.DataFrame) and isinstance(K_hat, pd.DataFrame):
        K_hat = same_rows(K_hat, K.index, "the reconstruction")
        if set(K.columns) == set(K_hat.columns):
            K_hat = K_hat[list(K.columns)]
    return as_values(K), as_values(K_hat)


def frame_energies(
    K: pd.DataFrame | ArrayLike, K_hat: pd.DataFrame | ArrayLike, keypoints: ArrayLike | None = None
) -> tuple[Array, Array]:
    """‖x_i − x̂_i‖² and ‖x_i‖² of every frame, square pixels, over the points that both have; NaN where there is none.

    Parameters as in `variance_explained`.
    """
    true, guess = _matched(K, K_hat)
    if true.ndim != 2 or true.shape != guess.shape:
        raise DfecsError(f"motion of shape {true.shape} and its reconstruction of shape {guess.shape} do not match")
    keep = columns_of(K, keypoints)
    true, guess = true[:, keep], guess[:, keep]
    seen = np.isfinite(true) & np.isfinite(guess)
    true, guess = np.where(seen, true, 0.0), np.where(seen, guess, 0.0)
    largest = max(np.abs(true).max(initial=0.0), np.abs(guess).max(initial=0.0))
    if largest > _LARGEST:
        raise DfecsError(f"numbers as large as {largest:.3g} are no motion of a face in pixels")
    residual, total = np.square(true - guess).sum(axis=1), np.square(true).sum(axis=1)
    empty = ~seen.any(axis=1)
    return np.where(empty, np.nan, residual), np.where(empty, np.nan, total)


def terms(residual: Array, total: Array, metric: str) -> tuple[Array, Array]:
    """Frame by frame, the two numbers whose sums' ratio r makes a variance explained, 100·(1 − r); unseen frames: NaN.

    Parameters
    ----------
    residual, total : arrays of shape (n_frames,)
        From `frame_energies`.
    metric : {"ve_squared", "ve_norm", "ve_frame"}
    """
    if metric == "ve_squared":
        return residual, total
    if metric == "ve_norm":
        return np.sqrt(residual), np.sqrt(total)
    if metric == "ve_frame":  # a frame without motion has no share: it is left out
        moving = np.where(total > 0, total, np.nan)
        return residual / moving, np.where(total > 0, 1.0, np.nan)
    raise DfecsError(f"unknown metric {metric!r}; known: {', '.join(METRICS)}")


def explained(residual: Array, total: Array, metric: str = "ve_squared") -> float:
    """Return a variance explained, percent, from what `frame_energies` gives; NaN when there is no motion."""
    above, below = (float(np.nansum(values)) for values in terms(residual, total, metric))
    return 100 * (1 - above / below) if below > 0 else float("nan")


def _score(
    K: pd.DataFrame | ArrayLike, K_hat: pd.DataFrame | ArrayLike, keypoints: ArrayLike | None, metric: str
) -> float:
    residual, total = frame_energies(K, K_hat, keypoints)
    if not np.isfinite(total).any():
        raise DfecsError("no value is present in both the motion and its reconstruction")
    return explained(residual, total, metric)


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
    return _score(K, K_hat, keypoints, "ve_squared")


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
    return _score(K, K_hat, keypoints, "ve_norm")


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
    return _score(K, K_hat, keypoints, "ve_frame")


def _codes(E: pd.DataFrame | ArrayLike) -> NDArray[np.float64]:
    codes = as_values(E.to_numpy() if isinstance(E, pd.DataFrame) else E)
    if codes.ndim != 2 or not codes.shape[1]:
        raise DfecsError(f"codes must have the shape (n_frames, n_units), not {codes.shape}")
    codes = codes[np.isfinite(codes).all(axis=1)]
    if not len(codes):
        raise DfecsError("no frame is encoded: every row holds NaN")
    return codes


def active_per_frame(E: pd.DataFrame | ArrayLike, threshold: float = 0.0) -> Array:
    """Count the units of every frame whose code exceeds `threshold` in size; NaN for a frame that has no codes."""
    values = np.abs(as_values(E.to_numpy() if isinstance(E, pd.DataFrame) else E))
    if values.ndim != 2:
        raise DfecsError(f"codes must have the shape (n_frames, n_units), not {values.shape}")
    _check_threshold(threshold)
    return np.where(np.isnan(values).any(axis=1), np.nan, (values > threshold).sum(axis=1))


def _parts(E: pd.DataFrame | ArrayLike, units: pd.DataFrame | ArrayLike) -> tuple[Array, Array]:
    """Codes of encoded frames, and the units they belong to."""
    codes, rows = _codes(E), as_values(units)
    if rows.ndim != 2 or len(rows) != codes.shape[1]:
        raise DfecsError(f"codes of shape {codes.shape} do not belong to units of shape {rows.shape}")
    return codes, np.where(np.isfinite(rows), rows, 0.0)


def cancellation(E: pd.DataFrame | ArrayLike, units: pd.DataFrame | ArrayLike) -> float:
    r"""How much units take from each other in their sums, :math:`\lVert E|V| \rVert_F / \lVert E V \rVert_F`.

    The absolute value of V is elementwise. 1: nothing cancels out; 2: the parts add up to about twice the motion that
    remains of them.

    Parameters
    ----------
    E : DataFrame or array-like of shape (n_frames, n_units)
        Codes; signed ones count by their size. Frames with NaN are left out.
    units : DataFrame or array-like of shape (n_units, 2K)
        V.

    Returns
    -------
    float
        1 or more; NaN when the sums are zero.

    Raises
    ------
    DfecsError
        For codes and units that do not belong together.

    Examples
    --------
    >>> round(cancellation([[1.0, 1.0]], [[1.0, 1.0], [-0.5, 1.0]]), 3)
    1.213
    """
    codes, rows = _parts(E, units)
    whole = float(np.linalg.norm(codes @ rows))
    return float(np.linalg.norm(np.abs(codes) @ np.abs(rows)) / whole) if whole > 0 else float("nan")


def cancellation_per_frame(E: ArrayLike, units: ArrayLike) -> tuple[Array, Array]:
    r"""Return :math:`\lVert e|V| \rVert^2` and :math:`\lVert e V \rVert^2` of every frame's codes e, square pixels.

    `cancellation` is the root of the ratio of their sums. NaN for a frame that has no codes.

    Examples
    --------
    >>> apart, together = cancellation_per_frame([[1.0, 1.0]], [[1.0, 1.0], [-0.5, 1.0]])
    >>> apart, together
    (array([6.25]), array([4.25]))
    """
    codes, rows = as_values(E), as_values(units)
    apart, together = np.abs(codes) @ np.abs(rows), codes @ rows
    return np.einsum("ij,ij->i", apart, apart), np.einsum("ij,ij->i", together, together)


def active_units(
    E: pd.DataFrame | ArrayLike,
    threshold: float = 0.0,
    *,
    units: pd.DataFrame | ArrayLike | None = None,
    share: float = SHARE,
) -> float:
    """Mean number of units per frame whose code exceeds `threshold` in size; frames with NaN are left out.

    With `units`, a unit also has to move the face: its part of the sum, the length of code times unit, must be at
    least `share` of the length of the whole sum. A unit at a tenth of a pixel is then not counted.

    Examples
    --------
    >>> active_units([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]])
    1.5
    >>> active_units([[0.1, 3.0]], units=[[1.0, 0.0], [0.0, 1.0]])
    1.0
    """
    if units is None:
        return float(active_per_frame(_codes(E), threshold).mean())
    _check_threshold(threshold)
    codes, rows = _parts(E, units)
    part = np.abs(codes) * np.linalg.norm(rows, axis=1)
    whole = np.linalg.norm(codes @ rows, axis=1, keepdims=True)
    return float(((np.abs(codes) > threshold) & (part >= share * whole)).sum(axis=1).mean())


def sparsity(E: pd.DataFrame | ArrayLike, threshold: float = 0.0) -> float:
    """Share, 0 to 1, of entries (codes, or units' motions) that do not exceed `threshold` in size.

    Examples
    --------
    >>> sparsity([[1.0, 0.0], [0.0, 0.0]])
    0.75
    """
    _check_threshold(threshold)
    return float((np.abs(_codes(E)) <= threshold).mean())


def _check_threshold(threshold: object) -> None:
    if isinstance(threshold, bool) or not isinstance(threshold, Real) or np.isnan(float(threshold)):
        raise DfecsError(f"threshold is {threshold!r}, but a number is needed")


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
    mirror = scheme_of(units, scheme).mirror
    points = np.where(np.isfinite(motion), motion, 0.0).reshape(len(motion), 2, len(mirror))
    largest = np.abs(points).max(axis=(1, 2), initial=0.0, keepdims=True)
    points = np.divide(
        points, largest, out=np.zeros_like(points), where=largest > 0
    )  # squares neither over- nor underflow
    mirrored = points[:, :, mirror] * np.array([-1.0, 1.0])[:, None]
    seen = np.isfinite(motion).reshape(points.shape)
    both = seen & seen[:, :, mirror]
    points, mirrored = np.where(both, points, 0.0), np.where(both, mirrored, 0.0)
    energy = (points**2).sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((points * mirrored).sum(axis=(1, 2)) / energy)
