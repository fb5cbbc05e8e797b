"""Text as programs of many countries and systems write it: encodings, separators, decimal commas, compressed files."""

from __future__ import annotations

import csv
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dfecs_lib.data.readers.columns import find_points
from dfecs_lib.errors import DfecsError

__all__ = ["Text", "has_no_header", "is_comment", "split", "text_of"]

_SEPARATORS = (",", ";", "\t", "|")
_COMMENT = ("#", "%", "//")
_GZIP = b"\x1f\x8b"
#: A text of numbers shrinks to a tenth; what unpacks to a hundred times its size is no table.
_MOST_UNPACKED = 100
_MANY_LINES = 50
_MOST_ROWS = 4  # of a header
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
_NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?|nan|NaN|")


@dataclass(frozen=True, eq=False)
class Text:
    """A table as text: `data` in UTF-8, lines ended by a line feed, of which the first `skip` end with the header.

    `start` is where in `data` the line after the header begins.
    """

    data: bytes
    header: tuple[str, ...]
    start: int
    skip: int
    separator: str
    decimal: str


def is_comment(line: str) -> bool:
    """Whether a line speaks to people only."""
    return line.lstrip().startswith(_COMMENT)


def split(line: str, separator: str) -> list[str]:
    """Return the fields of one line; a quotation mark without its partner is a character like others."""
    if '"' not in line or line.count('"') % 2:
        return line.split(separator)
    return next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])


def text_of(path: Path, data: bytes) -> Text | None:
    """Return the table that the bytes of a file hold as text; None when they are no text.

    Raises
    ------
    DfecsError
        If a compressed file is damaged, or unpacks to far more than a table would.
    """
    utf8 = _utf8(_unpacked(path, data) if data.startswith(_GZIP) else data)
    if utf8 is None:
        return None
    if b"\r" in utf8:
        utf8 = utf8.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    at, separator, header = _header(_lines(utf8, 0))
    if separator == " ":
        utf8, separator = re.sub(rb"(?m)^ +| +$", b"", utf8), "\t"
        utf8 = re.sub(rb" +", b"\t", utf8)
    start = 0
    for _ in range(at + 1):
        end = utf8.find(b"\n", start)
        start = len(utf8) if end < 0 else end + 1
    return Text(utf8, header, start, at + 1, separator, _decimal(utf8, start, separator))


def _lines(data: bytes, start: int) -> Iterator[str]:
    """Yield the first lines from a place on."""
    for _ in range(_MANY_LINES):
        end = data.find(b"\n", start)
        if start >= len(data):
            return
        yield data[start : end if end >= 0 else len(data)].decode("utf-8", "replace")
        start = end + 1 if end >= 0 else len(data)


def _unpacked(path: Path, data: bytes) -> bytes:
    limit = max(_MOST_UNPACKED * len(data), 1 << 24)
    parts, size = [], 0
    while data.startswith(_GZIP):  # a .gz file may have several members
        unpacker = zlib.decompressobj(wbits=31)
        try:
            parts.append(unpacker.decompress(data, limit - size + 1))
        except zlib.error as error:
            raise DfecsError(f"{path}: is a damaged .gz file ({error})") from error
        size += len(parts[-1])
        if size > limit:
            raise DfecsError(f"{path}: unpacks to more than {_MOST_UNPACKED} times its size, which no table does")
        data = unpacker.unused_data
    return b"".join(parts)  # what a cut file still holds; its last line is told of when lines are read


def _utf8(data: bytes) -> bytes | None:
    """Return text of any encoding in UTF-8, without its mark of byte order; None when it is no text."""
    encoding = None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    head = data[:4096]
    if encoding is None and b"\0" in head:
        even, odd = head[::2].count(b"\0"), head[1::2].count(b"\0")
        if not even and odd > len(head) // 4:
            encoding = "utf-16-le"
        elif not odd and even > len(head) // 4:
            encoding = "utf-16-be"
        else:
            return None
    if encoding is not None:
        return data.decode(encoding, "replace").encode("utf-8", "replace")
    if not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            # Names in the code page of a Western Windows; every byte means something in Latin-1.
            return data.decode("latin-1").encode("utf-8")
    return data


def _names(line: str, separator: str) -> tuple[str, ...]:
    fields = line.split() if separator == " " else split(line, separator)
    names = [name.strip().strip('"').strip() for name in fields]
    return tuple(names[:-1] if len(names) > 1 and not names[-1] else names)


def _header(lines: Iterable[str]) -> tuple[int, str, tuple[str, ...]]:
    """Find the line of column names: (its number from 0, the separator, the names)."""
    told: str | None = None
    first: tuple[int, str, tuple[str, ...]] | None = None
    above: list[tuple[str, ...]] = []  # lines of names that stand right above
    for number, raw in enumerate(lines):
        hint = re.fullmatch(r'"?sep=(.)"?', raw.strip("\n "))
        if hint:
            told = hint[1]
            continue
        if not raw.strip():
            continue
        line = raw.lstrip().lstrip("#%").lstrip() if is_comment(raw) else raw
        counts = {sep: line.count(sep) for sep in _SEPARATORS}
        likely = told if told is not None and told in line else max(counts, key=counts.__getitem__)
        separator = likely if line.count(likely) else " "
        names = _names(line, separator)
        if first is None and not is_comment(raw):
            first = number, "," if separator == " " else separator, _names(line, "," if separator == " " else separator)
        try:
            if find_points(names) is not None:
                return number, separator, names
        except DfecsError:  # two sets of points: a header all the same
            return number, separator, names
        above = [*above, names][-_MOST_ROWS:] if not above or len(above[-1]) == len(names) else [names]
        if joined := _stacked(above):
            return number, separator, joined
    return first or (0, ",", ())


def _stacked(rows: list[tuple[str, ...]]) -> tuple[str, ...] | None:
    """Return the names that several header lines make together (DeepLabCut: scorer, bodyparts, coords); else None.

    A line that says the same of every column, such as who tracked, names nothing.
    """
    for start in range(len(rows) - 1):
        telling = [row for row in rows[start:] if len(set(row[1:])) > 1]
        if len(telling) < 2 or telling[-1] != rows[-1]:
            continue
        names = tuple("_".join(filter(None, parts)) for parts in zip(*telling, strict=True))
        index = {"bodyparts_coords", "individuals_bodyparts_coords", ""}
        names = tuple("frame" if k == 0 and name in index else name for k, name in enumerate(names))
        try:
            if find_points(names) is not None:
                return names
        except DfecsError:
            return names
    return None


def _decimal(data: bytes, start: int, separator: str) -> str:
    if separator == "," and data.find(b'"', start) < 0:
        return "."
    for line in _lines(data, start):
        if "," not in line or is_comment(line):
            continue
        if any(_DECIMAL_COMMA.fullmatch(cell.strip()) for cell in split(line, separator)):
            return ","
    return "."


def has_no_header(header: tuple[str, ...]) -> bool:
    """Whether what stands where column names are expected is numbers."""
    names = header[0].split() if len(header) == 1 else header
    return len(names) > 1 and all(_NUMBER.fullmatch(name) for name in names)
