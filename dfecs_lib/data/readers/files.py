"""Reading a file safely: one clear sentence for everything that can be wrong with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError

__all__ = ["head_of", "header_of", "read_columns", "whole_frames"]

# How C++ tools on several systems write "not a number", besides Arrow's own list.
_NAN_SPELLINGS = [*pacsv.ConvertOptions().null_values, "-nan(ind)", "nan(ind)", "1.#QNAN", "-1.#IND", "1.#IND"]


def head_of(path: Path, size: int = 65536) -> bytes:
    """Return the file's first bytes.

    Raises
    ------
    DfecsError
        If the file is missing, is a folder, is empty or may not be read.
    """
    if not path.exists():
        raise DfecsError(f"{path}: no such file")
    if path.is_dir():
        raise DfecsError(f"{path}: is a folder where a file is needed")
    try:
        with path.open("rb") as stream:
            head = stream.read(size)
    except OSError as error:
        raise DfecsError(f"{path}: cannot be read ({error.strerror})") from error
    if not head.strip():
        raise DfecsError(f"{path}: the file is empty")
    return head


def header_of(head: bytes) -> tuple[str, ...]:
    """Return the column names in the first line of a CSV file, blanks stripped; () when the bytes are no text."""
    if b"\0" in head:
        return ()
    try:
        line = head.split(b"\n", 1)[0].decode("utf-8-sig")
    except UnicodeDecodeError:
        return ()
    return tuple(name.strip().strip('"').strip() for name in line.rstrip("\r").split(","))


def _csv_error(path: Path, error: Exception) -> DfecsError:
    message = str(error).splitlines()[0]
    fields = re.search(r"Expected (\d+) columns, got (\d+)", message)
    if fields:
        return DfecsError(
            f"{path}: a line has {fields[2]} fields where the header has {fields[1]}; the file is cut off or damaged"
        )
    return DfecsError(f"{path}: not a readable CSV file ({message[:200]})")


def read_columns(
    path: Path, header: Sequence[str], numbers: Sequence[str], texts: Sequence[str] = ()
) -> tuple[dict[str, NDArray[np.float64]], dict[str, list[str]]]:
    """Read some columns of a CSV file.

    Parameters
    ----------
    path : Path
    header : sequence of str
        All column names (see `header_of`).
    numbers, texts : sequences of str
        The columns wanted as float64 (NaN where empty, infinite or not a number) and as text.

    Raises
    ------
    DfecsError
        If a column is missing, a line is cut off, a cell is no number, or there is no row at all.
    """
    missing = [name for name in (*numbers, *texts) if name not in header]
    if missing:
        shown = ", ".join(missing[:6]) + " …" * (len(missing) > 6)
        raise DfecsError(f"{path}: lacks {len(missing)} of the columns needed: {shown}")
    # Arrow checks the number of fields of every line, which pandas does not for short lines.
    # Names are made unique: only the wanted ones keep theirs, first come first served.
    unique = [name if name not in header[:i] else f"{name}#{i}" for i, name in enumerate(header)]
    try:
        table = pacsv.read_csv(
            path,
            read_options=pacsv.ReadOptions(column_names=unique, skip_rows=1, use_threads=False),
            convert_options=pacsv.ConvertOptions(
                include_columns=[*numbers, *texts],
                column_types={**dict.fromkeys(numbers, pa.float64()), **dict.fromkeys(texts, pa.string())},
                null_values=_NAN_SPELLINGS,
            ),
        )
    except (pa.ArrowException, OSError) as error:
        raise _csv_error(path, error) from error
    if table.num_rows == 0:
        raise DfecsError(f"{path}: has a header but no frame")
    values: dict[str, NDArray[np.float64]] = {}
    for name in numbers:
        column = cast("NDArray[np.float64]", table[name].to_numpy()).astype(np.float64)
        column[~np.isfinite(column)] = np.nan
        values[name] = column
    return values, {name: [text or "" for text in table[name].to_pylist()] for name in texts}


def whole_frames(path: Path, frames: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return frame numbers as integers; DfecsError when one is missing or broken."""
    bad = ~(np.isfinite(frames) & (frames == np.round(frames)))
    if bad.any():
        raise DfecsError(f"{path}: the column 'frame' holds no whole number in row {int(np.argmax(bad)) + 1}")
    return frames.astype(np.int64)
