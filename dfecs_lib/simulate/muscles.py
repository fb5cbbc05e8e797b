"""Waters' muscle model on keypoints: linear muscles, sphincters and a hinged jaw.

A linear muscle draws the points in a cone about its line towards its origin in the bone; a sphincter draws the
points of an ellipse towards its centre; the jaw turns about an axis through its joints. Source: K. Waters, "A muscle
model for animating three-dimensional facial expression", SIGGRAPH 1987. Origins and insertions follow anatomy; pulls
(mm at full contraction) are set so that the drawn faces look as FACS describes the action units.

The right half (the subject's right, the image's left) is written down; the left half is its mirror image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.anatomy.skin import skin
from dfecs_lib.keypoints import IBUG68, Scheme

__all__ = [
    "JAW_AXIS",
    "JAW_SLIDE",
    "LINEAR",
    "MUSCLES",
    "SPHINCTERS",
    "LinearMuscle",
    "Sphincter",
    "jaw_weights",
    "linear_field",
    "sphincter_field",
    "vary_muscles",
]

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class LinearMuscle:
    """One linear muscle of the right half.

    Attributes
    ----------
    insertion : int
        iBUG-68 point at which it pulls most.
    origin : tuple of float
        Where it is fixed, in millimetres from the insertion (x image right, y down, z away from the camera).
    zone : float
        Half opening angle of its cone, degrees.
    reach : float
        Distance from the origin, in muscle lengths, at which the pull has faded to nothing.
    pull : float
        Displacement of the insertion at full contraction, millimetres.
    points : tuple of int
        iBUG-68 points of the right half and the midline that hang on it.
    skin : float
        How far the skin of cheek and forehead, of which a scheme with further points shows something, follows where its
        cone reaches; 0 for muscles whose cone is wider than what really hangs on them.
    """

    insertion: int
    origin: tuple[float, float, float]
    zone: float
    reach: float
    pull: float
    points: tuple[int, ...]
    skin: float = 0.0


@dataclass(frozen=True)
class Sphincter:
    """One ring muscle.

    Attributes
    ----------
    centre : tuple of int
        iBUG-68 points whose mean is the centre.
    radii : tuple of float
        Half axes (x, y) of its ellipse in millimetres; the effect fades to nothing at its rim.
    draw : tuple of float
        Share of the way to the centre, along x and y, that a point near the centre goes at full contraction.
    forward : float
        How far it is pushed towards the camera, millimetres.
    points : tuple of int
        iBUG-68 points that hang on it.
    skin : float
        As of a `LinearMuscle`.
    """

    centre: tuple[int, ...]
    radii: tuple[float, float]
    draw: tuple[float, float]
    forward: float
    points: tuple[int, ...]
    skin: float = 0.0


_BROW = (17, 18, 19, 20, 21)
_UPPER_LIP = (48, 49, 50, 51, 60, 61, 62)
_LOWER_LIP = (48, 57, 58, 59, 60, 66, 67)
_LIPS = tuple(sorted({*_UPPER_LIP, *_LOWER_LIP}))
_RING = tuple(range(48, 68))
# Parts between iBUG's points, and within how many mm of the midline the muscles of both sides pull at them.
_SKIN, _MIDLINE = ("right_cheek", "left_cheek", "forehead"), 10.0

#: Linear muscles of the right half.
LINEAR: Mapping[str, LinearMuscle] = MappingProxyType(
    {
        "frontalis medial": LinearMuscle(21, (-2.0, -45.0, 12.0), 38.0, 1.35, 8.0, (18, 19, 20, 21), 1.0),
        "frontalis lateral": LinearMuscle(18, (4.0, -45.0, 16.0), 42.0, 1.35, 8.5, _BROW, 1.0),
        "corrugator": LinearMuscle(21, (9.0, 12.0, 4.0), 70.0, 3.6, 5.0, _BROW, 0.4),
        "procerus": LinearMuscle(21, (9.0, 34.0, -6.0), 50.0, 1.5, 3.6, (19, 20, 21)),
        "depressor supercilii": LinearMuscle(19, (20.0, 90.0, 10.0), 60.0, 1.35, 3.0, _BROW),
        "levator palpebrae": LinearMuscle(38, (-4.8, -60.0, 20.0), 60.0, 1.5, 3.2, (37, 38)),
        "levator labii alaeque nasi": LinearMuscle(
            31, (-3.0, -36.0, 8.0), 50.0, 1.8, 5.0, (31, 32, 33, 49, 50, 51, 61), 0.6
        ),
        "levator labii superioris": LinearMuscle(50, (-17.0, -42.0, 16.0), 45.0, 1.45, 8.0, _UPPER_LIP, 0.7),
        "zygomatic major": LinearMuscle(48, (-38.0, -38.0, 26.0), 48.0, 1.6, 13.0, _LIPS, 0.8),
        "buccinator": LinearMuscle(48, (-34.0, -2.0, 22.0), 40.0, 1.5, 7.5, _LIPS, 0.6),
        "risorius": LinearMuscle(48, (-40.0, 10.0, 22.0), 50.0, 1.7, 10.5, (*_LIPS, 4, 5), 0.8),
        "depressor anguli oris": LinearMuscle(48, (-8.0, 36.0, 12.0), 28.0, 1.5, 9.0, (48, 49, 59, 60, 67), 0.6),
        "depressor labii inferioris": LinearMuscle(58, (-5.0, 34.0, 6.0), 62.0, 1.6, 5.5, (57, 58, 59, 66, 67)),
        "mentalis": LinearMuscle(57, (0.0, -30.0, -4.0), 60.0, 2.9, 5.5, (6, 7, 8, 57, 58, 59, 66, 67)),
    }
)

#: Ring muscles; those about the eye are of the right half.
SPHINCTERS: Mapping[str, Sphincter] = MappingProxyType(
    {
        "orbicularis oculi, orbital": Sphincter((37, 38), (45.0, 24.0), (0.05, 0.36), 0.5, (17, 18, 19, 40, 41), 1.0),
        "orbicularis oculi, palpebral": Sphincter(
            (36, 37, 38, 39), (60.0, 40.0), (0.0, 0.46), 0.0, (37, 38, 40, 41), 0.1
        ),
        "lid closure": Sphincter((40, 41), (80.0, 60.0), (0.0, 1.0), 0.0, (37, 38)),
        "incisivi labii": Sphincter(_RING, (60.0, 60.0), (0.52, 0.02), 7.0, _RING, 0.25),
        "orbicularis oris, tightening": Sphincter(_RING, (60.0, 60.0), (0.16, 0.42), 0.5, _RING, 0.15),
        "orbicularis oris, pressing": Sphincter(_RING, (70.0, 60.0), (0.03, 0.56), -1.0, _RING, 0.1),
        "orbicularis oris, rolling in": Sphincter(_RING, (70.0, 60.0), (0.06, 0.80), -4.5, _RING),
    }
)

#: Of further action units (`dfecs_lib.simulate.action_units.FURTHER`). Last in `MUSCLES`, so that a person's others are
#: drawn as they were without them. AU 11 deepens the middle of the fold from nose to lip; the lip goes along a little.
_FURTHER: Mapping[str, LinearMuscle] = MappingProxyType(
    {"zygomatic minor": LinearMuscle(49, (-24.0, -40.0, 20.0), 38.0, 1.5, 2.5, (49, 50, 61), 1.6)}
)

#: All of them by name.
MUSCLES: Mapping[str, LinearMuscle | Sphincter] = MappingProxyType({**LINEAR, **SPHINCTERS, **_FURTHER})

#: y and z (mm) of the axis through both jaw joints, relative to the mean of points 0 and 16: the joints lie behind the
#: outline of the cheeks, since condyle to chin is about 120 mm.
JAW_AXIS = (13.0, 24.0)

#: How far the joints slide forwards and down (mm a degree) while the jaw opens.
JAW_SLIDE = (0.5, 0.1)

# How far each point goes with the bone: the mandible fully, cheeks less, the lower lip nearly, corners by half.
_JAW_WEIGHT = {
    **dict(enumerate((0.0, 0.02, 0.10, 0.32, 0.65, 0.90, 1.0, 1.0, 1.0))),
    **{
        48: 0.42,
        49: 0.06,
        50: 0.0,
        51: 0.0,
        57: 0.92,
        58: 0.90,
        59: 0.72,
        60: 0.44,
        61: 0.0,
        62: 0.0,
        66: 0.92,
        67: 0.88,
    },
}


def _mirrored(points: tuple[int, ...]) -> NDArray[np.intp]:
    return IBUG68.mirror[np.array(points, dtype=np.intp)]


def vary_muscles(rng: np.random.Generator, spread: float = 1.0) -> dict[str, LinearMuscle | Sphincter]:
    """Return another person's muscles: lengths, directions, widths and strengths drawn about those written down.

    Parameters
    ----------
    rng : Generator
    spread : float
        1: standard deviations of 12 % in length, width and reach, 10 % of the length in the place of the origin (about
        6 degrees), 20 % in strength, assumed; 0 returns the muscles as they are.
    """

    def factor(percent: float) -> float:
        return float(np.exp(rng.normal(0.0, percent / 100 * spread)))

    varied: dict[str, LinearMuscle | Sphincter] = {}
    for name, muscle in MUSCLES.items():
        if isinstance(muscle, LinearMuscle):
            origin = np.array(muscle.origin)
            origin = origin * factor(12) + rng.normal(0.0, 0.10 * spread * float(np.linalg.norm(origin)), 3)
            x, y, z = (float(v) for v in origin)
            varied[name] = replace(
                muscle,
                origin=(x, y, z),
                zone=muscle.zone * factor(12),
                reach=1.0 + (muscle.reach - 1.0) * factor(12),
                pull=muscle.pull * factor(20),
            )
        else:
            (rx, ry), (dx, dy) = muscle.radii, muscle.draw
            varied[name] = replace(
                muscle,
                radii=(rx * factor(12), ry * factor(12)),
                draw=(min(dx * factor(20), 1.0), min(dy * factor(20), 1.0)),
            )
    return varied


def jaw_weights(scheme: Scheme = IBUG68) -> _Array:
    """Return how far each point of a scheme goes with the jaw bone, 0–1."""
    weights = np.zeros(68)
    for point, weight in _JAW_WEIGHT.items():
        weights[[point, int(IBUG68.mirror[point])]] = weight
    return skin(scheme).carried(weights[list(scheme.ibug)])


def _hanging(muscle: LinearMuscle | Sphincter, left: bool, scheme: Scheme) -> tuple[NDArray[np.intp], _Array]:
    """Return the points that hang on a muscle, by position, and each one's share of it.

    Both halves of a linear muscle pull at the midline, by half each. Of a scheme with further points, those about
    iBUG's follow them, and the skin of cheek and forehead hangs on its own side's muscles as these say.
    """
    points = _mirrored(muscle.points) if left else np.array(muscle.points, dtype=np.intp)
    halved = IBUG68.mirror[points] == points if isinstance(muscle, LinearMuscle) else np.zeros(len(points), dtype=bool)
    if scheme == IBUG68:
        return points, np.where(halved, 0.5, 1.0)
    known = np.zeros(68)
    known[points] = np.where(halved, 0.5, 1.0)
    face = skin(scheme)
    share = face.carried(known[list(scheme.ibug)])
    free = [scheme.parts[part] for part in _SKIN if part in scheme.parts]
    if free:
        where = np.concatenate(free)
        across = face.mean[where, 0] * (-1.0 if left else 1.0)
        ring = isinstance(muscle, Sphincter) and 48 in muscle.points
        share[where] = muscle.skin * (1.0 if ring else np.clip(0.5 - across / (2 * _MIDLINE), 0.0, 1.0))
    points = np.flatnonzero(share > 0)
    return points, share[points]


def linear_field(head: _Array, muscle: LinearMuscle, left: bool = False, scheme: Scheme = IBUG68) -> _Array:
    """Return the displacement (K, 3) in millimetres that a linear muscle causes at full contraction.

    Parameters
    ----------
    head : ndarray of shape (K, 3)
        A neutral face.
    muscle : LinearMuscle
    left : bool
        Its mirror image on the left half.
    scheme : Scheme
        Of the face's points; all of iBUG's among them.

    Notes
    -----
    With D the distance from the origin, L the muscle's length, φ the angle to its line: the pull is
    ``pull · cos(φ/zone · π/2) · ρ``, ρ = sin(D/L · π/2) nearer than the insertion, cos((D−L)/(reach·L−L) · π/2) beyond;
    half of it at the midline, where the muscles of both halves pull.
    """
    points, shared = _hanging(muscle, left, scheme)
    insertion = head[scheme.position(int(IBUG68.mirror[muscle.insertion]) if left else muscle.insertion)]
    along = np.array(muscle.origin) * ([-1.0, 1.0, 1.0] if left else [1.0, 1.0, 1.0])
    origin, length = insertion + along, float(np.linalg.norm(along))
    line = origin - head[points]
    distance = np.linalg.norm(line, axis=1)
    angle = np.degrees(np.arccos(np.clip(line @ along / (distance * length), -1.0, 1.0)))
    beyond = np.clip((distance - length) / ((muscle.reach - 1.0) * length), 0.0, 1.0)
    radial = np.where(distance < length, np.sin(0.5 * np.pi * distance / length), np.cos(0.5 * np.pi * beyond))
    angular = np.cos(0.5 * np.pi * np.clip(angle / muscle.zone, 0.0, 1.0))
    field = np.zeros((scheme.n_points, 3))
    field[points] = (muscle.pull * shared * radial * angular / distance)[:, None] * line
    return field


def sphincter_field(head: _Array, muscle: Sphincter, left: bool = False, scheme: Scheme = IBUG68) -> _Array:
    """Return the displacement (K, 3) in millimetres that a ring muscle causes at full contraction.

    Parameters
    ----------
    head : ndarray of shape (K, 3)
        A neutral face.
    muscle : Sphincter
    left : bool
        Its mirror image on the left half.
    scheme : Scheme
        Of the face's points; all of iBUG's among them.
    """
    points, shared = _hanging(muscle, left, scheme)
    middle = (int(p) for p in (_mirrored(muscle.centre) if left else muscle.centre))
    centre = head[scheme.positions(list(middle))].mean(axis=0)
    to_centre = centre - head[points]
    radius = np.linalg.norm(to_centre[:, :2] / np.array(muscle.radii), axis=1)
    fade = (shared * np.cos(0.5 * np.pi * np.clip(radius, 0.0, 1.0)))[:, None]
    field = np.zeros((scheme.n_points, 3))
    field[points] = fade * (to_centre * [*muscle.draw, 0.0] - [0.0, 0.0, muscle.forward])
    return field
