"""Which recording and frame each row of a table belongs to, as its columns, its file's name or the caller say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.data.readers.columns import named
from dfecs_lib.data.readers.sheets import Cells
from dfecs_lib.data.readers.tracks import FileOptions
from dfecs_lib.errors import DfecsError
from dfecs_lib.files import natural_key
from dfecs_lib.keypoints.path_names import names_from_path, shortest_endings, stem_of

__all__ = ["FRAME", "LEVELS", "Place", "Where", "places"]

FRAME = ("frame", "frame_number", "frame_no", "frame_id", "frame_index", "frame_idx")
LEVELS = ("dataset", "subject", "recording")
_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".ppm", ".pgm"})
#: Beyond it, a float64 does not hold every whole number.
_LARGEST_FRAME = 2.0**53

Key = tuple[str, str, str]


@dataclass(frozen=True, eq=False)
class Place:
    """Where rows belong.

    Parameters
    ----------
    keys : tuple of (dataset, subject, recording)
    key : ndarray of shape (n_rows,)
        Position in `keys`.
    frame : ndarray of shape (n_rows,)
    valid : ndarray of shape (n_rows,)
        Where a row has a frame number.
    face : ndarray of shape (n_rows,) or None
        The tracker's number of the face.
    identity : list of str or None
    pictures, single_picture : bool
        Whether rows are pictures rather than frames, and whether all are of one.
    notes : tuple of str
    first_fault : str
        What is wrong with the first row that has no frame number.
    """

    keys: tuple[Key, ...]
    key: NDArray[np.int64]
    frame: NDArray[np.int64]
    valid: NDArray[np.bool_]
    face: NDArray[np.int64] | None
    identity: list[str] | None
    pictures: bool
    single_picture: bool
    notes: tuple[str, ...]
    first_fault: str

    @property
    def n_rows(self) -> int:
        """Rows with a frame number."""
        return int(self.valid.sum())


@dataclass(frozen=True)
class Where:
    """The columns that say where rows belong."""

    path: Path
    options: FileOptions
    frame: str | None
    time: str | None
    face: str | None
    identity: str | None
    picture: str | None
    levels: tuple[tuple[str, str], ...]

    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns needed as numbers."""
        return tuple(c for c in (self.frame, self.face) if c)

    @property
    def texts(self) -> tuple[str, ...]:
        """Columns needed as text."""
        return tuple(c for c in (self.identity, self.picture, *(c for _, c in self.levels)) if c)

    @property
    def numbered(self) -> bool:
        """Whether a face keeps its number from frame to frame, which it does not in a file of single pictures."""
        return self.face is not None and (self.frame is not None or self.time is not None)

    def resolve(self, cells: Cells) -> Place:
        """Say of every row where it belongs.

        Raises
        ------
        DfecsError
            If half of the frame numbers or more are none, or one recording name is to cover several inputs.
        """
        n, notes = cells.n_rows, []
        inputs = cells.texts[self.picture] if self.picture else []
        distinct = sorted(set(inputs))
        pictures = bool(distinct) and all(PurePosixPath(name).suffix.lower() in _PICTURES for name in distinct)
        # FaceLandmarkImg writes no frame numbers, and counts the faces of each picture.
        image_mode = self.frame is None and self.time is None and self.face is not None and not distinct
        names = self._names(inputs, distinct, pictures)
        keys: tuple[Key, ...] = ((names["dataset"].constant, names["subject"].constant, names["recording"].constant),)
        key = np.zeros(n, dtype=np.int64)
        if any(level.varies for level in names.values()):
            codes, found = pd.MultiIndex.from_arrays([names[level](cells) for level in LEVELS]).factorize()
            key, keys = np.asarray(codes, dtype=np.int64), tuple((str(a), str(b), str(c)) for a, b, c in found)
        valid, fault = np.ones(n, dtype=np.bool_), ""
        frames: NDArray[np.int64]
        if pictures:
            order = {name: k for k, name in enumerate(sorted(distinct, key=natural_key))}
            ranks = pd.Series([order[name] for name in inputs])
            frames = np.asarray(ranks.groupby(key).rank("dense") - 1, dtype=np.int64)
            notes.append(f"Its {len(distinct)} pictures are frames in the order of their names.")
        elif self.frame is not None:
            values = cells.numbers[self.frame]
            valid = np.isfinite(values) & (np.abs(values) <= _LARGEST_FRAME)
            valid[valid] &= values[valid] == np.round(values[valid])
            if not valid.all():
                row = int(np.argmin(valid))
                fault = f"the column {self.frame!r} holds no whole number in row {row + 1}"
                if 2 * int((~valid).sum()) >= n:
                    raise DfecsError(f"{self.path}: {fault}")
            frames = np.where(valid, values, 0).astype(np.int64)
        elif self.time is not None and np.isfinite(cells.numbers[self.time]).all():
            times = pd.Series(cells.numbers[self.time])
            frames = np.asarray(times.groupby(key).rank("dense") - 1, dtype=np.int64)
            notes.append("It has no frame numbers; frames are counted from 0 in the order of time.")
        elif image_mode:
            assert self.face is not None
            face = cells.numbers[self.face]
            frames = np.add.accumulate(np.append(False, np.diff(face) <= 0).astype(np.int64))
        else:
            frames = np.asarray(pd.Series(key).groupby(key).cumcount(), dtype=np.int64)
        faces = None
        if self.face is not None and not pictures:
            values = np.nan_to_num(cells.numbers[self.face], nan=0.0)
            faces = np.clip(np.round(values), -1e9, 1e9).astype(np.int64)
        single = (pictures or image_mode) and len(keys) == 1 and not frames.any()
        return Place(
            keys,
            key,
            frames,
            valid,
            faces,
            cells.texts[self.identity] if self.identity else None,
            pictures or image_mode,
            single,
            tuple(notes),
            fault,
        )

    def _names(self, inputs: list[str], distinct: list[str], pictures: bool) -> dict[str, _Level]:
        given = {level: getattr(self.options, level) for level in LEVELS}
        columns = dict(self.levels)
        several = len(distinct) > 1
        recordings = _recordings(self.path, distinct, pictures)
        if several and given["recording"] is not None and not pictures:
            raise DfecsError(
                f"{self.path}: holds {len(distinct)} inputs, which one recording name cannot cover; leave it out"
            )
        said: dict[str, dict[str, str]] = {}
        if self.options.names is not None:
            paths = distinct if several else [str(self.path)]
            said = {path: names_from_path(path, self.options.names) for path in paths}
        out: dict[str, _Level] = {}
        for level in LEVELS:
            if given[level] is not None:
                out[level] = _Level(constant=str(given[level]))
            elif any(level in found for found in said.values()):
                if several:
                    out[level] = _Level(values=[said[name].get(level, "") for name in inputs])
                else:
                    out[level] = _Level(constant=said[str(self.path)][level])
            elif level in columns:
                out[level] = _Level(column=columns[level])
            elif level == "recording":
                out[level] = (
                    _Level(values=[recordings[name] for name in inputs])
                    if inputs
                    else _Level(constant=stem_of(self.path))
                )
            else:
                out[level] = _Level(constant="")
        return out


@dataclass(frozen=True)
class _Level:
    """Where the names of one level come from."""

    constant: str = ""
    column: str | None = None
    values: list[str] | None = None

    @property
    def varies(self) -> bool:
        return self.column is not None or self.values is not None

    def __call__(self, cells: Cells) -> list[str]:
        if self.values is not None:
            return self.values
        return cells.texts[self.column] if self.column is not None else [self.constant] * cells.n_rows


def _recordings(path: Path, distinct: list[str], pictures: bool) -> dict[str, str]:
    """Name inputs: videos by their stem (whole name where stems collide), pictures by their folders, else the file."""
    paths = {name: PurePosixPath(name.replace("\\", "/")) for name in distinct}
    if pictures:
        folders = shortest_endings([where.parent.parts for where in paths.values()])
        return {name: folder or stem_of(path) for name, folder in zip(paths, folders, strict=True)}
    stems = {name: where.stem or stem_of(path) for name, where in paths.items()}
    collide = len(set(stems.values())) < len(distinct)
    return {name: name if collide and name else stem for name, stem in stems.items()}


def places(
    path: Path,
    header: tuple[str, ...],
    face: Sequence[str],
    picture: Sequence[str],
    time: str | None,
    options: FileOptions,
) -> Where:
    """Find the columns that say where rows belong.

    Parameters
    ----------
    path : Path
    header : tuple of str
    face, picture : sequences of str
        A tool's names for the columns that number faces, and that name pictures or videos.
    time : str or None
        The column of time.
    options : FileOptions

    Raises
    ------
    DfecsError
        If a person is asked for by name and no column names people.
    """
    identity = named(header, "identity", "person")
    if options.identity is not None and identity is None:
        raise DfecsError(f"{path}: has no column 'Identity' that names people; leave identity out, or choose by face")
    levels = tuple((level, column) for level in LEVELS if (column := named(header, level)) is not None)
    return Where(
        path, options, named(header, *FRAME), time, named(header, *face), identity, named(header, *picture), levels
    )
