"""What a tracking program says beside points: its own estimates of action units, and the head's pose."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pandas as pd

from dfecs_lib.data.datasets import present_folder
from dfecs_lib.data.manifest import load_manifest
from dfecs_lib.data.readers.read import read_tracks
from dfecs_lib.data.readers.registry import dataset_reader
from dfecs_lib.errors import DfecsError

__all__ = ["read_beside"]


def read_beside(
    what: str, manifest: str | os.PathLike[str] | None = None
) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """Read a tool's action units and poses, under the index that `dfecs_lib.load` gives the points of the same name.

    These are another program's estimates, not truth.

    Parameters
    ----------
    what : str
        A dataset of the manifest whose recordings are a tool's files (``"ravdess"``, ``"krsl"``), or one file.
    manifest : path, optional

    Returns
    -------
    action_units : DataFrame or None
        Columns ``AU01 …``; None where the files have none.
    pose : DataFrame or None
        Columns ``pitch, yaw, roll``, degrees; None where the files have none.

    Raises
    ------
    AbsentDataError
        If the dataset is not on this machine.
    DfecsError
        If it does not come as files of a tool.

    Examples
    --------
    >>> from dfecs_lib.data.beside import read_beside
    >>> units, pose = read_beside("ravdess-small")  # doctest: +SKIP
    """
    if Path(what).is_file():
        one = read_tracks(what)
        return one.action_units, one.pose
    entry = load_manifest(manifest)[what]
    reader = None if entry.reader in ("video", "array", "simulate") else dataset_reader(entry.reader)
    if reader is None or reader.tracks is None:
        raise DfecsError(f"{what}: its files are no tool's, so that there is nothing beside the points")
    units, poses = [], []
    for path, subject, recording in reader.tracks(present_folder(entry)):
        with suppress(DfecsError):  # a file that cannot be read is named where the points are
            tracks = read_tracks(path, dataset=what, subject=subject, recording=recording)
            units += [] if tracks.action_units is None else [tracks.action_units]
            poses += [] if tracks.pose is None else [tracks.pose]
    return tuple(_stacked(tables) for tables in (units, poses))  # type: ignore[return-value]  # two of them


def _stacked(tables: list[pd.DataFrame]) -> pd.DataFrame | None:
    if not tables:
        return None
    whole = pd.concat(tables).sort_index()
    whole.attrs = dict(tables[0].attrs)
    return whole
