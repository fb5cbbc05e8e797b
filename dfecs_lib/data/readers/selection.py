"""Which rows of a table are taken: one a frame for each recording, of one person or of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.data.readers.people import follow, follow_numbers, main_person
from dfecs_lib.data.readers.recordings import Key, Place
from dfecs_lib.data.readers.tracks import FileOptions
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import INDEX_NAMES

__all__ = ["Chosen", "choose"]


@dataclass(frozen=True, eq=False)
class Chosen:
    """The rows taken.

    Parameters
    ----------
    index : MultiIndex
        Of the table to be, sorted.
    rows : ndarray of shape (n_frames,)
        The row of each frame; -1 where the frame does not show the person.
    any_row : ndarray of shape (n_frames,)
        A row of each frame, whoever it shows.
    history : dict
        Which faces there are, and which was taken.
    """

    index: pd.MultiIndex
    rows: NDArray[np.intp]
    any_row: NDArray[np.intp]
    history: dict[str, object]


def choose(
    path: Path,
    place: Place,
    xy: NDArray[np.float64],
    good: NDArray[np.bool_],
    sizes: NDArray[np.float64] | None,
    options: FileOptions,
    *,
    numbered: bool,
    several: bool,
) -> Chosen:
    """Choose one row a frame, recording by recording.

    Parameters
    ----------
    path : Path
    place : Place
    xy : ndarray of shape (n_rows, 2K)
    good : ndarray of shape (n_rows,)
        Where a face was found.
    sizes : ndarray of shape (n_rows,) or None
        Of faces; None: of their points.
    options : FileOptions
    numbered : bool
        Whether `place.face` is a number that a face keeps from frame to frame.
    several : bool
        Whether several rows of a frame are several faces, though nothing numbers them.

    Raises
    ------
    DfecsError
        If the face or person asked for is not there, or a frame shows one face twice.
    """
    several = several or place.pictures or place.identity is not None
    parts: list[tuple[Key, NDArray[np.int64], NDArray[np.intp], NDArray[np.intp]]] = []
    taken: list[object] = []
    crowded = 0
    for number, key in enumerate(place.keys):
        rows = np.flatnonzero(place.valid & (place.key == number))
        frames = place.frame[rows]
        every, first = np.unique(frames, return_index=True)
        plain = len(every) == len(rows)
        crowded += len(rows) and int((np.unique(frames[good[rows]], return_counts=True)[1] > 1).sum())
        people = _people(path, place, rows, frames, xy, good, sizes, options, numbered, several, plain)
        for name, mine in people.items():
            who = frames[mine]
            order = np.argsort(who, kind="stable")
            twice = np.flatnonzero(np.diff(who[order]) == 0)
            if len(twice):
                frame = int(who[order][twice[0]])
                raise DfecsError(
                    f"{path}: frame {frame} occurs twice for one face (recording {'/'.join(filter(None, key))}); keep "
                    "one recording a file, or name the recordings in a column"
                )
            chosen = np.full(len(every), -1, dtype=np.intp)
            chosen[np.searchsorted(every, who[order])] = rows[mine[order]]
            subject = "/".join(filter(None, [key[1], str(name)])) if options.face == "all" else key[1]
            parts.append(((key[0], subject, key[2]), every, chosen, rows[first]))
            taken.append(name)
    history: dict[str, object] = {}
    if numbered and place.face is not None:
        numbers = [int(n) for n in np.unique(place.face[place.valid])]
        alike = taken[0] if all(one == taken[0] for one in taken) else "one a recording"
        history = {"faces": numbers, "face": "all" if options.face == "all" else alike}
    elif several:
        face = options.identity if options.identity is not None else options.face
        history = {"face": "followed" if face is None else face}
    if numbered or several:
        history["frames_with_several_faces"] = crowded
    return _put_together(parts, history)


def _put_together(
    parts: list[tuple[Key, NDArray[np.int64], NDArray[np.intp], NDArray[np.intp]]], history: dict[str, object]
) -> Chosen:
    lengths = [len(frames) for _, frames, _, _ in parts]
    levels = [np.repeat(np.array([key[k] for key, *_ in parts], dtype=object), lengths).tolist() for k in range(3)]
    frames, rows, any_row = (np.concatenate([part[k] for part in parts]) for k in (1, 2, 3))
    index = pd.MultiIndex.from_arrays([*levels, frames], names=INDEX_NAMES)
    if len(parts) > 1:
        index, order = index.sortlevel()
        rows, any_row = rows[order], any_row[order]
    return Chosen(index, rows, any_row, history)


def _people(
    path: Path,
    place: Place,
    rows: NDArray[np.intp],
    frames: NDArray[np.int64],
    xy: NDArray[np.float64],
    good: NDArray[np.bool_],
    sizes: NDArray[np.float64] | None,
    options: FileOptions,
    numbered: bool,
    several: bool,
    plain: bool,
) -> dict[object, NDArray[np.intp]]:
    """Return the positions in `rows` of each person to be taken, by the name that the history knows the person by."""
    found = good[rows]
    if options.identity is not None:
        assert place.identity is not None
        names = [place.identity[row] for row in rows]
        if options.identity not in names:
            known = ", ".join(sorted(set(names))[:10])
            raise DfecsError(f"{path}: has no person {options.identity!r}; there are {known}")
        return {options.identity: np.flatnonzero([name == options.identity for name in names])}
    faces = place.face[rows] if numbered and place.face is not None else None
    if isinstance(options.face, int):
        number = faces if faces is not None else pd.Series(frames).groupby(frames).cumcount().to_numpy()
        mine = np.flatnonzero(number == options.face)
        if not len(mine) and (faces is not None or several or options.face):
            there = ", ".join(map(str, np.unique(number)[:20]))
            how = f"the faces are {there}" if faces is not None else f"at most {int(number.max()) + 1} in a frame"
            raise DfecsError(f"{path}: has no face {options.face}; {how}")
        return {options.face: mine}
    if plain and (faces is None or (faces == faces[0]).all()) and (place.identity is None or options.face != "all"):
        return {0 if faces is None else int(faces[0]): np.arange(len(rows))}
    if faces is None and not several:
        return {0: np.arange(len(rows))}  # frames that occur twice are refused
    centres, widths = _centres_and_sizes(xy[rows], found)
    if sizes is not None:
        widths = sizes[rows]
    if faces is not None:
        person = follow_numbers(frames, faces, centres, widths, found)
    elif place.identity is not None:
        person = np.asarray(pd.factorize(np.array([place.identity[row] for row in rows], dtype=object))[0])
    else:
        person = follow(frames, centres, widths, found)
    names_of = {int(p): _called(int(p), person, faces) for p in np.unique(person[person >= 0])}
    if options.face == "all":
        return {f"face{p}": np.flatnonzero(person == p) for p in names_of if found[person == p].any()} or {
            "face0": np.arange(0)
        }
    main = main_person(person, found, widths)
    return {names_of.get(main, 0) if faces is not None else 0: np.flatnonzero(person == main)}


def _called(person: int, of: NDArray[np.int64], faces: NDArray[np.int64] | None) -> object:
    """Return the tracker's number of a person, or all of them where it gave several (as a tuple)."""
    if faces is None:
        return person
    numbers = tuple(int(n) for n in np.unique(faces[of == person]))
    return numbers[0] if len(numbers) == 1 else numbers


def _centres_and_sizes(
    xy: NDArray[np.float64], good: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    centres, sizes = np.full((len(xy), 2), np.nan), np.zeros(len(xy))
    if good.any():
        x, y = np.hsplit(xy[good], 2)
        centres[good] = np.column_stack([np.nanmean(x, axis=1), np.nanmean(y, axis=1)])
        widths = [np.nanmax(v, axis=1) - np.nanmin(v, axis=1) for v in (x, y)]
        sizes[good] = np.maximum(*widths)
    return centres, sizes
