"""From a word to faces: the names by which notebooks and commands speak of data.

A source is ``NAME`` or ``NAME/RECORDING`` of the manifest (``"disfa"``, ``"clips/single_face"``), or the path of a file
of tracked faces or of a video. Where neutral frames are chosen, not given, ``@FRAME`` at the end says which to take:
``"clips/single_face@0"``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import scheme_of
from dfecs_lib.keypoints.dataset import Dataset, ReadReport
from dfecs_lib.preprocessing import make_preprocessor, motion_vectors
from dfecs_lib.preprocessing.neutral import choose_neutral, recordings_with_a_face

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

__all__ = ["Motion", "describe_source", "load_source", "motion_of", "source_names", "stack"]

_VIDEO_READER = "video"


@dataclass(frozen=True, eq=False)
class Motion:
    """Faces on their way to units.

    Parameters
    ----------
    registered, neutral : keypoint table
        Preprocessed faces, and the rows of them that motion is measured from.
    motion : KPM table
        Rows with at least one keypoint; frames without a face are left out.
    """

    registered: pd.DataFrame
    neutral: pd.DataFrame
    motion: pd.DataFrame

    @property
    def mean_neutral(self) -> pd.Series[float]:
        """The average neutral face: what units are drawn on."""
        return self.neutral.mean()


def source_names(sources: str | Iterable[str]) -> list[str]:
    """Return the sources of a list, or of a text that names them separated by commas (a command line has no lists).

    Examples
    --------
    >>> source_names("clips/single_face@0, faces.csv")
    ['clips/single_face@0', 'faces.csv']
    """
    names = sources.split(",") if isinstance(sources, str) else sources
    return [name.strip() for name in names if name.strip()]


def load_source(
    source: str, manifest: str | os.PathLike[str] | None = None, *, size: str = "small", progress: bool = False
) -> Dataset:
    """Load the faces that a source names.

    Parameters
    ----------
    source : str
        See the module. Of a manifest's videos, the recording is the file's stem; they are tracked with dlib, once: the
        tracks are kept in the user's cache.
    manifest : path, optional
        As for `dfecs_lib.load_dataset`.
    size : str
        Size of a simulated dataset.
    progress : bool
        Show progress bars.

    Returns
    -------
    Dataset
        Where the source has no neutral frames of its own, they are chosen by `dfecs_lib.neutral.choose_neutral` among
        the registered faces.

    Raises
    ------
    DfecsError
        If nothing goes by that name, or the data are not on this machine; the sentence says how to get them.
    """
    from dfecs_lib.data.manifest import load_manifest

    source, frame = _split(source)
    if Path(source).is_file():
        return _from_file(Path(source), frame, progress)
    known = load_manifest(manifest)
    name, _, recording = source.partition("/")
    if name not in known:
        raise DfecsError(f"{source!r} is neither a file nor a dataset of the manifest; known: {', '.join(known)}")
    if known[name].reader == _VIDEO_READER:
        return _from_clips(name, recording, frame, manifest, progress)
    if frame is not None:
        raise DfecsError(f"{name} has its own neutral frames; leave out @{frame}")
    from dfecs_lib.data.datasets import load_dataset

    options: dict[str, str] = {"size": size} if known[name].kind == "simulated" else {}
    data = load_dataset(name, manifest, progress=progress, **options)  # type: ignore[arg-type]  # a reader's own options
    return _only(data, recording) if recording else data


def describe_source(source: str) -> str:
    """Return how a caption should speak of a source: simulated data are always called so."""
    from dfecs_lib.data.manifest import load_manifest

    source, _ = _split(source)
    name, _, recording = source.partition("/")
    known = load_manifest()
    if name not in known:
        return Path(source).name
    kind = "simulated faces" if known[name].kind == "simulated" else "real faces"
    what = f"the clip {recording}" if recording and known[name].reader == _VIDEO_READER else recording
    return f"{kind}, {what or name}"


def motion_of(data: Dataset, preprocessor: Pipeline | None = None) -> Motion:
    """Preprocess a dataset and measure its keypoint motion.

    Parameters
    ----------
    data : Dataset
    preprocessor : Pipeline, optional
        By default `make_preprocessor()`.
    """
    registered = (preprocessor or make_preprocessor()).fit_transform(recordings_with_a_face(data.keypoints))
    neutral = registered.loc[data.neutral.index]
    motion = motion_vectors(registered, neutral)
    assert isinstance(motion, pd.DataFrame)
    return Motion(registered, neutral, motion.dropna(how="all"))


def stack(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put tables of one scheme under one another; their histories must not matter any more."""
    parts = list(tables)
    schemes = {scheme_of(part).name for part in parts}
    if len(schemes) != 1:
        raise DfecsError(f"tables of different schemes cannot be stacked: {', '.join(sorted(schemes)) or 'none given'}")
    whole = pd.concat(parts).sort_index()
    if not whole.index.is_unique:
        raise DfecsError("two tables hold the same frames; give each recording its own name")
    whole.attrs = {"scheme": schemes.pop(), "history": [{"operation": "stack", "tables": len(parts)}]}
    return whole


def _split(source: str) -> tuple[str, int | None]:
    head, mark, frame = source.rpartition("@")
    return (head, int(frame)) if mark and frame.isdigit() else (source, None)


def _unlabelled(
    name: str,
    keypoints: pd.DataFrame,
    frame: int | Mapping[tuple[str, str, str], int] | None,
    report: ReadReport | None = None,
) -> Dataset:
    if keypoints.isna().all(axis=None):
        raise DfecsError(f"{name}: no frame shows a face")
    # Neutral frames are chosen among registered faces, else a turned head counts as motion of the face.
    neutral = choose_neutral(make_preprocessor().fit_transform(recordings_with_a_face(keypoints)), frame=frame)
    rows = keypoints.loc[neutral.index]
    rows.attrs = {**keypoints.attrs, "history": neutral.attrs["history"]}
    if report is None:
        report = ReadReport(len(keypoints), failed=int(keypoints.isna().all(axis=1).sum()))
    return Dataset(name, keypoints, rows, None, report)


def _from_file(path: Path, frame: int | None, progress: bool) -> Dataset:
    from dfecs_lib.tracking import default_cache, track
    from dfecs_lib.tracking.media import VIDEO_SUFFIXES

    if path.suffix.lower() in VIDEO_SUFFIXES:
        return _unlabelled(path.name, track(path, cache=default_cache(), progress=progress), frame)
    from dfecs_lib.data.readers import read_keypoints

    return _unlabelled(path.name, read_keypoints(path), frame)


def _from_clips(
    name: str, recording: str, frame: int | None, manifest: str | os.PathLike[str] | None, progress: bool
) -> Dataset:
    from dfecs_lib.data.manifest import load_manifest
    from dfecs_lib.data.videos import read_videos

    videos = read_videos(load_manifest(manifest)[name], recording, progress=progress)
    return _unlabelled(name, videos.keypoints, videos.neutral if frame is None else frame, videos.report)


def _only(data: Dataset, recording: str) -> Dataset:
    levels = data.keypoints.index
    rows = (levels.get_level_values("recording") == recording) | (levels.get_level_values("subject") == recording)
    if not rows.any():
        raise DfecsError(f"{data.name} has no recording and no subject {recording!r}")
    keypoints = data.keypoints[rows]
    where = data.neutral.index
    subjects = set(keypoints.index.get_level_values("subject"))
    recordings = set(keypoints.index.get_level_values("recording"))
    matching = [key[1] in subjects and key[2] in recordings for key in where]
    if not any(matching):
        matching = [key[1] in subjects for key in where]
    labels = None if data.action_units is None else data.action_units.loc[keypoints.index]
    return Dataset(data.name, keypoints, data.neutral[matching], labels, ReadReport(len(keypoints)))
