"""Plain tables of keypoints from any other tool: columns of points, and names of rows where there are some."""

from __future__ import annotations

from dfecs_lib.data.readers.columns import has_points
from dfecs_lib.data.readers.files import read_with
from dfecs_lib.data.readers.registry import FileReader
from dfecs_lib.data.readers.tabular import Dialect

__all__ = ["DIALECT", "READER"]

DIALECT = Dialect(
    "csv", "plain CSV of keypoints", face=("face_id", "face", "person_id"), picture=("filename", "image", "file")
)


def _sniff(_head: bytes, header: tuple[str, ...]) -> bool:
    return has_points(header)


# Registered last: OpenFace and Py-Feat files have these columns too.
READER = FileReader(DIALECT.name, DIALECT.title, _sniff, read_with(DIALECT))
