"""Short names for units: which part moves, and how, by the motion that captures most of the unit's energy."""

from __future__ import annotations

from functools import cache
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.anatomy.skin import skin
from dfecs_lib.keypoints import get_scheme
from dfecs_lib.keypoints.schemes import IBUG68, Scheme

__all__ = ["name_units", "part_of_units", "summarize", "unit_names"]


class HasUnits(Protocol):
    """A fitted model with units in its rows."""

    components_: NDArray[np.float64]


_UP, _DOWN = (0.0, -1.0), (0.0, 1.0)
#: Outwards is away from the midline: to the image's left on the subject's right side.
_OUT, _IN = (-1.0, 0.0), (1.0, 0.0)

#: name -> points on the subject's right side, directions by word; the left side is the mirror image.
_SIDED = {
    "lip corner": ((48, 60), {"up": _UP, "down": _DOWN, "out": _OUT, "in": _IN, "up and out": (-1.0, -1.0)}),
    "inner brow": ((20, 21), {"up": _UP, "down": _DOWN, "in": _IN, "down and in": (1.0, 1.0)}),
    "outer brow": ((17, 18), {"up": _UP, "down": _DOWN}),
    "brow": ((17, 18, 19, 20, 21), {"up": _UP, "down": _DOWN, "in": _IN, "out": _OUT}),
    "upper lid": ((37, 38), {"up": _UP, "down": _DOWN}),
    "lower lid": ((40, 41), {"up": _UP, "down": _DOWN}),
    "nostril": ((31, 32), {"up": _UP, "down": _DOWN, "out": _OUT, "in": _IN}),
    "cheek line": (tuple(range(1, 7)), {"out": _OUT, "in": _IN, "up": _UP, "down": _DOWN}),
}
#: name -> points on both sides, directions by word.
_WHOLE = {
    "upper lip": ((49, 50, 51, 52, 53, 61, 62, 63), {"up": _UP, "down": _DOWN}),
    "lower lip": ((55, 56, 57, 58, 59, 65, 66, 67), {"up": _UP, "down": _DOWN}),
    "mouth": (tuple(range(48, 68)), {"up": _UP, "down": _DOWN, "to the right": _OUT, "to the left": _IN}),
    "nose": (tuple(range(27, 36)), {"up": _UP, "down": _DOWN, "to the right": _OUT, "to the left": _IN}),
    "chin": (tuple(range(5, 12)), {"up": _UP, "down": _DOWN, "to the right": _OUT, "to the left": _IN}),
    "jaw": (tuple(range(17)), {"up": _UP, "down": _DOWN, "to the right": _OUT, "to the left": _IN}),
}
#: Motions of several parts against each other: name -> ((points, direction), …).
_TOGETHER = {
    "mouth opens": (((55, 56, 57, 58, 59, 65, 66, 67), _DOWN), ((49, 50, 51, 52, 53, 61, 62, 63), _UP)),
    "mouth closes": (((55, 56, 57, 58, 59, 65, 66, 67), _UP), ((49, 50, 51, 52, 53, 61, 62, 63), _DOWN)),
    "jaw drops": ((tuple(range(4, 13)), _DOWN), ((55, 56, 57, 58, 59, 65, 66, 67), _DOWN)),
    "eyes close": (((37, 38, 43, 44), _DOWN), ((40, 41, 46, 47), _UP)),
    "eyes open": (((37, 38, 43, 44), _UP), ((40, 41, 46, 47), _DOWN)),
    "lips purse": (((48, 49, 59, 60), _IN), ((53, 54, 55, 64), _OUT)),
    "lips stretch": (((48, 49, 59, 60), _OUT), ((53, 54, 55, 64), _IN)),
}


#: What only a scheme with points on the cheeks can show: directions on the subject's right side.
_CHEEKS = {"up": _UP, "down": _DOWN, "out": _OUT, "in": _IN}


def _motion(*moves: tuple[tuple[int, ...], tuple[float, float]]) -> NDArray[np.float64]:
    template = np.zeros((2, 68))
    for points, direction in moves:
        template[:, list(points)] = np.array(direction)[:, None]
    return template / np.linalg.norm(template)


@cache
def _templates(scheme: Scheme = IBUG68) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Names and unit motions, shape (n, 2, K): iBUG's points, or all of a scheme with further ones."""
    found: dict[str, NDArray[np.float64]] = {}
    mirror = IBUG68.mirror
    for thing, (points, directions) in _SIDED.items():
        left = tuple(int(mirror[k]) for k in points)
        for word, (x, y) in directions.items():
            right_move, left_move = (points, (x, y)), (left, (-x, y))
            found[f"{thing}s {word}"] = _motion(right_move, left_move)
            found[f"right {thing} {word}"] = _motion(right_move)
            found[f"left {thing} {word}"] = _motion(left_move)
    for thing, (points, directions) in _WHOLE.items():
        for word, direction in directions.items():
            found[f"{thing} {word}"] = _motion((points, direction))
    for name, moves in _TOGETHER.items():
        found[name] = _motion(*moves)
    if not scheme.dense:
        return tuple(found), np.stack(list(found.values()))
    carried = {name: skin(scheme).carried(template) for name, template in found.items()}
    sides = [scheme.parts.get(f"{side}_cheek") for side in ("right", "left")]
    for word, (x, y) in _CHEEKS.items():
        for name, shown in (("cheeks", (True, True)), ("right cheek", (True, False)), ("left cheek", (False, True))):
            template = np.zeros((2, scheme.n_points))
            for where, sign, moves_too in zip(sides, (1, -1), shown, strict=True):
                if where is not None and moves_too:
                    template[:, where] = [[sign * x], [y]]
            if template.any():
                carried[f"{name} {word}"] = template
    return tuple(carried), np.stack([template / np.linalg.norm(template) for template in carried.values()])


def _where(scheme: str | Scheme) -> Scheme:
    """Return the scheme in whose points units are named: iBUG's, or one that has further ones."""
    found = get_scheme(scheme)
    return found if found.dense else IBUG68


def _points(units: ArrayLike, scheme: str | Scheme) -> NDArray[np.float64]:
    """Motions on the points of `_where`, shape (n_units, 2, K); zero where the scheme lacks a point."""
    found = get_scheme(scheme)
    rows = np.asarray(units, dtype=np.float64)
    if found.dense:
        return rows.reshape(len(rows), 2, -1)
    motion = np.zeros((len(rows), 2, 68))
    motion[:, :, list(found.ibug)] = rows.reshape(len(rows), 2, -1)[:, :, list(found.source)]
    return motion


def _ranked(motion: NDArray[np.float64], scheme: Scheme) -> tuple[list[str], NDArray[np.float64]]:
    """Plain motions that make a unit (2K numbers), the largest first, and how much of it each captures."""
    names, templates = _templates(scheme)
    flat = templates.reshape(len(templates), -1)
    found: list[str] = []
    sizes: list[float] = []
    left, free = motion, np.ones(len(flat), dtype=bool)
    for _ in range(3):
        score = np.where(free, flat @ left, 0.0)
        best = int(score.argmax())
        if not score[best] > 0:
            break
        found.append(names[best])
        sizes.append(float(score[best]))
        left = left - score[best] * flat[best]
        free &= np.abs(flat @ flat[best]) <= 0.1
    return found, np.array(sizes)


def name_units(units: ArrayLike, scheme: str | Scheme, *, second: float = 0.7) -> list[str]:
    """Name every unit by the plain motion nearest to it, such as "lip corners up"; sides are the subject's.

    Each unit is named by itself, so that two may have one name: `unit_names` tells a model's units apart.

    Parameters
    ----------
    units : array-like of shape (n_units, 2K)
    scheme : str or Scheme
    second : float
        A second motion is named where, of what the first leaves, it captures at least this share of the first's.

    Examples
    --------
    >>> unit = np.zeros((2, 68))
    >>> unit[1, [48, 54]] = -1
    >>> name_units([unit.ravel()], "ibug68")
    ['lip corners up']
    """
    result = []
    for motion in _points(units, scheme):
        found, sizes = _ranked(motion.ravel(), _where(scheme))
        kept = [name for name, size in zip(found[:2], sizes, strict=False) if size >= second * sizes[0]]
        result.append(", ".join(kept) if kept else "no motion")
    return result


def _side(motion: NDArray[np.float64], scheme: Scheme) -> str:
    """Say on which side a unit of (2, K) moves clearly more, or nothing."""
    x = np.square(motion).sum(axis=0)
    right = np.flatnonzero((skin(scheme).mean[:, 0] < 0) & (scheme.mirror != np.arange(scheme.n_points)))
    on_right, on_left = float(x[right].sum()), float(x[scheme.mirror[right]].sum())
    if on_right > 2 * on_left:
        return " on the right"
    return " on the left" if on_left > 2 * on_right else ""


def unit_names(model: HasUnits, scheme: str | Scheme | None = None) -> list[str]:
    """Return a name for every unit of a fitted model, each its own: what it moves, in words, or its FACS number.

    Units that `name_units` calls alike are told apart by side ("on the right"), then by what else they move ("with chin
    down"), then by a number. A unit with signed codes is named by its positive direction.

    Parameters
    ----------
    model : fitted model
        With ``components_``; ``unit_names_``, where there are any, are taken as they are.
    scheme : str or Scheme, optional
        Of the units; the model's ``scheme_`` by default.

    Returns
    -------
    list of str
        In the order of ``components_``. Where no scheme is known: "unit 1", "unit 2", …

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> units = np.zeros((2, 136))
    >>> units[:, [68 + 48, 68 + 54]] = -1.0
    >>> units[1, 68 + 7 : 68 + 10] = 0.4
    >>> unit_names(SimpleNamespace(components_=units, scheme_="ibug68"))
    ['lip corners up', 'lip corners up, with chin down']
    """
    own = getattr(model, "unit_names_", None)
    if own is not None:
        return [str(name) for name in own]
    found = scheme if scheme is not None else getattr(model, "scheme_", None)
    units = np.asarray(model.components_, dtype=np.float64)
    if found is None:
        return [f"unit {k}" for k in range(1, len(units) + 1)]
    names = name_units(units, found)
    motions = _points(units, found)

    def told_apart(words: list[str]) -> list[str]:
        # The first of those that share a name keeps it: it moves most where units are in order of their share.
        shared = {k for k, name in enumerate(names) if name in names[:k]}
        return [name + word if k in shared else name for k, (name, word) in enumerate(zip(names, words, strict=True))]

    def further(motion: NDArray[np.float64], name: str) -> str:
        more = [other for other in _ranked(motion.ravel(), _where(found))[0] if other not in name]
        return f", with {more[0]}" if more else ""

    names = told_apart([_side(motion, _where(found)) for motion in motions])
    names = told_apart([further(motion, name) for motion, name in zip(motions, names, strict=True)])
    counts: dict[str, int] = {}
    result = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        result.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    return result


def part_of_units(units: ArrayLike, scheme: str | Scheme, *, share: float = 0.2) -> list[str]:
    """Parts that hold at least `share` of each unit's energy, the largest first, joined by " + "; one at least.

    Only a unit that moves nothing has the part "none".
    """
    motion = _points(units, scheme)
    parts = _where(scheme).parts
    energy = (motion**2).sum(axis=1)
    total = energy.sum(axis=1)
    result = []
    for row, whole in zip(energy, total, strict=True):
        of_part = {part: float(row[list(points)].sum()) for part, points in parts.items()}
        ranked = sorted((part for part in of_part if of_part[part] > 0), key=lambda part: -of_part[part])
        held = [part for part in ranked if of_part[part] >= share * whole] or ranked[:1]
        result.append(" + ".join(held) if held else "none")
    return result


def summarize(model: HasUnits, labels: ArrayLike, shares: ArrayLike, activity: ArrayLike) -> pd.DataFrame:
    """Table of units, one line each: name, part, variance_share and active_frames in percent, indexed by label.

    Without a scheme the part is "all".
    """
    index = pd.Index(np.asarray(labels), name="unit")
    scheme = getattr(model, "scheme_", None)
    return pd.DataFrame(
        {
            "name": unit_names(model),
            "part": "all" if scheme is None else part_of_units(model.components_, scheme),
            "variance_share": np.asarray(shares),
            "active_frames": np.asarray(activity),
        },
        index=index,
    )
