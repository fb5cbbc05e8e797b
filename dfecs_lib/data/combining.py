"""Several datasets as one, recordings told apart, and parts of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import INDEX_NAMES, record, stack
from dfecs_lib.keypoints.dataset import Dataset, ReadReport

__all__ = ["combine", "only", "tell_apart", "with_neutral_frame"]

_RECORDING = list(INDEX_NAMES[:3])


def combine(datasets: Sequence[Dataset]) -> Dataset:
    """Return several datasets of one scheme as one; a single one comes back as it is.

    Raises
    ------
    DfecsError
        If they are of different schemes, or hold the same frames, or some name neutral frames and others do not.
    """
    if len(datasets) == 1:
        return datasets[0]
    known = [data.neutral for data in datasets if data.neutral is not None]
    if known and len(known) < len(datasets):
        raise DfecsError("some of these data name their neutral frames and others do not; load and prepare them apart")
    reports = [data.report for data in datasets]
    return Dataset(
        ", ".join(data.name for data in datasets),
        stack(data.keypoints for data in datasets),
        stack(known) if known else None,
        _joined([data.action_units for data in datasets]),
        ReadReport(
            sum(report.frames for report in reports),
            sum(report.failed for report in reports),
            sum(report.dropped for report in reports),
            tuple(entry for report in reports for entry in report.unreadable),
            tuple(note for report in reports for note in report.notes),
        ),
        time=None if (time := _joined([_frame(data.time) for data in datasets])) is None else time.iloc[:, 0],
        estimates=_joined([data.estimates for data in datasets]),
        pose=_joined([data.pose for data in datasets]),
    )


def tell_apart(datasets: list[Dataset]) -> list[Dataset]:
    """Tell recordings of the same name apart by the name of their file's folder."""
    keys = [set(data.keypoints.groupby(level=_RECORDING).groups) for data in datasets]
    count: dict[object, int] = {}
    for mine in keys:
        for key in mine:
            count[key] = count.get(key, 0) + 1
    apart = [
        _with_folder(data) if any(count[key] > 1 for key in mine) else data
        for data, mine in zip(datasets, keys, strict=True)
    ]
    index = apart[0].keypoints.index.append([data.keypoints.index for data in apart[1:]])
    if not index.is_unique:
        raise DfecsError("the same frames are named twice; give each table once, and each recording its own name")
    return apart


def only(data: Dataset, recording: str) -> Dataset:
    """Keep one recording, or one subject, of a dataset."""
    levels = data.keypoints.index
    rows = (levels.get_level_values("recording") == recording) | (levels.get_level_values("subject") == recording)
    if not rows.any():
        raise DfecsError(f"{data.name} has no recording and no subject {recording!r}")
    keypoints = data.keypoints[rows]
    labels = None if data.action_units is None else data.action_units.loc[keypoints.index]
    neutral = None if data.neutral is None else _of_same_people(data.neutral, keypoints)
    return Dataset(data.name, keypoints, neutral, labels, ReadReport(len(keypoints)))


def with_neutral_frame(data: Dataset, frame: int | None) -> Dataset:
    if frame is None:
        return data
    numbers = data.keypoints.index.get_level_values("frame")
    rows = data.keypoints[numbers == frame]
    if rows.empty:
        raise DfecsError(f"{data.name}: has no frame {frame}; its frames run from {numbers.min()} to {numbers.max()}")
    rows.attrs = data.keypoints.attrs
    return replace(data, neutral=record(rows, "neutral", rule="explicit frame", frame=frame))


def _with_folder(data: Dataset) -> Dataset:
    folder = Path(data.name).resolve().parent.name

    def renamed(table: pd.DataFrame) -> pd.DataFrame:
        index = table.index.to_frame(index=False)
        index["recording"] = [f"{folder}/{name}" for name in index["recording"]]
        out = table.set_axis(pd.MultiIndex.from_frame(index), axis=0)
        out.attrs = table.attrs
        return record(out, "rename_recordings", folder=folder)

    def also(table: pd.DataFrame | None) -> pd.DataFrame | None:
        return None if table is None else renamed(table)

    return replace(
        data,
        keypoints=renamed(data.keypoints),
        neutral=also(data.neutral),
        time=None if data.time is None else renamed(data.time.to_frame()).iloc[:, 0],
        estimates=also(data.estimates),
        pose=also(data.pose),
    )


def _of_same_people(neutral: pd.DataFrame, keypoints: pd.DataFrame) -> pd.DataFrame:
    subjects = set(keypoints.index.get_level_values("subject"))
    recordings = set(keypoints.index.get_level_values("recording"))
    matching = [key[1] in subjects and key[2] in recordings for key in neutral.index]
    if not any(matching):
        matching = [key[1] in subjects for key in neutral.index]
    return neutral[matching]


def _frame(series: pd.Series[float] | None) -> pd.DataFrame | None:
    return None if series is None else series.to_frame()


def _joined(tables: Sequence[pd.DataFrame | None]) -> pd.DataFrame | None:
    """Put the tables under one another; None where one of them is missing."""
    there = [table for table in tables if table is not None]
    if len(there) < len(tables):
        return None
    whole = pd.concat(there).sort_index()
    whole.attrs = dict(there[0].attrs)
    return whole
