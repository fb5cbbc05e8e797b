"""Keypoint tables in Parquet files, with the time of their frames."""

from __future__ import annotations

import os

import pandas as pd

from dfecs_lib.files import read_parquet, write_parquet
from dfecs_lib.keypoints.by_name import same_rows
from dfecs_lib.keypoints.table import KeypointTableError, validate

__all__ = ["TIME", "load", "save"]

#: Name of the column of seconds in files, and of the Series of them.
TIME = "time"


def save(table: pd.DataFrame, path: str | os.PathLike[str], *, time: pd.Series[float] | None = None) -> None:
    """Write a keypoint table to Parquet, attrs included; the file appears whole or not at all.

    Parameters
    ----------
    table : keypoint table
    path : str or path
    time : Series, optional
        Seconds from the start of each row's recording, under the table's index: written as the column ``time``, which
        `dfecs_lib.data.readers.read_tracks` gives back.
    """
    table = validate(table)
    if time is not None:
        attrs = table.attrs
        table = table.assign(**{TIME: same_rows(time, table.index, "the time")})
        table.attrs = attrs
    write_parquet(table, path)


def load(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a keypoint table from Parquet (see `save`), without its time; DfecsError says why a file is not one."""
    table = read_parquet(path)
    attrs = table.attrs
    table = table.drop(columns=TIME, errors="ignore")
    table.attrs = attrs
    try:
        return validate(table)
    except KeypointTableError as error:
        raise KeypointTableError(f"{os.fspath(path)}: {error}") from None
