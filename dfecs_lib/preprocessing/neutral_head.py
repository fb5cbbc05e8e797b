"""The frame of each recording that is nearest to its subject's rest, as the 3-D head tells it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from dfecs_lib.keypoints import IBUG68, Scheme, coordinates, scheme_of
from dfecs_lib.preprocessing.head_rest import LEAST_POINTS, MOST_MISFIT, fit_rest
from dfecs_lib.preprocessing.pipeline import make_preprocessor
from dfecs_lib.preprocessing.registration import AffineRegistration

__all__ = ["Found", "Key", "nearest_to_rest"]

Key = tuple[str, str, str]
Rows = NDArray[np.float64]
Positions = NDArray[np.intp]

# The subject's rest is the mean of this share of its frames, those that express least; at least so many.
_SHARE, _LEAST = 0.05, 5
# A frame's expression is averaged over the frames this near in number: one that trembles into rest is not at rest.
_NEAR = 3
# Eye corners that part registration has put in place, px.
_CORNERS, _PLACES = (36, 39, 42, 45), ((400, 1000), (600, 1000), (800, 1000), (1000, 1000))


@dataclass(frozen=True)
class Found:
    """A recording's row nearest to rest, and every usable row's distance from rest, px; or why there is none."""

    row: int = -1
    rows: Positions | None = None
    distance: NDArray[np.float64] | None = None
    reason: str = ""

    def away(self, row: int) -> float:
        """Return how far from rest a row of the table is, px; NaN if the head has not judged it."""
        if self.rows is None or self.distance is None:
            return float("nan")
        at = np.flatnonzero(self.rows == row)
        return float(self.distance[at[0]]) if at.size else float("nan")


def nearest_to_rest(table: pd.DataFrame) -> dict[Key, Found]:
    """Return, for every recording, the frame nearest to its subject's rest.

    1. `fit_rest` finds how much every frame of the subject expresses; averaged over seven neighbouring frames.
    2. The mean of the 5 % of frames (at least five) that express least is the subject's rest: one frame's tremble does
       not decide.
    3. Each recording's frame nearest to it is taken, by the squared difference, averaged over the same neighbours.

    Parameters
    ----------
    table : keypoint table
        Registered faces; others are registered first, for the choice only. Rows and columns in any order.
    """
    if table.empty:
        return {}
    values, scheme, parts = _registered(table)
    numbers = table.index.get_level_values("frame").to_numpy()
    recordings = table.groupby(level=[0, 1, 2], sort=False).indices
    people: dict[tuple[str, ...], list[Key]] = {}
    for entry in recordings:
        key = cast("Key", entry)
        people.setdefault(key[:2] if key[1] else key, []).append(key)  # people without a name are not taken for one
    found: dict[Key, Found] = {}
    for keys in people.values():
        usable = {key: _usable(values, np.asarray(recordings[key]), numbers) for key in keys}
        empty = [key for key, rows in usable.items() if not len(rows)]
        found |= {key: Found(reason="no frame can be registered") for key in empty}
        seen = {key: rows for key, rows in usable.items() if len(rows)}
        if seen:
            found |= _of_subject(values, scheme, parts, numbers, seen)
    return found


def _of_subject(
    values: Rows, scheme: Scheme, parts: bool, numbers: NDArray[np.int64], usable: dict[Key, Positions]
) -> dict[Key, Found]:
    every = np.concatenate(list(usable.values()))
    rest = fit_rest(values[every], scheme, parts=parts)
    if rest is None:
        if len(usable) > 1:  # recordings that lack different points: each by itself
            each = [_of_subject(values, scheme, parts, numbers, {key: rows}) for key, rows in usable.items()]
            return {key: found for one in each for key, found in one.items()}
        return dict.fromkeys(usable, Found(reason=f"it has fewer than {LEAST_POINTS} points"))
    if not rest.misfit < MOST_MISFIT:
        return dict.fromkeys(usable, Found(reason="its points do not look like a face to the 3-D head"))
    edges = np.cumsum([0, *map(len, usable.values())])
    pieces = [slice(a, b) for a, b in pairwise(edges)]
    steady = np.concatenate([_averaged(rest.expressed[p], numbers[every[p]]) for p in pieces])
    near = np.argsort(steady, kind="stable")[: max(_LEAST, int(_SHARE * len(steady)))]
    away = ((rest.faces - rest.faces[near].mean(axis=0)) ** 2).sum(axis=1)
    away = np.concatenate([_averaged(away[p], numbers[every[p]]) for p in pieces])
    return {
        key: Found(int(every[p][np.argmin(away[p])]), every[p], rest.distance[p])
        for key, p in zip(usable, pieces, strict=True)
    }


def _usable(values: Rows, rows: Positions, numbers: NDArray[np.int64]) -> Positions:
    """Return a recording's most complete rows, all with the same points, in the order of time."""
    rows = rows[np.argsort(numbers[rows], kind="stable")]
    seen = np.isfinite(values[rows])
    count = seen.sum(axis=1)
    if not count.any():
        return rows[:0]
    rows, seen = rows[count == count.max()], seen[count == count.max()]
    if (seen == seen[0]).all():
        return rows
    _, which, size = np.unique(seen, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(rows[which.reshape(-1) == np.argmax(size)])


def _averaged(score: NDArray[np.float64], frames: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean of each frame's score and of those at most `_NEAR` frames before or after it."""
    total = np.r_[0.0, np.cumsum(score)]
    first, last = np.searchsorted(frames, frames - _NEAR), np.searchsorted(frames, frames + _NEAR, side="right")
    return np.asarray((total[last] - total[first]) / (last - first))


def _registered(table: pd.DataFrame) -> tuple[Rows, Scheme, bool]:
    """Return registered faces, their scheme, and whether part registration is among what was done to them."""
    values, scheme = coordinates(table), scheme_of(table)
    if scheme.dense:  # its 68 points
        where = scheme.positions(list(IBUG68.ibug))
        values, scheme = values[:, np.r_[where, scheme.n_points + where]], IBUG68
    k, corners = scheme.n_points, scheme.positions(list(_CORNERS))
    eyes = np.concatenate([values[:, corners], values[:, k + corners]], axis=1)
    known = np.isfinite(eyes).all(axis=1)
    if known.any() and np.abs(eyes[known] - np.array(_PLACES).T.reshape(-1)).max() < 1:
        return values, scheme, True
    affine = _quietly(AffineRegistration(), values)
    known = np.isfinite(affine).any(axis=1)
    if known.any() and np.nanmax(np.abs(affine[known] - values[known])) < 1:
        return values, scheme, False
    done = {entry.get("operation") for entry in table.attrs.get("history", []) if isinstance(entry, dict)}
    preprocessor = make_preprocessor(frontalize="frontalize" not in done)
    return _quietly(preprocessor, values), scheme, True


def _quietly(step: AffineRegistration | Pipeline, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Apply a step; what it says of faces that it cannot use matters to nobody here, where another rule serves them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*frames is usable")
        return np.asarray(step.transform(values))
