"""A file's table as it stands: names of columns, then the cells that a reader asks for, every line accounted for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from dfecs_lib.data.readers.text import Text, is_comment, split
from dfecs_lib.errors import DfecsError

__all__ = ["Cells", "FrameSheet", "Sheet", "TextSheet"]

# How C++ tools on several systems write "not a number", besides Arrow's own list.
_NAN_SPELLINGS = [*pacsv.ConvertOptions().null_values, "-nan(ind)", "nan(ind)", "1.#QNAN", "-1.#IND", "1.#IND", "inf"]
_NAN_SPELLINGS += ["-inf", "Inf", "-Inf", "infinity", "-infinity", "None", "none", "NONE", "-", "--", "."]
_REST = "#rest"


@dataclass(frozen=True, eq=False)
class Cells:
    """Some columns of a table.

    Parameters
    ----------
    numbers : dict of str to ndarray of shape (n_rows,)
        NaN where a cell is empty, infinite or no number.
    texts : dict of str to list of str
    lines : ndarray of shape (n_rows,)
        Where each row stands in its file, the first line being 1.
    total : int
        Lines of data in the file: `n_rows` and those set aside.
    set_aside : tuple of (str, int)
        Why lines are not among the rows, and how many.
    first_fault : str
        What is wrong with the first line that could not be read.
    lines_each : ndarray of shape (n_rows,) or None
        Lines of the file that each row is made of, where that is not one.
    """

    numbers: dict[str, NDArray[np.float64]]
    texts: dict[str, list[str]]
    lines: NDArray[np.int64]
    total: int
    set_aside: tuple[tuple[str, int], ...] = ()
    first_fault: str = ""
    lines_each: NDArray[np.int64] | None = None

    @property
    def n_rows(self) -> int:
        """Rows at hand."""
        return len(self.lines)

    def lines_of(self, rows: NDArray[np.bool_]) -> int:
        """Return how many lines of the file these rows take."""
        return int(rows.sum() if self.lines_each is None else self.lines_each[rows].sum())


class Sheet(Protocol):
    """A table in a file."""

    @property
    def path(self) -> Path: ...
    @property
    def header(self) -> tuple[str, ...]: ...
    def read(self, numbers: Sequence[str], texts: Sequence[str] = ()) -> Cells: ...
    def first(self, column: str) -> str: ...


@dataclass(frozen=True, eq=False)
class FrameSheet:
    """A table that is in memory already, such as a Parquet file of another tool or an array of points."""

    path: Path
    frame: pd.DataFrame

    @property
    def header(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(map(str, self.frame.columns))

    def first(self, column: str) -> str:
        """Return a column's first cell as text."""
        return str(self.frame.iloc[0, self.header.index(column)]) if len(self.frame) else ""

    def read(self, numbers: Sequence[str], texts: Sequence[str] = ()) -> Cells:
        """Return the columns asked for; DfecsError when one holds something else than numbers."""
        named = self.frame.set_axis(list(self.header), axis=1)
        named = named.loc[:, ~named.columns.duplicated()]
        values: dict[str, NDArray[np.float64]] = {}
        for name in numbers:
            try:
                column = named[name].to_numpy(dtype=np.float64, na_value=np.nan).copy()
            except (TypeError, ValueError) as error:
                raise DfecsError(f"{self.path}: the column {name!r} holds something that is no number") from error
            column[~np.isfinite(column)] = np.nan
            values[name] = column
        strings = {name: ["" if cell is None or cell != cell else str(cell) for cell in named[name]] for name in texts}
        if not len(named):
            raise DfecsError(f"{self.path}: has columns but no frame")
        return Cells(values, strings, np.arange(1, len(named) + 1), len(named))


@dataclass(frozen=True, eq=False)
class TextSheet:
    """A table in a text file: Arrow reads it when every line is as it should be, else line by line what can be read."""

    path: Path
    text: Text

    @property
    def header(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self.text.header

    def first(self, column: str) -> str:
        """Return a column's first cell as text."""
        at = self.header.index(column)
        for line in self.text.data[self.text.start : self.text.start + 65536].decode("utf-8", "replace").split("\n"):
            fields = split(line, self.text.separator)
            if len(fields) > at and not is_comment(line) and fields[at].strip().strip('"') != column:
                return fields[at].strip().strip('"')
        return ""

    def read(self, numbers: Sequence[str], texts: Sequence[str] = ()) -> Cells:
        """Return the columns asked for, and an account of the lines.

        Raises
        ------
        DfecsError
            If there is no line of data, or half of them or more cannot be read.
        """
        text = self.text
        body = memoryview(text.data)[text.start :]
        if not (text.data[text.start : text.start + 4096].strip() or text.data[text.start :].strip()):
            raise DfecsError(f"{self.path}: has a header but no frame")
        first = _first_line(text)
        names = [*_unique(text.header)]
        if first.count(text.separator) == len(names) and first.endswith(text.separator):
            names.append(_REST)  # every line ends with a separator, the header does not
        try:
            table = _arrow(body, names, text, numbers, texts, quoted=text.data.find(b'"', text.start) >= 0)
        except (pa.ArrowException, OSError):
            return self._line_by_line(numbers, texts)
        lines = _line_numbers(text, table.num_rows)
        if lines is None:  # lines were merged, or left out
            return self._line_by_line(numbers, texts)
        return Cells(_numbers(table, numbers), _texts(table, texts), lines, len(lines))

    def _line_by_line(self, numbers: Sequence[str], texts: Sequence[str]) -> Cells:
        kept, lines, aside, fault = _sorted_out(self.text)
        total = len(kept) + sum(aside.values())
        bad = np.zeros(len(kept), dtype=np.bool_)
        values: dict[str, NDArray[np.float64]] = {}
        strings: dict[str, list[str]] = {}
        if kept:
            body = memoryview("\n".join(kept).encode())
            try:
                table = _arrow(body, _unique(self.text.header), self.text, [], [*numbers, *texts], quoted=True)
            except (pa.ArrowException, OSError) as error:
                raise DfecsError(f"{self.path}: not a readable table ({str(error).splitlines()[0][:200]})") from error
            if table.num_rows != len(kept):
                raise DfecsError(f"{self.path}: its quotation marks are in disorder; save it again, without any")
            strings = _texts(table, texts)
            for name in numbers:
                values[name], wrong = _as_numbers(_texts(table, [name])[name], self.text.decimal)
                if wrong.any() and not bad.any():
                    row = int(np.argmax(wrong))
                    cell = table[name][row].as_py()[:40]
                    fault = fault or f"line {lines[row]} holds {cell!r} in the column {name!r}"
                bad |= wrong
            if bad.any():
                aside["that hold something else than numbers"] = int(bad.sum())
        lost = sum(n for why, n in aside.items() if why not in _HARMLESS)
        frames = total - sum(n for why, n in aside.items() if why in _HARMLESS)
        if not frames:
            raise DfecsError(f"{self.path}: has a header but no frame")
        if 2 * lost >= frames:
            raise DfecsError(
                f"{self.path}: {lost} of {frames} lines cannot be read ({fault}); the file is cut off or damaged"
            )
        good = np.flatnonzero(~bad)
        return Cells(
            {name: column[good] for name, column in values.items()},
            {name: [cells[k] for k in good] for name, cells in strings.items()},
            np.array(lines, dtype=np.int64)[good],
            total,
            tuple(aside.items()),
            fault,
        )


_COMMENTS, _HEADERS = "of comments", "that repeat the header"
_HARMLESS = (_COMMENTS, _HEADERS)
_CUT = "cut off at the end"
_WIDTH = "with too few or too many fields"


def _unique(header: Sequence[str]) -> list[str]:
    """Only the first column of a name keeps it."""
    return [name if name not in header[:i] else f"{name}#{i}" for i, name in enumerate(header)]


def _first_line(text: Text) -> str:
    end = text.data.find(b"\n", text.start)
    return text.data[text.start : end if end >= 0 else None].decode("utf-8", "replace")


def _arrow(
    body: memoryview, names: Sequence[str], text: Text, numbers: Sequence[str], texts: Sequence[str], *, quoted: bool
) -> pa.Table:
    return pacsv.read_csv(
        pa.BufferReader(pa.py_buffer(body)),
        read_options=pacsv.ReadOptions(column_names=names, use_threads=False),
        parse_options=pacsv.ParseOptions(delimiter=text.separator, quote_char='"' if quoted else False),
        convert_options=pacsv.ConvertOptions(
            include_columns=[*numbers, *texts],
            column_types={**dict.fromkeys(numbers, pa.float64()), **dict.fromkeys(texts, pa.string())},
            null_values=_NAN_SPELLINGS,
            decimal_point=text.decimal,
        ),
    )


def _line_numbers(text: Text, n_rows: int) -> NDArray[np.int64] | None:
    """Return where each row stands, when there is one for each line that is not empty; else None."""
    n_lines = text.data.count(b"\n", text.start) + (not text.data.endswith(b"\n"))
    first = text.skip + 1
    if n_lines == n_rows:
        return np.arange(first, first + n_rows)
    filled = [k for k, line in enumerate(text.data[text.start :].split(b"\n")) if line]
    return np.array(filled, dtype=np.int64) + first if len(filled) == n_rows else None


def _numbers(table: pa.Table, names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    values: dict[str, NDArray[np.float64]] = {}
    for name in names:
        column = cast("NDArray[np.float64]", table[name].to_numpy()).astype(np.float64)
        column[~np.isfinite(column)] = np.nan
        values[name] = column
    return values


def _texts(table: pa.Table, names: Sequence[str]) -> dict[str, list[str]]:
    return {name: [(text or "").strip() for text in table[name].to_pylist()] for name in names}


def _sorted_out(text: Text) -> tuple[list[str], list[int], dict[str, int], str]:
    """Sort lines into those with the right number of fields, and reasons against the others, counted."""
    width, header = len(text.header), [name.strip('"') for name in text.header]
    kept: list[str] = []
    numbers: list[int] = []
    aside: dict[str, int] = {}
    fault = ""
    every = text.data[text.start :].decode("utf-8", "replace").replace("\0", "\ufffd").split("\n")
    last = max((k for k, line in enumerate(every) if line.strip()), default=-1)
    for k, line in enumerate(every):
        if not line.strip():
            continue
        fields = split(line, text.separator)
        n = len(fields)
        if n == width + 1 and not fields[-1].strip():
            n = width
            line = line.rstrip().removesuffix(text.separator)
        if n == width and [field.strip().strip('"') for field in fields[:width]] == header:
            aside[_HEADERS] = aside.get(_HEADERS, 0) + 1
        elif n == width:
            kept.append(line.replace('"', "'") if line.count('"') % 2 else line)
            numbers.append(text.skip + 1 + k)
        elif is_comment(line):
            aside[_COMMENTS] = aside.get(_COMMENTS, 0) + 1
        else:
            why = _CUT if k == last and n < width else _WIDTH
            fault = fault or f"line {text.skip + 1 + k} has {n} fields where the header has {width}"
            aside[why] = aside.get(why, 0) + 1
    return kept, numbers, aside, fault


def _as_numbers(cells: list[str], decimal: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return cells as numbers, and where a cell is neither a number nor a word for none."""
    raw = pd.Series(cells, dtype=object)
    if decimal == ",":
        raw = raw.str.replace(",", ".", regex=False)
    values = pd.to_numeric(raw, errors="coerce").to_numpy(dtype=np.float64).copy()
    absent = raw.isin(["", *_NAN_SPELLINGS]).to_numpy(dtype=np.bool_)
    wrong = np.isnan(values) & ~absent
    values[~np.isfinite(values)] = np.nan
    return values, np.asarray(wrong, dtype=np.bool_)
