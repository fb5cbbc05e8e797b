"""Affine and part registration: every face to one size and place, every face part to its own.

Targets and anchors are those of the DFECS recipe (arXiv 2406.05434); the registered frame is 800 px from ear to ear.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import Scheme
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

    A frame with a missing anchor, or with two anchors in one place, becomes NaN; other NaN stay NaN. A mesh, most of
    whose points belong to no part and would stay behind, is refused: convert it to ``"ibug68"``, as `prepare` does.

    Examples
    --------
    >>> import numpy as np
    >>> from dfecs_lib.preprocessing import PartRegistration
    >>> face = np.random.default_rng(0).uniform(0, 100, (1, 136))
    >>> registered = PartRegistration().fit_transform(face)
    >>> [int(round(registered[0, k])) for k in (36, 39, 68 + 36, 68 + 39)]
    [400, 600, 1000, 1000]
    """

    def _check(self, scheme: Scheme) -> None:
        within = sum(len(points) for points in scheme.parts.values())
        if within < scheme.n_points:
            raise DfecsError(
                f"{scheme.n_points - within} of the {scheme.n_points} points of {scheme.name!r} belong to no part and "
                "would stay behind as parts move; convert the table to 'ibug68' first"
            )

    def _apply(self, values: Rows, scheme: Scheme, X: pd.DataFrame | ArrayLike) -> Rows:  # noqa: ARG002
        k = scheme.n_points
        out = values.copy()
        lost = np.zeros(len(values), dtype=bool)

        def move(part: str, a: NDArray[np.complex128], b: NDArray[np.complex128]) -> None:
            points = scheme.parts[part]
            # A slice where the points are neighbours, as in every iBUG scheme: no copies.
            run = int(points[-1] - points[0]) + 1 == len(points)
            i = slice(int(points[0]), int(points[-1]) + 1) if run else points
            j = slice(k + int(points[0]), k + int(points[-1]) + 1) if run else k + points
            x, y = values[:, i], values[:, j]
            out[:, i] = a.real[:, None] * x - a.imag[:, None] * y + b.real[:, None]
            out[:, j] = a.imag[:, None] * x + a.real[:, None] * y + b.imag[:, None]

        for anchors, (t1, t2), parts in _SIMILARITIES:
            if not scheme.has(*anchors):
                continue
            p1, p2 = scheme.positions(list(anchors))
            s1, s2 = values[:, p1] + 1j * values[:, k + p1], values[:, p2] + 1j * values[:, k + p2]
            apart = s2 - s1
            bad = ~(np.abs(apart) > 0)
            lost |= bad
            a = (t2 - t1) / np.where(bad, 1, apart)
            for part in parts:
                move(part, a, t1 - a * s1)
        p = scheme.position(_NOSE_ANCHOR)
        shift = _NOSE_TARGET - (values[:, p] + 1j * values[:, k + p])
        lost |= np.isnan(shift)
        move("nose", np.ones(len(values), dtype=np.complex128), shift)
        out[lost] = np.nan
        return out

    def _history(self) -> tuple[str, dict[str, object]]:
        return "part_registration", {}
