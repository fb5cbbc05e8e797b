"""The front door for single files: `read_keypoints`, `read_action_units`, `read_pose`."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from dfecs_lib.data.readers.files import head_of, header_of
from dfecs_lib.data.readers.registry import (
    DatasetReader,
    FileOptions,
    FileReader,
    dataset_readers,
    file_reader,
    file_readers,
)
from dfecs_lib.errors import DfecsError

__all__ = ["read_account", "read_action_units", "read_keypoints", "read_pose", "several_faces", "sniff"]

PathLike = str | os.PathLike[str]


def sniff(path: PathLike) -> FileReader | DatasetReader:
    """Return the reader that recognises a file (by its content) or a dataset's folder (by its layout).

    Raises
    ------
    DfecsError
        If nothing recognises it; the sentence names what is known.
    """
    source = Path(path)
    if source.is_dir():
        folders = dataset_readers()
        found = next((reader for reader in folders.values() if reader.sniff(source)), None)
        if found is None:
            raise DfecsError(f"{source}: is a folder, and has the layout of no known dataset ({', '.join(folders)})")
        return found
    head = head_of(source)
    header = header_of(head)
    for reader in file_readers().values():
        if reader.sniff(head, header):
            return reader
    known = ", ".join(f"{r.title} ({r.name})" for r in file_readers().values())
    what = "no text" if not header else f"a first line that begins {','.join(header)[:60]!r}"
    raise DfecsError(f"{source}: not a known file of tracked faces (it has {what}); known: {known}")


def _reader(path: Path, source: str | None) -> FileReader | DatasetReader:
    if source is None:
        return sniff(path)
    return dataset_readers().get(source) or file_reader(source)


def read_keypoints(
    path: PathLike,
    source: str | None = None,
    *,
    dataset: str | None = None,
    subject: str | None = None,
    recording: str | None = None,
    min_confidence: float | None = None,
    face: int | None = None,
) -> pd.DataFrame:
    """Read a file of tracked faces as a keypoint table.

    Frames that the tracker failed on stay as rows of NaN. How many there were, the threshold and the face taken
    are in ``attrs["history"][0]``; `read_account` says them in words.

    Parameters
    ----------
    path : str or path
        A file; or a dataset's folder, when `source` names its layout or the layout is recognised.
    source : str, optional
        ``"openface"``, ``"pyfeat"``, ``"parquet"``, ``"csv"``, or a dataset layout (``"disfa"``, ``"ckplus"``,
        ``"bp4d"``, ``"ravdess"``, ``"facs-exemplars"``). By default the content decides.
    dataset, subject, recording : str, optional
        Names for the row index. By default the file's own, else ``""``, ``""`` and the file name without suffix.
    min_confidence : float, optional
        Frames below it count as failed. Default 0.7 for OpenFace's ``confidence`` and 0.5 for Py-Feat's ``FaceScore``.
    face : int, optional
        Which face of several: OpenFace's ``face_id`` (default: the one with the most good frames), for Py-Feat the
        position within the frame (default: the largest face of each frame).

    Returns
    -------
    keypoint table

    Raises
    ------
    DfecsError
        If the file is missing, a folder, empty, cut off, not text, or lacks columns.

    Examples
    --------
    >>> from dfecs_lib import read_keypoints
    >>> table = read_keypoints("P1_happy.csv", subject="P1")  # doctest: +SKIP
    >>> table.attrs["scheme"], table.attrs["history"][0]["failed"]  # doctest: +SKIP
    ('ibug68', 3)
    """
    where = Path(path)
    reader = _reader(where, source)
    options = FileOptions(dataset, subject, recording, min_confidence, face)
    if isinstance(reader, FileReader):
        return reader.keypoints(where, options)
    if options != FileOptions(dataset=dataset):
        raise DfecsError(f"{where}: a dataset's folder names its subjects and recordings itself; leave the options out")
    return reader.read(where, name=dataset or reader.name, progress=False).keypoints


def read_action_units(
    path: PathLike,
    source: str | None = None,
    *,
    dataset: str | None = None,
    subject: str | None = None,
    recording: str | None = None,
    min_confidence: float | None = None,
    face: int | None = None,
) -> pd.DataFrame:
    """Read a tool's own action units, under the index that `read_keypoints` gives with the same arguments.

    Returns
    -------
    DataFrame of shape (n_frames, n_units)
        Columns ``AU01 …``; NaN on failed frames. ``attrs["unit"]`` says what a value is, and nothing is rescaled:
        OpenFace ``AUxx_r`` is ``"intensity 0-5"``, Py-Feat ``AUxx`` is ``"probability 0-1"``, which is no intensity.

    Raises
    ------
    DfecsError
        As `read_keypoints`, and when the file holds no action units.

    Examples
    --------
    >>> from dfecs_lib.data.readers import read_action_units
    >>> read_action_units("P1_happy.csv").attrs["unit"]  # doctest: +SKIP
    'intensity 0-5'
    """
    where = Path(path)
    reader = _reader(where, source)
    if not isinstance(reader, FileReader):
        raise DfecsError(f"{where}: is a dataset's folder; its labels come with load_dataset")
    if reader.action_units is None:
        raise DfecsError(f"{where}: a {reader.title} holds no action units")
    return reader.action_units(where, FileOptions(dataset, subject, recording, min_confidence, face))


def read_pose(
    path: PathLike,
    source: str | None = None,
    *,
    dataset: str | None = None,
    subject: str | None = None,
    recording: str | None = None,
    min_confidence: float | None = None,
    face: int | None = None,
) -> pd.DataFrame:
    """Read a tool's own head pose, under the index that `read_keypoints` gives with the same arguments.

    Returns
    -------
    DataFrame of shape (n_frames, 3)
        Columns ``pitch, yaw, roll``, always in degrees; NaN on failed frames. ``attrs["unit_in_file"]`` says what
        the file held: OpenFace writes radians; Py-Feat wrote degrees in early versions and writes radians now, which
        is told from the range of the angles. Signs and zero are the tool's own and differ between tools.

    Raises
    ------
    DfecsError
        As `read_keypoints`, and when the file holds no pose.

    Examples
    --------
    >>> from dfecs_lib.data.readers import read_pose
    >>> read_pose("P1_happy.csv")["yaw"].abs().max()  # doctest: +SKIP
    17.3
    """
    where = Path(path)
    reader = _reader(where, source)
    if not isinstance(reader, FileReader) or reader.pose is None:
        raise DfecsError(f"{where}: holds no head pose")
    return reader.pose(where, FileOptions(dataset, subject, recording, min_confidence, face))


def read_account(table: pd.DataFrame) -> list[str]:
    """Say in sentences how a table was read: frames, failures, the threshold and the face taken.

    Returns
    -------
    list of str
        Empty for a table that was not read from a tracker's file.
    """
    sentences = []
    for entry in table.attrs.get("history", []):
        if entry.get("operation") != "read" or "failed" not in entry:
            continue
        text = f"{entry['file']}: {entry['frames']} frames, {entry['failed']} without a usable face"
        threshold = entry.get("min_confidence")
        sentences.append(f"{text}." if threshold is None else f"{text} (confidence threshold {threshold}).")
        sentences += several_faces(table)
    return sentences


def several_faces(table: pd.DataFrame) -> list[str]:
    """Say which face was taken, where a tracker's file follows several; empty where it follows one."""
    sentences = []
    for entry in table.attrs.get("history", []):
        if len(entry.get("faces", [])) > 1:
            faces = ", ".join(map(str, entry["faces"]))
            sentences.append(f"{entry['file']} follows several faces ({faces}); face {entry['face']} was taken.")
        if entry.get("frames_with_several_faces"):
            rule = "the largest" if entry["face"] == "largest" else f"number {entry['face']}"
            count = entry["frames_with_several_faces"]
            sentences.append(f"{count} frames of {entry['file']} show several faces; {rule} of each was taken.")
    return sentences
