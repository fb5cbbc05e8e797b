"""DISFA's ``Error_LOG_Sheet``: which frames of which subject were badly tracked."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from dfecs_lib.errors import DfecsError

__all__ = ["find_error_log", "read_error_log"]

_NAMES = ("Error_LOG_Sheet.xls", "Error_LOG_Sheet.xlsx", "Error_LOG_Sheet.csv")
_LONGEST = 1_000_000


def find_error_log(folder: Path) -> Path | None:
    """Return the error log of a DISFA folder, whatever its letters' case, or None."""
    by_name = {path.name.lower(): path for path in folder.iterdir()}
    return next((by_name[name.lower()] for name in _NAMES if name.lower() in by_name), None)


def _cells(path: Path) -> list[list[str]]:
    try:
        if path.suffix.lower() == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as stream:
                rows: list[list[object]] = [list(row) for row in csv.reader(stream)]
        else:
            sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(0)
            rows = [list(row) for row in sheet.to_python()]
    except (CalamineError, OSError, ValueError, csv.Error) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DfecsError(f"{path}: not a readable table ({reason}); save it as .csv") from error
    return [[str(cell).strip() for cell in row] for row in rows]


def _frames_of(cell: str) -> list[int]:
    """Return the frame numbers in a cell: one, or the two of a range such as ``120-135``."""
    number = re.fullmatch(r"(\d{1,9})(?:\.0*)?", cell)
    pair = re.fullmatch(r"(\d{1,9})\s*(?:-|–|to)\s*(\d{1,9})", cell)
    if number:
        return [int(number[1])]
    return [int(pair[1]), int(pair[2])] if pair else []


def _columns(row: list[str]) -> list[int] | None:
    """Return the positions of the start and end columns, in order, when the row is a heading that names them."""
    words = [cell.lower() for cell in row]
    starts = [i for i, word in enumerate(words) if re.search(r"\b(start|begin|from|first)", word)]
    ends = [i for i, word in enumerate(words) if re.search(r"\b(end|stop|to|last)", word)]
    if not starts or len(starts) != len(ends):
        return None
    return [i for pair in zip(starts, ends, strict=True) for i in pair]


def read_error_log(path: Path) -> dict[str, set[int]]:
    """Return the badly tracked frames by subject.

    Every row names a subject (``SN001``; blank: the one above) and then pairs of first and last frame, both bad.
    A heading that says start and end picks the columns; otherwise every number after the subject counts.

    Raises
    ------
    DfecsError
        If the sheet cannot be read, names no subject, or a row does not hold pairs.
    """
    bad: dict[str, set[int]] = {}
    subject, columns = "", None
    for line, row in enumerate(_cells(path), start=1):
        columns = _columns(row) or columns
        named = [(i, m) for i, cell in enumerate(row) if (m := re.fullmatch(r"(?i)SN\s*0*(\d{1,9})", cell))]
        if named:
            subject = f"SN{int(named[0][1][1]):03d}"
            bad.setdefault(subject, set())
        if not subject:
            continue
        after = named[0][0] + 1 if named else 0
        cells = [row[i] for i in columns if i < len(row)] if columns else row[after:]
        numbers = [number for cell in cells for number in _frames_of(cell)]
        if len(numbers) % 2:
            raise DfecsError(
                f"{path}: row {line} holds no pairs of first and last frame: {', '.join(filter(None, row))}"
            )
        for first, last in zip(numbers[::2], numbers[1::2], strict=True):
            if last < first:
                raise DfecsError(f"{path}: row {line} has a range that ends before it starts ({first} to {last})")
            if last - first > _LONGEST:
                raise DfecsError(f"{path}: row {line} has a range longer than any film ({first} to {last})")
            bad[subject].update(range(first, last + 1))
    if not bad:
        raise DfecsError(f"{path}: names no subject (SN001 …) in any row")
    return bad
