"""Faces out of a user's own files: tables of tracked faces, videos, folders of either."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypedDict

from tqdm import tqdm

from dfecs_lib.data.readers import Tracks, read_folder, read_tracks
from dfecs_lib.data.readers.in_folder import table_files
from dfecs_lib.data.readers.read import several_faces
from dfecs_lib.data.readers.registry import dataset_readers
from dfecs_lib.data.timing import FASTEST, timed
from dfecs_lib.errors import DfecsError
from dfecs_lib.files import natural_key
from dfecs_lib.keypoints import points_wanted
from dfecs_lib.keypoints.dataset import Dataset, ReadReport
from dfecs_lib.keypoints.path_names import names_from_path
from dfecs_lib.keypoints.plausible import flag_implausible
from dfecs_lib.tracking import backend_of, default_cache, track_many
from dfecs_lib.tracking.media import VIDEO_SUFFIXES

__all__ = ["OfTables", "Reading", "ReadingOptions", "from_file", "from_folder"]


class Reading(TypedDict, total=False):
    """What may be said about files of faces, under the names that `dfecs_lib.load` gives it."""

    names: str | None
    min_confidence: float | None
    face: int | Literal["all"] | None
    identity: str | None
    picture_size: tuple[int, int] | None
    fps: float | None
    strict: bool
    progress: bool


@dataclass(frozen=True)
class ReadingOptions:
    """What `load` was asked, as it goes to files and folders; see there."""

    names: str | None = None
    min_confidence: float | None = None
    face: int | Literal["all"] | None = None
    identity: str | None = None
    picture_size: tuple[int, int] | None = None
    fps: float | None = None
    strict: bool = False
    progress: bool = False
    scheme: str | None = None

    def __post_init__(self) -> None:
        if self.fps is not None and not 0 < self.fps < FASTEST:
            raise DfecsError(f"fps is a number of frames a second above 0, not {self.fps!r:.40}")

    @property
    def of_tables(self) -> OfTables:
        """What goes to every table."""
        return {
            "names": self.names,
            "min_confidence": self.min_confidence,
            "face": self.face,
            "identity": self.identity,
            "picture_size": self.picture_size,
        }


class OfTables(TypedDict):
    """The part of `Reading` that concerns tables of tracked faces."""

    names: str | None
    min_confidence: float | None
    face: int | Literal["all"] | None
    identity: str | None
    picture_size: tuple[int, int] | None


def from_file(path: Path, options: ReadingOptions) -> Dataset:
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return _video(path, options)
    tracks = read_tracks(path, **options.of_tables)
    if tracks.report.problems:
        raise DfecsError(f"{path}: {tracks.report.problems[0]}")
    return _of_tracks(str(path), tracks, options)


def from_folder(path: Path, options: ReadingOptions) -> list[Dataset]:
    for reader in dataset_readers().values():
        if reader.sniff(path):
            if options.names is not None:
                raise DfecsError(f"{path}: has the layout of {reader.name}, which names its subjects itself")
            readings = reader.read(path, name=reader.name, progress=options.progress)
            data = Dataset(str(path), readings.keypoints, None, readings.action_units, readings.report)
            return [timed(data, reader.frames_per_second or options.fps, reader.first_frame)]
    videos = sorted(
        (p for p in path.rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES and p.is_file()),
        key=lambda file: natural_key(file.as_posix()),
    )
    if not videos and not table_files(path):
        raise DfecsError(f"{path}: no table of tracked faces and no video in this folder")
    read: list[Dataset] = []
    skipped: list[tuple[str, str]] = []
    if table_files(path):
        try:
            folder = read_folder(path, strict=options.strict, progress=options.progress, **options.of_tables)
        except DfecsError:
            if options.strict or not videos:
                raise
            skipped += [
                (file.relative_to(path).as_posix(), "is no table of tracked faces") for file in table_files(path)
            ]
        else:
            read += [_of_tracks(str(path / name), tracks, options) for name, tracks in folder.tracks.items()]
            skipped += folder.skipped
    for video in tqdm(videos, desc=f"tracking {path.name}", unit="video", disable=not options.progress or not videos):
        try:
            read.append(_video(video, replace(options, progress=False)))
        except DfecsError as error:
            if options.strict:
                raise
            skipped.append((video.relative_to(path).as_posix(), str(error).removeprefix(f"{video}: ")))
    if not read:
        raise DfecsError(f"{path}: none of its files can be used; {skipped[0][0]}: {skipped[0][1]}")
    if skipped:
        shown = "; ".join(f"{name} ({reason})" for name, reason in skipped[:3]) + "; …" * (len(skipped) > 3)
        whole = len(read) + len(skipped)
        warnings.warn(f"{path}: {len(skipped)} of {whole} files were passed over: {shown}", stacklevel=2)
        read[0] = replace(read[0], report=replace(read[0].report, unreadable=tuple(skipped)))
    return read


def _video(path: Path, options: ReadingOptions) -> Dataset:
    row = {} if options.names is None else names_from_path(path, options.names)
    table, facts = track_many(
        [path],
        backend_of(options.scheme),
        dataset=row.get("dataset", ""),
        subject=row.get("subject", ""),
        recordings=[row.get("recording", path.stem)],
        cache=default_cache(),
        progress=options.progress,
    )
    report = ReadReport(len(table), failed=int(table.isna().all(axis=1).sum()))
    data = Dataset(str(path), points_wanted(table, options.scheme), None, None, report, time=facts["time"])
    return timed(_plausible(data), options.fps)


def _of_tracks(name: str, tracks: Tracks, options: ReadingOptions) -> Dataset:
    faces = several_faces(tracks.keypoints)
    # Lines of other faces are said below.
    aside = [entry for entry in tracks.report.set_aside if not (faces and "face" in entry[0])]
    if aside:
        counts = ", ".join(f"{count} {what}" for what, count in aside)
        warnings.warn(f"{name}: lines set aside: {counts}", stacklevel=2)
    for sentence in faces:
        warnings.warn(sentence, stacklevel=2)
    for entry in tracks.keypoints.attrs["history"]:
        if entry.get("operation") == "put upright":
            warnings.warn(f"{name}: {entry['because']}; the table was put right", stacklevel=2)
    data = Dataset(
        name,
        points_wanted(tracks.keypoints, options.scheme),
        None,
        None,
        tracks.report,
        time=tracks.time,
        estimates=tracks.action_units,
        pose=tracks.pose,
    )
    return timed(_plausible(data), options.fps)


def _plausible(data: Dataset) -> Dataset:
    """Leave out the frames that a recording cannot hold, and say how many."""
    table, flags = flag_implausible(data.keypoints)
    if flags.empty:
        return data
    note = f"{len(flags)} frames left out: the face is of another size, or elsewhere, than in the recording's others."
    report = replace(data.report, failed=data.report.failed + len(flags), notes=(*data.report.notes, note))
    return replace(data, keypoints=table, report=report)
