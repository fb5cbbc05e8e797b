"""CK+: ``Landmarks/Sxxx/yyy/Sxxx_yyy_########_landmarks.txt`` and ``FACS/Sxxx/yyy/*_facs.txt``."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.data.readers.folders import (
    N_JOBS,
    Recording,
    assemble,
    find,
    frame_numbers,
    numbers_in,
    read_all,
    stack_frames,
    xy_lines,
)
from dfecs_lib.data.readers.registry import DatasetReader
from dfecs_lib.keypoints import IBUG68
from dfecs_lib.keypoints.dataset import Readings
from dfecs_lib.keypoints.labels import au_name

__all__ = ["READER"]


def _sequences(root: Path) -> list[tuple[Path, list[Path]]]:
    paths = find(root, "Landmarks/S*/*/*_landmarks.txt", "one file per frame")
    return [(folder, list(files)) for folder, files in groupby(paths, key=lambda path: path.parent)]


def _codes(path: Path) -> dict[str, float]:
    """Return the units that a FACS file lists, each with its intensity; NaN where only the presence was coded."""
    lines = numbers_in(path)
    if any(len(line) != 2 or line[0] not in range(1000) or not 0 <= line[1] <= 5 for line in lines):
        raise ValueError("lines 'AU intensity' are needed")
    return {au_name(int(unit)): intensity or np.nan for unit, intensity in lines}


def _recording(root: Path, folder: Path, paths: list[Path], units: frozenset[str]) -> Recording:
    subject, sequence = folder.parts[-2:]
    frames = frame_numbers(paths)
    values, unreadable = stack_frames(root, paths, IBUG68.n_points, xy_lines)
    intensities: dict[str, NDArray[np.float64]] = {}
    occurrences: dict[str, NDArray[np.float64]] = {}
    notes = []
    for path in find(root, f"FACS/{subject}/{sequence}/*_facs.txt", "labels", empty_is_an_error=False):
        try:
            codes = _codes(path)
        except (ValueError, OSError) as error:
            unreadable.append((path.relative_to(root).as_posix(), str(error)))
            continue
        number = re.search(r"(?<!\d)(\d{1,15})_facs$", path.stem)
        last = frames == (int(number[1]) if number else frames.max())
        if not last.any():
            notes.append(f"{subject}/{sequence}: the labelled frame {number and number[1]} has no landmarks.")
            continue
        for unit in units:
            intensities[unit] = np.where(last, codes.get(unit, 0.0), np.nan)
            occurrences[unit] = np.where(last, float(unit in codes), np.nan)
    return Recording(subject, sequence, frames, values, intensities, occurrences, unreadable, notes=notes)


def _all_units(root: Path) -> frozenset[str]:
    """Return every unit that any sequence was coded for: a unit that a file does not list was absent."""
    found: set[str] = set()
    for path in find(root, "FACS/S*/*/*_facs.txt", "labels", empty_is_an_error=False):
        try:
            found.update(_codes(path))
        except (ValueError, OSError):
            continue  # named when its own sequence is read
    return frozenset(found)


def read(folder: Path, *, name: str = "ckplus", n_jobs: int = N_JOBS, progress: bool | None = None) -> Readings:
    """Read CK+.

    Only the last frame of a sequence is labelled; all others have NaN labels. ``action_units`` holds intensities
    (NaN where a unit was present but its intensity not coded), ``occurrences`` presence.

    Parameters
    ----------
    folder : Path
        Holds ``Landmarks`` and ``FACS``.
    """
    units = _all_units(folder)
    jobs = ((folder, where, paths, units) for where, paths in _sequences(folder))
    recordings = read_all(_recording, jobs, label=name, n_jobs=n_jobs, progress=progress)
    notes = []
    unlabelled = sum(not r.intensities for r in recordings)
    if unlabelled:
        notes.append(f"{unlabelled} of {len(recordings)} sequences have no readable FACS file.")
    return assemble(recordings, name=name, reader="ckplus", scheme=IBUG68.name, notes=notes)


def _inventory(folder: Path) -> pd.DataFrame:
    rows = [(*where.parts[-2:], len(paths)) for where, paths in _sequences(folder)]
    return pd.DataFrame(rows, columns=["subject", "recording", "frames"])


def _sniff(folder: Path) -> bool:
    return any((folder / "Landmarks").glob("S*/*/*_landmarks.txt"))


# No frame rate: Lucey et al. (2010) state none, and sequences were digitized from video tape.
READER = DatasetReader("ckplus", IBUG68.name, "first-frame", _sniff, read, _inventory)
