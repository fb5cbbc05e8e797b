"""Which columns of a table hold points, by whatever names a tool gives them: ``x_0``, ``X_0``, ``part_0_x`` …"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import MEDIAPIPE478, SCHEMES, Scheme

__all__ = ["MESH_WITHOUT_IRISES", "SIZES", "Points", "find_points", "has_points", "named", "points_missing"]

#: MediaPipe's mesh without `refine_landmarks`: the same vertices, less the ten of the irises at its end.
MESH_WITHOUT_IRISES = 468
_SCHEMES = {scheme.n_points: scheme for scheme in SCHEMES.values()} | {MESH_WITHOUT_IRISES: MEDIAPIPE478}
#: What DeepLabCut, SLEAP and others call how sure they are of a point.
_SCORES = ("likelihood", "score", "confidence")
#: How many points a frame may have.
SIZES = frozenset(_SCHEMES)
# x_0, X(1), point0.x; also as pandas writes levels, (0, 'x'), with a unit, x_0 (px), and as u_0, v_0.
_AXIS, _UNIT = "(?P<axis>[xyzXYZuv])", r"(?: ?[(\[](?:px|pixels?|mm)[)\]])?"
_AXIS_FIRST = re.compile(rf"(?P<stem>.*?){_AXIS}(?P<joint>[ _.,'(\[-]*)(?P<number>\d{{1,4}})(?P<end>[)\]]?{_UNIT})")
_NUMBER_FIRST = re.compile(rf"(?P<stem>.*?)(?P<number>\d{{1,4}})(?P<joint>[ _.,')\]-]*){_AXIS}(?P<end>[')]*{_UNIT})")
_PICTURE_AXES = {"u": "x", "v": "y"}


@dataclass(frozen=True)
class Points:
    """The columns of a scheme's points, in its order; `z` where they are in space, `score` where each has one."""

    scheme: Scheme
    x: tuple[str, ...]
    y: tuple[str, ...]
    z: tuple[str, ...] = ()
    score: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.x, *self.y, *self.z, *self.score)


@dataclass(frozen=True)
class _Family:
    """Columns named alike: axis -> point number -> column."""

    upper: bool
    stem: str
    plain: bool
    axes: dict[str, dict[int, str]]

    def numbers(self, axis: str) -> set[int]:
        return set(self.axes.get(axis, {}))

    @property
    def whole(self) -> bool:
        x = self.numbers("x")
        count, first = len(x), min(x, default=0)
        return count in _SCHEMES and first in (0, 1) and x == self.numbers("y") == set(range(first, first + count))

    @property
    def in_space(self) -> bool:
        return self.numbers("z") == self.numbers("x")

    def points(self) -> Points:
        in_order = {axis: tuple(by_number[k] for k in sorted(by_number)) for axis, by_number in self.axes.items()}
        # A mesh in the picture has a third number a point too, which is a relative depth.
        z = in_order["z"] if self.upper and self.in_space else ()
        return Points(_SCHEMES[len(in_order["x"])], in_order["x"], in_order["y"], z)


def _families(header: Sequence[str]) -> list[_Family]:
    found: dict[tuple[object, ...], _Family] = {}
    for column in header:
        for kind, pattern in enumerate((_AXIS_FIRST, _NUMBER_FIRST)):
            match = pattern.fullmatch(column)
            if match is None:
                continue
            axis, stem, joint = match["axis"], match["stem"], match["joint"]
            key = (kind, stem, joint, match["end"], axis.isupper(), axis in _PICTURE_AXES)
            plain = (kind, stem, joint, axis.isupper()) == (0, "", "_", False)
            family = found.setdefault(key, _Family(axis.isupper(), stem, plain, {}))
            name = _PICTURE_AXES.get(axis, axis.lower())
            family.axes.setdefault(name, {}).setdefault(int(match["number"]), column)
    return [family for family in found.values() if {"x", "y"} <= set(family.axes)]


@lru_cache(maxsize=64)
def find_points(header: tuple[str, ...]) -> Points | None:
    """Return the columns of the points among a table's columns, or None when there is no whole set of a scheme.

    Points in the picture go before points in space, and ``x_0 …`` before other names. Numbers may begin at 0 or 1.

    Raises
    ------
    DfecsError
        If two sets of columns could be meant.

    Examples
    --------
    >>> find_points(tuple(f"{axis}{k}" for k in range(1, 69) for axis in "xy")).x[:2]
    ('x1', 'x2')
    """
    whole = [family for family in _families(header) if family.whole]
    flat = [family for family in whole if not (family.upper and family.in_space)]
    for chosen in ([f for f in flat if f.plain], [f for f in flat if not f.stem], flat, whole):
        if len(chosen) == 1:
            return _with_scores(chosen[0].points(), header)
        if chosen:
            first = " or ".join(family.points().x[0] for family in chosen)
            raise DfecsError(f"two sets of columns could hold the points ({first}, …); keep one, named x_0, y_0, …")
    return None


def _with_scores(points: Points, header: tuple[str, ...]) -> Points:
    there = set(header)
    for end in _SCORES:  # point0_x, point0_likelihood
        columns = tuple(f"{column[:-1]}{end}" for column in points.x)
        if there.issuperset(columns):
            return replace(points, score=columns)
    return points


def points_missing(header: tuple[str, ...]) -> str | None:
    """Say what a table with some, but not all, of a scheme's columns lacks; None where it has none of them."""
    families = [family for family in _families(header) if len(family.numbers("x") | family.numbers("y")) >= 10]
    families.sort(key=lambda family: (not family.plain, bool(family.stem), family.upper))
    families = [family for family in families if not family.stem.startswith("eye")]
    known = ", ".join(f"{s.n_points} ({s.name})" for s in SCHEMES.values())
    if not families:
        return None
    x, y = families[0].numbers("x"), families[0].numbers("y")
    size = max(x | y) + 1
    text = f"has {len(x)} columns x_0, x_1, … and {len(y)} columns y_0, y_1, …"
    if size in _SCHEMES:
        lacks = [f"x_{k}" for k in range(size) if k not in x] + [f"y_{k}" for k in range(size) if k not in y]
        text += f"; lacks {len(lacks)} of the columns needed: {', '.join(lacks[:6])}{' …' * (len(lacks) > 6)}"
    return f"{text}; a keypoint scheme has {known} points"


@lru_cache(maxsize=64)
def has_points(header: tuple[str, ...]) -> bool:
    """Whether a table has columns of points, be it all of a scheme's or not."""
    return any(family.whole for family in _families(header)) or points_missing(header) is not None


def named(header: Sequence[str], *names: str) -> str | None:
    """Return the first column that has one of these names, in this order, whatever its case; None when none has."""
    lower = {column.lower(): column for column in reversed(header)}
    return next((lower[name.lower()] for name in names if name.lower() in lower), None)
