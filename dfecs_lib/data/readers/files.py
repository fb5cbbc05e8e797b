"""Opening a file safely: one clear sentence for everything that can be wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from dfecs_lib.data.readers.sheets import TextSheet
from dfecs_lib.data.readers.tabular import Dialect, read_sheet
from dfecs_lib.data.readers.text import text_of
from dfecs_lib.data.readers.tracks import FileOptions, Tracks
from dfecs_lib.errors import DfecsError
from dfecs_lib.files import exists

__all__ = ["head_of", "header_of", "read_with", "text_sheet"]


def head_of(path: Path, size: int = 65536) -> bytes:
    """Return the file's first bytes.

    Raises
    ------
    DfecsError
        If the file is missing, is a folder, is empty or may not be read.
    """
    head = _bytes_of(path, size)
    if not head.strip():
        raise DfecsError(f"{path}: the file is empty")
    return head


def _bytes_of(path: Path, size: int = -1) -> bytes:
    if not exists(path):
        raise DfecsError(f"{path}: no such file")
    if path.is_dir():
        raise DfecsError(f"{path}: is a folder where a file is needed")
    try:
        with path.open("rb") as stream:
            return stream.read(size)
    except OSError as error:
        raise DfecsError(f"{path}: cannot be read ({error.strerror})") from error


def header_of(path: Path, head: bytes) -> tuple[str, ...]:
    """Return the column names that the first bytes of a file hold; () when they are no text."""
    text = text_of(path, head)
    return () if text is None else text.header


def text_sheet(path: Path) -> TextSheet:
    """Open a text file as a table.

    Raises
    ------
    DfecsError
        If it cannot be read, is empty, or is no text.
    """
    data = _bytes_of(path)
    if not (data[:4096].strip() or data.strip()):
        raise DfecsError(f"{path}: the file is empty")
    text = text_of(path, data)
    if text is None:
        raise DfecsError(f"{path}: is no text file")
    return TextSheet(path, text)


def _read(path: Path, options: FileOptions, *, dialect: Dialect) -> Tracks:
    return read_sheet(text_sheet(path), dialect, options)


def read_with(dialect: Dialect) -> Callable[[Path, FileOptions], Tracks]:
    """Return the function that reads text files of a dialect."""
    return partial(_read, dialect=dialect)
