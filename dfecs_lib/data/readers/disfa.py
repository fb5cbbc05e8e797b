"""DISFA: ``Landmark_Points/SN0NN/<one folder>/*.mat``, ``ActionUnit_Labels/SN0NN/SN0NN_auK.txt``, an error log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.data.readers.arrays import read_mat
from dfecs_lib.data.readers.error_log import find_error_log, read_error_log
from dfecs_lib.data.readers.folders import (
    N_JOBS,
    Recording,
    assemble,
    find,
    frame_numbers,
    numbers_in,
    read_all,
    stack_frames,
)
from dfecs_lib.data.readers.registry import DatasetReader
from dfecs_lib.files import natural_key
from dfecs_lib.keypoints import DISFA66
from dfecs_lib.keypoints.dataset import Readings
from dfecs_lib.keypoints.labels import au_name

__all__ = ["READER", "SKIPPED"]

#: The subjects that the authors of DFECS leave out.
SKIPPED = ("SN004", "SN016")
_LARGEST_FRAME = 1e15
#: All subjects watch the same film: one recording each, of this name.
RECORDING = "film"


def _subjects(root: Path) -> list[Path]:
    return [p for p in find(root, "Landmark_Points/SN*", "one folder per subject") if p.is_dir()]


def _frames(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.mat"), key=lambda path: natural_key(path.name))


def _label_files(root: Path, subject: str) -> list[Path]:
    files = (root / "ActionUnit_Labels" / subject).glob(f"{subject}_au*.txt")
    return sorted(files, key=lambda path: natural_key(path.name))


def _numbered(paths: Sequence[Path]) -> NDArray[np.int64]:
    """Number the frames as the label files do, from 1: names that count from 0 are shifted."""
    numbers = frame_numbers(paths)
    return numbers + 1 if len(numbers) and numbers.min() == 0 else numbers


def _points(path: Path) -> NDArray[np.float64]:
    content = read_mat(path, ["pts"])
    if "pts" not in content:
        raise ValueError("the variable 'pts' is missing")
    try:
        return np.asarray(content["pts"], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError("the variable 'pts' holds no numbers") from error


def _labels(
    root: Path, subject: str, frames: NDArray[np.int64]
) -> tuple[dict[str, NDArray[np.float64]], list[tuple[str, str]]]:
    units: dict[str, NDArray[np.float64]] = {}
    unreadable: list[tuple[str, str]] = []
    for path in _label_files(root, subject):
        number = re.search(r"_au(\d+)$", path.stem)
        if number is None:
            continue
        try:
            lines = numbers_in(path)
            if not lines or any(len(line) != 2 or not abs(line[0]) < _LARGEST_FRAME for line in lines):
                raise ValueError("lines 'frame,intensity' are needed")
            coded = pd.Series({int(frame): value for frame, value in lines}, dtype=np.float64)
            coded = coded.where(coded.between(0, 5))
            units[au_name(number[1])] = np.asarray(coded.reindex(frames), dtype=np.float64)
        except (ValueError, OSError) as error:
            unreadable.append((path.relative_to(root).as_posix(), str(error)))
    return units, unreadable


def _recording(root: Path, folder: Path, bad: set[int]) -> Recording:
    paths = _frames(folder)
    frames = _numbered(paths)
    keep = ~np.isin(frames, list(bad))
    paths = [path for path, kept in zip(paths, keep, strict=True) if kept]
    dropped, frames = int((~keep).sum()), frames[keep]
    values, unreadable = stack_frames(root, paths, DISFA66.n_points, _points)
    units, unreadable_labels = _labels(root, folder.name, frames)
    notes = []
    if not len(keep):
        notes.append(f"{folder.name}: nothing matches '*/*.mat' in its folder of landmarks.")
    if not units:
        notes.append(f"{folder.name} has no readable label file (ActionUnit_Labels/{folder.name}/*_au*.txt).")
    gaps = int(frames.max() - frames.min() + 1 - len(frames) - dropped) if len(frames) else 0
    if gaps > 0:
        notes.append(f"{folder.name}: {gaps} frames between its first and last have no file.")
    return Recording(
        folder.name, RECORDING, frames, values, units, None, [*unreadable, *unreadable_labels], dropped, notes
    )


def read(
    folder: Path,
    *,
    name: str = "disfa",
    n_jobs: int = N_JOBS,
    progress: bool | None = None,
    skip: Sequence[str] = SKIPPED,
    error_log: bool = True,
) -> Readings:
    """Read DISFA.

    Parameters
    ----------
    folder : Path
        Holds ``Landmark_Points``, ``ActionUnit_Labels`` and ``Error_LOG_Sheet.xls`` (or .csv, .xlsx).
    skip : sequence of str
        Subjects to leave out.
    error_log : bool
        Drop the frames that the error log lists as badly tracked.
    """
    notes = []
    log = find_error_log(folder) if error_log else None
    bad = read_error_log(log) if log else {}
    if error_log and log is None:
        notes.append("There is no Error_LOG_Sheet: badly tracked frames were not dropped.")
    subjects = [p for p in _subjects(folder) if p.name not in set(skip)]
    left_out = [p.name for p in _subjects(folder) if p.name in set(skip)]
    if left_out:
        notes.append(f"Left out, as asked: {', '.join(left_out)}.")
    jobs = ((folder, path, bad.get(path.name, set())) for path in subjects)
    recordings = read_all(_recording, jobs, label=name, n_jobs=n_jobs, progress=progress)
    how = {"skip": list(skip), "error_log": error_log}
    return assemble(recordings, name=name, reader="disfa", scheme=DISFA66.name, notes=notes, **how)


def _inventory(folder: Path) -> pd.DataFrame:
    rows = [(path.name, RECORDING, len(_frames(path))) for path in _subjects(folder)]
    return pd.DataFrame(rows, columns=["subject", "recording", "frames"])


def _sniff(folder: Path) -> bool:
    return any((folder / "Landmark_Points").glob("SN*"))


# "20 fps": Mavadati et al., DISFA: A spontaneous facial action intensity database, IEEE Trans. Aff. Comp. 4 (2013).
READER = DatasetReader("disfa", DISFA66.name, "frame", _sniff, read, _inventory, frames_per_second=20.0, first_frame=1)
