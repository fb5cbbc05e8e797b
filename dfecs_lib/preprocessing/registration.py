"""Affine and part registration: every face to one size and place, every face part to its own.

Targets and anchors are those of the DFECS recipe (arXiv 2406.05434); the registered frame is 800 px from ear to ear.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.anatomy.skin import skin
from dfecs_lib.keypoints import FACE_PARTS, Scheme
from dfecs_lib.preprocessing.base import KeypointTransformer, Rows

__all__ = [
    "AFFINE_TARGETS",
    "AFFINE_TARGETS_NO_JAW",
    "AffineRegistration",
    "PartRegistration",
    "affine_targets",
    "fit_affine",
]

#: iBUG point -> its place, px, for faces with a jaw line.
AFFINE_TARGETS: Mapping[int, tuple[float, float]] = MappingProxyType(
    {0: (300, 900), 16: (1100, 900), 27: (700, 900), 33: (700, 1300), 39: (600, 1000), 42: (800, 1000)}
)
#: The same for faces without one (BP4D's 49 points).
AFFINE_TARGETS_NO_JAW: Mapping[int, tuple[float, float]] = MappingProxyType(
    {27: (700, 900), 33: (700, 1300), 39: (600, 1000), 42: (800, 1000), 36: (400, 1000), 45: (1000, 1000)}
)
# Two anchors and their places -> the parts that the similarity transform moves.
_SIMILARITIES = (
    ((36, 39), (400 + 1000j, 600 + 1000j), ("right_eyebrow", "right_eye")),
    ((42, 45), (800 + 1000j, 1000 + 1000j), ("left_eyebrow", "left_eye")),
    ((0, 16), (300 + 1000j, 1100 + 1000j), ("jaw",)),
)
_NOSE_ANCHOR, _NOSE_TARGET = 27, 700 + 1000j


def affine_targets(scheme: Scheme) -> Mapping[int, tuple[float, float]]:
    """Return the anchors of this scheme and their places, px."""
    return AFFINE_TARGETS if scheme.has(0, 16) else AFFINE_TARGETS_NO_JAW


def fit_affine(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least-squares affine maps of many frames at once, in closed form.

    For each frame, minimises ``Σ_j |A s_j + b − t_j|²`` over the 2×2 matrix A and the shift b: with centred points,
    ``A = (Σ t sᵀ)(Σ s sᵀ)⁻¹``.

    Parameters
    ----------
    source : ndarray of shape (n_frames, 2, n_anchors)
        Anchor points, x then y, px.
    target : ndarray of shape (2, n_anchors)
        Where they belong, px.

    Returns
    -------
    ndarray of shape (n_frames, 2, 3)
        ``[A | b]``; NaN for a frame whose anchors are missing or lie on one line.
    """
    centre = source.mean(axis=2)
    s = source - centre[:, :, None]
    t = target - target.mean(axis=1, keepdims=True)
    xx = np.einsum("nj,nj->n", s[:, 0], s[:, 0])
    yy = np.einsum("nj,nj->n", s[:, 1], s[:, 1])
    xy = np.einsum("nj,nj->n", s[:, 0], s[:, 1])
    determinant = xx * yy - xy * xy
    flat = ~(determinant > 1e-12 * (xx + yy) ** 2)
    determinant = np.where(flat, np.nan, determinant)
    cross = np.einsum("nij,kj->nki", s, t)  # Σ t sᵀ
    maps = np.empty((len(source), 2, 3))
    maps[:, :, 0] = (cross[:, :, 0] * yy[:, None] - cross[:, :, 1] * xy[:, None]) / determinant[:, None]
    maps[:, :, 1] = (cross[:, :, 1] * xx[:, None] - cross[:, :, 0] * xy[:, None]) / determinant[:, None]
    maps[:, :, 2] = target.mean(axis=1) - np.einsum("nij,nj->ni", maps[:, :, :2], centre)
    return maps


class AffineRegistration(KeypointTransformer):
    """Map each frame's anchor points onto fixed places by a least-squares affine transform.

    ``min over A, b of Σ_j |A s_j + b − t_j|²`` with anchors 0, 16, 27, 33, 39, 42 (`AFFINE_TARGETS`); without a jaw
    line 27, 33, 39, 42, 36, 45 (`AFFINE_TARGETS_NO_JAW`). Removes position, size, in-plane rotation and proportion.

    A frame with a missing anchor, or whose anchors lie on one line, becomes NaN; other NaN stay NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from dfecs_lib.preprocessing import AffineRegistration
    >>> face = np.random.default_rng(0).uniform(0, 100, (2, 136))
    >>> registered = AffineRegistration().fit_transform(face)
    >>> bool(np.allclose(registered, AffineRegistration().fit_transform(3 * face + 50)))
    True
    """

    def _apply(self, values: Rows, scheme: Scheme, X: pd.DataFrame | ArrayLike) -> Rows:  # noqa: ARG002
        targets = affine_targets(scheme)
        where = scheme.positions(list(targets))
        points = values.reshape(len(values), 2, scheme.n_points)
        maps = fit_affine(points[:, :, where], np.array(list(targets.values()), dtype=np.float64).T)
        out = maps[:, :, :1] * points[:, None, 0]
        out += maps[:, :, 1:2] * points[:, None, 1]
        out += maps[:, :, 2:]
        return out.reshape(values.shape)

    def _history(self) -> tuple[str, dict[str, object]]:
        return "affine_registration", {}


class PartRegistration(KeypointTransformer):
    """Move every face part to its own fixed place, so that motion within a part does not depend on where it sits.

    Similarity transforms (rotation, size, shift) from two points each: 36 → (400, 1000), 39 → (600, 1000) moves the
    right eyebrow and eye; 42 → (800, 1000), 45 → (1000, 1000) the left ones; 0 → (300, 1000), 16 → (1100, 1000) the
    jaw. The nose is shifted so that 27 → (700, 1000). The lips stay. As complex numbers, a similarity is
    ``w = a z + b`` with ``a = (t₂ − t₁)/(s₂ − s₁)``. A scheme without a jaw line skips the jaw.

    Of a scheme with further points, those that stand for iBUG's are moved as in a table of 68. Each of the others is
    moved by a blend of these motions, ``Σ_p w_kp (a_p z + b_p)``, with fixed weights that fall with the distance from
    iBUG's points of each part (`dfecs_lib.anatomy.skin`): moved by one part each, a mesh would tear along the lines at
    which parts meet, and a cheek, which belongs to none, would have to stay behind.

    A frame with a missing anchor, or with two anchors in one place, becomes NaN; other NaN stay NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from dfecs_lib.preprocessing import PartRegistration
    >>> face = np.random.default_rng(0).uniform(0, 100, (1, 136))
    >>> registered = PartRegistration().fit_transform(face)
    >>> [int(round(registered[0, k])) for k in (36, 39, 68 + 36, 68 + 39)]
    [400, 600, 1000, 1000]
    """

    def _apply(self, values: Rows, scheme: Scheme, X: pd.DataFrame | ArrayLike) -> Rows:  # noqa: ARG002
        k = scheme.n_points
        out = values.copy()
        lost = np.zeros(len(values), dtype=bool)
        moves: list[tuple[tuple[str, ...], NDArray[np.complex128], NDArray[np.complex128]]] = []
        for anchors, (t1, t2), parts in _SIMILARITIES:
            if not scheme.has(*anchors):
                continue
            p1, p2 = scheme.positions(list(anchors))
            s1, s2 = values[:, p1] + 1j * values[:, k + p1], values[:, p2] + 1j * values[:, k + p2]
            apart = s2 - s1
            bad = ~(np.abs(apart) > 0)
            lost |= bad
            a = (t2 - t1) / np.where(bad, 1, apart)
            moves.append((parts, a, t1 - a * s1))
        p = scheme.position(_NOSE_ANCHOR)
        shift = _NOSE_TARGET - (values[:, p] + 1j * values[:, k + p])
        lost |= np.isnan(shift)
        moves.append((("nose",), np.ones(len(values), dtype=np.complex128), shift))
        if scheme.dense:
            _blend(values, out, moves, _shares(scheme))
        else:
            for moved, a, b in moves:
                for part in moved:
                    _move(values, out, scheme.parts[part], a, b)
        out[lost] = np.nan
        return out

    def _history(self) -> tuple[str, dict[str, object]]:
        return "part_registration", {}


def _move(
    values: Rows, out: Rows, points: NDArray[np.intp], a: NDArray[np.complex128], b: NDArray[np.complex128]
) -> None:
    """Write ``a z + b`` of these points into `out`."""
    k = values.shape[1] // 2
    # A slice where the points are neighbours, as in every iBUG scheme: no copies.
    run = int(points[-1] - points[0]) + 1 == len(points)
    i = slice(int(points[0]), int(points[-1]) + 1) if run else points
    j = slice(k + int(points[0]), k + int(points[-1]) + 1) if run else k + points
    x, y = values[:, i], values[:, j]
    out[:, i] = a.real[:, None] * x - a.imag[:, None] * y + b.real[:, None]
    out[:, j] = a.imag[:, None] * x + a.real[:, None] * y + b.imag[:, None]


@lru_cache(maxsize=8)
def _shares(scheme: Scheme) -> dict[str, NDArray[np.float64]]:
    """Return how much each part has a say in where every point goes, shape (K,); over all parts they sum to one."""
    weights, ibug = skin(scheme).weights, list(scheme.ibug)
    return {
        part: weights[:, [ibug.index(j) for j in points if scheme.has(j)]].sum(axis=1)
        for part, points in FACE_PARTS.items()
    }


def _blend(
    values: Rows,
    out: Rows,
    moves: list[tuple[tuple[str, ...], NDArray[np.complex128], NDArray[np.complex128]]],
    shares: dict[str, NDArray[np.float64]],
) -> None:
    """Write ``z + Σ_p w_p ((a_p − 1) z + b_p)`` into `out`: what no motion moves, the lips' share, stays."""
    k = values.shape[1] // 2
    share = np.stack([np.sum([shares[part] for part in parts], axis=0) for parts, _, _ in moves])
    a = np.stack([a for _, a, _ in moves], axis=1) - 1
    b = np.stack([b for _, _, b in moves], axis=1)
    x, y = values[:, :k], values[:, k:]
    turn_x, turn_y = a.real @ share, a.imag @ share
    out[:, :k] += turn_x * x - turn_y * y + b.real @ share
    out[:, k:] += turn_y * x + turn_x * y + b.imag @ share
