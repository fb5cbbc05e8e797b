"""Readers: files of tracked faces and datasets' folders become keypoint tables.

A new format is one module with a `FileReader` or a `DatasetReader`, and one `register` call below.
"""

from __future__ import annotations

from dfecs_lib.io import openface, parquet, pyfeat
from dfecs_lib.io.dataset import Dataset, ReadReport
from dfecs_lib.io.read import read_account, read_action_units, read_keypoints, read_pose, sniff
from dfecs_lib.io.registry import DatasetReader, FileOptions, FileReader, register
from dfecs_lib.io.tables import load_action_units, save_action_units, validate_action_units

__all__ = [
    "Dataset",
    "DatasetReader",
    "FileOptions",
    "FileReader",
    "ReadReport",
    "load_action_units",
    "read_account",
    "read_action_units",
    "read_keypoints",
    "read_pose",
    "register",
    "save_action_units",
    "sniff",
    "validate_action_units",
]

for _reader in (openface.READER, pyfeat.READER, parquet.READER):
    register(_reader)
