"""RAVDESS Facial Landmark Tracking: a flat folder of OpenFace CSVs whose names say what is shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dfecs_lib.data.readers import openface
from dfecs_lib.data.readers.folders import N_JOBS, assemble, find, read_all
from dfecs_lib.data.readers.openface_folders import count_frames, only, read_recording
from dfecs_lib.data.readers.registry import DatasetReader
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import IBUG68
from dfecs_lib.keypoints.dataset import Readings

__all__ = ["READER", "RavdessName", "parse_name"]

_NAME = re.compile(r"\d\d(-\d\d){6}")
_EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
_MODALITIES = ("audio-video", "video", "audio")
_CHANNELS = ("speech", "song")


@dataclass(frozen=True)
class RavdessName:
    """What the name of a RAVDESS recording says."""

    modality: str
    channel: str
    emotion: str
    intensity: str
    statement: int
    repetition: int
    actor: int


def parse_name(recording: str) -> RavdessName:
    """Read the seven fields of a recording's name.

    Raises
    ------
    DfecsError
        If the name does not have seven fields with known values.

    Examples
    --------
    >>> name = parse_name("01-02-05-02-01-01-24")
    >>> name.emotion, name.channel, name.intensity, name.actor
    ('angry', 'song', 'strong', 24)
    """
    fields = [int(part) for part in recording.split("-")] if _NAME.fullmatch(recording) else []
    known = (len(_MODALITIES), len(_CHANNELS), len(_EMOTIONS), 2)
    if not fields or any(not 1 <= field <= most for field, most in zip(fields, known, strict=False)):
        raise DfecsError(
            f"{recording!r} is no RAVDESS name (modality-channel-emotion-…-actor, seven two-digit numbers)"
        )
    return RavdessName(
        _MODALITIES[fields[0] - 1],
        _CHANNELS[fields[1] - 1],
        _EMOTIONS[fields[2] - 1],
        ("normal", "strong")[fields[3] - 1],
        *fields[4:],
    )


def _files(root: Path) -> list[Path]:
    pattern = "**/" + "-".join(["[0-9][0-9]"] * 7) + ".csv"
    return find(root, pattern, "OpenFace CSVs named modality-channel-emotion-intensity-statement-repetition-actor.csv")


def _subject(path: Path) -> str:
    return f"actor_{path.stem[-2:]}"


def read(
    folder: Path,
    *,
    name: str = "ravdess",
    n_jobs: int = N_JOBS,
    progress: bool | None = None,
    min_confidence: float = openface.MIN_CONFIDENCE,
) -> Readings:
    """Read the RAVDESS tracks.

    The dataset has no FACS labels, so ``action_units`` is None; OpenFace's estimates in the files are read with
    `read_action_units`, file by file. Names are read with `parse_name`.

    Parameters
    ----------
    folder : Path
        Holds the CSVs, at any depth.
    min_confidence : float
        Frames with a lower OpenFace confidence count as failed.
    """
    jobs = ((folder, path, _subject(path), path.stem, min_confidence) for path in _files(folder))
    recordings = read_all(read_recording, jobs, label=name, n_jobs=n_jobs, progress=progress)
    return assemble(
        recordings, name=name, reader="ravdess", scheme=IBUG68.name, tracker="OpenFace", min_confidence=min_confidence
    )


def _inventory(folder: Path) -> pd.DataFrame:
    rows = [(_subject(path), path.stem, count_frames(path)) for path in _files(folder)]
    return pd.DataFrame(rows, columns=["subject", "recording", "frames"])


def _sniff(folder: Path) -> bool:
    names = (path.stem for path in folder.rglob("*.csv") if not path.name.startswith("."))
    # One name of seven numbers among others is somebody's date; the dataset's folder holds nothing else.
    return only(bool(_NAME.fullmatch(name)) for name in names)


def _tracks(folder: Path) -> list[tuple[Path, str, str]]:
    return [(path, _subject(path), path.stem) for path in _files(folder)]


READER = DatasetReader("ravdess", IBUG68.name, "choose", _sniff, read, _inventory, _tracks, first_frame=1)
