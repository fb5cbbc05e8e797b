"""The loader registry: a new format is one reader module and one `register` call in the package's ``__init__``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from dfecs_lib.data.readers.tracks import FileOptions, Tracks
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints.dataset import Readings

__all__ = [
    "DatasetReader",
    "FileReader",
    "dataset_reader",
    "dataset_readers",
    "file_reader",
    "file_readers",
    "register",
]


class ReadFunction(Protocol):
    """Reads one file; a keypoint table alone will do."""

    def __call__(self, path: Path, options: FileOptions, /) -> Tracks | pd.DataFrame: ...


@dataclass(frozen=True)
class FileReader:
    """One file format: how it is recognised by its first bytes and its column names, and how it is read."""

    name: str
    title: str
    sniff: Callable[[bytes, tuple[str, ...]], bool]
    read: ReadFunction


@dataclass(frozen=True)
class DatasetReader:
    """One dataset layout on disc.

    Parameters
    ----------
    name : str
        What the manifest calls it.
    scheme : str
        Keypoint scheme of its tables.
    neutral : str
        The neutral rule that suits it (see `dfecs_lib.keypoints.known_neutral`).
    sniff : callable (folder) -> bool
        Whether a folder has this layout; cheap.
    read : callable (folder, *, name, n_jobs, progress, **options) -> Readings
    inventory : callable (folder) -> DataFrame
        One row per recording, columns ``subject, recording, frames``, counted from names, not from contents
        (frames may be counted from lines).
    tracks : callable (folder) -> list of (path, subject, recording), optional
        Of datasets whose recordings are one file each of a tool that says more than points (`read_tracks`).
    frames_per_second : float, optional
        As the dataset's publication states it; None where it does not, or where files tell the time themselves.
    first_frame : int
        Number of a recording's first frame.
    """

    name: str
    scheme: str
    neutral: str
    sniff: Callable[[Path], bool]
    read: Callable[..., Readings]
    inventory: Callable[[Path], pd.DataFrame]
    tracks: Callable[[Path], list[tuple[Path, str, str]]] | None = None
    frames_per_second: float | None = None
    first_frame: int = 0


_FILES: dict[str, FileReader] = {}
_DATASETS: dict[str, DatasetReader] = {}


def register(reader: FileReader | DatasetReader) -> None:
    """Make a reader known under its name; a later registration of the same name replaces the earlier one."""
    if isinstance(reader, FileReader):
        _FILES[reader.name] = reader
    else:
        _DATASETS[reader.name] = reader


def file_readers() -> dict[str, FileReader]:
    """Return every file reader by name, in the order of registration."""
    return dict(_FILES)


def dataset_readers() -> dict[str, DatasetReader]:
    """Return every dataset reader by name, in the order of registration."""
    return dict(_DATASETS)


def file_reader(name: str) -> FileReader:
    """Return the file reader of that name; DfecsError names the known ones."""
    if name not in _FILES:
        raise DfecsError(f"unknown source {name!r}; known: {', '.join([*_FILES, *_DATASETS])}")
    return _FILES[name]


def dataset_reader(name: str) -> DatasetReader:
    """Return the dataset reader of that name; DfecsError names the known ones."""
    if name not in _DATASETS:
        raise DfecsError(f"no reader {name!r} for a dataset folder; known: {', '.join(_DATASETS)}")
    return _DATASETS[name]
