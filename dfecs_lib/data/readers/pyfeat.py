"""Py-Feat CSV files (a saved ``Fex``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.data.readers.files import head_of, header_of, read_columns, whole_frames
from dfecs_lib.data.readers.registry import FileOptions, FileReader
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import IBUG68, INDEX_NAMES, MEDIAPIPE478, Scheme, validate
from dfecs_lib.keypoints.labels import PROBABILITY, side_table

__all__ = ["MIN_CONFIDENCE", "READER"]

#: Py-Feat's own default of ``face_detection_threshold``.
MIN_CONFIDENCE = 0.5

_POSE = {"pitch": "Pitch", "yaw": "Yaw", "roll": "Roll"}
_SIZE = ("FaceRectWidth", "FaceRectHeight")


@dataclass(frozen=True)
class _Rows:
    """One row a frame: `rows` into the file, `good` where the face was found, and the row index."""

    rows: NDArray[np.intp]
    good: NDArray[np.bool_]
    index: pd.MultiIndex
    history: dict[str, object]

    def take(self, column: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(self.good, column[self.rows], np.nan)


def _scheme(header: tuple[str, ...]) -> Scheme:
    return MEDIAPIPE478 if "x_477" in header else IBUG68


def _recordings(path: Path, inputs: list[str], options: FileOptions) -> list[str]:
    """Name each row's recording: the input's stem (its whole name where stems collide), else the file's."""
    distinct = sorted(set(inputs))
    if len(distinct) <= 1:
        own = PurePosixPath(distinct[0].replace("\\", "/")).stem if distinct and distinct[0] else path.stem
        return [own if options.recording is None else options.recording] * len(inputs)
    if options.recording is not None:
        raise DfecsError(f"{path}: holds {len(distinct)} inputs, which one recording name cannot cover; leave it out")
    stems = {name: PurePosixPath(name.replace("\\", "/")).stem for name in distinct}
    collide = len(set(stems.values())) < len(distinct)
    return [name if collide else stems[name] for name in inputs]


def _one_row_a_frame(
    path: Path, columns: dict[str, NDArray[np.float64]], inputs: list[str], scheme: Scheme, options: FileOptions
) -> _Rows:
    n_rows = len(columns["x_0"])
    threshold = MIN_CONFIDENCE if options.min_confidence is None else options.min_confidence
    good = np.asarray(np.isfinite(np.column_stack([columns[c] for c in scheme.columns])).any(axis=1), dtype=np.bool_)
    if "FaceScore" in columns:
        good &= columns["FaceScore"] >= threshold
    frames = whole_frames(path, columns.get("frame", np.arange(n_rows, dtype=np.float64)))
    size = np.prod([columns[c] for c in _SIZE], axis=0) if set(_SIZE) <= set(columns) else np.ones(n_rows)
    rows = pd.DataFrame({"recording": _recordings(path, inputs, options), "frame": frames, "row": np.arange(n_rows)})
    rows["rank"] = rows.groupby(["recording", "frame"]).cumcount()
    several = int((rows["rank"] == 1).sum())
    if options.face is None:
        # The largest found face of the frame; a frame whose faces all failed keeps its first row.
        rows["size"] = np.where(good, np.nan_to_num(size, nan=0.0), -1.0)
        kept = rows.sort_values(["recording", "frame", "size", "rank"], ascending=[True, True, False, True])
        kept = kept.drop_duplicates(["recording", "frame"])
        found = np.ones(len(kept), dtype=np.bool_)
    else:
        if options.face not in set(rows["rank"]):
            raise DfecsError(f"{path}: has no face {options.face}; at most {int(rows['rank'].max()) + 1} in a frame")
        mine = rows[rows["rank"].eq(options.face)].set_index(["recording", "frame"])["row"]
        kept = rows.drop_duplicates(["recording", "frame"]).sort_values(["recording", "frame"])
        keys = pd.MultiIndex.from_frame(kept[["recording", "frame"]])
        found = np.asarray(keys.isin(mine.index), dtype=np.bool_)
        kept = kept.assign(row=mine.reindex(keys).fillna(0).to_numpy(dtype=np.intp))
    chosen = kept["row"].to_numpy(dtype=np.intp)
    usable = found & good[chosen]
    names = [[options.dataset or ""] * len(kept), [options.subject or ""] * len(kept)]
    index = pd.MultiIndex.from_arrays([*names, kept["recording"].to_numpy(), kept["frame"]], names=INDEX_NAMES)
    history: dict[str, object] = {
        "operation": "read",
        "source": "pyfeat",
        "file": path.name,
        "frames": len(kept),
        "failed": int((~usable).sum()),
        "min_confidence": threshold,
        "frames_with_several_faces": several,
        "face": "largest" if options.face is None else options.face,
    }
    return _Rows(chosen, usable, index, history)


def _read(path: Path, options: FileOptions, wanted: list[str]) -> tuple[dict[str, NDArray[np.float64]], _Rows]:
    header = header_of(head_of(path))
    scheme = _scheme(header)
    present = [c for c in ("frame", "FaceScore", *_SIZE) if c in header]
    numbers = [*dict.fromkeys([*present, *scheme.columns, *wanted])]
    columns, texts = read_columns(path, header, numbers, ["input"] if "input" in header else [])
    inputs = texts.get("input", [""] * len(columns["x_0"]))
    return columns, _one_row_a_frame(path, columns, inputs, scheme, options)


def _keypoints(path: Path, options: FileOptions) -> pd.DataFrame:
    columns, rows = _read(path, options, [])
    scheme = _scheme(header_of(head_of(path)))
    table = pd.DataFrame({c: rows.take(columns[c]) for c in scheme.columns}, index=rows.index)
    table.attrs = {"scheme": scheme.name, "history": [rows.history]}
    return validate(table)


def _action_units(path: Path, options: FileOptions) -> pd.DataFrame:
    units = [c for c in header_of(head_of(path)) if re.fullmatch(r"AU\d{2}", c)]
    if not units:
        raise DfecsError(f"{path}: holds no action units (columns AU01 …)")
    columns, rows = _read(path, options, units)
    return side_table({c: rows.take(columns[c]) for c in units}, rows.index, unit=PROBABILITY, history=[rows.history])


def _pose(path: Path, options: FileOptions) -> pd.DataFrame:
    columns, rows = _read(path, options, [*_POSE.values()])
    values = {name: rows.take(columns[c]) for name, c in _POSE.items()}
    # Early versions wrote degrees, later ones radians, under the same names: no head turns by more than pi radians.
    angles = np.concatenate([columns[c] for c in _POSE.values()])
    radians = not (np.abs(angles[np.isfinite(angles)]) > np.pi).any()
    if radians:
        values = {name: np.degrees(v) for name, v in values.items()}
    table = side_table(values, rows.index, unit="degrees", history=[rows.history])
    table.attrs["unit_in_file"] = "radians, as no angle exceeds pi" if radians else "degrees, as angles exceed pi"
    return table


def _sniff(_head: bytes, header: tuple[str, ...]) -> bool:
    return "x_0" in header and bool({"FaceScore", "FaceRectX", "input", "Pitch"} & set(header))


READER = FileReader("pyfeat", "Py-Feat CSV", _sniff, _keypoints, _action_units, _pose)
