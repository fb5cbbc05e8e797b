"""Files of one picture's points: ``.pts`` of the iBUG annotations, JSON of OpenPose, and lines ``x y``."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from dfecs_lib.data.readers.arrays import read_array
from dfecs_lib.data.readers.files import text_sheet
from dfecs_lib.data.readers.registry import FileReader
from dfecs_lib.data.readers.tracks import FileOptions, Tracks
from dfecs_lib.errors import DfecsError

__all__ = ["READER"]


def _read(path: Path, options: FileOptions) -> Tracks:
    text = text_sheet(path).text.data.decode("utf-8", "replace")
    said = re.search(r"n_points:\s*(\d{1,6})", text)
    body = text.partition("{")[2].partition("}")
    lines = [line.split() for line in body[0].splitlines() if line.strip()]
    if said is None or not body[1] or len(lines) != int(said[1]):
        raise DfecsError(f"{path}: its points are cut off ({len(lines)} of {said[1] if said else 'an unknown number'})")
    try:
        points = np.array([[float(cell) for cell in line[:2]] for line in lines])
    except ValueError:
        raise DfecsError(f"{path}: holds something else than numbers among its points") from None
    if points.ndim != 2 or points.shape[1] != 2:
        raise DfecsError(f"{path}: lines 'x y' are needed between the braces")
    return replace(read_array(path, points, options), picture=True)


def _sniff(head: bytes, _header: tuple[str, ...]) -> bool:
    return re.match(rb"\s*version:\s*\d", head) is not None and b"n_points:" in head


READER = FileReader("pts", "points of one picture (.pts)", _sniff, _read)
