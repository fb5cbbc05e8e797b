"""The front door for single files: `read_tracks`, and what it reads one by one: keypoints, action units, pose."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

import pandas as pd

from dfecs_lib.data.readers.files import head_of, header_of
from dfecs_lib.data.readers.registry import (
    DatasetReader,
    FileReader,
    dataset_readers,
    file_reader,
    file_readers,
)
from dfecs_lib.data.readers.tracks import FileOptions, Tracks
from dfecs_lib.errors import DfecsError
from dfecs_lib.files import exists
from dfecs_lib.keypoints.dataset import ReadReport

__all__ = [
    "read_account",
    "read_action_units",
    "read_keypoints",
    "read_pose",
    "read_tracks",
    "several_faces",
    "sniff",
]

PathLike = str | os.PathLike[str]

_REFUSED = {
    b"\x89HDF": "an HDF5 file; export its points as CSV (SLEAP: analysis CSV; DeepLabCut: csv; MATLAB: save with -v7)",
    b"\x80": "a pickle, which may run anybody's code and is never opened; save the table as CSV or Parquet",
    b"\xd0\xcf\x11\xe0": "a spreadsheet of Excel's old kind; save the table as CSV",
    b"<?xml": "an XML file; save the points as CSV, a column x_0 … y_67 each",
    b"%PDF": "a PDF file; a table is needed",
    **dict.fromkeys(
        (b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf"),
        "packed in a way that is not read here; unpack it, or pack it as .gz",
    ),
}


def sniff(path: PathLike) -> FileReader | DatasetReader:
    """Return the reader that recognises a file (by its content) or a dataset's folder (by its layout).

    Raises
    ------
    DfecsError
        If nothing recognises it; the sentence names what is known.
    """
    source = Path(path)
    if exists(source) and source.is_dir():
        folders = dataset_readers()
        found = next((reader for reader in folders.values() if reader.sniff(source)), None)
        if found is None:
            raise DfecsError(f"{source}: is a folder, and has the layout of no known dataset ({', '.join(folders)})")
        return found
    head = head_of(source)
    header = header_of(source, head)
    for reader in file_readers().values():
        if reader.sniff(head, header):
            return reader
    if head.startswith(b"PK"):
        raise DfecsError(f"{source}: is a spreadsheet or another archive; save the table as CSV, or unpack it")
    if {"recording", "frame"} <= set(header) and any(re.fullmatch(r"U\d+", name) for name in header):
        raise DfecsError(f"{source}: holds codes of units, not tracked faces")
    for mark, what in _REFUSED.items():
        if head.startswith(mark):
            raise DfecsError(f"{source}: is {what}")
    known = ", ".join(f"{r.title} ({r.name})" for r in file_readers().values())
    what = "no text" if not header else f"a first line that begins {','.join(header)[:60]!r}"
    raise DfecsError(f"{source}: not a known file of tracked faces (it has {what}); known: {known}")


def _reader(path: Path, source: str | None) -> FileReader | DatasetReader:
    if source is None:
        return sniff(path)
    return dataset_readers().get(source) or file_reader(source)


def _read(path: Path, reader: FileReader, options: FileOptions) -> Tracks:
    found = reader.read(path, options)
    if isinstance(found, pd.DataFrame):
        failed = int(found.isna().all(axis=1).sum())
        return Tracks(found, None, None, None, None, ReadReport(len(found), failed=failed))
    return found


def read_tracks(
    path: PathLike,
    source: str | None = None,
    *,
    dataset: str | None = None,
    subject: str | None = None,
    recording: str | None = None,
    min_confidence: float | None = None,
    face: int | Literal["all"] | None = None,
    identity: str | None = None,
    names: str | None = None,
    picture_size: tuple[int, int] | None = None,
) -> Tracks:
    """Read a file of tracked faces: points, and what the tool says beside them, at one go.

    CSV of OpenFace, Py-Feat, DeepLabCut and other tools (also compressed by gzip, separated by semicolon, tab or ``|``,
    with decimal commas, in UTF-16 or with a line ``sep=``), with a line a frame or a line a point (frame, landmark, x,
    y); Parquet and Feather of this library and of others; JSON of tables, MediaPipe and OpenPose; arrays of NumPy and
    MATLAB; ``.pts`` of single pictures. Columns are found by their names (``x_0``, ``x0``, ``X_0``, ``part_0_x``,
    ``l0_x``, ``x1`` …). A line that cannot be read costs that line. Time is in seconds from the recording's start,
    however the file counts it. Points that an OpenFace file has in space only are projected by a camera of 1000 px
    focal length; a table with y upwards, or mirrored, is put right; both are in ``attrs["history"]`` and the report.

    Parameters
    ----------
    path, source, dataset, subject, recording, min_confidence
        As for `read_keypoints`.
    face : int or "all", optional
        Which face of several: a tracker's number, or the position within the frame where nothing numbers faces.
        ``"all"`` makes each person a subject. By default the one with the most good frames, followed by place and size
        (a new number in the same place is the same person).
    identity : str, optional
        Which person, for files that name them (Py-Feat's ``Identity``).
    names : str, optional
        How the file's name says who is shown: see `dfecs_lib.keypoints.path_names`. In a file of several pictures or
        videos it is their names that are read.
    picture_size : (int, int), optional
        Width and height of the picture of which coordinates are fractions.

    Returns
    -------
    Tracks

    Raises
    ------
    DfecsError
        If the file is missing, a folder, empty, not text, lacks columns, or half of its lines cannot be read.

    Examples
    --------
    >>> from dfecs_lib.data.readers import read_tracks
    >>> tracks = read_tracks("P1_happy.csv")  # doctest: +SKIP
    >>> tracks.report.lines, tracks.report.set_aside  # doctest: +SKIP
    (301, (('cut off at the end', 1),))
    """
    where = Path(path)
    reader = _reader(where, source)
    if not isinstance(reader, FileReader):
        raise DfecsError(f"{where}: is a dataset's folder; read it with load_dataset")
    options = FileOptions(dataset, subject, recording, min_confidence, face, identity, names, picture_size)
    return _read(where, reader, options)


def read_keypoints(
    path: PathLike,
    source: str | None = None,
    *,
    dataset: str | None = None,
    subject: str | None = None,
    recording: str | None = None,
    min_confidence: float | None = None,
    face: int | Literal["all"] | None = None,
    identity: str | None = None,
) -> pd.DataFrame:
    """Read a file of tracked faces as a keypoint table; `read_tracks` gives all that the file holds.

    Frames that the tracker failed on stay as rows of NaN. How many there were, the threshold and the face taken
    are in ``attrs["history"][0]``; `read_account` says them in words.

    Parameters
    ----------
    path : str or path
        A file; or a dataset's folder, when `source` names its layout or the layout is recognised.
    source : str, optional
        ``"openface"``, ``"pyfeat"``, ``"parquet"``, ``"npy"``, ``"mat"``, ``"json"``, ``"pts"``, ``"csv"``, ``"long"``,
        ``"numbers"``, or a dataset layout (``"disfa"``,
        ``"ckplus"``, ``"bp4d"``, ``"ravdess"``, ``"facs-exemplars"``). By default the content decides.
    dataset, subject, recording : str, optional
        Names for the row index. By default the file's own, else ``""``, ``""`` and the file name without suffix.
    min_confidence : float, optional
        Frames below it count as failed. Default 0.7 for OpenFace's ``confidence`` and 0.5 for Py-Feat's ``FaceScore``.
    face, identity
        Which face of several: see `read_tracks`.

    Returns
    -------
    keypoint table

    Raises
    ------
    DfecsError
        As `read_tracks`.

    Examples
    --------
    >>> from dfecs_lib import read_keypoints
    >>> table = read_keypoints("P1_happy.csv", subject="P1")  # doctest: +SKIP
    >>> table.attrs["scheme"], table.attrs["history"][0]["failed"]  # doctest: +SKIP
    ('ibug68', 3)
    """
    where = Path(path)
    reader = _reader(where, source)
    options = FileOptions(dataset, subject, recording, min_confidence, face, identity)
    if isinstance(reader, FileReader):
        table = _read(where, reader, options).keypoints
        if not len(table.columns):
            raise DfecsError(f"{where}: not a keypoint table: it holds action units and no points")
        return table
    if options != FileOptions(dataset=dataset):
        raise DfecsError(f"{where}: a dataset's folder names its subjects and recordings itself; leave the options out")
    return reader.read(where, name=dataset or reader.name, progress=False).keypoints


def read_action_units(path: PathLike, source: str | None = None, **options: object) -> pd.DataFrame:
    """Read a tool's own action units, under the index that `read_keypoints` gives with the same arguments.

    Parameters
    ----------
    path, source, **options
        As for `read_tracks`.

    Returns
    -------
    DataFrame of shape (n_frames, n_units)
        Columns ``AU01 …``; NaN on failed frames. ``attrs["unit"]`` says what a value is, and nothing is rescaled:
        OpenFace ``AUxx_r`` is ``"intensity 0-5"``, Py-Feat ``AUxx`` is ``"probability 0-1"``, which is no intensity.

    Raises
    ------
    DfecsError
        As `read_tracks`, and when the file holds no action units.

    Examples
    --------
    >>> from dfecs_lib.data.readers import read_action_units
    >>> read_action_units("P1_happy.csv").attrs["unit"]  # doctest: +SKIP
    'intensity 0-5'
    """
    units = read_tracks(path, source, **options).action_units  # type: ignore[arg-type]  # checked there, by name
    if units is None:
        raise DfecsError(f"{os.fspath(path)}: holds no action units (OpenFace writes AU01_r … with -aus)")
    return units


def read_pose(path: PathLike, source: str | None = None, **options: object) -> pd.DataFrame:
    """Read a tool's own head pose, under the index that `read_keypoints` gives with the same arguments.

    Parameters
    ----------
    path, source, **options
        As for `read_tracks`.

    Returns
    -------
    DataFrame of shape (n_frames, 3)
        Columns ``pitch, yaw, roll``, always in degrees; NaN on failed frames. ``attrs["unit_in_file"]`` says what
        the file held: OpenFace writes radians; Py-Feat wrote degrees in early versions and writes radians now, which
        is told from the range of the angles. Signs and zero are the tool's own and differ between tools.

    Raises
    ------
    DfecsError
        As `read_tracks`, and when the file holds no pose.

    Examples
    --------
    >>> from dfecs_lib.data.readers import read_pose
    >>> read_pose("P1_happy.csv")["yaw"].abs().max()  # doctest: +SKIP
    17.3
    """
    pose = read_tracks(path, source, **options).pose  # type: ignore[arg-type]  # checked there, by name
    if pose is None:
        raise DfecsError(f"{os.fspath(path)}: holds no head pose")
    return pose


def read_account(table: pd.DataFrame) -> list[str]:
    """Say in sentences how a table was read: frames, failures, the threshold and the face taken, what is wrong.

    Returns
    -------
    list of str
        Empty for a table that was not read from a tracker's file.
    """
    sentences = []
    for entry in table.attrs.get("history", []):
        if entry.get("operation") != "read" or "failed" not in entry:
            continue
        file = entry.get("file")
        text = f"{file}: {entry.get('frames')} frames, {entry['failed']} without a usable face"
        threshold = entry.get("min_confidence")
        sentences.append(f"{text}." if threshold is None else f"{text} (confidence threshold {threshold}).")
        sentences += [f"{file}: {problem}." for problem in _listed(entry.get("problems"))]
        sentences += several_faces(table)
    return sentences


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, (list, tuple)) else []


def several_faces(table: pd.DataFrame) -> list[str]:
    """Say which face was taken, where a tracker's file follows several; empty where it follows one."""
    sentences = []
    for entry in table.attrs.get("history", []):
        file, face = entry.get("file"), entry.get("face")
        numbers, taken = _listed(entry.get("faces")), _listed(face)
        if taken:
            alike = ", ".join(map(str, taken))
            sentences.append(f"{file}: faces {alike} are one person with new numbers, as place and size tell.")
        if len(numbers) > max(1, len(taken)):
            faces = ", ".join(map(str, numbers))
            which = f"face {face} was taken" if not taken else "the person seen most was taken"
            sentences.append(f"{file} follows several faces ({faces}); {'each' if face == 'all' else which}.")
        count = entry.get("frames_with_several_faces")
        if count and not numbers:
            rule = {"followed": "the one seen most was followed", "all": "all were taken"}.get(
                str(face), f"number {face} of each was taken" if isinstance(face, int) else f"{face} was taken"
            )
            sentences.append(f"{count} frames of {file} show several faces; {rule}.")
    return sentences
