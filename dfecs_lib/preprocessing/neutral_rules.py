"""Ways to choose neutral frames that look at nothing but distances between faces: the medoid and its kin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError

__all__ = ["PICK", "complete", "name_of", "shared_face"]

Key = tuple[str, str, str]

# The medoid looks at this many of the calmest frames at most, and takes this share of a recording as calm.
_CALM_SHARE, _MOST_CANDIDATES = 0.5, 500
# The shared face has a tenth of every recording near it; this many frames of a subject at most are compared.
_NEAR_SHARE, _MOST_SHARED = 0.1, 1500
# "calmest": the middle of the stillest stretch of this many frames.
_RUN = 15


def name_of(key: Key) -> str:
    """Return what a sentence calls a recording."""
    return "recording " + "/".join(filter(None, map(str, key)))


def complete(values: NDArray[np.float64], key: Key) -> NDArray[np.float64]:
    """Return the values with every frame that is less complete than the best ones all NaN, always missing columns 0."""
    seen = np.isfinite(values)
    count = seen.sum(axis=1)
    if not count.any():
        raise DfecsError(f"{name_of(key)} has no frame with keypoints, so none can be neutral")
    best = count == count.max()
    out = np.where(seen, values, 0.0)
    out[~best] = np.nan
    return out


def _speed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each frame is from its neighbours in time, px (root mean square over points); NaN frames: inf."""
    step = np.sqrt(np.mean(np.diff(values, axis=0) ** 2, axis=1))
    pairs = np.stack([np.r_[np.nan, step], np.r_[step, np.nan]])
    known = np.isfinite(pairs)
    with np.errstate(invalid="ignore"):
        speed = np.where(known, pairs, 0).sum(axis=0) / known.sum(axis=0)
    usable = np.isfinite(values).all(axis=1)
    # A frame without neighbours says nothing about its speed: it comes after all that do.
    worst = np.nanmax(speed, initial=0.0)
    return np.where(usable, np.where(np.isfinite(speed), speed, worst), np.inf)


def _first(values: NDArray[np.float64]) -> int:
    return int(np.flatnonzero(np.isfinite(values).all(axis=1))[0])


def _calmest(values: NDArray[np.float64]) -> int:
    speed = _speed(values)
    if len(speed) < _RUN or not np.isfinite(speed).all():
        # Shorter than a run, or broken by lost frames: use the runs that are whole.
        speed = np.where(np.isfinite(speed), speed, np.nanmax(speed[np.isfinite(speed)], initial=0.0) * 1e3 + 1e-9)
    run = min(_RUN, len(speed))
    total = np.convolve(speed, np.ones(run), mode="valid")
    middle = int(np.argmin(total)) + run // 2
    usable = np.flatnonzero(np.isfinite(values).all(axis=1))
    return int(usable[np.argmin(np.abs(usable - middle))])


def _medoid(values: NDArray[np.float64]) -> int:
    speed = _speed(values)
    usable = np.flatnonzero(np.isfinite(speed))
    calm = usable[np.argsort(speed[usable], kind="stable")][: max(1, int(np.ceil(_CALM_SHARE * len(usable))))]
    calm = np.sort(calm)
    # Evenly spaced in time, so that a long recording costs no more than a short one.
    calm = calm[np.linspace(0, len(calm) - 1, min(len(calm), _MOST_CANDIDATES)).round().astype(int)]
    faces = values[calm]
    return int(calm[np.argmin(_distances(faces, faces).sum(axis=1))])


def shared_face(table: pd.DataFrame, values: NDArray[np.float64]) -> dict[Key, int]:
    """Return the rows nearest to each subject's shared face, for subjects with a name and several recordings."""
    columns = np.isfinite(values).any(axis=0)
    whole = np.asarray(np.isfinite(values[:, columns]).all(axis=1))
    numbers, names = pd.factorize(cast("pd.MultiIndex", table.index).droplevel(["frame"]))
    chosen: dict[Key, int] = {}
    for entry, positions in table.groupby(level=["dataset", "subject"], sort=False).indices.items():
        where = np.asarray(positions)
        where = where[whole[where]]
        recordings = [where[numbers[where] == r] for r in pd.unique(numbers[where])]
        if len(recordings) < 2 or not cast("tuple[str, str]", entry)[1]:
            continue
        most = max(5, _MOST_SHARED // len(recordings))
        some = [rows[np.linspace(0, len(rows) - 1, min(len(rows), most)).round().astype(int)] for rows in recordings]
        faces = values[np.concatenate(some)][:, columns]
        distance = _distances(faces, faces)
        edges = np.cumsum([0, *map(len, some)])
        radius = [np.quantile(distance[:, a:b], _NEAR_SHARE, axis=1) for a, b in pairwise(edges)]
        rest = faces[[np.argmin(np.mean(radius, axis=0))]]
        for rows in recordings:
            nearest = rows[np.argmin(_distances(values[rows][:, columns], rest)[:, 0])]
            chosen[cast("Key", names[numbers[nearest]])] = int(nearest)
    return chosen


def _distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b) - 2 * a @ b.T
    return np.asarray(np.sqrt(np.maximum(squares, 0)))


#: One recording's complete rows in the order of time, others NaN, to the position of the chosen one. "shared" is here
#: for recordings that share their subject with no other.
PICK: Mapping[str, Callable[[NDArray[np.float64]], int]] = MappingProxyType(
    {"shared": _medoid, "medoid": _medoid, "calmest": _calmest, "first": _first}
)
