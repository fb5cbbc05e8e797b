"""`load`: one door for all faces, by whatever name a user, a notebook or the command line calls them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from dfecs_lib.data.datasets import load_dataset
from dfecs_lib.data.manifest import find_manifest, load_manifest
from dfecs_lib.data.manifest_entries import Entry
from dfecs_lib.data.readers import read_keypoints
from dfecs_lib.data.readers.read import several_faces
from dfecs_lib.data.readers.registry import dataset_readers
from dfecs_lib.data.videos import read_videos
from dfecs_lib.errors import DfecsError
from dfecs_lib.files import natural_key
from dfecs_lib.keypoints import INDEX_NAMES, record, stack
from dfecs_lib.keypoints.dataset import Dataset, ReadReport
from dfecs_lib.keypoints.path_names import names_from_path
from dfecs_lib.tracking import default_cache, track
from dfecs_lib.tracking.media import VIDEO_SUFFIXES

__all__ = ["combine", "describe", "load", "load_each", "split_names"]

Source = str | os.PathLike[str]

_RECORDING = list(INDEX_NAMES[:3])
_TABLE_SUFFIXES = frozenset({".csv", ".parquet"})
_VIDEO_READER = "video"


def load(
    what: Source | Sequence[Source],
    *,
    names: str | None = None,
    manifest: Source | None = None,
    size: str = "small",
    strict: bool = False,
    progress: bool = False,
) -> Dataset:
    """Load faces: files of tracked faces, videos, folders of either, datasets of the manifest, simulated ones.

    Parameters
    ----------
    what : str, path, or a sequence of them
        A file that `dfecs_lib.read_keypoints` recognises, a video (tracked once with the default tracker; its track is
        kept in the user's cache), a folder of them, a dataset's folder, or a name of the manifest: ``"NAME"`` or
        ``"NAME/RECORDING"`` (``"ravdess"``, ``"sim-disfa"``, ``"clips/single_face"``). ``@FRAME`` at the end of a name
        says which frame is neutral: ``"clips/single_face@0"``.
    names : str, optional
        How files' names say who is shown, such as ``"{subject}_{recording}"``: see `dfecs_lib.keypoints.path_names`.
        By default subjects have the names that the tables give them, which OpenFace's and Py-Feat's do not. Datasets
        of the manifest name their subjects themselves.
    manifest : path, optional
        By default ``data_manifest.yaml`` of the current folder, else the one beside the library.
    size : str
        Of a simulated dataset.
    strict : bool
        Refuse a folder in which a file cannot be read; by default such a file is named in the report, and in a
        warning, and the others are read.
    progress : bool
        Show progress bars.

    Returns
    -------
    Dataset
        ``keypoints``, and what their files say: labels, and ``neutral`` where neutral frames are known (None where they
        are to be chosen, which `dfecs_lib.preprocessing.prepare` does). Recordings of the same name are told apart by
        the name of their file's folder.

    Raises
    ------
    DfecsError
        If nothing goes by that name or the data are not on this machine (the sentence says how to get them), if no file
        can be read, the tables are of different schemes, or the same frames are named twice.

    Warns
    -----
    UserWarning
        Where a file follows several faces (which one was taken), or was passed over.

    See Also
    --------
    dfecs_lib.preprocessing.prepare : From faces to motion.

    Examples
    --------
    >>> from dfecs_lib import load
    >>> load("sim-ckplus").keypoints.attrs["scheme"]
    'ibug68'
    """
    return combine(load_each(what, names=names, manifest=manifest, size=size, strict=strict, progress=progress))


def load_each(
    what: Source | Sequence[Source],
    *,
    names: str | None = None,
    manifest: Source | None = None,
    size: str = "small",
    strict: bool = False,
    progress: bool = False,
) -> list[Dataset]:
    """Load faces as `load` does, one `Dataset` a file; they may be of different schemes.

    Examples
    --------
    >>> [data.name for data in load_each(["sim-ckplus", "sim-bp4d"])]
    ['sim-ckplus', 'sim-bp4d']
    """
    sources = [what] if isinstance(what, str | os.PathLike) else list(what)
    read = [data for one in sources for data in _load_one(one, names, manifest, size, strict, progress)]
    if not read:
        raise DfecsError("no table of tracked faces to read")
    return _apart(read)


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
    labels = [data.action_units for data in datasets if data.action_units is not None]
    return Dataset(
        ", ".join(data.name for data in datasets),
        stack(data.keypoints for data in datasets),
        stack(known) if known else None,
        pd.concat(labels).sort_index() if len(labels) == len(datasets) else None,
        ReadReport(
            sum(report.frames for report in reports),
            sum(report.failed for report in reports),
            sum(report.dropped for report in reports),
            tuple(entry for report in reports for entry in report.unreadable),
            tuple(note for report in reports for note in report.notes),
        ),
    )


def split_names(sources: str | Iterable[str]) -> list[str]:
    """Return the names of a list, or of a text that separates them by commas (a notebook's parameters have no lists).

    Examples
    --------
    >>> split_names("clips/single_face@0, faces.csv")
    ['clips/single_face@0', 'faces.csv']
    """
    names = sources.split(",") if isinstance(sources, str) else sources
    return [name.strip() for name in names if name.strip()]


def describe(source: str) -> str:
    """Return how a caption should speak of a source: simulated data are always called so.

    Examples
    --------
    >>> describe("sim-disfa")
    'simulated faces, sim-disfa'
    """
    source, _ = _split_frame(source)
    name, _, recording = source.partition("/")
    known = load_manifest()
    if name not in known:
        return Path(source).name
    kind = "simulated faces" if known[name].kind == "simulated" else "real faces"
    what = f"the clip {recording}" if recording and known[name].reader == _VIDEO_READER else recording
    return f"{kind}, {what or name}"


def _split_frame(source: str) -> tuple[str, int | None]:
    head, mark, frame = source.rpartition("@")
    return (head, int(frame)) if mark and frame.isdigit() else (source, None)


def _load_one(
    source: Source, names: str | None, manifest: Source | None, size: str, strict: bool, progress: bool
) -> list[Dataset]:
    # A name may end in "@3" itself.
    where, frame = (os.fspath(source), None) if Path(source).exists() else _split_frame(os.fspath(source))
    path = Path(where)
    if path.is_dir():
        return _folder(path, names, strict, progress)
    if path.exists():
        return [_with_neutral(_file(path, names, progress), frame)]
    name, _, recording = where.partition("/")
    known = load_manifest(manifest)
    if name not in known:
        raise DfecsError(f"{where}: no such file or folder, and no dataset of {find_manifest(manifest)}")
    if known[name].reader == _VIDEO_READER:
        return [_with_neutral(_videos(known[name], recording, progress), frame)]
    if frame is not None:
        raise DfecsError(f"{name} has its own neutral frames; leave out @{frame}")
    options: dict[str, str] = {"size": size} if known[name].kind == "simulated" else {}
    data = load_dataset(name, manifest, progress=progress, **options)  # type: ignore[arg-type]  # a reader's own options
    return [_only(data, recording) if recording else data]


def _file(path: Path, names: str | None, progress: bool) -> Dataset:
    row = {} if names is None else names_from_path(path, names)
    dataset, subject, recording = (row.get(level) for level in _RECORDING)
    if path.suffix.lower() in VIDEO_SUFFIXES:
        table = track(
            path,
            dataset=dataset or "",
            subject=subject or "",
            recording=recording or path.stem,
            cache=default_cache(),
            progress=progress,
        )
    else:
        table = read_keypoints(path, dataset=dataset, subject=subject, recording=recording)
        for sentence in several_faces(table):
            warnings.warn(sentence, stacklevel=2)
    failed = int(table.isna().all(axis=1).sum())
    return Dataset(str(path), table, None, None, ReadReport(len(table), failed=failed))


def _videos(entry: Entry, recording: str, progress: bool) -> Dataset:
    videos = read_videos(entry, recording, progress=progress)
    rows = [(*key, frame) for key, frame in videos.neutral.items()]
    known = videos.keypoints.loc[rows] if rows else None
    if known is not None:
        known.attrs = videos.keypoints.attrs
        known = record(known, "neutral", rule="manifest")
    return Dataset(entry.name, videos.keypoints, known, None, videos.report)


def _folder(path: Path, names: str | None, strict: bool, progress: bool) -> list[Dataset]:
    for reader in dataset_readers().values():
        if reader.sniff(path):
            if names is not None:
                raise DfecsError(f"{path}: has the layout of {reader.name}, which names its subjects itself")
            readings = reader.read(path, name=reader.name, progress=progress)
            return [Dataset(str(path), readings.keypoints, None, readings.action_units, readings.report)]
    suffixes = _TABLE_SUFFIXES | VIDEO_SUFFIXES
    files = [p for p in path.rglob("*") if p.suffix.lower() in suffixes and p.is_file()]
    if not files:
        raise DfecsError(f"{path}: no table and no video in this folder (looked for {', '.join(sorted(suffixes))})")
    files.sort(key=lambda file: natural_key(file.as_posix()))
    read: list[Dataset] = []
    passed_over: list[tuple[str, str]] = []
    for file in tqdm(files, desc=f"reading {path.name}", unit="file", disable=not progress or len(files) == 1):
        try:
            read.append(_file(file, names, progress=False))
        except DfecsError as error:
            if strict:
                raise
            passed_over.append((file.relative_to(path).as_posix(), str(error).removeprefix(f"{file}: ")))
    if not read:
        name, reason = passed_over[0]
        raise DfecsError(f"{path}: none of its {len(files)} files can be read; the first, {name}: {reason}")
    if passed_over:
        shown = "; ".join(f"{name} ({reason})" for name, reason in passed_over[:3]) + "; …" * (len(passed_over) > 3)
        warnings.warn(f"{path}: {len(passed_over)} of {len(files)} files were passed over: {shown}", stacklevel=2)
        read[0] = replace(read[0], report=replace(read[0].report, unreadable=tuple(passed_over)))
    return read


def _with_neutral(data: Dataset, frame: int | None) -> Dataset:
    if frame is None:
        return data
    numbers = data.keypoints.index.get_level_values("frame")
    rows = data.keypoints[numbers == frame]
    if rows.empty:
        raise DfecsError(f"{data.name}: has no frame {frame}; its frames run from {numbers.min()} to {numbers.max()}")
    rows.attrs = data.keypoints.attrs
    return replace(data, neutral=record(rows, "neutral", rule="explicit frame", frame=frame))


def _apart(datasets: list[Dataset]) -> list[Dataset]:
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


def _with_folder(data: Dataset) -> Dataset:
    folder = Path(data.name).resolve().parent.name

    def renamed(table: pd.DataFrame) -> pd.DataFrame:
        index = table.index.to_frame(index=False)
        index["recording"] = [f"{folder}/{name}" for name in index["recording"]]
        out = table.set_axis(pd.MultiIndex.from_frame(index), axis=0)
        out.attrs = table.attrs
        return record(out, "rename_recordings", folder=folder)

    return replace(
        data, keypoints=renamed(data.keypoints), neutral=None if data.neutral is None else renamed(data.neutral)
    )


def _only(data: Dataset, recording: str) -> Dataset:
    """Keep one recording, or one subject, of a dataset."""
    levels = data.keypoints.index
    rows = (levels.get_level_values("recording") == recording) | (levels.get_level_values("subject") == recording)
    if not rows.any():
        raise DfecsError(f"{data.name} has no recording and no subject {recording!r}")
    keypoints = data.keypoints[rows]
    labels = None if data.action_units is None else data.action_units.loc[keypoints.index]
    neutral = None if data.neutral is None else _of_same_people(data.neutral, keypoints)
    return Dataset(data.name, keypoints, neutral, labels, ReadReport(len(keypoints)))


def _of_same_people(neutral: pd.DataFrame, keypoints: pd.DataFrame) -> pd.DataFrame:
    subjects = set(keypoints.index.get_level_values("subject"))
    recordings = set(keypoints.index.get_level_values("recording"))
    matching = [key[1] in subjects and key[2] in recordings for key in neutral.index]
    if not any(matching):
        matching = [key[1] in subjects for key in neutral.index]
    return neutral[matching]
