"""What the fit of the 3-D head needs, as fixed matrices: made once for each set of visible points.

Shapes follow a Gaussian model, ``shape ~ N(mean head, S)``, seen with tracker noise ``N``: S is spanned by the head's
identity and expression modes, plus a smooth field for all that these lack. Along the jaw line and along the ridge of
the nose nothing marks a point's place, and a tracker's points slide: their noise is large in the line's direction.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.anatomy.head import load_head

__all__ = ["CORRECTION_FILE", "HeadFit", "head_fit", "load_correction"]

Matrix = NDArray[np.float64]

#: Slopes of frontalized points on the pose, learnt from real tracks by ``benchmarks/calibrate_frontalizer.py``.
CORRECTION_FILE = Path(__file__).with_name("pose_correction.json")

# Steadied in x and in y. The ends of the jaw line set the registered face's width, and a tracker's points do not slide
# across it: steadied in x they would shrink towards the mean head's width, and a mouth on real tracks with them.
_STEADIED_X = (*range(1, 16), 27, 33, 36, 39, 42, 45)
_STEADIED_Y = (*range(17), 27, 33, 36, 39, 42, 45)
# Standard deviations: of an action unit's intensity (0-5); in mm, of the smooth field and its reach, of the tracker's
# noise, and of its noise along and across the jaw line.
_INTENSITY, _FIELD, _REACH, _NOISE, _ALONG_JAW, _ACROSS_JAW = 2.0, 1.5, 12.0, 1.0, 8.0, 2.0
# The ridge of the nose above its tip. Two trackers put these points up to 6 mm apart on the same frames (3 mm each;
# mouth and nostrils 1 mm each), and one draws the root up with the brows: believed to the millimetre, a raised brow
# would look like a head thrown back.
_RIDGE_POINTS, _ALONG_RIDGE = (27, 28, 29), 3.0
_FIELD_DEPTH = 0.55  # the field's depth, as a share of its size in the plane


@dataclass(frozen=True)
class HeadFit:
    """Matrices for P visible points; shapes are rows ``[x_0 … x_{P-1}, y_0 … y_{P-1}]`` in mm.

    Attributes
    ----------
    mean : ndarray of shape (2P,)
        The mean head from the front.
    depth : ndarray of shape (P,)
        Its depth.
    camera : ndarray of shape (8, 2P)
        Image points to the generalised least-squares affine camera ``[A | b]``, row by row.
    step : ndarray of shape (6, 2P)
        Frontalized points minus mean to the pose that is left: yaw, pitch, roll, relative scale, shift x, y.
    depth_of : ndarray of shape (P, 2P)
        Frontalized points minus mean to depth minus mean depth: the expected depth of such a face.
    steadied : ndarray of int, shape (Q,)
        Columns of the jaw line and of the points that registration holds fixed: their noise would shake the whole face.
    steady : ndarray of shape (Q, 2P)
        Noisy shape minus mean to the expected shape minus mean, in those columns.
    correction : ndarray of shape (2, 2P)
        What is taken off for each unit of turn (see `load_correction`).
    """

    mean: Matrix
    depth: Matrix
    camera: Matrix
    step: Matrix
    depth_of: Matrix
    steadied: NDArray[np.intp]
    steady: Matrix
    correction: Matrix


@lru_cache(maxsize=1)
def _covariances() -> tuple[Matrix, Matrix]:
    """Return S (204, 204) over x, y, z and N (136, 136) over x, y, in mm²."""
    head = load_head()
    identity = head.identity.transpose(0, 2, 1).reshape(len(head.identity), -1)
    expression = head.expression.transpose(0, 2, 1).reshape(len(head.expression), -1) * (_INTENSITY / 5)
    shape = identity.T @ identity + expression.T @ expression
    flat = head.mean[:, :2]
    distance = np.linalg.norm(flat[:, None] - flat[None], axis=2)
    field = _FIELD**2 * np.exp(-0.5 * (distance / _REACH) ** 2)
    for axis, share in enumerate((1.0, 1.0, _FIELD_DEPTH**2)):
        shape[68 * axis : 68 * (axis + 1), 68 * axis : 68 * (axis + 1)] += share * field
    noise = np.eye(136) * _NOISE**2
    along = np.gradient(flat[:17], axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    for k in range(17):
        line = np.outer(along[k], along[k])
        noise[np.ix_([k, 68 + k], [k, 68 + k])] = _ALONG_JAW**2 * line + _ACROSS_JAW**2 * (np.eye(2) - line)
    ridge = 68 + np.array(_RIDGE_POINTS)  # it runs along y: the mean head is symmetric
    noise[ridge, ridge] = _ALONG_RIDGE**2
    return shape, noise


@lru_cache(maxsize=1)
def load_correction() -> Matrix:
    """Return, in mm, what a unit of turn adds to each frontalized coordinate of real tracks, shape (2, 136).

    A turn is ``g = R₂₂⁻¹ r₃`` (about the sine of yaw, and of minus pitch). Fixed depths leave these slopes, because a
    tracker's points are not fixed on the skin: jaw and lips are outlines, which wander as the head turns.
    """
    content = json.loads(CORRECTION_FILE.read_text(encoding="utf-8"))
    slopes = np.array(content["slopes"], dtype=np.float64)
    slopes.setflags(write=False)
    return slopes


@lru_cache(maxsize=64)
def head_fit(points: tuple[int, ...]) -> HeadFit:
    """Return the matrices for the visible iBUG `points`."""
    head = load_head()
    shape, noise = _covariances()
    where = np.array(points)
    both, n = np.r_[where, 68 + where], len(where)
    mean3 = head.mean[where]
    mean, depth = np.r_[mean3[:, 0], mean3[:, 1]], mean3[:, 2]
    seen = shape[np.ix_(both, both)]
    inverse = np.linalg.inv(seen + noise[np.ix_(both, both)])
    one, zero = np.ones(n), np.zeros(n)
    columns = np.r_[np.flatnonzero(np.isin(where, _STEADIED_X)), n + np.flatnonzero(np.isin(where, _STEADIED_Y))]

    def least_squares(design: Matrix) -> Matrix:
        weighted = design.T @ inverse
        return np.asarray(np.linalg.solve(weighted @ design, weighted))

    row = np.c_[mean3, one]
    camera = least_squares(np.block([[row, np.zeros((n, 4))], [np.zeros((n, 4)), row]]))
    turns = [np.r_[depth, zero], np.r_[zero, depth], np.r_[-mean3[:, 1], mean3[:, 0]]]
    step = least_squares(np.stack([*turns, mean, np.r_[one, zero], np.r_[zero, one]], axis=1))
    return HeadFit(
        mean=mean,
        depth=depth,
        camera=camera,
        step=step,
        depth_of=shape[np.ix_(136 + where, both)] @ inverse,
        steadied=columns,
        steady=(seen @ inverse)[columns],
        correction=load_correction()[:, both],
    )
