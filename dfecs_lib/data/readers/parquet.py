"""The library's own tables, as Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pandas as pd

from dfecs_lib import keypoints
from dfecs_lib.data.readers.files import head_of
from dfecs_lib.data.readers.registry import FileOptions, FileReader
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints.labels import load_action_units

__all__ = ["READER"]


def _renamed(path: Path, table: pd.DataFrame, options: FileOptions) -> pd.DataFrame:
    """Give the rows the names that the caller states; names not stated stay the file's own."""
    given = {
        level: name for level in ("dataset", "subject", "recording") if (name := getattr(options, level)) is not None
    }
    if not given:
        return table
    names = cast("pd.MultiIndex", table.index).droplevel(["frame"]).unique()
    if "recording" in given and len(names) > 1:
        raise DfecsError(f"{path}: holds {len(names)} recordings, which one recording name cannot cover; leave it out")
    index = table.index.to_frame(index=False).assign(**given)
    out = table.set_axis(pd.MultiIndex.from_frame(index), axis=0).sort_index()
    out.attrs = table.attrs
    return out


def _keypoints(path: Path, options: FileOptions) -> pd.DataFrame:
    head_of(path, 16)
    return keypoints.validate(_renamed(path, keypoints.load(path), options))


def _action_units(path: Path, options: FileOptions) -> pd.DataFrame:
    head_of(path, 16)
    return _renamed(path, load_action_units(path), options)


def _sniff(head: bytes, _header: tuple[str, ...]) -> bool:
    return head[:4] == b"PAR1"


READER = FileReader("parquet", "dfecs Parquet table", _sniff, _keypoints, _action_units)
