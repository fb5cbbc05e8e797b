"""Keypoint schemes: which points a dataset has, which face part each belongs to, and which mirrors which.

Everything else in the library asks a scheme for its parts, mirrored points and names, and never for the number 68.

Sides are the subject's own: the right eyebrow (iBUG 17-21) is on the left of an unmirrored picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints.dense import MESH_MIRROR, MESH_OF_WFLW, MESH_PARTS, WFLW_IBUG, WFLW_MIRROR, WFLW_PARTS

__all__ = [
    "BP4D49",
    "DISFA66",
    "FACE_PARTS",
    "IBUG51",
    "IBUG68",
    "MEDIAPIPE468",
    "MEDIAPIPE478",
    "SCHEMES",
    "TRACKED",
    "WFLW98",
    "Layout",
    "Scheme",
    "get_scheme",
    "made_of",
    "shared_points",
]

#: Half-open iBUG-68 index ranges of the seven face parts that level 1 of DFECS decomposes separately.
FACE_PARTS: Mapping[str, range] = MappingProxyType(
    {
        "jaw": range(0, 17),
        "right_eyebrow": range(17, 22),
        "left_eyebrow": range(22, 27),
        "nose": range(27, 36),
        "right_eye": range(36, 42),
        "left_eye": range(42, 48),
        "lips": range(48, 68),
    }
)

_MIRROR_68 = (
    *range(16, -1, -1),  # jaw
    *range(26, 16, -1),  # eyebrows
    *range(27, 31),  # nose bridge, on the midline
    *range(35, 30, -1),  # nostrils
    *(45, 44, 43, 42, 47, 46),  # right eye -> left eye
    *(39, 38, 37, 36, 41, 40),  # left eye -> right eye
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),  # outer lip
    *(64, 63, 62, 61, 60, 67, 66, 65),  # inner lip
)

# Vertices of the MediaPipe face mesh that stand nearest to the iBUG points; jaw and brows are approximate.
_MEDIAPIPE_IBUG = (
    *(127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356),
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),
    *(168, 197, 5, 4, 75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),
    *(78, 82, 13, 312, 308, 317, 14, 87),
)


#: In place of a scheme's name: every table's own, with all the points that were tracked.
TRACKED = "tracked"


@dataclass(frozen=True, eq=False)
class Layout:
    """Parts and mirrored points of a scheme that has other points than iBUG's, by position."""

    parts: Mapping[str, tuple[int, ...]]
    mirror: tuple[int, ...]


@dataclass(frozen=True)
class Scheme:
    """A fixed, ordered set of K keypoints.

    Parameters
    ----------
    name : str
        Short name, as stored in a keypoint table's ``attrs["scheme"]``.
    n_points : int
        K.
    ibug : tuple of int
        ``ibug[j]`` is the iBUG-68 point at ``source[j]`` of this scheme.
    source : tuple of int
        Positions, within this scheme, of the points listed in `ibug`. For the iBUG subsets this is ``0 … K-1``.
    layout : Layout, optional
        Parts and mirrored points of a scheme with further points.

    Examples
    --------
    >>> from dfecs_lib.keypoints import DISFA66
    >>> DISFA66.n_points, DISFA66.has(60), DISFA66.position(61)
    (66, False, 60)
    """

    name: str
    n_points: int
    ibug: tuple[int, ...]
    source: tuple[int, ...]
    layout: Layout | None = None

    @property
    def dense(self) -> bool:
        """Whether it has points besides iBUG's."""
        return len(self.ibug) != self.n_points

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The 2K column names ``x_0 … x_{K-1}, y_0 … y_{K-1}``."""
        return tuple(f"{axis}_{k}" for axis in "xy" for k in range(self.n_points))

    @cached_property
    def _position(self) -> dict[int, int]:
        return dict(zip(self.ibug, self.source, strict=True))

    def has(self, *ibug: int) -> bool:
        """Whether every one of these iBUG-68 points is in the scheme."""
        return all(point in self._position for point in ibug)

    def position(self, ibug: int) -> int:
        """Return the position in this scheme of iBUG-68 point `ibug`.

        Raises
        ------
        DfecsError
            If the scheme lacks the point.
        """
        try:
            return self._position[ibug]
        except KeyError:
            raise DfecsError(f"keypoint {ibug} (iBUG-68 numbering) is not in the scheme {self.name!r}") from None

    def positions(self, ibug: tuple[int, ...] | range | list[int]) -> NDArray[np.intp]:
        """Return the positions of several iBUG-68 points; DfecsError when one is lacking."""
        return np.array([self.position(point) for point in ibug], dtype=np.intp)

    @cached_property
    def parts(self) -> Mapping[str, NDArray[np.intp]]:
        """Face part -> positions in this scheme; a part of which no point is left is absent."""
        if self.layout is not None:
            return MappingProxyType({part: np.array(where, dtype=np.intp) for part, where in self.layout.parts.items()})
        found = {
            part: np.array([self._position[i] for i in points if i in self._position], dtype=np.intp)
            for part, points in FACE_PARTS.items()
        }
        return MappingProxyType({part: where for part, where in found.items() if where.size})

    @cached_property
    def mirror(self) -> NDArray[np.intp]:
        """Permutation: point k of the mirrored face is ``mirror[k]`` of the face."""
        if self.layout is not None:
            return np.array(self.layout.mirror, dtype=np.intp)
        return np.array([self._position[_MIRROR_68[i]] for i in self.ibug], dtype=np.intp)


def _subset(name: str, points: list[int]) -> Scheme:
    return Scheme(name, len(points), tuple(points), tuple(range(len(points))))


#: The iBUG 68-point scheme (300-W), the one of dlib, OpenFace, face-alignment and CK+.
IBUG68 = _subset("ibug68", list(range(68)))
#: DISFA's 66 points: iBUG-68 without the inner mouth corners 60 and 64.
DISFA66 = _subset("disfa66", [k for k in range(68) if k not in (60, 64)])
#: BP4D's 49 points: no jaw line (0-16) and no inner mouth corners (60, 64).
BP4D49 = _subset("bp4d49", [k for k in range(17, 68) if k not in (60, 64)])
#: iBUG-68 without the jaw line (300-W's inner points).
IBUG51 = _subset("ibug51", list(range(17, 68)))
#: WFLW's 98 points: twice as many along the jaw line, brows with a lower edge, pupils.
WFLW98 = Scheme("wflw98", 98, tuple(range(68)), WFLW_IBUG, Layout(WFLW_PARTS, WFLW_MIRROR))
#: MediaPipe's face mesh with irises; 68 of its 478 vertices stand for the iBUG points.
MEDIAPIPE478 = Scheme("mediapipe478", 478, tuple(range(68)), _MEDIAPIPE_IBUG, Layout(MESH_PARTS, MESH_MIRROR))
_IRISES = range(468, 478)
#: The same mesh without the ten points of the irises, which older versions do not track.
MEDIAPIPE468 = Scheme(
    "mediapipe468",
    468,
    tuple(range(68)),
    _MEDIAPIPE_IBUG,
    Layout(
        MappingProxyType({part: tuple(k for k in where if k not in _IRISES) for part, where in MESH_PARTS.items()}),
        MESH_MIRROR[:468],
    ),
)

SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {s.name: s for s in (IBUG68, DISFA66, BP4D49, IBUG51, WFLW98, MEDIAPIPE468, MEDIAPIPE478)}
)


_OTHER_NAMES: Mapping[str, str] = MappingProxyType({"ibug49": "bp4d49"})


def made_of(scheme: Scheme, source: Scheme) -> tuple[tuple[int, ...], ...] | None:
    """Return, for each point of a dense `scheme`, the positions in `source` whose mean it is; None where it is not one.

    Examples
    --------
    >>> made_of(WFLW98, MEDIAPIPE478)[:2]
    ((127,), (127, 234))
    """
    mesh = source in (MEDIAPIPE468, MEDIAPIPE478)
    if scheme == WFLW98 and mesh:
        return tuple(tuple(k for k in where if k < source.n_points) for where in MESH_OF_WFLW)
    if mesh and scheme in (MEDIAPIPE468, MEDIAPIPE478):
        return tuple((k,) if k < source.n_points else () for k in range(scheme.n_points))
    return None


def get_scheme(scheme: str | Scheme) -> Scheme:
    """Return the scheme of that name (a Scheme passes through); DfecsError names the known ones.

    ``"ibug49"`` is another name of ``"bp4d49"``, whose points they are.
    """
    if isinstance(scheme, Scheme):
        return scheme
    try:
        return SCHEMES[_OTHER_NAMES.get(scheme, scheme)]
    except (KeyError, TypeError):
        raise DfecsError(f"unknown keypoint scheme {scheme!r}; known: {', '.join(SCHEMES)}") from None


def shared_points(*schemes: str | Scheme) -> tuple[int, ...]:
    """iBUG-68 numbers of the points that all the schemes have, so that every score counts the same ones.

    Examples
    --------
    >>> len(shared_points("disfa66", "bp4d49"))
    49
    """
    known = [get_scheme(scheme) for scheme in schemes]
    return tuple(point for point in known[0].ibug if all(scheme.has(point) for scheme in known))
