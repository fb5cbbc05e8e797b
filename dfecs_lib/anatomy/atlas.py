"""The muscle atlas: which muscles can move each keypoint, and which way they pull in the registered frame.

The facts are in ``muscles.yaml``, beside this file, with their sources; here they are read, mirrored and turned into
the registered frame (800 px between keypoints 0 and 16, x to the right of the image, y down).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import read_yaml
from dfecs_lib.keypoints.schemes import FACE_PARTS, IBUG68, Scheme

__all__ = ["Atlas", "Muscle", "Pull", "load_atlas", "part_of"]

Side = Literal["right", "left", "both"]
_RIGHT_OR_MIDLINE = tuple(k for k in range(68) if k <= int(IBUG68.mirror[k]) and k < 17) + tuple(
    k for k in range(17, 68) if k in {*range(17, 22), *range(27, 34), *range(36, 42), *range(48, 52), *range(57, 63)}
)
_LISTED = frozenset(_RIGHT_OR_MIDLINE) | {66, 67}


def part_of(keypoint: int) -> str:
    """Return the face part of an iBUG-68 keypoint.

    Examples
    --------
    >>> part_of(48)
    'lips'
    """
    return next(part for part, points in FACE_PARTS.items() if keypoint in points)


@dataclass(frozen=True)
class Muscle:
    """One entry of the atlas: a muscle, a part of one, or a passive consequence (`kind` says which)."""

    key: str
    name: str
    action: str
    kind: Literal["muscle", "passive"]
    aus: tuple[int, ...]
    sources: tuple[str, ...]
    paired: bool


@dataclass(frozen=True)
class Pull:
    """A muscle of one side pulls one keypoint; `direction` is a unit vector (x right, y down), registered frame."""

    muscle: str
    side: Side
    keypoint: int
    direction: tuple[float, float]
    weight: float
    kind: Literal["muscle", "passive"]


@dataclass(frozen=True)
class Atlas:
    """Muscles and their pulls on the iBUG-68 keypoints, or on a scheme's that has more (`dfecs_lib.anatomy.carried`).

    Parameters
    ----------
    muscles : mapping of str to Muscle
    pulls : tuple of Pull
        Both sides; a midline keypoint has the pulls of both.
    sources : mapping of str to str
        Key -> reference.
    neutral : array of shape (K, 2)
        A plain resting face in the registered frame, px.
    scheme : Scheme
        Whose points are pulled; iBUG-68 as the file has it.

    Examples
    --------
    >>> atlas = load_atlas()
    >>> sorted({p.muscle for p in atlas.at(48)})[:3]
    ['buccinator', 'depressor_anguli_oris', 'jaw_depressors']
    """

    muscles: Mapping[str, Muscle]
    pulls: tuple[Pull, ...]
    sources: Mapping[str, str]
    neutral: NDArray[np.float64] = field(repr=False)
    scheme: Scheme = IBUG68

    def at(self, keypoint: int) -> tuple[Pull, ...]:
        """Return the pulls on one keypoint, by its position in the scheme."""
        return tuple(p for p in self.pulls if p.keypoint == keypoint)

    def only(self, kind: Literal["muscle", "passive"]) -> Atlas:
        """Return the atlas with the entries of one kind, to see what the passive ones change."""
        kept = {key: m for key, m in self.muscles.items() if m.kind == kind}
        return Atlas(kept, tuple(p for p in self.pulls if p.kind == kind), self.sources, self.neutral, self.scheme)

    @cached_property
    def directions(self) -> NDArray[np.float64]:
        """Distinct admissible directions, shape (K, J, 2); rows beyond a keypoint's number of pulls are NaN."""
        n = self.scheme.n_points
        found_at: list[set[tuple[float, ...]]] = [set() for _ in range(n)]
        for p in self.pulls:
            found_at[p.keypoint].add(tuple(np.round(p.direction, 6)))
        distinct = [sorted(found) for found in found_at]
        out = np.full((n, max(1, *(len(d) for d in distinct)), 2), np.nan)
        for k, found in enumerate(distinct):
            if found:
                out[k, : len(found)] = found
        return out

    @cached_property
    def actions(self) -> tuple[tuple[str, Side], ...]:
        """The (muscle, side) pairs, in the order of the rows of `fields`."""
        return tuple(dict.fromkeys((p.muscle, p.side) for p in self.pulls))

    @cached_property
    def fields(self) -> NDArray[np.float64]:
        """One motion pattern an action, shape (n_actions, K, 2): weight x direction at the points it pulls."""
        row = {action: i for i, action in enumerate(self.actions)}
        out = np.zeros((len(row), self.scheme.n_points, 2))
        for p in self.pulls:
            # On the midline a paired action has both sides' pulls: their mean keeps it on the midline.
            share = 0.5 if p.side == "both" and self.scheme.mirror[p.keypoint] == p.keypoint else 1.0
            out[row[p.muscle, p.side], p.keypoint] += share * p.weight * np.asarray(p.direction)
        return out

    @cached_property
    def as_arrays(self) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.intp], NDArray[np.bool_]]:
        """Of every pull: keypoint, direction (n_pulls, 2), row in `actions`, and whether the muscle inserts there."""
        row = {action: i for i, action in enumerate(self.actions)}
        return (
            np.array([p.keypoint for p in self.pulls], dtype=np.intp),
            np.array([p.direction for p in self.pulls], dtype=np.float64).reshape(-1, 2),
            np.array([row[p.muscle, p.side] for p in self.pulls], dtype=np.intp),
            np.array([p.weight >= 1.0 or self.muscles[p.muscle].kind == "passive" for p in self.pulls]),
        )

    def admissible_share(self, angle: float = 30.0) -> NDArray[np.float64]:
        """Return, for each keypoint, the share of all directions that lie within `angle` degrees of a pull.

        It is the chance that a keypoint moving in a random direction complies; shape (K,).
        """
        turn = np.deg2rad(np.arange(0.0, 360.0, 0.5))
        compass = np.stack([np.cos(turn), np.sin(turn)], axis=-1)
        cosine = np.einsum("kjd,nd->nkj", self.directions, compass)
        best = np.nan_to_num(cosine, nan=-2.0).max(axis=2)
        return np.asarray((best >= np.cos(np.deg2rad(angle)) - 1e-12).mean(axis=0))

    def table(self) -> pd.DataFrame:
        """Return the atlas as a tidy table, one row a pull, to print or to draw."""
        parts = {int(k): part for part, points in self.scheme.parts.items() for k in points}
        rows = [
            {
                "keypoint": p.keypoint,
                "part": parts.get(p.keypoint, ""),
                "muscle": self.muscles[p.muscle].name,
                "side": p.side,
                "kind": p.kind,
                "aus": ", ".join(f"AU{au}" for au in self.muscles[p.muscle].aus),
                "dx": p.direction[0],
                "dy": p.direction[1],
                "weight": p.weight,
            }
            for p in sorted(self.pulls, key=lambda p: (p.keypoint, p.muscle, p.side))
        ]
        return pd.DataFrame(rows)


def _direction(angle: float, on_right: bool, stretch: float) -> tuple[float, float]:
    lateral, up = np.cos(np.deg2rad(angle)), stretch * np.sin(np.deg2rad(angle))
    length = float(np.hypot(lateral, up))
    # The subject's right half is on the left of the image, so lateral is towards smaller x there.
    return (float((-lateral if on_right else lateral) / length), float(-up / length))


def _mirrored(p: Pull) -> Pull:
    side: Side = "left" if p.side == "right" else "right" if p.side == "left" else "both"
    dx, dy = p.direction
    return Pull(p.muscle, side, int(IBUG68.mirror[p.keypoint]), (-dx, dy), p.weight, p.kind)


def _pulls_of(muscle: Muscle, entries: Sequence[Mapping[str, object]], stretch: float, where: Path) -> list[Pull]:
    right: list[Pull] = []
    for entry in entries:
        unknown = set(entry) - {"points", "angle", "weight", "side"}
        if unknown or "points" not in entry or "angle" not in entry:
            raise DfecsError(
                f"{where}: a pull of {muscle.key!r} needs 'points' and 'angle' (and may have 'weight', 'side'); "
                f"it has {', '.join(map(str, entry))}"
            )
        other = entry.get("side") == "other"
        for point in cast("list[int]", entry["points"]):
            if point not in _LISTED:
                raise DfecsError(
                    f"{where}: {muscle.key!r} lists keypoint {point}; list the right half and the midline only"
                )
            pull = Pull(
                muscle.key,
                "both" if muscle.paired else "right",
                point,
                _direction(float(cast("float", entry["angle"])), True, stretch),
                float(cast("float", entry.get("weight", 1.0))),
                muscle.kind,
            )
            if other:
                dx, dy = pull.direction
                pull = Pull(pull.muscle, pull.side, int(IBUG68.mirror[point]), (-dx, dy), pull.weight, pull.kind)
            right.append(pull)
    return right + [_mirrored(p) for p in right]


def load_atlas(path: str | os.PathLike[str] | None = None) -> Atlas:
    """Read a muscle atlas; without a path, the one that comes with the library.

    Parameters
    ----------
    path : path, optional
        A YAML file in the form of ``muscles.yaml`` (its head comment explains the form).

    Raises
    ------
    DfecsError
        If the file is absent or an entry is not in that form.

    Examples
    --------
    >>> load_atlas().muscles["zygomaticus_major"].aus
    (12,)
    """
    return _builtin() if path is None else _parse(Path(path))


@lru_cache(maxsize=1)
def _builtin() -> Atlas:
    return _parse(Path(__file__).with_name("muscles.yaml"))


def _parse(where: Path) -> Atlas:
    try:
        data = cast("dict[str, Any]", read_yaml(where))
        stretch = float(data["frame"]["vertical_stretch"])
        sources = {str(k): str(v) for k, v in data["sources"].items()}
        entries = dict(data["muscles"])
        half = {int(k): v for k, v in data["neutral"].items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DfecsError(
            f"{where}: not a muscle atlas; it needs frame, sources, muscles and neutral ({error})"
        ) from error
    muscles: dict[str, Muscle] = {}
    pulls: list[Pull] = []
    for key, entry in entries.items():
        lacking = {"name", "action", "kind", "aus", "sources", "pulls"} - set(entry)
        if lacking:
            raise DfecsError(f"{where}: {key!r} lacks {', '.join(sorted(lacking))}")
        unknown = set(entry["sources"]) - set(sources)
        if unknown or entry["kind"] not in ("muscle", "passive"):
            raise DfecsError(f"{where}: {key!r} has an unknown kind or source: {entry['kind']}, {sorted(unknown)}")
        muscles[key] = Muscle(
            key,
            entry["name"],
            entry["action"],
            entry["kind"],
            tuple(entry["aus"]),
            tuple(entry["sources"]),
            bool(entry.get("paired", False)),
        )
        pulls += _pulls_of(muscles[key], entry["pulls"], stretch, where)
    neutral = np.full((68, 2), np.nan)
    for point, xy in half.items():
        neutral[point] = xy
        neutral[IBUG68.mirror[point]] = (1400.0 - xy[0], xy[1])
    if np.isnan(neutral).any():
        raise DfecsError(
            f"{where}: the neutral face lacks keypoints {np.flatnonzero(np.isnan(neutral[:, 0])).tolist()}"
        )
    neutral.setflags(write=False)
    return Atlas(muscles, tuple(pulls), sources, neutral)
