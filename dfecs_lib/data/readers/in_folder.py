"""All files of tracked faces in a folder: what cannot be read is named and counted, and does not stop the rest."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

import pandas as pd
from tqdm import tqdm

from dfecs_lib.data.readers.read import read_tracks
from dfecs_lib.data.readers.tracks import Tracks
from dfecs_lib.errors import DfecsError
from dfecs_lib.files import natural_key
from dfecs_lib.keypoints import INDEX_NAMES
from dfecs_lib.keypoints.dataset import ReadReport
from dfecs_lib.keypoints.path_names import names_from_path, shortest_endings, stem_of

__all__ = ["TABLE_SUFFIXES", "Folder", "read_folder", "table_files", "tell_apart"]

#: Endings of files that may hold a table; ``.gz`` too.
TABLE_SUFFIXES = frozenset(
    {".csv", ".tsv", ".txt", ".tab", ".parquet", ".npy", ".gz", ".pts", ".json", ".jsonl", ".mat", ".feather"}
)
_LEVELS = list(INDEX_NAMES[:3])


@dataclass(frozen=True, eq=False)
class Folder:
    """What a folder holds.

    Parameters
    ----------
    tracks : dict of str to Tracks
        By file, relative to the folder, in natural order; pictures of one recording under the first of them.
    skipped : tuple of (str, str)
        Files that were left out, each with the reason.
    """

    tracks: dict[str, Tracks]
    skipped: tuple[tuple[str, str], ...]

    def sentences(self) -> list[str]:
        """Say what was read and what was not."""
        keys = {key for one in self.tracks.values() for key in _keys(one)}
        subjects, recordings = len({key[:2] for key in keys}), len(keys)
        out = [f"{len(self.tracks)} tables read: {subjects} subjects, {recordings} recordings."]
        return [*out, *(f"{name} was left out: {reason}." for name, reason in self.skipped)]


def table_files(folder: Path) -> list[Path]:
    """Return the files below a folder whose endings are those of tables, in natural order; hidden ones are no files."""
    found = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in TABLE_SUFFIXES
        and not any(part.startswith((".", "~$")) for part in path.relative_to(folder).parts)
        and path.is_file()
    ]
    return sorted(found, key=lambda path: natural_key(path.relative_to(folder).as_posix()))


def read_folder(
    folder: str | os.PathLike[str],
    *,
    names: str | None = None,
    strict: bool = False,
    min_confidence: float | None = None,
    face: int | Literal["all"] | None = None,
    identity: str | None = None,
    picture_size: tuple[int, int] | None = None,
    progress: bool = False,
) -> Folder:
    """Read all tables of tracked faces in a folder and the folders in it.

    A file that cannot be read, holds something else or shows no face is left out and named. Files of single pictures
    (OpenFace's image mode) are frames of one recording, named as `names` says, else as their folder. Recordings that
    files name alike are told apart by their files' names.

    Parameters
    ----------
    folder : path
    names : str, optional
        How files' names say who is shown: see `dfecs_lib.keypoints.path_names`.
    strict : bool
        Refuse the folder for the first file that would be left out.
    min_confidence, face, identity, picture_size
        As for `read_tracks`.
    progress : bool
        Show a progress bar.

    Raises
    ------
    DfecsError
        If the folder does not exist or holds no table that can be read.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DfecsError(f"{root}: no such folder")
    files = table_files(root)
    if not files:
        raise DfecsError(f"{root}: no table in this folder (looked for {', '.join(sorted(TABLE_SUFFIXES))})")
    tracks: dict[str, Tracks] = {}
    skipped: list[tuple[str, str]] = []
    for path in tqdm(files, desc=f"reading {root.name}", unit="file", disable=not progress or len(files) == 1):
        name = path.relative_to(root).as_posix()
        try:
            one = read_tracks(
                path,
                min_confidence=min_confidence,
                face=face,
                identity=identity,
                names=names,
                picture_size=picture_size,
            )
            if one.report.problems:
                raise DfecsError(f"{path}: {one.report.problems[0]}")
        except DfecsError as error:
            if strict:
                raise
            skipped.append((name, str(error).removeprefix(f"{path}: ")))
            continue
        if len(one.keypoints.columns):
            tracks[name] = one
        else:
            skipped.append((name, "holds no points"))
    if not tracks:
        raise DfecsError(f"{root}: none of its {len(files)} files can be used; {skipped[0][0]}: {skipped[0][1]}")
    tracks = _pictures_together(root, tracks, names)
    apart = tell_apart({root / name: one for name, one in tracks.items()})
    return Folder({path.relative_to(root).as_posix(): one for path, one in apart.items()}, tuple(skipped))


def _keys(tracks: Tracks) -> list[tuple[str, str, str]]:
    index = cast("pd.MultiIndex", tracks.keypoints.index)
    return cast("list[tuple[str, str, str]]", list(index.droplevel(["frame"]).unique()))


def _reindexed(tracks: Tracks, index: pd.MultiIndex) -> Tracks:
    """Give all that a file holds another row index."""

    def table(old: pd.DataFrame) -> pd.DataFrame:
        new = old.set_axis(index, axis=0)
        order = index.argsort() if not index.is_monotonic_increasing else None
        new = new if order is None else new.iloc[order]
        new.attrs = old.attrs
        return new

    def series(old: pd.Series[float]) -> pd.Series[float]:
        return table(old.to_frame()).iloc[:, 0]

    return replace(
        tracks,
        keypoints=table(tracks.keypoints),
        action_units=None if tracks.action_units is None else table(tracks.action_units),
        pose=None if tracks.pose is None else table(tracks.pose),
        time=None if tracks.time is None else series(tracks.time),
        confidence=None if tracks.confidence is None else series(tracks.confidence),
    )


def _pictures_together(root: Path, tracks: dict[str, Tracks], names: str | None) -> dict[str, Tracks]:
    """Make frames of one recording of the pictures that belong together, in the order of their files' names."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    folders: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {}  # of pictures whose names say no recording
    for name, one in tracks.items():
        if not one.picture:
            continue
        dataset, subject, _ = _keys(one)[0]
        said = {} if names is None else names_from_path(root / name, names)
        if "recording" in said:
            groups.setdefault((dataset, subject, said["recording"]), []).append(name)
        else:
            folders.setdefault((dataset, subject), {})[name] = (root / name).resolve().parent.parts
    for who, placed in folders.items():
        for name, recording in zip(placed, shortest_endings(list(placed.values())), strict=True):
            groups.setdefault((*who, recording), []).append(name)
    out = dict(tracks)
    for key, members in groups.items():
        parts = []
        for number, name in enumerate(members):
            one = out.pop(name)
            index = one.keypoints.index.to_frame(index=False)
            index["recording"], index["frame"] = key[2], number
            parts.append(_reindexed(one, pd.MultiIndex.from_frame(index)))
        out[members[0]] = _joined(parts, key[2])
    return {name: out[name] for name in tracks if name in out}


def _joined(parts: list[Tracks], recording: str) -> Tracks:
    if len(parts) == 1:
        return parts[0]

    def together(tables: Iterable[pd.DataFrame | None]) -> pd.DataFrame | None:
        there = [table for table in tables if table is not None]
        if len(there) < len(parts):
            return None
        whole = pd.concat(there).sort_index()
        whole.attrs = there[0].attrs
        return whole

    first = parts[0].keypoints.attrs["history"][0]
    reports = [part.report for part in parts]
    aside: Counter[str] = Counter()
    for report in reports:
        aside.update(dict(report.set_aside))
    whole = together(part.keypoints for part in parts)
    assert whole is not None
    failed = sum(report.failed for report in reports)
    history = {**first, "frames": len(whole), "failed": failed, "files": len(parts)}
    whole.attrs = {"scheme": parts[0].keypoints.attrs["scheme"], "history": [history]}
    notes = [f"{len(parts)} pictures are frames of the recording {recording}, in the order of their files' names."]
    notes += dict.fromkeys(note for report in reports for note in report.notes)
    report = ReadReport(
        len(whole),
        failed=failed,
        notes=tuple(notes),
        lines=sum(report.lines for report in reports),
        lines_used=sum(report.lines_used for report in reports),
        set_aside=tuple(aside.items()),
    )
    scores = together(None if part.confidence is None else part.confidence.to_frame() for part in parts)
    return Tracks(
        whole,
        together(part.action_units for part in parts),
        together(part.pose for part in parts),
        None,
        None if scores is None else scores.iloc[:, 0],
        report,
    )


def tell_apart(tracks: dict[Path, Tracks]) -> dict[Path, Tracks]:
    """Give recordings that several files name alike the names of their files, and of folders as far as needed.

    Raises
    ------
    DfecsError
        If one file is given twice.
    """
    keys = {path: _keys(one) for path, one in tracks.items()}
    count = Counter(key for mine in keys.values() for key in mine)
    alike = [path for path, mine in keys.items() if any(count[key] > 1 for key in mine)]
    if not alike:
        return tracks
    whole = [(*path.resolve().parent.parts[1:], stem_of(path)) for path in alike]
    if len(set(whole)) < len(whole):
        raise DfecsError(f"{alike[0]}: is given twice, or beside a file whose name differs in its ending only")
    out = dict(tracks)
    for path, name in zip(alike, shortest_endings(whole), strict=True):
        index = tracks[path].keypoints.index.to_frame(index=False)
        own = index["recording"]
        index["recording"] = name if (own == own.iloc[0]).all() else name + "/" + own
        out[path] = _reindexed(tracks[path], pd.MultiIndex.from_frame(index))
    return out
