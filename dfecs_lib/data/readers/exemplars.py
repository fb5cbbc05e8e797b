"""Exemplars of FACS action units: a folder of ``s0.txt`` (neutral), ``s12.txt`` (AU 12), ``s1+2.txt``, …"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from dfecs_lib.data.readers.folders import Recording, assemble, find, stack_frames, xy_lines
from dfecs_lib.data.readers.registry import DatasetReader
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import IBUG68
from dfecs_lib.keypoints.dataset import Readings
from dfecs_lib.keypoints.labels import au_name

__all__ = ["READER"]

_NAME = re.compile(r"s\d+([+_-]\d+)*")


def _units(path: Path) -> list[str]:
    return [au_name(number) for number in re.findall(r"\d+", path.stem) if int(number)]


def _files(root: Path) -> list[Path]:
    return [path for path in find(root, "s*.txt", "s0.txt, s<AU>.txt, s<AU>+<AU>.txt") if _NAME.fullmatch(path.stem)]


def read(folder: Path, *, name: str = "facs-exemplars", n_jobs: int = 1, progress: bool | None = None) -> Readings:  # noqa: ARG001
    """Read a folder of exemplars: one recording of one frame each, named ``neutral``, ``AU12``, ``AU01+AU02``.

    Parameters
    ----------
    folder : Path
        Each file holds 68 lines of ``x y``.

    Raises
    ------
    DfecsError
        If there is no readable neutral face ``s0.txt``.
    """
    paths = _files(folder)
    every = sorted({unit for path in paths for unit in _units(path)})
    recordings = []
    for path in paths:
        values, unreadable = stack_frames(folder, [path], IBUG68.n_points, xy_lines)
        if not unreadable:
            units = _units(path)
            present = {unit: np.array([float(unit in units)]) for unit in every}
            recordings.append(
                Recording("manual", "+".join(units) or "neutral", np.zeros(1, np.int64), values, None, present)
            )
        elif not _units(path):
            raise DfecsError(f"{path}: the neutral face cannot be read ({unreadable[0][1]})")
        else:
            nothing = np.empty((0, 2 * IBUG68.n_points))
            recordings.append(Recording("manual", "", np.empty(0, np.int64), nothing, unreadable=unreadable))
    if not any(r.recording == "neutral" for r in recordings):
        raise DfecsError(f"{folder}: the neutral face s0.txt is missing")
    strange = [path.name for path in folder.glob("s*.txt") if path not in paths]
    notes = [f"Names that do not say their action units: {', '.join(sorted(strange))}."] if strange else []
    return assemble(recordings, name=name, reader="facs-exemplars", scheme=IBUG68.name, notes=notes)


def _inventory(folder: Path) -> pd.DataFrame:
    rows = [("manual", "+".join(_units(path)) or "neutral", 1) for path in _files(folder)]
    return pd.DataFrame(rows, columns=["subject", "recording", "frames"])


def _sniff(folder: Path) -> bool:
    return (folder / "s0.txt").is_file()


READER = DatasetReader("facs-exemplars", IBUG68.name, "exemplar", _sniff, read, _inventory)
