"""Py-Feat CSV files (a saved ``Fex``)."""

from __future__ import annotations

from dfecs_lib.data.readers.columns import has_points
from dfecs_lib.data.readers.files import read_with
from dfecs_lib.data.readers.registry import FileReader
from dfecs_lib.data.readers.tabular import Dialect
from dfecs_lib.keypoints.labels import PROBABILITY

__all__ = ["DIALECT", "MIN_CONFIDENCE", "READER"]

#: Py-Feat's own default of ``face_detection_threshold``.
MIN_CONFIDENCE = 0.5

DIALECT = Dialect(
    "pyfeat",
    "Py-Feat CSV",
    confidence=("FaceScore",),
    min_confidence=MIN_CONFIDENCE,
    units=r"(AU\d{2})",
    unit=PROBABILITY,
    pose={"pitch": "Pitch", "yaw": "Yaw", "roll": "Roll"},
    picture=("input",),
    rectangle=("FaceRectWidth", "FaceRectHeight"),
    tracker="Py-Feat",
    marks=frozenset({"FaceScore", "FaceRectX"}),
)


def _sniff(_head: bytes, header: tuple[str, ...]) -> bool:
    return has_points(header) and bool({"FaceScore", "FaceRectX", "input", "Pitch"} & set(header))


READER = FileReader(DIALECT.name, DIALECT.title, _sniff, read_with(DIALECT))
