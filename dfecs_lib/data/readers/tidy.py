"""Long tables: a line a point, with columns frame, landmark, x, y."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.data.readers import plain
from dfecs_lib.data.readers.clock import is_clock
from dfecs_lib.data.readers.columns import SIZES, has_points, named
from dfecs_lib.data.readers.files import text_sheet
from dfecs_lib.data.readers.recordings import FRAME, LEVELS
from dfecs_lib.data.readers.registry import FileReader
from dfecs_lib.data.readers.sheets import Cells, Sheet
from dfecs_lib.data.readers.tabular import TIMES, read_sheet
from dfecs_lib.data.readers.tracks import FileOptions, Tracks
from dfecs_lib.errors import DfecsError

__all__ = ["READER", "is_tidy", "read_tidy"]

_POINT = ("landmark", "point", "keypoint", "bodypart", "node")
_POINTS = tuple(f"{name}{end}" for name in _POINT for end in ("", "_id", "_index", "_idx", "_number", "_no", "id", "s"))
_NUMBER = re.compile(r"\D*?(\d{1,4})(?:\.0*)?")
#: Of a scheme's points, those that a table must hold at least: trackers may lose some in every frame.
_MOST_LOST = 0.1


@dataclass(frozen=True)
class _Names:
    """Which column is which."""

    point: str
    x: str
    y: str
    frame: str | None
    time: str | None
    beside: tuple[str, ...]

    @property
    def rows(self) -> list[str]:
        """Columns that tell frames apart."""
        clock = [self.frame] if self.frame else [self.time] if self.time else []
        return [*self.beside, *clock]


def _names(header: Sequence[str]) -> _Names | None:
    point, x, y = named(header, *_POINTS), named(header, "x"), named(header, "y")
    if point is None or x is None or y is None:
        return None
    faces = named(header, *plain.DIALECT.face), named(header, *plain.DIALECT.picture), named(header, "identity")
    levels = [named(header, level) for level in LEVELS]
    beside = tuple(column for column in (*levels, *faces) if column)
    return _Names(point, x, y, named(header, *FRAME), named(header, *TIMES), beside)


def is_tidy(header: tuple[str, ...]) -> bool:
    """Whether columns are those of a long table."""
    return _names(header) is not None and not has_points(header)


@dataclass(frozen=True, eq=False)
class _Wide:
    """A long table as a table with a row a frame."""

    sheet: Sheet
    names: _Names

    @property
    def path(self) -> Path:
        return self.sheet.path

    @property
    def header(self) -> tuple[str, ...]:
        count = self._size[0]
        own = dict.fromkeys([*self.names.rows, *([self.names.time] if self.names.time else [])])
        return (*own, *(f"{axis}_{k}" for axis in "xy" for k in range(count)))

    def first(self, column: str) -> str:
        return self.sheet.first(column)

    @cached_property
    def _cells(self) -> Cells:
        names = self.names
        clock = names.time is not None and is_clock(self.sheet.first(names.time))
        numbers = [names.x, names.y, *([names.frame] if names.frame else [])]
        texts = [names.point, *names.beside]
        if names.time:
            (texts if clock else numbers).append(names.time)
        return self.sheet.read([*dict.fromkeys(numbers)], [*dict.fromkeys(texts)])

    @cached_property
    def _points(self) -> NDArray[np.int64]:
        """The number of each line's point, as the file counts them."""
        of: dict[str, int] = {}
        for text in dict.fromkeys(self._cells.texts[self.names.point]):
            match = _NUMBER.fullmatch(text)
            if match is None:
                raise DfecsError(
                    f"{self.path}: its points are named ({text!r:.40}); their numbers in a keypoint scheme are needed"
                )
            of[text] = int(match[1])
        return np.array([of[text] for text in self._cells.texts[self.names.point]], dtype=np.int64)

    @cached_property
    def _size(self) -> tuple[int, int]:
        """How many points a frame has, and the number of the first."""
        there = np.unique(self._points)
        if len(there):
            for first in (0, 1):
                for size in sorted(SIZES):
                    inside = there.min() >= first and there.max() < first + size
                    if inside and len(there) >= (1 - _MOST_LOST) * size:
                        return size, first
        known = ", ".join(map(str, sorted(SIZES)))
        raise DfecsError(
            f"{self.path}: its column {self.names.point!r} numbers {len(there)} points; a keypoint scheme has one of "
            f"{known}, counted from 0 or 1"
        )

    def read(self, numbers: Sequence[str], texts: Sequence[str] = ()) -> Cells:
        cells, names = self._cells, self.names
        if not names.frame and not names.time and names.beside == ():
            raise DfecsError(f"{self.path}: has a line a point, but no column 'frame' or 'time' to tell frames apart")
        count, first = self._size
        columns: dict[str, object] = {c: cells.numbers.get(c, cells.texts.get(c)) for c in names.rows}
        row = pd.DataFrame(columns).groupby(list(columns), sort=False, dropna=False).ngroup().to_numpy()
        n = int(row.max()) + 1
        at = self._points - first
        places = row * count + at
        if len(np.unique(places)) < len(places):
            order = np.argsort(places, kind="stable")
            twice = int(order[1:][np.diff(places[order]) == 0][0])
            raise DfecsError(
                f"{self.path}: line {cells.lines[twice]} is the second of one point and frame; several faces need a "
                "column face_id, several recordings a column recording"
            )
        begin = np.unique(row, return_index=True)[1]
        out: dict[str, NDArray[np.float64]] = {}
        for axis, column in (("x", names.x), ("y", names.y)):
            grid = np.full((n, count), np.nan)
            grid[row, at] = cells.numbers[column]
            out.update({f"{axis}_{k}": grid[:, k] for k in range(count)})
        return Cells(
            {c: out[c] if c in out else self._number(c, begin) for c in numbers},
            {c: [self._text(c, int(k)) for k in begin] for c in texts},
            cells.lines[begin],
            cells.total,
            cells.set_aside,
            cells.first_fault,
            np.bincount(row, minlength=n).astype(np.int64),
        )

    def _number(self, column: str, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        values = self._cells.numbers.get(column)
        if values is None:  # a number that tells rows apart, such as that of a face
            values = pd.to_numeric(pd.Series(self._cells.texts[column]), errors="coerce").to_numpy(dtype=np.float64)
        return np.asarray(values[rows], dtype=np.float64)

    def _text(self, column: str, row: int) -> str:
        return self._cells.texts[column][row]


def read_tidy(sheet: Sheet, options: FileOptions) -> Tracks:
    """Read a long table, wherever it comes from."""
    names = _names(sheet.header)
    assert names is not None
    return read_sheet(_Wide(sheet, names), plain.DIALECT, options)


def _read(path: Path, options: FileOptions) -> Tracks:
    return read_tidy(text_sheet(path), options)


def _sniff(_head: bytes, header: tuple[str, ...]) -> bool:
    return is_tidy(header)


READER = FileReader("long", "long table (frame, landmark, x, y)", _sniff, _read)
