"""Readers: files of tracked faces and datasets' folders become keypoint tables.

A new format is one module with a `FileReader` or a `DatasetReader`, and one `register` call below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfecs_lib.data.readers import (
    arrays,
    bp4d,
    ckplus,
    disfa,
    exemplars,
    krsl,
    openface,
    parquet,
    plain,
    points_file,
    pyfeat,
    ravdess,
    structured,
    tidy,
)
from dfecs_lib.data.readers.in_folder import Folder, read_folder
from dfecs_lib.data.readers.krsl import KrslName, parse_krsl_name
from dfecs_lib.data.readers.ravdess import RavdessName, parse_name
from dfecs_lib.data.readers.read import (
    read_account,
    read_action_units,
    read_keypoints,
    read_pose,
    read_tracks,
    sniff,
)
from dfecs_lib.data.readers.registry import DatasetReader, FileReader, register
from dfecs_lib.data.readers.tracks import FileOptions, Tracks
from dfecs_lib.keypoints.dataset import Dataset, Readings, ReadReport
from dfecs_lib.keypoints.labels import load_action_units, save_action_units, validate_action_units

if TYPE_CHECKING:
    from dfecs_lib.data.datasets import load_dataset

__all__ = [
    "Dataset",
    "DatasetReader",
    "FileOptions",
    "FileReader",
    "Folder",
    "KrslName",
    "RavdessName",
    "ReadReport",
    "Readings",
    "Tracks",
    "load_action_units",
    "load_dataset",
    "parse_krsl_name",
    "parse_name",
    "read_account",
    "read_action_units",
    "read_folder",
    "read_keypoints",
    "read_pose",
    "read_tracks",
    "register",
    "save_action_units",
    "sniff",
    "validate_action_units",
]

for _file_reader in (
    *(openface.READER, pyfeat.READER, parquet.READER, arrays.READER, arrays.MATLAB, structured.READER),
    *(points_file.READER, plain.READER, tidy.READER, arrays.UNNAMED),
):
    register(_file_reader)
for _folder_reader in (disfa.READER, ckplus.READER, bp4d.READER, exemplars.READER, ravdess.READER, krsl.READER):
    register(_folder_reader)


def __getattr__(name: str) -> object:
    # load_dataset also calls the simulator and the choice of neutral frames, so it stands above the readers.
    if name == "load_dataset":
        from dfecs_lib.data.datasets import load_dataset

        return load_dataset
    raise AttributeError(f"module 'dfecs_lib.data.readers' has no attribute {name!r}")
