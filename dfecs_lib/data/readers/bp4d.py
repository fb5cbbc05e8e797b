"""BP4D-Spontaneous: ``2DFeatures/<subject>/<subject>/<task>/*``, ``AUCoding/AU_OCC/<subject>_<task>.csv``."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
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
)
from dfecs_lib.data.readers.registry import DatasetReader
from dfecs_lib.files import natural_key
from dfecs_lib.keypoints import BP4D49
from dfecs_lib.keypoints.dataset import Readings
from dfecs_lib.keypoints.labels import au_name

__all__ = ["READER"]

_UNKNOWN = 9


def _tasks(root: Path) -> list[Path]:
    pattern = "2DFeatures/[FM]*/[FM]*/T*"
    return [p for p in find(root, pattern, "one folder per task, in <subject>/<subject>") if p.is_dir()]


def _frames(folder: Path) -> list[Path]:
    found = [p for p in folder.iterdir() if p.is_file() and re.search(r"\d", p.stem) and not p.name.startswith(".")]
    return sorted(found, key=lambda path: natural_key(path.name))


def _points(path: Path) -> NDArray[np.float64]:
    lines = numbers_in(path)
    if len({len(line) for line in lines}) > 1:
        raise ValueError("its lines are of different length")
    points = np.array(lines, dtype=np.float64)
    if points.shape == (2, BP4D49.n_points):
        return points.T
    if points.shape == (1, 2 * BP4D49.n_points):
        # x and y either alternate or follow each other: along a face's contour the true reading makes smaller steps.
        readings = points.reshape(-1, 2), points.reshape(2, -1).T
        return min(readings, key=lambda p: float(np.abs(np.diff(p, axis=0)).sum()))
    return points


def _codes(path: Path, frames: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = [row for row in csv.reader(stream) if any(cell.strip() for cell in row)]
    if len(rows) < 2:
        raise ValueError("a heading and one line per frame are needed")
    units = [re.fullmatch(r"(?i)\s*(?:AU)?\s*_?0*(\d+)\s*", cell) for cell in rows[0]]
    if any(len(row) != len(rows[0]) for row in rows):
        raise ValueError("its lines are of different length")
    try:
        values = np.array(rows[1:], dtype=np.float64)
    except ValueError as error:
        raise ValueError(f"holds something that is no number ({str(error)[-40:]})") from error
    if not (np.abs(values[:, 0]) < 1e15).all():
        raise ValueError("the first column holds something that is no frame number")
    strange = ~np.isin(values[:, 1:], (0, 1, _UNKNOWN))
    if strange.any():
        raise ValueError(f"a code is {values[:, 1:][strange][0]:g}, not 0, 1 or 9")
    values[:, 1:][values[:, 1:] == _UNKNOWN] = np.nan
    table = pd.DataFrame(values[:, 1:], index=values[:, 0].astype(np.int64))
    if not table.index.is_unique:
        raise ValueError("a frame is coded twice")
    coded = table.reindex(frames).to_numpy()
    return {au_name(unit[1]): coded[:, k] for k, unit in enumerate(units[1:]) if unit}


def _recording(root: Path, folder: Path) -> Recording:
    subject, task = folder.parts[-2:]
    paths = _frames(folder)
    frames = frame_numbers(paths)
    values, unreadable = stack_frames(root, paths, BP4D49.n_points, _points)
    codes: dict[str, NDArray[np.float64]] = {}
    notes = []
    labels = root / "AUCoding" / "AU_OCC" / f"{subject}_{task}.csv"
    if not labels.is_file():
        notes.append(f"{subject}/{task} has no label file ({labels.relative_to(root).as_posix()}).")
    else:
        try:
            codes = _codes(labels, frames)
        except (ValueError, OSError) as error:
            reason = "not a text file" if isinstance(error, UnicodeDecodeError) else str(error)
            unreadable.append((labels.relative_to(root).as_posix(), reason))
    if not paths:
        notes.append(f"{subject}/{task} has no frame file.")
    return Recording(subject, task, frames, values, None, codes, unreadable, notes=notes)


def read(
    folder: Path,
    *,
    name: str = "bp4d",
    n_jobs: int = N_JOBS,
    progress: bool | None = None,
) -> Readings:
    """Read BP4D-Spontaneous.

    ``action_units`` are occurrences (0 or 1; NaN where the code is 9, unknown, or the frame was not coded). Units
    that are unknown throughout are left out.

    Parameters
    ----------
    folder : Path
        Holds ``2DFeatures`` and ``AUCoding/AU_OCC``.
    """
    jobs = ((folder, path) for path in _tasks(folder))
    recordings = read_all(_recording, jobs, label=name, n_jobs=n_jobs, progress=progress)
    known = {u for r in recordings for u, codes in (r.occurrences or {}).items() if np.isfinite(codes).any()}
    recordings = [
        replace(r, occurrences={u: codes for u, codes in (r.occurrences or {}).items() if u in known})
        for r in recordings
    ]
    return assemble(recordings, name=name, reader="bp4d", scheme=BP4D49.name)


def _inventory(folder: Path) -> pd.DataFrame:
    rows = [(*path.parts[-2:], len(_frames(path))) for path in _tasks(folder)]
    return pd.DataFrame(rows, columns=["subject", "recording", "frames"])


def _sniff(folder: Path) -> bool:
    return any((folder / "2DFeatures").glob("[FM]*/[FM]*/T*"))


# "25 frames per second": Zhang et al., BP4D-Spontaneous, Image and Vision Computing 32 (2014).
READER = DatasetReader("bp4d", BP4D49.name, "calmest-run", _sniff, read, _inventory, frames_per_second=25.0)
