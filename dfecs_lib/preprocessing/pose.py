"""Frontalization by head pose: fit a 3-D head to the points that expression moves least, then undo its rotation.

The camera is scaled orthographic: point k of the head, ``P_k = (X, Y, Z)`` in millimetres, is seen at
``x_k = s (R P_k)_{xy} + t``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.head3d import load_head
from dfecs_lib.keypoints import Scheme
from dfecs_lib.preprocessing.base import Rows

__all__ = ["Pose", "fit_pose", "frontalize_pose"]

# Upper jaw line, nose, corners of the eyes: bone and cartilage are near.
RIGID_POINTS = (0, 1, 2, 14, 15, 16, *range(27, 36), 36, 39, 42, 45)
# A face turned further than this (cosine of the angle between its normal and the camera) shows too little of itself.
_LEAST_FACING = 0.2
# The frontal face is drawn in the registered frame: 800 px from ear to ear, the nose's root in the middle.
_WIDTH, _CENTRE = 800.0, (700.0, 900.0)


@dataclass(frozen=True)
class Pose:
    """Pose of n frames: ``rotation`` (n, 3, 3), ``scale`` (n,) in px per mm, ``shift`` (n, 2) in px; NaN where lost."""

    rotation: NDArray[np.float64]
    scale: NDArray[np.float64]
    shift: NDArray[np.float64]


def fit_pose(values: Rows, scheme: Scheme) -> Pose:
    """Fit the mean head's pose to the rigid points of every frame, in closed form.

    The least-squares affine camera ``M = Σ x Pᵀ (Σ P Pᵀ)⁻¹`` (2×3, centred) is brought to the nearest scaled
    rotation, ``M = G^{1/2} Q`` with ``G = M Mᵀ``: the rows of Q are the first two of R, and s is the mean
    singular value.

    Parameters
    ----------
    values : ndarray of shape (n_frames, 2K)
        Keypoints, px.
    scheme : Scheme
        Theirs.

    Returns
    -------
    Pose
        NaN for frames that lack a rigid point or have no extent.
    """
    rigid = [p for p in RIGID_POINTS if scheme.has(p)]
    model = load_head().mean[rigid]
    centre = model.mean(axis=0)
    model = model - centre
    solve = np.linalg.pinv(model)  # (3, R)
    seen = values.reshape(len(values), 2, scheme.n_points)[:, :, scheme.positions(rigid)]
    middle = seen.mean(axis=2)
    camera = (seen - middle[:, :, None]) @ solve.T
    g00 = np.einsum("ni,ni->n", camera[:, 0], camera[:, 0])
    g11 = np.einsum("ni,ni->n", camera[:, 1], camera[:, 1])
    g01 = np.einsum("ni,ni->n", camera[:, 0], camera[:, 1])
    root_det = np.sqrt(np.maximum(g00 * g11 - g01**2, 0))
    root_det = np.where(root_det > 1e-9 * (g00 + g11), root_det, np.nan)
    trace = np.sqrt(g00 + g11 + 2 * root_det)  # of G^{1/2}
    # G^{-1/2} = adj(G^{1/2}) / det, with G^{1/2} = (G + √det I) / trace
    rotation = np.empty((len(values), 3, 3))
    scale = 1 / (trace * root_det)
    rotation[:, 0] = ((g11 + root_det) * scale)[:, None] * camera[:, 0] - (g01 * scale)[:, None] * camera[:, 1]
    rotation[:, 1] = ((g00 + root_det) * scale)[:, None] * camera[:, 1] - (g01 * scale)[:, None] * camera[:, 0]
    rotation[:, 2] = np.cross(rotation[:, 0], rotation[:, 1])
    shift = middle - (trace / 2)[:, None] * (rotation[:, :2] @ centre)
    return Pose(rotation, trace / 2, shift)


def frontalize_pose(values: Rows, scheme: Scheme) -> Rows:
    """Undo the rotation of every frame, keeping what the head model does not explain.

    Each image point is lifted to its model depth Z_k and turned back:
    ``p_k = R₂₂⁻¹ ((x_k − t)/s − r₃ Z_k)``, where R₂₂ is the upper left 2×2 of R and r₃ the first two of its third
    column. So the part of ``x_k`` that is expression or identity is kept, foreshortening undone.

    Returns
    -------
    ndarray of shape (n_frames, 2K)
        Frontal faces in the registered frame, about 800 px wide. NaN where the pose is lost or the face is turned away.
    """
    pose = fit_pose(values, scheme)
    head = load_head().mean
    k = scheme.n_points
    depth = head[list(scheme.ibug), 2]
    r = pose.rotation
    facing = np.where(r[:, 2, 2] > _LEAST_FACING, r[:, 2, 2], np.nan)[:, None]
    x = (values[:, :k] - pose.shift[:, :1]) / pose.scale[:, None] - r[:, 0, 2, None] * depth
    y = (values[:, k:] - pose.shift[:, 1:]) / pose.scale[:, None] - r[:, 1, 2, None] * depth
    size = _WIDTH / (head[16, 0] - head[0, 0])
    out = np.empty_like(values)
    out[:, :k] = (r[:, 1, 1, None] * x - r[:, 0, 1, None] * y) / facing * size + (_CENTRE[0] - size * head[27, 0])
    out[:, k:] = (r[:, 0, 0, None] * y - r[:, 1, 0, None] * x) / facing * size + (_CENTRE[1] - size * head[27, 1])
    return out
