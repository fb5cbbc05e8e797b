"""Keeping what was read from many small files, as Parquet, until a file, an option or the readers' code changes."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from dfecs_lib import keypoints
from dfecs_lib.errors import DfecsError
from dfecs_lib.files import clear_stale, replace_folder
from dfecs_lib.keypoints.dataset import Readings, ReadReport
from dfecs_lib.keypoints.labels import load_action_units, save_action_units

__all__ = ["MANY_FILES", "fingerprint", "load_readings", "save_readings"]

#: Folders with fewer files are quicker read than kept.
MANY_FILES = 500


@functools.cache
def _code() -> bytes:
    sources = sorted(Path(__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).digest()


def fingerprint(folder: Path, settings: Mapping[str, object]) -> tuple[str, int]:
    """Return a key for a folder's state and the number of its files.

    The key holds every file's relative path, size and time of change, the settings, and the readers' own code.
    """
    digest = hashlib.sha256(_code())
    digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
    count = 0
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(parent, name)
            facts = path.stat()
            digest.update(f"{path.relative_to(folder)}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
            count += 1
    return digest.hexdigest()[:24], count


def save_readings(readings: Readings, place: Path) -> None:
    """Keep readings in the folder `place`, which appears whole or not at all."""
    place.parent.mkdir(parents=True, exist_ok=True)
    clear_stale(place.parent, ".part-*")
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".part-") as work:
        new = Path(work) / "new"
        new.mkdir()
        keypoints.save(readings.keypoints, new / "keypoints.parquet")
        for name, table in (("action_units", readings.action_units), ("occurrences", readings.occurrences)):
            if table is not None:
                save_action_units(table, new / f"{name}.parquet")
        (new / "report.json").write_text(json.dumps(asdict(readings.report)), encoding="utf-8")
        replace_folder(new, place)


def load_readings(place: Path) -> Readings | None:
    """Return what `save_readings` kept in `place`, or None when there is nothing or it is damaged."""
    if not place.is_dir():
        return None
    try:
        tables: dict[str, pd.DataFrame | None] = {
            name: load_action_units(path) if (path := place / f"{name}.parquet").exists() else None
            for name in ("action_units", "occurrences")
        }
        account = json.loads((place / "report.json").read_text(encoding="utf-8"))
        report = ReadReport(
            account["frames"],
            account["failed"],
            account["dropped"],
            tuple((path, reason) for path, reason in account["unreadable"]),
            tuple(account["notes"]),
        )
        table = keypoints.load(place / "keypoints.parquet")
    except (DfecsError, OSError, ValueError, KeyError):
        return None
    return Readings(table, tables["action_units"], tables["occurrences"], report)
