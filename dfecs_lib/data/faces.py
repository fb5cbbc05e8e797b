"""Tables of tracked faces as users name them: files, folders of files, datasets of the manifest."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from dfecs_lib.data.sources import load_source
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import record
from dfecs_lib.keypoints.path_names import names_from_path

__all__ = ["Faces", "load_faces"]

_RECORDING = ["dataset", "subject", "recording"]
_TABLE_SUFFIXES = frozenset({".csv", ".parquet"})


@dataclass(frozen=True, eq=False)
class Faces:
    """Tracked faces from one place.

    Parameters
    ----------
    name : str
        What was named: a file, or a dataset of the manifest.
    keypoints : keypoint table
    neutral : keypoint table or None
        The dataset's own neutral frames, where it has some.
    """

    name: str
    keypoints: pd.DataFrame
    neutral: pd.DataFrame | None


def load_faces(
    sources: Iterable[str | os.PathLike[str]], *, names: str | None = None, progress: bool = False
) -> list[Faces]:
    """Read tables of tracked faces.

    Parameters
    ----------
    sources : iterable
        Files of any kind that `dfecs_lib.read_keypoints` recognises, folders of such files, or names of the manifest's
        datasets (``"ravdess"``, ``"sim-disfa"``, ``"clips/single_face"``).
    names : str, optional
        How files' names say who is shown, such as ``"{subject}_{recording}"``: see `keypoints.path_names`. By default
        subjects have the names that the tables give them, which OpenFace's and Py-Feat's do not. Datasets of the
        manifest name their subjects themselves.
    progress : bool
        Show progress bars.

    Returns
    -------
    list of Faces
        Recordings of the same name are told apart by the name of their file's folder.

    Warns
    -----
    UserWarning
        Where a file follows several faces: which one was taken.

    Raises
    ------
    DfecsError
        If a source is missing or not readable, or a folder holds no table.
    """
    found = [faces for source in sources for faces in _load(source, names, progress)]
    if not found:
        raise DfecsError("no table of tracked faces to read")
    keys = [set(f.keypoints.groupby(level=_RECORDING).groups) for f in found]
    apart = [
        _with_folder(f) if any(mine & other for k, other in enumerate(keys) if k != i) else f
        for i, (f, mine) in enumerate(zip(found, keys, strict=True))
    ]
    index = apart[0].keypoints.index.append([f.keypoints.index for f in apart[1:]])
    if not index.is_unique:
        raise DfecsError("the same frames are named twice; give each table once, and each recording its own name")
    return apart


def _load(source: str | os.PathLike[str], names: str | None, progress: bool) -> list[Faces]:
    from dfecs_lib.data.manifest import find_manifest, load_manifest

    path = Path(source)
    if path.is_dir():
        return _folder(path, names, progress)
    if not path.exists():
        name = str(source).rpartition("@")[0] or str(source)
        if name.partition("/")[0] in load_manifest():
            data = load_source(str(source), progress=progress)
            return [Faces(str(source), data.keypoints, data.neutral)]
        raise DfecsError(f"{path}: no such file or folder, and no dataset of {find_manifest()}")
    return [_file(path, names)]


def _file(path: Path, names: str | None) -> Faces:
    from dfecs_lib.data.readers.read import read_keypoints, several_faces

    said = {} if names is None else names_from_path(path, names)
    table = read_keypoints(
        path, dataset=said.get("dataset"), subject=said.get("subject"), recording=said.get("recording")
    )
    for sentence in several_faces(table):
        warnings.warn(sentence, stacklevel=2)
    return Faces(str(path), table, None)


def _folder(path: Path, names: str | None, progress: bool) -> list[Faces]:
    from dfecs_lib.data.readers import read_keypoints
    from dfecs_lib.data.readers.registry import dataset_readers
    from dfecs_lib.files import natural_key

    for reader in dataset_readers().values():
        if reader.sniff(path):
            if names is not None:
                raise DfecsError(f"{path}: has the layout of {reader.name}, which names its subjects itself")
            return [Faces(str(path), read_keypoints(path, reader.name), None)]
    files = [p for p in path.rglob("*") if p.suffix.lower() in _TABLE_SUFFIXES and p.is_file()]
    if not files:
        raise DfecsError(f"{path}: no table in this folder (looked for {', '.join(sorted(_TABLE_SUFFIXES))})")
    files.sort(key=lambda file: natural_key(file.as_posix()))
    bar = tqdm(files, desc=f"reading {path.name}", unit="file", disable=not progress or len(files) == 1)
    return [_file(file, names) for file in bar]


def _with_folder(faces: Faces) -> Faces:
    folder = Path(faces.name).resolve().parent.name

    def renamed(table: pd.DataFrame) -> pd.DataFrame:
        index = table.index.to_frame(index=False)
        index["recording"] = [f"{folder}/{name}" for name in index["recording"]]
        out = table.set_axis(pd.MultiIndex.from_frame(index), axis=0)
        out.attrs = table.attrs
        return record(out, "rename_recordings", folder=folder)

    return Faces(faces.name, renamed(faces.keypoints), None if faces.neutral is None else renamed(faces.neutral))
