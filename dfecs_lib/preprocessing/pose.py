"""Frontalization by head pose: fit a 3-D head to every frame, undo its rotation, keep the shape.

The camera is scaled orthographic: point k of the head, ``P_k = (X, Y, Z)`` in millimetres, is seen at
``x_k = s (R P_k)_{xy} + t``. Every step is closed form or a fixed matrix, so all frames are done at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.anatomy.skin import skin
from dfecs_lib.keypoints import Scheme
from dfecs_lib.preprocessing.base import Rows
from dfecs_lib.preprocessing.head_fit import HeadFit, head_fit

__all__ = ["Frontal", "fit_frontal", "frontalize_pose", "in_registered_frame"]

Vector = NDArray[np.float64]

# Upper jaw line, nose, corners of the eyes: bone and cartilage are near. A frame needs most of those that it can have.
_RIGID_POINTS = (0, 1, 2, 14, 15, 16, *range(27, 36), 36, 39, 42, 45)
_LEAST_RIGID = 8
# A face turned further than this (cosine of the angle between its normal and the camera) shows too little of itself.
_LEAST_FACING = 0.2
_STEPS = 4
# The frontal face is drawn in the registered frame: 800 px from ear to ear, the nose's root in the middle.
_WIDTH, _CENTRE = 800.0, (700.0, 900.0)
_CHUNK = 1024  # frames at a time: their arrays stay in the processor's cache


@dataclass(frozen=True)
class Frontal:
    """Frontal shapes of n frames; NaN where the pose is lost.

    ``shape`` (n, 2K) in mm, ``turn`` (n, 2) is ``R₂₂⁻¹ r₃``, ``rotation`` (n, 3, 3); ``lifting`` (n, 2, 3) is
    ``[A | b]`` of ``A x + b − turn · Z``, from the picture to the frontal face.
    """

    shape: Rows
    turn: Rows
    rotation: NDArray[np.float64]
    lifting: NDArray[np.float64]


def fit_frontal(values: Rows, scheme: Scheme, *, corrected: bool = True) -> Frontal:
    """Fit pose and shape of every frame.

    1. Camera: the generalised least-squares affine camera of the mean head, brought to the nearest scaled rotation.
    2. Pose: Gauss-Newton steps. With the pose undone, what is left of it shows as ``J δ``, one column of J for each
       of yaw, pitch, roll, size and shift; δ is the generalised least-squares estimate under the shape model, so that
       expression and identity are not taken for pose.
    3. Lifting: an image point at depth Z_k stands, from the front, at ``p_k = R₂₂⁻¹ ((x_k − t)/s − r₃ Z_k)``. Nothing
       that the model does not explain is lost. Z is the expected depth of the face whose frontal view is p.
    4. What real trackers' points add as the head turns is taken off (`load_correction`). The jaw line, along which
       points slide, and the points that registration holds fixed, whose noise would shake the whole face, are steadied
       by the rest: ``mean + S (S + N)⁻¹ (p − mean)``. All others stay as they were seen, and so does the width of the
       face (x of the jaw line's ends), by which registration measures the mouth.
    5. A scheme with further points is fitted by its iBUG points; the others are lifted at the depth that they have on
       the mean head (`dfecs_lib.anatomy.skin`), and what steps 3 and 4 did to iBUG's points besides is carried to them.
       MediaPipe's own depth of each frame leaves more pose in: of five clips (``benchmarks/keypoints.py``) pose then
       predicts 0.17 to 0.82 of the motion (R²; laid on the mean head in space 0.14 to 0.79, this way 0.09 to 0.76); it
       is better in the one clip whose head turns by a degree only.

    Parameters
    ----------
    values : ndarray of shape (n_frames, 2K)
        Keypoints, px. Each frame is fitted on the points it has.
    scheme : Scheme
        Theirs.
    corrected : bool
        Whether to take step 4.

    Returns
    -------
    Frontal
    """
    if scheme.dense:
        return _fit_dense(values, scheme, corrected)
    k, n = scheme.n_points, len(values)
    ibug = np.array(scheme.ibug)
    out = Frontal(np.full_like(values, np.nan), *(np.full((n, *size), np.nan) for size in ((2,), (3, 3), (2, 3))))
    for rows, seen in _patterns(values, k):
        points = ibug[seen]
        if np.isin(points, _RIGID_POINTS).sum() < _LEAST_RIGID:
            continue
        columns = np.concatenate([np.flatnonzero(seen), k + np.flatnonzero(seen)])
        model = head_fit(tuple(points.tolist()))
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            chunk = values[part] if seen.all() else values[np.ix_(part, columns)]
            shape, turn, rotation, lifting = _fit(chunk, model, corrected)
            out.shape[part[:, None], columns] = shape
            out.turn[part], out.rotation[part], out.lifting[part] = turn, rotation, lifting
    return out


def _fit_dense(values: Rows, scheme: Scheme, corrected: bool) -> Frontal:
    k, where = scheme.n_points, np.array(scheme.source)
    some = Scheme(f"{scheme.name} at iBUG's points", len(where), scheme.ibug, tuple(range(len(where))))
    fitted = fit_frontal(values[:, np.concatenate([where, k + where])], some, corrected=corrected)
    face = skin(scheme)
    shape = np.empty_like(values)
    for start in range(0, len(values), _CHUNK):
        rows = slice(start, start + _CHUNK)
        x, y = values[rows, :k], values[rows, k:]
        for i, half in enumerate((shape[rows, :k], shape[rows, k:])):
            lifting, turn = fitted.lifting[rows, i], fitted.turn[rows, i]
            np.multiply(x, lifting[:, 0, None], out=half)
            half += lifting[:, 1, None] * y
            half += lifting[:, 2, None]
            half -= turn[:, None] * face.mean[:, 2]
            known = fitted.shape[rows, i * len(where) : (i + 1) * len(where)]
            half += face.carried(known - half[:, where])
    return Frontal(shape, fitted.turn, fitted.rotation, fitted.lifting)


def frontalize_pose(values: Rows, scheme: Scheme) -> Rows:
    """Return the frontal faces (n_frames, 2K) in the registered frame, about 800 px wide; see `fit_frontal`."""
    return in_registered_frame(fit_frontal(values, scheme).shape)


def in_registered_frame(shape: Rows) -> Rows:
    """Scale frontal shapes of shape (n, 2K) from mm to the registered frame's px."""
    head = load_head().mean
    size = _WIDTH / (head[16, 0] - head[0, 0])
    k = shape.shape[1] // 2
    out: Rows = shape * size
    out[:, :k] += _CENTRE[0] - size * head[27, 0]
    out[:, k:] += _CENTRE[1] - size * head[27, 1]
    return out


def _patterns(values: Rows, k: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.bool_]]]:
    """Yield the rows that share the same visible points, with those points' mask."""
    finite = np.isfinite(values)
    seen = finite[:, :k] & finite[:, k:]
    if seen.all():
        yield np.arange(len(values)), np.ones(k, dtype=bool)
        return
    kinds, which = np.unique(seen, axis=0, return_inverse=True)
    which = which.reshape(-1)
    for i, kind in enumerate(kinds):
        if kind.any():
            yield np.flatnonzero(which == i), kind


def _fit(x: Rows, model: HeadFit, corrected: bool) -> tuple[Rows, Rows, NDArray[np.float64], NDArray[np.float64]]:
    p = len(model.depth)
    x, y = x[:, :p], x[:, p:]
    # Points that all lie in one place have no size; what rounding leaves of it must not pass for a face.
    sizeless = np.hypot(np.ptp(x, axis=1), np.ptp(y, axis=1)) <= 1e-9 * (np.abs(x[:, 0]) + np.abs(y[:, 0]))
    # The first camera, and all that the steps need of the image points, are linear in them: one product for all.
    linear = np.concatenate([model.camera, model.step], axis=0)
    ax, ay = x @ linear[:, :p].T, y @ linear[:, p:].T
    kx, ky = model.step[:, :p], model.step[:, p:]
    cross = np.concatenate([y @ kx.T, x @ ky.T], axis=1)
    camera = ax[:, :8] + ay[:, :8]
    first, second, scale = _nearest_rotation(camera[:, 0:3], camera[:, 4:7])
    shift = camera[:, [3, 7]]
    moved = (ax[:, 8:], cross[:, :6], cross[:, 6:], ay[:, 8:])  # K_x x, K_x y, K_y x, K_y y
    ones = (kx.sum(axis=1), ky.sum(axis=1))
    depths = (kx @ model.depth, ky @ model.depth)
    rest = model.step @ model.mean
    for _ in range(_STEPS):
        a, b, turn = _lifting(first, second, scale, shift)
        delta = (
            a[:, 0, 0, None] * moved[0]
            + a[:, 0, 1, None] * moved[1]
            + a[:, 1, 0, None] * moved[2]
            + a[:, 1, 1, None] * moved[3]
            + b[:, :1] * ones[0]
            + b[:, 1:] * ones[1]
            - turn[:, :1] * depths[0]
            - turn[:, 1:] * depths[1]
            - rest
        )
        shift = shift + scale[:, None] * np.stack(
            [
                first[:, 0] * delta[:, 4] + first[:, 1] * delta[:, 5],
                second[:, 0] * delta[:, 4] + second[:, 1] * delta[:, 5],
            ],
            axis=1,
        )
        scale = scale * (1 + delta[:, 3])
        turned = np.stack([-delta[:, 1], delta[:, 0], delta[:, 2]], axis=1)  # about the axes x, y, z
        first, second, _ = _nearest_rotation(first + _cross(first, turned), second + _cross(second, turned))
    a, b, turn = _lifting(first, second, scale, shift)
    shape = np.empty((len(x), 2 * p))
    for i, half in enumerate((shape[:, :p], shape[:, p:])):
        np.multiply(x, a[:, i, 0, None], out=half)
        half += a[:, i, 1, None] * y
        half += b[:, i, None]
        half -= turn[:, i, None] * model.depth
    shape -= model.mean
    deeper = shape @ model.depth_of.T
    shape[:, :p] -= turn[:, :1] * deeper
    shape[:, p:] -= turn[:, 1:] * deeper
    if corrected:
        shape -= turn @ model.correction
        shape[:, model.steadied] = shape @ model.steady.T
    shape += model.mean
    third = _cross(first, second)
    shape[sizeless | ~(third[:, 2] > _LEAST_FACING)] = np.nan
    return shape, turn, np.stack([first, second, third], axis=1), np.concatenate([a, b[:, :, None]], axis=2)


def _lifting(first: Vector, second: Vector, scale: Vector, shift: Vector) -> tuple[NDArray[np.float64], Vector, Vector]:
    """Return A = R₂₂⁻¹/s (n, 2, 2), b = −A t (n, 2) and R₂₂⁻¹ r₃ (n, 2), so that ``p = A x + b − (R₂₂⁻¹ r₃) Z``."""
    facing = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    facing = np.where(facing > 1e-3, facing, np.nan)
    a = np.empty((len(first), 2, 2))
    a[:, 0, 0], a[:, 0, 1] = second[:, 1], -first[:, 1]
    a[:, 1, 0], a[:, 1, 1] = -second[:, 0], first[:, 0]
    a /= facing[:, None, None]
    r3 = np.stack([first[:, 2], second[:, 2]], axis=1)
    turn = a[:, :, 0] * r3[:, :1] + a[:, :, 1] * r3[:, 1:]
    a /= scale[:, None, None]
    b = -(a[:, :, 0] * shift[:, :1] + a[:, :, 1] * shift[:, 1:])
    return a, b, turn


def _cross(a: Vector, b: Vector) -> Vector:
    """Return the cross products of rows (n, 3): much quicker than np.cross."""
    out = np.empty_like(a)
    out[:, 0] = a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1]
    out[:, 1] = a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2]
    out[:, 2] = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return out


def _nearest_rotation(m1: Vector, m2: Vector) -> tuple[Vector, Vector, Vector]:
    """Return the first two rows of the rotation nearest to the rows m1, m2, each (n, 3), and their mean size (n,).

    ``M = G^{1/2} Q`` with ``G = M Mᵀ``; for 2×2, ``G^{1/2} = (G + √det G · I) / √(tr G + 2 √det G)``.
    """
    g11 = np.einsum("ni,ni->n", m1, m1)
    g22 = np.einsum("ni,ni->n", m2, m2)
    g12 = np.einsum("ni,ni->n", m1, m2)
    root = np.sqrt(np.maximum(g11 * g22 - g12**2, 0))
    root = np.where(root > 1e-9 * (g11 + g22), root, np.nan)
    trace = np.sqrt(g11 + g22 + 2 * root)
    weight = 1 / (trace * root)
    first = ((g22 + root) * weight)[:, None] * m1 - (g12 * weight)[:, None] * m2
    second = ((g11 + root) * weight)[:, None] * m2 - (g12 * weight)[:, None] * m1
    return first, second, trace / 2
