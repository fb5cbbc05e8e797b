"""Videos of the manifest: tracked, hidden faces left out, with the neutral frames that are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dfecs_lib.data.fetching import fetch
from dfecs_lib.data.manifest_entries import Entry, KnownFile
from dfecs_lib.errors import AbsentDataError, DfecsError
from dfecs_lib.keypoints import INDEX_NAMES, record
from dfecs_lib.keypoints.dataset import ReadReport

__all__ = ["Videos", "read_videos", "video_files"]


@dataclass(frozen=True, eq=False)
class Videos:
    """Tracked videos.

    Parameters
    ----------
    keypoints : keypoint table
        Without the frames whose face is hidden; a frame without a face is a row of NaN.
    neutral : mapping of (dataset, subject, recording) to int
        The frame that is known to show the resting face, for the recordings of which one is known. It is what
        `dfecs_lib.neutral.choose_neutral` takes as ``frame``.
    report : ReadReport
        What was left out, and why.
    """

    keypoints: pd.DataFrame
    neutral: Mapping[tuple[str, str, str], int]
    report: ReadReport


def video_files(entry: Entry, recording: str = "") -> tuple[list[KnownFile], list[KnownFile]]:
    """Return a dataset's videos that are on this machine, and those that are not.

    Parameters
    ----------
    entry : Entry
        With the reader ``video``.
    recording : str
        One of them, by its file's stem; by default all.

    Raises
    ------
    DfecsError
        If the dataset has no recording of that name.
    """
    wanted = [file for file in entry.files if recording in ("", Path(file.name).stem)]
    if not wanted:
        names = ", ".join(Path(file.name).stem for file in entry.files)
        raise DfecsError(f"{entry.name} has no recording {recording!r}; it has {names}")
    here = [file for file in wanted if entry.path is not None and (entry.path / file.name).is_file()]
    return here, [file for file in wanted if file not in here]


def read_videos(
    entry: Entry,
    recording: str = "",
    *,
    backend: str = "dlib",
    cache: Path | None = None,
    n_jobs: int | None = None,
    progress: bool = False,
) -> Videos:
    """Track the videos of a dataset that are on this machine; where none is, they are fetched first.

    Parameters
    ----------
    entry : Entry
        With the reader ``video``.
    recording : str
        One of them, by its file's stem; by default all.
    backend : str
        See `dfecs_lib.tracking.track`.
    cache : path, optional
        Folder for finished tracks; by default the user's, see `dfecs_lib.tracking.default_cache`.
    n_jobs : int, optional
        Videos at a time, as joblib counts them.
    progress : bool
        Show a progress bar.

    Raises
    ------
    AbsentDataError
        If none of them is here and they cannot be fetched, or the backend's package is not installed.
    DfecsError
        If one cannot be tracked.

    Examples
    --------
    >>> from dfecs_lib.data.manifest import load_manifest
    >>> read_videos(load_manifest()["clips"], "single_face").neutral  # doctest: +SKIP
    {('clips', 'single_face', 'single_face'): 8}
    """
    from dfecs_lib.tracking import default_cache, track_many
    from dfecs_lib.tracking.backends import backend_key

    try:
        backend_key(backend, {})
    except DfecsError as error:  # its package is not here, so neither is what it would make of the videos
        raise AbsentDataError(f"{entry.name}: {error}") from error
    here, absent = video_files(entry, recording)
    if not here:
        try:
            fetch(entry, progress=progress)
        except DfecsError as error:  # what has come is enough, where it is what was asked for
            if not video_files(entry, recording)[0]:
                raise AbsentDataError(str(error)) from error
        here, absent = video_files(entry, recording)
    assert entry.path is not None  # only simulated datasets have none
    table, _ = track_many(
        [entry.path / file.name for file in here],
        backend,
        dataset=entry.name,
        recordings=[Path(file.name).stem for file in here],
        cache=default_cache() if cache is None else cache,
        n_jobs=n_jobs,
        progress=progress,
    )
    table = _named(table, {Path(file.name).stem: _subject(file) for file in here})
    hidden = np.zeros(len(table), dtype=np.bool_)
    recordings, frames = table.index.get_level_values("recording"), table.index.get_level_values("frame").to_numpy()
    notes = [f"{file.name} is not on this machine. {entry.how}" for file in absent]
    for file in here:
        mine = np.asarray(recordings == Path(file.name).stem)
        for stretch in file.occluded:
            rows = mine & (frames >= stretch.frames.start) & (frames < stretch.frames.stop)
            hidden |= rows
            notes.append(
                f"{file.name}: frames {stretch.frames.start}-{stretch.frames.stop - 1} left out ({stretch.reason})."
            )
    kept = table[~hidden]
    kept.attrs = dict(table.attrs)
    kept = record(kept, "leave_out_hidden", frames=int(hidden.sum()))
    failed = int(kept.isna().all(axis=1).sum())
    return Videos(
        kept, _known_neutral(kept, here), ReadReport(len(kept), failed, int(hidden.sum()), notes=tuple(notes))
    )


def _subject(file: KnownFile) -> str:
    return file.subject or Path(file.name).stem


def _named(table: pd.DataFrame, subjects: Mapping[str, str]) -> pd.DataFrame:
    index = table.index.to_frame(index=False)
    index["subject"] = index["recording"].map(subjects)
    named = table.set_axis(pd.MultiIndex.from_frame(index[list(INDEX_NAMES)]), axis=0).sort_index()
    named.attrs = dict(table.attrs)
    return named


def _known_neutral(table: pd.DataFrame, files: list[KnownFile]) -> dict[tuple[str, str, str], int]:
    """Return, of every recording with a stretch known to be neutral, the frame with a face nearest to its middle."""
    seen = table.index[table.notna().all(axis=1).to_numpy()]
    known = {}
    for file in files:
        if file.neutral is None:
            continue
        mine = [entry for entry in seen if entry[2] == Path(file.name).stem and entry[3] in file.neutral]
        middle = (file.neutral.start + file.neutral.stop - 1) / 2
        if mine:
            best = min(mine, key=lambda entry: abs(entry[3] - middle))
            known[best[0], best[1], best[2]] = int(best[3])
    return known
