"""FACS action units as combinations of muscles, left and right apart, and faces made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.anatomy.skin import skin
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import IBUG68, Scheme, get_scheme
from dfecs_lib.simulate.muscles import (
    JAW_AXIS,
    JAW_SLIDE,
    MUSCLES,
    LinearMuscle,
    Sphincter,
    jaw_weights,
    linear_field,
    sphincter_field,
)

__all__ = ["ACTION_UNITS", "ALL_CHANNELS", "CHANNELS", "FURTHER", "SIDED", "Face", "channel", "channel_of"]

_Array = NDArray[np.float64]

#: Muscles of each action unit and their contraction at intensity 5.
ACTION_UNITS: Mapping[int, Mapping[str, float]] = MappingProxyType(
    {
        1: {"frontalis medial": 1.0},
        2: {"frontalis lateral": 1.0},
        4: {"corrugator": 0.9, "procerus": 0.7, "depressor supercilii": 0.5},
        5: {"levator palpebrae": 1.0},
        6: {"orbicularis oculi, orbital": 1.0},
        7: {"orbicularis oculi, palpebral": 1.0},
        9: {"levator labii alaeque nasi": 1.0, "procerus": 0.9, "levator labii superioris": 0.25},
        10: {"levator labii superioris": 1.0},
        12: {"zygomatic major": 1.0},
        14: {"buccinator": 1.0},
        15: {"depressor anguli oris": 1.0},
        17: {"mentalis": 1.0},
        18: {"incisivi labii": 1.0},
        20: {"risorius": 1.0},
        23: {"orbicularis oris, tightening": 1.0},
        24: {"orbicularis oris, pressing": 1.0, "mentalis": 0.2},
        25: {"depressor labii inferioris": 1.0, "levator labii superioris": 0.22},
        26: {},
        27: {"incisivi labii": 0.18, "levator labii superioris": 0.15},
        28: {"orbicularis oris, rolling in": 1.0},
        43: {"lid closure": 1.0},
    }
)

#: Action units that only ``sim-subtle`` shows: 68 points hardly tell AU 11, which deepens the fold from nose to lip,
#: from AU 10 and 12. They come after all others, so that other datasets stay as they are, to the last bit.
FURTHER: Mapping[int, Mapping[str, float]] = MappingProxyType({11: {"zygomatic minor": 1.0}})

#: Turn of the jaw (degrees) at intensity 5.
_JAW_TURN = {26: 9.0, 27: 24.0, 28: 1.5}
_MOST_TURN = 28.0

#: Action units whose halves can act alone. The others move the jaw or the ring of the mouth as a whole.
SIDED = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 20, 43)

#: Every independent half or whole action, ``(au, side)`` with side "R", "L" or "".
CHANNELS: tuple[tuple[int, str], ...] = tuple(
    (au, side) for au in ACTION_UNITS for side in (("R", "L") if au in SIDED else ("",))
)
#: And those of `FURTHER` after them.
ALL_CHANNELS = (*CHANNELS, *((au, side) for au in FURTHER for side in (("R", "L") if au in SIDED else ("",))))

_LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))
_INNER_LIPS = ((61, 67), (62, 66), (63, 65))
# Upper and lower points of lids and inner lips that are not iBUG's, by position.
_MESH_PAIRS = (
    *((246, 7), (161, 163), (159, 145), (157, 154), (173, 155), (191, 95), (80, 88), (81, 178)),
    *((466, 249), (388, 390), (386, 374), (384, 381), (398, 382), (415, 324), (310, 318), (311, 402)),
)
_BETWEEN: Mapping[str, tuple[tuple[int, int], ...]] = MappingProxyType(
    {"mediapipe478": _MESH_PAIRS, "mediapipe468": _MESH_PAIRS, "wflw98": ((62, 66), (70, 74))}
)
_OUTER_UPPER = ((49, 61), (50, 61), (51, 62), (52, 63), (53, 63))
_OUTER_LOWER = ((59, 67), (58, 67), (57, 66), (56, 65), (55, 65))


def channel(au: int, side: str = "") -> int:
    """Return the position of an action in `ALL_CHANNELS`; DfecsError names what is wrong."""
    try:
        return ALL_CHANNELS.index((au, side))
    except ValueError:
        known = ", ".join(f"{a}{s}" for a, s in ALL_CHANNELS)
        raise DfecsError(f"no action unit {au}{side}; known: {known}") from None


def channel_of(intensities: Mapping[int, float], side: str = "") -> _Array:
    """Return one row of `ALL_CHANNELS`' intensities for ``{action unit: 0–5}``, on both sides or one ("R", "L")."""
    row = np.zeros(len(ALL_CHANNELS))
    for au, intensity in intensities.items():
        if not 0.0 <= intensity <= 5.0:
            raise DfecsError(f"AU {au} has the intensity {intensity}; intensities go from 0 to 5")
        sides: Sequence[str] = (side or "RL") if au in SIDED else ("",)
        for half in sides:
            row[channel(au, half)] = intensity
    return row


class Face:
    """One person's face: neutral shape plus how far each action moves it.

    Parameters
    ----------
    neutral : ndarray of shape (K, 3)
        The face at rest, millimetres; axes as in `dfecs_lib.anatomy.head`.
    gains : array-like of shape (n_channels,), optional
        How strongly this person shows each action (1 = the mean face's way); their left/right ratio is the person's
        asymmetry of expression. Of `ALL_CHANNELS`; of further ones 1 where they are left out.
    muscles : mapping of str to LinearMuscle or Sphincter, optional
        This person's muscles, `dfecs_lib.simulate.muscles.MUSCLES` by default.
    scheme : str or Scheme
        Of the face's points: iBUG-68, or one that has all of these and more. See `on`.

    Examples
    --------
    >>> from dfecs_lib.anatomy.head import load_head
    >>> face = Face(load_head().mean)
    >>> smile = face.express(channel_of({12: 5.0})[None])[0]
    >>> bool(smile[48, 0] < face.neutral[48, 0] and smile[48, 1] < face.neutral[48, 1])  # corner out and up
    True
    """

    def __init__(
        self,
        neutral: ArrayLike,
        gains: ArrayLike | None = None,
        muscles: Mapping[str, LinearMuscle | Sphincter] | None = None,
        scheme: str | Scheme = IBUG68,
    ) -> None:
        self.scheme = get_scheme(scheme)
        self.neutral = np.asarray(neutral, dtype=np.float64)
        self.gains = np.ones(len(ALL_CHANNELS))
        given = self.gains if gains is None else np.asarray(gains, dtype=np.float64)
        self.gains[: len(given)] = given
        self._muscles = MUSCLES if muscles is None else muscles
        self._fields = np.stack([self._field(au, side) for au, side in ALL_CHANNELS])
        self._turn = np.array([_JAW_TURN.get(au, 0.0) for au, _ in CHANNELS])
        self._jaw = jaw_weights(self.scheme)

    def on(self, scheme: str | Scheme) -> Face:
        """Return the same person's face on all points of a scheme; on iBUG's among them it moves as this one does.

        Examples
        --------
        >>> from dfecs_lib.anatomy.head import load_head
        >>> Face(load_head().mean).on("mediapipe478").express(channel_of({6: 5.0})[None]).shape
        (1, 478, 3)
        """
        known = get_scheme(scheme)
        if known == self.scheme:
            return self
        own = self.neutral[self.scheme.positions(IBUG68.ibug)] - skin(IBUG68).mean
        neutral = skin(known).mean + skin(known).carried(own.T).T
        return Face(neutral, self.gains, self._muscles, known)

    def _field(self, au: int, side: str) -> _Array:
        field = np.zeros((self.scheme.n_points, 3))
        for name, contraction in {**ACTION_UNITS, **FURTHER}[au].items():
            for left in (False, True):
                if side and left != (side == "L"):
                    continue
                muscle = self._muscles[name]
                if isinstance(muscle, LinearMuscle):
                    field += contraction * linear_field(self.neutral, muscle, left, self.scheme)
                elif side or not left:  # a ring about the mouth acts once
                    field += contraction * sphincter_field(self.neutral, muscle, left, self.scheme)
        return field

    def express(self, intensities: ArrayLike) -> _Array:
        """Return the moved faces, shape (n, K, 3) in millimetres.

        Parameters
        ----------
        intensities : array-like of shape (n, n_channels)
            0–5, in the order of `ALL_CHANNELS`; further ones may be left out.
        """
        values, n = np.asarray(intensities, dtype=np.float64), len(CHANNELS)
        if values.ndim != 2 or values.shape[1] not in (n, len(ALL_CHANNELS)):
            raise DfecsError(f"intensities must have the shape (n, {n}), not {values.shape}")
        contraction = values / 5.0 * self.gains[: values.shape[1]]
        turn = np.minimum(contraction[:, :n] @ self._turn, _MOST_TURN)
        shape = self.neutral + (contraction[:, :n] @ self._fields[:n].reshape(n, -1)).reshape(
            -1, self.scheme.n_points, 3
        )
        if values[:, n:].any():  # apart: more terms in the sum above could change its last bit
            shape += np.einsum("nc,ckd->nkd", contraction[:, n:], self._fields[n:])
        return _without_crossing(self._open_jaw(shape, turn), self.neutral, self.scheme)

    def _open_jaw(self, shape: _Array, turn: _Array) -> _Array:
        y, z = self.neutral[self.scheme.positions([0, 16]), 1:].mean(axis=0) + JAW_AXIS
        angle = np.radians(turn)[:, None] * self._jaw
        forward, down = (turn[:, None] * self._jaw * slide for slide in JAW_SLIDE)
        dy, dz = shape[..., 1] - y, shape[..., 2] - z
        out = shape.copy()
        out[..., 1] = y + dy * np.cos(angle) - dz * np.sin(angle) + down
        out[..., 2] = z + dy * np.sin(angle) + dz * np.cos(angle) - forward
        return out


def _without_crossing(shape: _Array, neutral: _Array, scheme: Scheme) -> _Array:
    """Let lids and lips touch but not pass through each other; changes `shape`, which the caller owns."""
    for one, other in _BETWEEN.get(scheme.name, ()):
        at_rest = max(float(neutral[one, 1] - neutral[other, 1]), 0.0)  # in the corners of eyes, mean places may cross
        _part(shape, one, other, at_rest)
    for one, other in (*_LIDS, *_INNER_LIPS):
        _part(shape, scheme.position(one), scheme.position(other))
    for pairs, sign in ((_OUTER_UPPER, 1.0), (_OUTER_LOWER, -1.0)):
        for one, other in pairs:
            outer, inner = scheme.position(one), scheme.position(other)
            least = 0.12 * abs(neutral[outer, 1] - neutral[inner, 1])
            short = np.maximum(sign * (shape[:, outer, 1] - shape[:, inner, 1]) + least, 0.0)
            shape[:, outer, 1] -= sign * short
    return shape


def _part(shape: _Array, upper: int, lower: int, allowed: float = 0.0) -> None:
    """Move two points of every face apart, up and down, by what they overlap."""
    overlap = np.maximum(shape[:, upper, 1] - shape[:, lower, 1] - allowed, 0.0)
    shape[:, upper, 1] -= 0.5 * overlap
    shape[:, lower, 1] += 0.5 * overlap
