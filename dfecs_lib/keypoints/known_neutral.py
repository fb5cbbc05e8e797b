"""Neutral frames by rules that labels or a dataset's design give; unlabelled recordings: `dfecs_lib.neutral`."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import record
from dfecs_lib.keypoints.dataset import Readings

__all__ = ["RULES", "calmest_run", "first_frame", "same_frame"]

_SUBJECT = ["dataset", "subject"]
_RECORDING = ["dataset", "subject", "recording"]


def _usable(table: pd.DataFrame) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(table.to_numpy()).any(axis=1), dtype=np.bool_)


def _rows(table: pd.DataFrame, rows: list[int], rule: str, **how: object) -> pd.DataFrame:
    chosen = table.iloc[sorted(rows)]
    chosen.attrs = dict(table.attrs)
    return record(chosen, "neutral", rule=rule, **how)


def _groups(table: pd.DataFrame, levels: list[str]) -> list[tuple[str, NDArray[np.intp]]]:
    found = cast("dict[tuple[str, ...], NDArray[np.intp]]", table.groupby(level=levels).indices)
    return [("/".join(filter(None, key)), rows) for key, rows in found.items()]


def same_frame(readings: Readings, neutral_frame: int = 3741) -> tuple[pd.DataFrame, list[str]]:
    """Take the same frame number of every subject (DISFA: all watch one film).

    Where that frame is missing, dropped or failed, the stand-in is the subject's usable frame with the smallest sum
    of action units (unknown counts as 0), and among those the one nearest in time; a note names it.

    Returns
    -------
    neutral : keypoint table
        One row a subject.
    notes : list of str
    """
    table = readings.keypoints
    usable = _usable(table)
    frames = table.index.get_level_values("frame").to_numpy()
    labels = readings.action_units
    sums = np.zeros(len(table)) if labels is None else np.nansum(labels.to_numpy(), axis=1)
    chosen, notes = [], []
    for name, rows in _groups(table, _SUBJECT):
        rows = rows[usable[rows]]
        if not len(rows):
            notes.append(f"{name} has no usable frame, hence no neutral one.")
            continue
        exact = rows[frames[rows] == neutral_frame]
        if len(exact):
            chosen.append(int(exact[0]))
            continue
        best = min(rows, key=lambda row: (sums[row], abs(int(frames[row]) - neutral_frame), row))
        chosen.append(int(best))
        notes.append(
            f"{name} has no usable frame {neutral_frame}; frame {frames[best]} stands in as neutral "
            f"(sum of its action units {sums[best]:g})."
        )
    return _rows(table, chosen, "frame", frame=neutral_frame, stand_ins=len(notes)), notes


def first_frame(readings: Readings) -> tuple[pd.DataFrame, list[str]]:
    """Take the first frame of every recording (CK+: each sequence starts neutral); a note where it is unusable.

    Returns
    -------
    neutral : keypoint table
        One row a recording.
    notes : list of str
    """
    table = readings.keypoints
    usable = _usable(table)
    frames = table.index.get_level_values("frame").to_numpy()
    chosen, notes = [], []
    for name, rows in _groups(table, _RECORDING):
        good = rows[usable[rows]]
        if not len(good):
            notes.append(f"{name} has no usable frame, hence no neutral one.")
            continue
        chosen.append(int(good[0]))
        if good[0] != rows[0]:
            notes.append(f"{name}: frame {frames[rows[0]]} is unusable; frame {frames[good[0]]} stands in as neutral.")
    return _rows(table, chosen, "first-frame", stand_ins=len(notes)), notes


def _longest_run(calm: NDArray[np.bool_], recordings: NDArray[np.intp], frames: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the positions of the longest stretch of calm frames that follow each other in one recording."""
    where = np.flatnonzero(calm)
    follows = (np.diff(frames[where]) == 1) & (np.diff(recordings[where]) == 0)
    runs = np.split(where, np.flatnonzero(~follows) + 1)
    return max(runs, key=len)


def calmest_run(readings: Readings) -> tuple[pd.DataFrame, list[str]]:
    """Take, per subject, the middle of the longest run of frames with that subject's fewest action units (BP4D).

    The sum of a frame counts unknown units as 0; frames without any code are left aside, as are failed ones.

    Returns
    -------
    neutral : keypoint table
        One row a subject.
    notes : list of str

    Raises
    ------
    DfecsError
        If the dataset has no labels at all.
    """
    table, labels = readings.keypoints, readings.action_units
    if labels is None:
        raise DfecsError("the neutral rule 'calmest-run' needs action unit labels; use neutral='choose'")
    codes = labels.to_numpy()
    usable = _usable(table)
    coded = usable & np.isfinite(codes).any(axis=1)
    sums = np.nansum(codes, axis=1)
    frames = table.index.get_level_values("frame").to_numpy()
    recordings = table.groupby(level=_RECORDING).ngroup().to_numpy()
    chosen, notes = [], []
    for name, rows in _groups(table, _SUBJECT):
        rows_coded = rows[coded[rows]]
        if len(rows_coded):
            calm = sums[rows_coded] == sums[rows_coded].min()
            run = rows_coded[_longest_run(calm, recordings[rows_coded], frames[rows_coded])]
            chosen.append(int(run[len(run) // 2]))
        elif usable[rows].any():
            chosen.append(int(rows[usable[rows]][0]))
            entry = "/".join(map(str, table.index[chosen[-1]][1:]))
            notes.append(f"{name} has no labelled frame; its first usable frame, {entry}, stands in as neutral.")
        else:
            notes.append(f"{name} has no usable frame, hence no neutral one.")
    return _rows(table, chosen, "calmest-run", stand_ins=len(notes)), notes


def _exemplar(readings: Readings) -> tuple[pd.DataFrame, list[str]]:
    table = readings.keypoints
    rows = np.flatnonzero(table.index.get_level_values("recording") == "neutral")
    return _rows(table, [int(row) for row in rows], "exemplar"), []


#: Neutral rules by the manifest's names.
RULES: dict[str, Callable[..., tuple[pd.DataFrame, list[str]]]] = {
    "frame": same_frame,
    "first-frame": first_frame,
    "calmest-run": calmest_run,
    "exemplar": _exemplar,
}
