"""Neutral frames of recordings that nobody has labelled: the face that motion is measured from."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import INDEX_NAMES, record

__all__ = ["METHODS", "choose_neutral", "recordings_with_a_face"]

METHODS = ("shared", "medoid", "calmest", "first")
_LEVELS = list(INDEX_NAMES[:3])
# The medoid looks at this many of the calmest frames at most, and takes this share of a recording as calm.
_CALM_SHARE, _MOST_CANDIDATES = 0.5, 500
# The shared face has a tenth of every recording near it; this many frames of a subject at most are compared.
_NEAR_SHARE, _MOST_SHARED = 0.1, 1500
# "calmest": the middle of the stillest stretch of this many frames.
_RUN = 15


def choose_neutral(
    table: pd.DataFrame, method: str = "shared", frame: int | Mapping[tuple[str, str, str], int] | None = None
) -> pd.DataFrame:
    """Pick one neutral frame for every recording of a table.

    Best given registered faces (after `dfecs_lib.preprocessing.make_preprocessor`), since otherwise head motion counts
    as motion of the face.

    Parameters
    ----------
    table : keypoint table
        Frames with missing points are never picked as long as there are others.
    method : {"shared", "medoid", "calmest", "first"}
        "shared": the face that all recordings of a subject have in common. Every recording has frames at some
        distance from a face, and a tenth of them are within some radius; the face whose radius, averaged over the
        recordings, is smallest is the subject's resting face, and each recording's frame nearest to it is taken. A
        subject with one recording, or without a name, gets the medoid. "medoid": among the calmer half of a
        recording's frames (those that move least from frame to frame), the one whose summed distance to the others is
        smallest: the face that it rests at. "calmest": the middle of the stillest 15 frames. "first": the first frame
        with all its points.
    frame : int or mapping of (dataset, subject, recording) to int, optional
        An explicit frame number instead, for all recordings or for those listed; `method` serves the rest.

    Returns
    -------
    keypoint table
        One row a recording, with its real index entry. ``attrs["history"]`` says the method and the frames.

    Raises
    ------
    DfecsError
        If a recording has no usable frame, or lacks the frame asked for.

    Notes
    -----
    On simulated faces, where the resting face is known (``benchmarks/neutral.py``), "shared" is nearest to it: the
    medoid of a short posed sequence is often its apex, and "calmest" may be a held smile.

    Examples
    --------
    >>> from dfecs_lib.keypoints import make_table
    >>> table = make_table(np.ones((5, 136)), scheme="ibug68", frames=range(5), subject="S1")
    >>> choose_neutral(table, method="first").index.get_level_values("frame").tolist()
    [0]
    """
    if method not in METHODS:
        raise DfecsError(f"unknown way to choose neutral frames {method!r}; known: {', '.join(METHODS)}")
    if list(table.index.names) != list(INDEX_NAMES):
        raise DfecsError("a keypoint table with the row index (dataset, subject, recording, frame) is needed")
    values = table.to_numpy(dtype=np.float64)
    numbers = table.index.get_level_values("frame").to_numpy()
    rows, explicit = [], 0
    shared = _shared(table, values) if method == "shared" else {}
    for entry, positions in table.groupby(level=_LEVELS, sort=False).indices.items():
        key, where = cast("tuple[str, str, str]", entry), np.asarray(positions)
        asked = frame.get(key) if isinstance(frame, Mapping) else frame
        if asked is not None:
            rows.append(_explicit(where, numbers, asked, key))
            explicit += 1
        else:
            found = shared.get(key)
            rows.append(where[_PICK[method](_complete(values[where], key))] if found is None else found)
    chosen = table.iloc[sorted(rows)]
    chosen.attrs = dict(table.attrs)
    frames = ["/".join(map(str, entry)) for entry in chosen.index]
    how = method if not explicit else "explicit frame" if explicit == len(rows) else f"{method}, or explicit frame"
    return record(chosen, "choose_neutral", method=how, frames=frames)


def recordings_with_a_face(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table without the recordings that show no face at all: none of their frames could be neutral."""
    found = table.notna().any(axis=1)
    kept = table[found.groupby(level=_LEVELS).transform("any").to_numpy()]
    kept.attrs = dict(table.attrs)
    return kept


def _explicit(where: NDArray[np.intp], numbers: NDArray[np.int64], frame: int, key: tuple[str, str, str]) -> int:
    found = where[numbers[where] == frame]
    if not found.size:
        low, high = numbers[where].min(), numbers[where].max()
        raise DfecsError(f"{_name(key)} has no frame {frame}; its frames run from {low} to {high}")
    return int(found[0])


def _name(key: tuple[str, str, str]) -> str:
    return "recording " + "/".join(filter(None, map(str, key)))


def _complete(values: NDArray[np.float64], key: tuple[str, str, str]) -> NDArray[np.float64]:
    """Return the values with every frame that is less complete than the best ones all NaN, always missing columns 0."""
    seen = np.isfinite(values)
    count = seen.sum(axis=1)
    if not count.any():
        raise DfecsError(f"{_name(key)} has no frame with keypoints, so none can be neutral")
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


def _shared(table: pd.DataFrame, values: NDArray[np.float64]) -> dict[tuple[str, str, str], int]:
    """Return the rows nearest to each subject's shared face, for subjects with a name and several recordings."""
    columns = np.isfinite(values).any(axis=0)
    complete = np.asarray(np.isfinite(values[:, columns]).all(axis=1))
    numbers, names = pd.factorize(cast("pd.MultiIndex", table.index).droplevel(["frame"]))
    chosen: dict[tuple[str, str, str], int] = {}
    for entry, positions in table.groupby(level=_LEVELS[:2], sort=False).indices.items():
        where = np.asarray(positions)
        where = where[complete[where]]
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
            chosen[cast("tuple[str, str, str]", names[numbers[nearest]])] = int(nearest)
    return chosen


def _distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b) - 2 * a @ b.T
    return np.asarray(np.sqrt(np.maximum(squares, 0)))


_PICK = {"shared": _medoid, "medoid": _medoid, "calmest": _calmest, "first": _first}
