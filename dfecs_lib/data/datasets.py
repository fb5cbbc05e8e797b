"""`load_dataset`: any dataset of the manifest, read or simulated, with its neutral frames."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import pandas as pd

from dfecs_lib.data.cache import MANY_FILES, fingerprint, load_readings, save_readings
from dfecs_lib.data.manifest import Entry, State, data_folder, load_manifest, state
from dfecs_lib.data.readers.folders import N_JOBS
from dfecs_lib.data.readers.registry import DatasetReader, dataset_reader
from dfecs_lib.data.timing import timed
from dfecs_lib.errors import AbsentDataError, DfecsError
from dfecs_lib.keypoints.dataset import Dataset, Readings, ReadReport
from dfecs_lib.keypoints.known_neutral import RULES

__all__ = ["load_dataset", "present_folder"]

_OWN = {"folder", "name", "n_jobs", "progress"}


def load_dataset(
    name: str,
    manifest: str | os.PathLike[str] | None = "data_manifest.yaml",
    *,
    neutral: str | None = None,
    cache: bool = True,
    progress: bool | None = None,
    n_jobs: int = N_JOBS,
    **options: object,
) -> Dataset:
    """Load a dataset of the manifest: keypoints, neutral frames, labels where there are any, and an account.

    Parameters
    ----------
    name : str
        ``"disfa"``, ``"ckplus"``, ``"bp4d"``, ``"ravdess"``, ``"facs-exemplars"``, ``"sim-disfa"``, ``"sim-ckplus"``,
        ``"sim-bp4d"``, or any other entry of the manifest.
    manifest : str or path, optional
        The manifest; by default ``data_manifest.yaml`` of the current folder, else the one beside the library.
    neutral : {"frame", "first-frame", "calmest-run", "exemplar", "choose"}, optional
        Another rule for neutral frames than the manifest's. ``"choose"``: none is known, and
        `dfecs_lib.preprocessing.prepare` will choose them; the only further one for simulated data.
    cache : bool
        Keep what was read from many small files as Parquet in the data folder (``.cache``), or in ``DFECS_CACHE``,
        and read it from there as long as no file, option or reader has changed.
    progress : bool, optional
        Show a progress bar; by default only on a terminal.
    n_jobs : int
        Threads that read files.
    **options
        The reader's own options (say ``skip=()`` or ``error_log=False`` for DISFA), ``neutral_frame`` for the rule
        ``"frame"``, or the simulator's arguments; unknown ones are refused by name.

    Returns
    -------
    Dataset

    Raises
    ------
    DfecsError
        If the manifest has no such dataset, it is not on this machine (the sentence says how to get it), it has
        another layout, or an option is unknown.

    Examples
    --------
    >>> from dfecs_lib import load_dataset
    >>> data = load_dataset("disfa")  # doctest: +SKIP
    >>> print(data.report)  # doctest: +SKIP
    """
    book = load_manifest(manifest)
    entry = book[name]
    settings = {**entry.options, **options}
    if entry.kind == "simulated":
        return _simulated(entry, settings, neutral)
    reader = _reader(entry)
    folder = present_folder(entry)
    rule = neutral or entry.neutral or reader.neutral
    if rule != "choose" and rule not in RULES:
        raise DfecsError(f"{name}: unknown neutral rule {rule!r}; known: {', '.join([*RULES, 'choose'])}")
    for_rule = {key: settings.pop(key) for key in ("neutral_frame",) if key in settings}
    if for_rule and rule != "frame":
        raise DfecsError(f"{name}: neutral_frame belongs to the neutral rule 'frame', not to {rule!r}")
    _refuse_unknown(name, reader.read, settings, "neutral_frame")
    where = Path(os.environ.get("DFECS_CACHE") or data_folder(book.path) / ".cache")
    readings = _read(entry, reader, folder, settings, where if cache else None, n_jobs, progress)
    neutral_rows, notes = (None, []) if rule == "choose" else RULES[rule](readings, **for_rule)
    data = _dataset(entry, readings, neutral_rows, notes)
    return timed(data, reader.frames_per_second, reader.first_frame)


def _simulated(entry: Entry, settings: Mapping[str, object], neutral: str | None) -> Dataset:
    if neutral not in (None, "simulated", "choose"):
        raise DfecsError(f"{entry.name}: unknown neutral rule {neutral!r}; known: simulated, choose")
    simulate = cast("Callable[..., Dataset]", importlib.import_module("dfecs_lib.simulate").simulate)
    _refuse_unknown(entry.name, simulate, settings)
    data = simulate(entry.name, **settings)
    return dataclasses.replace(data, neutral=None) if neutral == "choose" else data


def _reader(entry: Entry) -> DatasetReader:
    if entry.reader == "video":
        raise DfecsError(f"{entry.name} holds videos, not keypoints; track them first: dfecs track … -o FILE.parquet")
    if entry.reader == "array":
        raise DfecsError(f"{entry.name} holds no faces; its file is in the folder that 'dfecs data list' shows")
    return dataset_reader(entry.reader)


def present_folder(entry: Entry) -> Path:
    """Return a dataset's folder; AbsentDataError, which says how to get it, where it is not on this machine."""
    if entry.path is None or state(entry) is State.ABSENT:
        raise AbsentDataError(f"{entry.name} is not on this machine. {entry.how}")
    if not entry.path.is_dir():
        raise DfecsError(f"{entry.path}: is a file where the folder of {entry.name} is needed")
    return entry.path


def _refuse_unknown(name: str, function: Callable[..., object], given: Mapping[str, object], *further: str) -> None:
    known = set(inspect.signature(function).parameters) - _OWN
    strange = sorted(set(given) - known)
    if strange:
        listed = ", ".join(sorted(known | set(further))) or "none"
        raise DfecsError(f"{name}: unknown options {', '.join(strange)}; known: {listed}")


def _read(
    entry: Entry,
    reader: DatasetReader,
    folder: Path,
    settings: Mapping[str, object],
    cache: Path | None,
    n_jobs: int,
    progress: bool | None,
) -> Readings:
    place = None
    if cache is not None:
        key, n_files = fingerprint(folder, {"reader": reader.name, "name": entry.name, **settings})
        place = cache / f"{entry.name}-{key}" if n_files >= MANY_FILES else None
    kept = load_readings(place) if place else None
    if kept is not None:
        return kept
    readings = reader.read(folder, name=entry.name, n_jobs=n_jobs, progress=progress, **settings)
    if place is not None:
        # A full or read-only disc costs the next call time, nothing else.
        with contextlib.suppress(OSError, DfecsError):
            save_readings(readings, place)
    return readings


def _dataset(entry: Entry, readings: Readings, neutral: pd.DataFrame | None, notes: list[str]) -> Dataset:
    report = readings.report
    account = ReadReport(report.frames, report.failed, report.dropped, report.unreadable, (*report.notes, *notes))
    return Dataset(
        entry.name,
        readings.keypoints,
        neutral,
        readings.action_units,
        account,
        occurrences=readings.occurrences,
    )
