"""Neutral frames of recordings that nobody has labelled: the face that motion is measured from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import INDEX_NAMES, record

__all__ = ["METHODS", "choose_neutral"]

METHODS = ("medoid", "calmest", "first")
_LEVELS = list(INDEX_NAMES[:3])
# The medoid looks at this many of the calmest frames at most, and takes this share of a recording as calm.
_CALM_SHARE, _MOST_CANDIDATES = 0.5, 500
# "calmest": the middle of the stillest stretch of this many frames.
_RUN = 15


def choose_neutral(
    table: pd.DataFrame, method: str = "medoid", frame: int | Mapping[tuple[str, str, str], int] | None = None
) -> pd.DataFrame:
    """Pick one neutral frame for every recording of a table.

    Best given registered faces (after `dfecs_lib.preprocessing.make_preprocessor`), since otherwise head motion counts
    as motion of the face.

    Parameters
    ----------
    table : keypoint table
        Frames with missing points are never picked as long as there are others.
    method : {"medoid", "calmest", "first"}
        "medoid": among the calmer half of the frames (those that move least from frame to frame), the one whose
        summed distance to the others is smallest: the face that the recording rests at. "calmest": the middle of the
        stillest 15 frames. "first": the first frame with all its points.
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
    for entry, positions in table.groupby(level=_LEVELS, sort=False).indices.items():
        key, where = cast("tuple[str, str, str]", entry), np.asarray(positions)
        asked = frame.get(key) if isinstance(frame, Mapping) else frame
        if asked is not None:
            rows.append(_explicit(where, numbers, asked, key))
            explicit += 1
        else:
            rows.append(where[_PICK[method](_complete(values[where], key))])
    chosen = table.iloc[sorted(rows)]
    chosen.attrs = dict(table.attrs)
    frames = ["/".join(map(str, entry)) for entry in chosen.index]
    how = method if not explicit else "explicit frame" if explicit == len(rows) else f"{method}, or explicit frame"
    return record(chosen, "choose_neutral", method=how, frames=frames)


def _explicit(where: NDArray[np.intp], numbers: NDArray[np.int64], frame: int, key: tuple[str, str, str]) -> int:
    found = where[numbers[where] == frame]
    if not found.size:
        low, high = numbers[where].min(), numbers[where].max()
        raise DfecsError(f"{_name(key)} has no frame {frame}; its frames run from {low} to {high}")
    return int(found[0])


def _name(key: tuple[str, str, str]) -> str:
    return "recording " + "/".join(map(str, key))


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
    squares = np.einsum("ij,ij->i", faces, faces)
    distance = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * faces @ faces.T, 0))
    return int(calm[np.argmin(distance.sum(axis=1))])


_PICK = {"medoid": _medoid, "calmest": _calmest, "first": _first}
