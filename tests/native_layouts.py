"""Simulated datasets in the native layouts of the datasets that they mirror, so that those readers can be exercised."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.io import savemat

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import to_points
from dfecs_lib.keypoints.dataset import Dataset

__all__ = ["write_native"]

# The columns of a BP4D occurrence file; those that were not coded hold 9.
_BP4D_CODED = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 27, 28, 30, 32, 38, 39)
_UNKNOWN = 9

_Recording = tuple[str, str, NDArray[np.int64], NDArray[np.float64], pd.DataFrame]


def _recordings(data: Dataset) -> Iterator[_Recording]:
    """(subject, recording, frames, points, labels), recording by recording."""
    labels = data.action_units if data.action_units is not None else pd.DataFrame(index=data.keypoints.index)
    groups = data.keypoints.groupby(level=["subject", "recording"]).indices
    for (subject, recording), rows in cast("dict[tuple[str, str], NDArray[np.intp]]", groups).items():
        frames = data.keypoints.index.get_level_values("frame").to_numpy()[rows]
        yield subject, recording, frames, to_points(data.keypoints.iloc[rows]), labels.iloc[rows]


def _spans(numbers: NDArray[np.int64]) -> list[tuple[int, int]]:
    """First and last of every run of consecutive numbers."""
    if not len(numbers):
        return []
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    return [(int(run[0]), int(run[-1])) for run in runs]


def _write_disfa(data: Dataset, root: Path) -> None:
    log: list[list[str]] = []
    for subject, _, frames, points, labels in _recordings(data):
        lost = np.isnan(points).any(axis=(1, 2))
        last_seen = np.maximum.accumulate(np.where(lost, 0, np.arange(len(points))))
        folder = root / "Landmark_Points" / subject / "tmp_frame_lm"
        folder.mkdir(parents=True, exist_ok=True)
        for frame, face in zip(frames, np.nan_to_num(points[last_seen]), strict=True):
            savemat(folder / f"{subject}_{frame:04d}_lm.mat", {"pts": face})
        coded = root / "ActionUnit_Labels" / subject
        coded.mkdir(parents=True, exist_ok=True)
        for name in labels:
            lines = [f"{frame},{value:.0f}" for frame, value in zip(frames, labels[name], strict=True)]
            (coded / f"{subject}_au{int(str(name)[2:])}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        log.append([subject, *(str(number) for span in _spans(frames[lost]) for number in span)])
    width = max(len(row) for row in log)
    with (root / "Error_LOG_Sheet.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([*row, *[""] * (width - len(row))] for row in log)


def _write_ckplus(data: Dataset, root: Path) -> None:
    for subject, sequence, frames, points, labels in _recordings(data):
        landmarks, coded = root / "Landmarks" / subject / sequence, root / "FACS" / subject / sequence
        landmarks.mkdir(parents=True, exist_ok=True)
        coded.mkdir(parents=True, exist_ok=True)
        for frame, face in zip(frames, np.nan_to_num(points), strict=True):
            np.savetxt(landmarks / f"{subject}_{sequence}_{frame:08d}_landmarks.txt", face, fmt="   %.7e")
        last = labels.iloc[-1]
        codes = [[float(str(name)[2:]), value] for name, value in last.items() if value > 0]
        text = "".join(f"   {unit:.7e}   {value:.7e}\n" for unit, value in codes)
        (coded / f"{subject}_{sequence}_{frames[-1]:08d}_facs.txt").write_text(text, encoding="utf-8")


def _write_bp4d(data: Dataset, root: Path) -> None:
    coding = root / "AUCoding" / "AU_OCC"
    coding.mkdir(parents=True, exist_ok=True)
    for subject, task, frames, points, labels in _recordings(data):
        folder = root / "2DFeatures" / subject / subject / task
        folder.mkdir(parents=True, exist_ok=True)
        digits = 4 if frames.max() > 999 else 3
        for frame, face in zip(frames, np.nan_to_num(points), strict=True):
            np.savetxt(folder / f"{frame:0{digits}d}.txt", face, fmt="%.6f", delimiter=",")
        table = pd.DataFrame(_UNKNOWN, index=frames, columns=list(_BP4D_CODED))
        for name in labels:
            table[int(str(name)[2:])] = labels[name].fillna(_UNKNOWN).astype(int).to_numpy()
        table.to_csv(coding / f"{subject}_{task}.csv", index_label="frame")


_WRITERS: dict[str, Callable[[Dataset, Path], None]] = {
    "disfa66": _write_disfa,
    "ibug68": _write_ckplus,
    "bp4d49": _write_bp4d,
}


def write_native(data: Dataset, folder: str | os.PathLike[str]) -> Path:
    """Write a dataset as files in the native layout of DISFA, CK+ or BP4D, by its keypoint scheme; return the folder.

    66 points: DISFA (a ``.mat`` file a frame, a label file a unit, lost frames repeat the last seen face and stand in
    ``Error_LOG_Sheet.csv``). 68 points: CK+. 49 points: BP4D (lost frames are zeros, units without code are 9).

    Parameters
    ----------
    data : Dataset
        Of `simulate`.
    folder : path
        Made if need be.

    Raises
    ------
    DfecsError
        If no native layout has the dataset's keypoint scheme.

    Examples
    --------
    >>> from dfecs_lib.simulate import simulate
    >>> write_native(simulate("sim-disfa"), "disfa")  # doctest: +SKIP
    """
    scheme = str(data.keypoints.attrs["scheme"])
    if scheme not in _WRITERS:
        raise DfecsError(f"no native layout has the keypoint scheme {scheme!r}; there are {', '.join(_WRITERS)}")
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    _WRITERS[scheme](data, root)
    return root
