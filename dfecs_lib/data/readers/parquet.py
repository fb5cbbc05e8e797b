"""Parquet files: the library's own tables, and other programs' tables of points."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from dfecs_lib import keypoints
from dfecs_lib.data.readers import openface, plain, pyfeat
from dfecs_lib.data.readers.columns import has_points
from dfecs_lib.data.readers.files import head_of
from dfecs_lib.data.readers.layout import layout_of
from dfecs_lib.data.readers.registry import FileReader
from dfecs_lib.data.readers.sheets import FrameSheet
from dfecs_lib.data.readers.tabular import read_sheet
from dfecs_lib.data.readers.tidy import is_tidy, read_tidy
from dfecs_lib.data.readers.tracks import FileOptions, Tracks
from dfecs_lib.errors import DfecsError
from dfecs_lib.files import UNREADABLE, read_parquet
from dfecs_lib.keypoints import INDEX_NAMES, TIME
from dfecs_lib.keypoints.dataset import ReadReport
from dfecs_lib.keypoints.labels import validate_action_units
from dfecs_lib.keypoints.path_names import names_from_path
from dfecs_lib.keypoints.plausible import LARGEST_COORDINATE

__all__ = ["READER", "read_frame"]

_FEATHER = b"ARROW1"


def read_frame(path: Path, frame: pd.DataFrame, options: FileOptions) -> Tracks:
    """Read a table in memory as the file that it came from: the columns tell whose it is."""
    levels = [name for name in frame.index.names if name is not None and name not in frame.columns]
    sheet = FrameSheet(path, frame.reset_index(levels) if levels else frame)
    for reader, dialect in (
        (openface.READER, openface.DIALECT),
        (pyfeat.READER, pyfeat.DIALECT),
        (plain.READER, plain.DIALECT),
    ):
        if reader.sniff(b"", sheet.header):
            return read_sheet(sheet, dialect, options)
    if is_tidy(sheet.header):
        return read_tidy(sheet, options)
    shown = ", ".join(sheet.header)[:60]
    raise DfecsError(f"{path}: not a keypoint table and not an AU table: it has no columns x_0, x_1, … but {shown}")


def _renamed(path: Path, table: pd.DataFrame, options: FileOptions) -> pd.DataFrame:
    """Give the rows the names that the caller states; names not stated stay the file's own."""
    given = {} if options.names is None else names_from_path(path, options.names)
    for level in INDEX_NAMES[:3]:
        if (name := getattr(options, level)) is not None:
            given[level] = name
    if not given:
        return table
    names = cast("pd.MultiIndex", table.index).droplevel(["frame"]).unique()
    if "recording" in given and len(names) > 1:
        raise DfecsError(f"{path}: holds {len(names)} recordings, which one recording name cannot cover; leave it out")
    index = table.index.to_frame(index=False).assign(**given)
    out = table.set_axis(pd.MultiIndex.from_frame(index), axis=0).sort_index()
    out.attrs = table.attrs
    return out


def _read(path: Path, options: FileOptions) -> Tracks:
    table = _feather(path) if head_of(path, 16).startswith(_FEATHER) else read_parquet(path)
    own = list(table.index.names) == list(INDEX_NAMES)
    if not own and "scheme" not in table.attrs:
        return read_frame(path, table, options)
    time = None
    try:
        if own and has_points(tuple(map(str, table.columns))):
            attrs = table.attrs
            if TIME in table.columns:
                time = pd.Series(table[TIME].to_numpy(dtype=np.float64), table.index, name=TIME)
                table = table.drop(columns=TIME)
            table.attrs = attrs
        elif own:
            units = _renamed(path, validate_action_units(table), options)
            report = ReadReport(len(units), lines=len(units), lines_used=len(units))
            return Tracks(pd.DataFrame(index=units.index), units, None, None, None, report)
        table = keypoints.validate(table)
    except (DfecsError, TypeError, ValueError) as error:
        raise DfecsError(f"{path}: {error}") from None
    notes = []
    beyond = (table.abs() > LARGEST_COORDINATE).any(axis=1).to_numpy()
    if beyond.any():
        impossible = table.copy()
        impossible[beyond] = np.nan
        impossible.attrs = table.attrs
        table = keypoints.record(impossible, "drop impossible frames", frames=int(beyond.sum()))
        notes.append(f"Failed frames: {int(beyond.sum())} with coordinates beyond {LARGEST_COORDINATE:,.0f} pixels.")
    named = _renamed(path, table, options)
    if time is not None:
        time = _renamed(path, time.to_frame(), options)[TIME]
    values, scheme = named.to_numpy(), keypoints.scheme_of(named)
    failed = int(np.isnan(values).all(axis=1).sum())
    problems = []
    layout = layout_of(values, scheme)
    if failed == len(named):
        problems.append(f"no frame shows a face: all {failed} are without any point")
    elif layout is not None and (layout.nothing or layout.unlike_a_face):
        problems.append(f"the points do not lie as those of a face in the order of {scheme.name} do")
    report = ReadReport(
        len(named), failed=failed, lines=len(named), lines_used=len(named), notes=tuple(notes), problems=tuple(problems)
    )
    return Tracks(named, None, None, time, None, report)


def _feather(path: Path) -> pd.DataFrame:
    try:
        return pd.read_feather(path)
    except UNREADABLE as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DfecsError(f"{path}: not a readable Feather file ({reason[:200]})") from error


def _sniff(head: bytes, _header: tuple[str, ...]) -> bool:
    return head[:4] == b"PAR1" or head.startswith(_FEATHER)


READER = FileReader("parquet", "Parquet or Feather table", _sniff, _read)
