"""From faces in millimetres to tracked pixels: head pose, perspective camera, and the errors of a tracker."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.anatomy.skin import skin
from dfecs_lib.keypoints import IBUG68, Scheme
from dfecs_lib.simulate.courses import smooth_walk

__all__ = [
    "Camera",
    "HeadMotion",
    "Tracker",
    "carried_errors",
    "head_pose",
    "project",
    "rotation",
    "runs",
    "tracking_errors",
]

_Array = NDArray[np.float64]
# The head turns about the top of the neck (mm in head coordinates), not about its own middle.
_PIVOT = np.array([0.0, 55.0, 70.0])


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes
    ----------
    width, height : int
        The picture, pixels.
    distance : float
        From the camera to the head, millimetres.
    scale : float
        Pixels a millimetre at that distance.
    """

    width: int
    height: int
    distance: float
    scale: float


@dataclass(frozen=True)
class HeadMotion:
    """Standard deviations of head motion: pitch, yaw, roll in degrees, shift in millimetres; pace in seconds."""

    pitch: float
    yaw: float
    roll: float
    shift: float
    seconds: float


@dataclass(frozen=True)
class Tracker:
    """Errors of a tracker.

    Attributes
    ----------
    smooth : float
        Standard deviation, mm on a frontal face, of errors that neighbouring points share.
    own : float
        Standard deviation of each point's own error.
    memory : float
        Correlation of the shared errors from frame to frame at 20 frames a second.
    yaw_growth : float
        Yaw in degrees at which errors have doubled.
    sliding : float
        How far (mm) the far jaw line slides towards the visible outline of the face at 90° of yaw.
    lids : float
        How much of a lid's way to its closing the tracked points go. Trackers keep eyes open, as nearly all that they
        learnt from are: in real tracks (dlib, Py-Feat) an eye keeps about half of its opening in a blink.
    dropouts, freezes : float
        Share of frames lost (NaN) and of frames that repeat the last one.
    """

    smooth: float = 0.18
    own: float = 0.045
    memory: float = 0.7
    yaw_growth: float = 22.0
    sliding: float = 28.0
    lids: float = 0.55
    dropouts: float = 0.0
    freezes: float = 0.0


def rotation(pose: _Array) -> _Array:
    """Return rotation matrices (n, 3, 3) for (pitch, yaw, roll) of shape (n, 3) in radians.

    ``R = R_x(pitch) · R_y(yaw) · R_z(roll)`` in camera axes (x image right, y down, z away): positive pitch looks down,
    positive yaw turns to the subject's right (image left), positive roll tilts the head clockwise in the picture.
    This is OpenFace's convention.
    """
    (cx, cy, cz), (sx, sy, sz) = np.cos(pose).T, np.sin(pose).T
    rows = [
        [cy * cz, -cy * sz, sy],
        [cx * sz + sx * sy * cz, cx * cz - sx * sy * sz, -sx * cy],
        [sx * sz - cx * sy * cz, sx * cz + cx * sy * sz, cx * cy],
    ]
    matrices: _Array = np.array(rows).transpose(2, 0, 1)
    return matrices


def head_pose(rng: np.random.Generator, times: _Array, motion: HeadMotion, camera: Camera) -> tuple[_Array, _Array]:
    """Return a smooth random course of (pitch, yaw, roll) in radians and of the head's place in mm, each (n, 3)."""
    slow, quick = smooth_walk(rng, times, 4.0 * motion.seconds, 6), smooth_walk(rng, times, motion.seconds, 6)
    walk = 0.8 * slow + 0.6 * quick
    resting = rng.normal(size=6) * [0.5, 0.35, 0.35, 0.7, 0.7, 1.0]
    angles = np.radians((walk[:, :3] + resting[:3]) * [motion.pitch, motion.yaw, motion.roll])
    place = (walk[:, 3:] + resting[3:]) * motion.shift + [0.0, 0.0, camera.distance]
    turned = np.einsum("nij,j->ni", rotation(angles), -_PIVOT) + _PIVOT  # turning about the neck moves the head
    return angles, place + turned


def project(
    faces: _Array, pose: _Array, place: _Array, camera: Camera, sliding: float = 0.0, scheme: Scheme = IBUG68
) -> _Array:
    """Return pixels (n, K, 2) of faces (n, K, 3) in millimetres, turned by `pose` and put at `place`.

    The turned-away half of the jaw line slides forwards by ``sliding · |sin yaw|`` mm, as a tracker's does, which
    follows the visible outline of the face and not the bone.
    """
    seen = faces
    if sliding:
        seen = faces.copy()
        yaw = np.sin(pose[:, 1])[:, None]
        lift = np.cos(np.pi * np.arange(17) / 16.0)  # +1 at point 0, 0 at the chin, −1 at point 16
        away = np.zeros((len(faces), 68))
        away[:, :17] = np.maximum(yaw * lift, 0.0)
        away = skin(scheme).carried(away)
        seen[:, :, 2] -= sliding * away
        seen[:, :, 0] -= 0.1 * sliding * away * np.sign(faces[:, :, 0])
    in_camera = np.einsum("nij,nkj->nki", rotation(pose), seen) + place[:, None, :]
    focal = camera.scale * camera.distance
    centre = [0.5 * camera.width, 0.5 * camera.height]
    pixels: _Array = focal * in_camera[..., :2] / in_camera[..., 2:] + centre
    return pixels


def _spread() -> _Array:
    """Relative size of the errors of each point: jaw lines and brows are the hardest to place."""
    size = {
        "jaw": 1.5,
        "right_eyebrow": 1.3,
        "left_eyebrow": 1.3,
        "nose": 0.7,
        "right_eye": 0.5,
        "left_eye": 0.5,
        "lips": 0.9,
    }
    spread = np.ones(68)
    for part, points in IBUG68.parts.items():
        spread[points] = size[part]
    return spread


@lru_cache(maxsize=1)
def _shared_errors(reach: float = 22.0) -> _Array:
    """Square root (68, 68) of the correlation of errors: within a part, falling with distance in millimetres."""
    points = load_head().mean[:, :2]
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    part = np.zeros(68, dtype=int)
    for number, members in enumerate(IBUG68.parts.values()):
        part[members] = number
    alike = np.where(part[:, None] == part[None], 1.0, 0.15)
    correlation = alike * np.exp(-0.5 * (distance / reach) ** 2)
    values, vectors = np.linalg.eigh(correlation)
    root: _Array = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T  # symmetric: no sign is left to chance
    return root


def tracking_errors(rng: np.random.Generator, yaw: _Array, tracker: Tracker, step: float) -> _Array:
    """Return errors (n, 68, 2) in millimetres for a recording with this yaw (radians) and `step` seconds a frame."""
    n = len(yaw)
    keep = tracker.memory ** (20.0 * step)
    white = rng.normal(size=(n, 68, 2))
    first = rng.normal(size=(1, 68, 2)) * keep
    shared, _ = lfilter([np.sqrt(1.0 - keep**2)], [1.0, -keep], white, axis=0, zi=first)
    smooth = _shared_errors() @ shared
    growth = 1.0 + (np.degrees(yaw) / tracker.yaw_growth) ** 2
    errors = tracker.smooth * smooth * _spread()[:, None] + tracker.own * rng.normal(size=(n, 68, 2))
    result: _Array = errors * growth[:, None, None]
    return result


def carried_errors(errors: _Array, scheme: Scheme, tracker: Tracker, rng: np.random.Generator) -> _Array:
    """Return errors (n, K, 2) at all points of a scheme: what neighbours share, and each further point's own.

    Parameters
    ----------
    errors : ndarray of shape (n, 68, 2)
        Of `tracking_errors`; kept at the points that stand for iBUG's.
    """
    if not scheme.dense:
        return errors
    everywhere = np.moveaxis(skin(scheme).carried(np.moveaxis(errors, 2, 1)), 1, 2)
    others = np.setdiff1d(np.arange(scheme.n_points), scheme.source)
    everywhere[:, others] += tracker.own * rng.normal(size=(len(errors), len(others), 2))
    return np.asarray(everywhere)


def runs(rng: np.random.Generator, n: int, share: float, length: float) -> NDArray[np.bool_]:
    """Return a mask (n,) of random runs of about `length` frames that together cover about `share` of all frames."""
    mask = np.zeros(n, dtype=bool)
    for start in np.flatnonzero(rng.random(n) < share / length):
        mask[start : start + 1 + rng.poisson(length - 1.0)] = True
    return mask
