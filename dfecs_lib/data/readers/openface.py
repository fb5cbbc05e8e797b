"""OpenFace 1.x and 2.x CSV files (FeatureExtraction, FaceLandmarkVidMulti, FaceLandmarkImg)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.data.readers.files import head_of, header_of, read_columns, whole_frames
from dfecs_lib.data.readers.registry import FileOptions, FileReader
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import IBUG68, make_table
from dfecs_lib.keypoints.labels import INTENSITY, row_index, side_table

__all__ = ["MIN_CONFIDENCE", "READER"]

#: OpenFace's author reads a confidence below 0.7 as a failed landmark detection
#: (https://github.com/TadasBaltrusaitis/OpenFace/issues/270).
MIN_CONFIDENCE = 0.7

_POSE = {"pitch": "pose_Rx", "yaw": "pose_Ry", "roll": "pose_Rz"}


@dataclass(frozen=True)
class _Face:
    """The rows of the one face that is kept: `rows` into the file, -1 where a frame does not show it."""

    frames: NDArray[np.int64]
    rows: NDArray[np.intp]
    good: NDArray[np.bool_]
    history: dict[str, object]

    def take(self, column: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(self.good, column[self.rows], np.nan)


def _choose(faces: NDArray[np.int64], good: NDArray[np.bool_], size: NDArray[np.float64]) -> int:
    """Return the face with the most good frames; among equals the largest, then the lowest number."""
    ids = np.unique(faces)
    return int(
        max(ids, key=lambda f: (good[faces == f].sum(), np.nanmean(np.append(size[(faces == f) & good], 0.0)), -f))
    )


def _one_face(path: Path, columns: dict[str, NDArray[np.float64]], options: FileOptions) -> _Face:
    n_rows = len(columns["x_0"])
    x = np.column_stack([columns[f"x_{k}"] for k in range(68)])
    y = np.column_stack([columns[f"y_{k}"] for k in range(68)])
    threshold = MIN_CONFIDENCE if options.min_confidence is None else options.min_confidence
    good = np.isfinite(x).any(axis=1) & ((x != 0) | (y != 0)).any(axis=1)
    if "success" in columns:
        good &= columns["success"] == 1
    if "confidence" in columns:
        good &= columns["confidence"] >= threshold
    size = np.zeros(n_rows)
    size[good] = np.nanmax(x[good], axis=1) - np.nanmin(x[good], axis=1)

    frames = whole_frames(path, columns.get("frame", np.zeros(n_rows)))
    # Video files name the face "face_id", files of single images "face".
    label = next((name for name in ("face_id", "face") if name in columns), None)
    faces = np.zeros(n_rows, dtype=np.int64) if label is None else whole_frames(path, columns[label])
    ids = np.unique(faces)
    chosen = _choose(faces, good, size) if options.face is None else options.face
    if chosen not in ids:
        raise DfecsError(f"{path}: has no face {chosen}; the faces are {', '.join(map(str, ids))}")
    mine = np.flatnonzero(faces == chosen)
    numbers, counts = np.unique(frames[mine], return_counts=True)
    if (counts > 1).any():
        frame = int(numbers[np.argmax(counts > 1)])
        raise DfecsError(f"{path}: frame {frame} occurs twice for one face; keep one recording a file")
    every = np.unique(frames)
    rows = np.zeros(len(every), dtype=np.intp)
    found = np.isin(every, numbers)
    rows[found] = mine[np.argsort(frames[mine])]
    kept = found & good[rows]
    history: dict[str, object] = {
        "operation": "read",
        "source": "openface",
        "file": path.name,
        "frames": len(every),
        "failed": int((~kept).sum()),
        "min_confidence": threshold,
        "faces": [int(i) for i in ids],
        "face": chosen,
    }
    return _Face(every, rows, kept, history)


def _read(path: Path, options: FileOptions, wanted: list[str]) -> tuple[dict[str, NDArray[np.float64]], _Face]:
    header = header_of(head_of(path))
    present = [c for c in ("frame", "face_id", "face", "confidence", "success") if c in header]
    columns, _ = read_columns(path, header, [*dict.fromkeys([*present, *IBUG68.columns, *wanted])])
    return columns, _one_face(path, columns, options)


def _index(path: Path, options: FileOptions, face: _Face) -> pd.MultiIndex:
    recording = path.stem if options.recording is None else options.recording
    return row_index(options.dataset or "", options.subject or "", recording, face.frames)


def _keypoints(path: Path, options: FileOptions) -> pd.DataFrame:
    columns, face = _read(path, options, [])
    return make_table(
        np.column_stack([face.take(columns[c]) for c in IBUG68.columns]),
        scheme=IBUG68,
        frames=face.frames,
        dataset=options.dataset or "",
        subject=options.subject or "",
        recording=path.stem if options.recording is None else options.recording,
        history=[face.history],
    )


def _action_units(path: Path, options: FileOptions) -> pd.DataFrame:
    header = header_of(head_of(path))
    units = [c for c in header if c.startswith("AU") and c.endswith("_r")]
    if not units:
        raise DfecsError(f"{path}: holds no AU intensities (columns AU01_r …); run OpenFace with -aus")
    columns, face = _read(path, options, units)
    values = {c.removesuffix("_r"): face.take(columns[c]) for c in units}
    return side_table(values, _index(path, options, face), unit=INTENSITY, history=[face.history])


def _pose(path: Path, options: FileOptions) -> pd.DataFrame:
    columns, face = _read(path, options, [*_POSE.values()])
    values = {name: np.degrees(face.take(columns[c])) for name, c in _POSE.items()}
    table = side_table(values, _index(path, options, face), unit="degrees", history=[face.history])
    table.attrs["unit_in_file"] = "radians"
    return table


def _sniff(_head: bytes, header: tuple[str, ...]) -> bool:
    return "x_0" in header and bool({"success", "confidence", "pose_Rx", "gaze_0_x"} & set(header))


READER = FileReader("openface", "OpenFace CSV", _sniff, _keypoints, _action_units, _pose)
