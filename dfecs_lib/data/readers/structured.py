"""JSON: tables as pandas writes them, lists of frames with landmarks as MediaPipe gives them, faces of OpenPose."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from dfecs_lib.data.readers.arrays import read_array
from dfecs_lib.data.readers.columns import SIZES
from dfecs_lib.data.readers.files import text_sheet
from dfecs_lib.data.readers.parquet import read_frame
from dfecs_lib.data.readers.registry import FileReader
from dfecs_lib.data.readers.tracks import FileOptions, Tracks
from dfecs_lib.errors import DfecsError

__all__ = ["READER"]

_LISTS = ("landmarks", "faceLandmarks", "face_landmarks", "multi_face_landmarks", "multiFaceLandmarks", "keypoints")
_FRAMES = ("frames", "results", "data", "records")
_OPENPOSE = "face_keypoints_2d"
#: OpenPose counts iBUG's points and, behind them, two pupils.
_OF_OPENPOSE = 70


def _point(value: object) -> list[float]:
    if isinstance(value, Mapping) and "x" in value and "y" in value:
        value = [value["x"], value["y"]]
    if not isinstance(value, list) or len(value) < 2:
        raise ValueError("a point is no pair of numbers")
    pair = [np.nan if cell is None else cell for cell in value[:2]]
    if any(isinstance(cell, bool) or not isinstance(cell, int | float) for cell in pair):
        raise ValueError("a point is no pair of numbers")
    return [float(cell) for cell in pair]


def _faces(frame: object) -> list[list[list[float]]]:
    """Return the faces of a frame: one list of points each."""
    if isinstance(frame, Mapping):
        if isinstance(frame.get("people"), list):
            faces = []
            for person in frame["people"]:
                flat = person.get(_OPENPOSE, []) if isinstance(person, Mapping) else []
                if len(flat) != 3 * _OF_OPENPOSE:
                    raise ValueError(f"a person has {len(flat)} numbers in {_OPENPOSE}, not {3 * _OF_OPENPOSE}")
                # Where OpenPose sees no point, its confidence is 0.
                seen = [flat[k : k + 3] for k in range(0, 3 * 68, 3)]
                faces.append([_point(p[:2] if p[2] else [None, None]) for p in seen])
            return faces
        frame = next((frame[name] for name in _LISTS if name in frame), None)
    if frame is None:
        return []
    if isinstance(frame, Mapping):
        frame = frame.get("landmark", frame.get("landmarks"))
    if not isinstance(frame, list):
        raise ValueError("a frame holds no list of points")
    if not frame:
        return []
    try:
        return [[_point(value) for value in frame]]
    except ValueError:
        inner = [face.get("landmark", face.get("landmarks")) if isinstance(face, Mapping) else face for face in frame]
        if not all(isinstance(face, list) for face in inner):
            raise
        return [[_point(value) for value in face] for face in inner]


def _of_frames(path: Path, frames: list[object], options: FileOptions) -> Tracks:
    """Read a list with an entry a frame."""
    rows: list[dict[str, object]] = []
    count = 0
    for number, frame in enumerate(frames):
        try:
            faces = _faces(frame)
        except (ValueError, TypeError) as error:
            raise DfecsError(f"{path}: entry {number + 1} of its list: {error}") from None
        own = {}
        if isinstance(frame, Mapping):
            own = {key: v for key, v in frame.items() if isinstance(v, str | int | float) and not isinstance(v, bool)}
        for face, points in enumerate(faces or [[]]):
            if points and len(points) not in SIZES:
                known = ", ".join(map(str, sorted(SIZES)))
                raise DfecsError(f"{path}: entry {number + 1} has {len(points)} points; a scheme has one of {known}")
            if points and count not in (0, len(points)):
                raise DfecsError(f"{path}: entry {number + 1} has {len(points)} points, others have {count}")
            count = len(points) or count
            cells = {f"{axis}_{k}": point[a] for a, axis in enumerate("xy") for k, point in enumerate(points)}
            rows.append({"frame": number, "face_id": face, **own, **cells})
    if not count:
        raise DfecsError(f"{path}: holds no face in any of its {len(frames)} entries")
    table = pd.DataFrame(rows)
    if not (table["face_id"] != 0).any():
        table = table.drop(columns="face_id")
    tracks = read_frame(path, table, options)
    return replace(tracks, picture=len(frames) == 1)


def _read(path: Path, options: FileOptions) -> Tracks:
    text = text_sheet(path).text.data.decode("utf-8", "replace")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        try:  # a line a frame
            content = [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            raise DfecsError(f"{path}: is damaged JSON ({error})") from None
    if isinstance(content, Mapping):
        content = next((content[name] for name in _FRAMES if isinstance(content.get(name), list)), content)
    if isinstance(content, Mapping) and any(name in content for name in (*_LISTS, "people")):
        content = [content]
    if isinstance(content, Mapping):
        return _of_columns(path, content, options)
    if not isinstance(content, list) or not content:
        raise DfecsError(f"{path}: is JSON, and no list of frames")
    if all(isinstance(row, Mapping) for row in content) and not any(_nested(row) for row in content[:100]):
        return read_frame(path, pd.DataFrame(content), options)
    if isinstance(content[0], list) and content[0] and isinstance(content[0][0], int | float):
        try:
            return read_array(path, np.array(content, dtype=np.float64), options)
        except (ValueError, TypeError, OverflowError):
            raise DfecsError(f"{path}: its lists are no numbers, or of different lengths") from None
    return _of_frames(path, content, options)


def _nested(row: object) -> bool:
    return isinstance(row, Mapping) and any(isinstance(value, list | Mapping) for value in row.values())


def _of_columns(path: Path, content: Mapping[str, object], options: FileOptions) -> Tracks:
    columns = {
        str(name): [*cells.values()] if isinstance(cells, Mapping) else cells
        for name, cells in content.items()
        if isinstance(cells, Mapping | list)
    }
    if not columns or len({len(cells) for cells in columns.values() if isinstance(cells, list)}) != 1:
        raise DfecsError(f"{path}: is JSON, and neither a list of frames nor columns of one length")
    return read_frame(path, pd.DataFrame(columns), options)


def _sniff(head: bytes, _header: tuple[str, ...]) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


READER = FileReader("json", "JSON of tables or landmarks", _sniff, _read)
