"""`load`: one door for all faces, by whatever name a user, a notebook or the command line calls them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, Unpack

from dfecs_lib.data.combining import combine, only, tell_apart, with_neutral_frame
from dfecs_lib.data.datasets import load_dataset
from dfecs_lib.data.from_files import Reading, ReadingOptions, from_file, from_folder
from dfecs_lib.data.manifest import find_manifest, load_manifest
from dfecs_lib.data.manifest_entries import Entry
from dfecs_lib.data.videos import read_videos
from dfecs_lib.errors import DfecsError
from dfecs_lib.files import exists
from dfecs_lib.keypoints import TRACKED, points_wanted, record
from dfecs_lib.keypoints.dataset import Dataset
from dfecs_lib.tracking import backend_of

__all__ = ["combine", "describe", "load", "load_each", "split_names"]

Source = str | os.PathLike[str]

_VIDEO_READER = "video"


def load(
    what: Source | Sequence[Source],
    *,
    names: str | None = None,
    min_confidence: float | None = None,
    face: int | Literal["all"] | None = None,
    identity: str | None = None,
    picture_size: tuple[int, int] | None = None,
    fps: float | None = None,
    scheme: str | None = None,
    manifest: Source | None = None,
    size: str = "small",
    strict: bool = False,
    progress: bool = False,
) -> Dataset:
    """Load faces: files of tracked faces, videos, folders of either, datasets of the manifest, simulated ones.

    Parameters
    ----------
    what : str, path, or a sequence of them
        A file that `dfecs_lib.read_keypoints` recognises, a video (tracked once with the default tracker; its track is
        kept in the user's cache), a folder of them, a dataset's folder, or a name of the manifest: ``"NAME"`` or
        ``"NAME/RECORDING"`` (``"ravdess"``, ``"sim-disfa"``, ``"clips/single_face"``). ``@FRAME`` at the end of a name
        says which frame is neutral: ``"clips/single_face@0"``.
    names : str, optional
        How files' names say who is shown, such as ``"{subject}_{recording}"``: see `dfecs_lib.keypoints.path_names`.
        By default subjects have the names that the tables give them, which OpenFace's and Py-Feat's do not. Datasets
        of the manifest name their subjects themselves.
    min_confidence, face, identity, picture_size
        For files of tracked faces: see `dfecs_lib.data.readers.read_tracks`.
    fps : float, optional
        Frames a second of files that do not tell the time of their frames.
    scheme : str, optional
        ``"tracked"`` keeps all points of a mesh (and of WFLW's 98); the table's history says so, and whatever follows
        goes by it. By default the 68 iBUG points among them are taken, so that such tables go with others. Or a
        scheme's name, such as ``"mediapipe478"``, for the tables that have all its points; a video is tracked by the
        tracker that gives them, and simulated faces can be had in any.
    manifest : path, optional
        By default ``data_manifest.yaml`` of the current folder, else the one beside the library.
    size : str
        Of a simulated dataset.
    strict : bool
        Refuse a folder in which a file cannot be read; by default such a file is named in the report, and in a
        warning, and the others are read.
    progress : bool
        Show progress bars.

    Returns
    -------
    Dataset
        ``keypoints``, and what their files say: labels, and ``neutral`` where neutral frames are known (None where they
        are to be chosen, which `dfecs_lib.preprocessing.prepare` does). Recordings of the same name are told apart by
        the name of their file's folder.

    Raises
    ------
    DfecsError
        If nothing goes by that name or the data are not on this machine (the sentence says how to get them), if no file
        can be read, the tables are of different schemes, or the same frames are named twice.

    Warns
    -----
    UserWarning
        Where a file follows several faces (which one was taken), or was passed over.

    See Also
    --------
    dfecs_lib.preprocessing.prepare : From faces to motion.

    Examples
    --------
    >>> from dfecs_lib import load
    >>> load("sim-ckplus").keypoints.attrs["scheme"]
    'ibug68'
    """
    return combine(
        load_each(
            what,
            names=names,
            min_confidence=min_confidence,
            face=face,
            identity=identity,
            picture_size=picture_size,
            fps=fps,
            scheme=scheme,
            manifest=manifest,
            size=size,
            strict=strict,
            progress=progress,
        )
    )


def load_each(
    what: Source | Sequence[Source],
    *,
    scheme: str | None = None,
    manifest: Source | None = None,
    size: str = "small",
    **reading: Unpack[Reading],
) -> list[Dataset]:
    """Load faces as `load` does, one `Dataset` a file; they may be of different schemes.

    Examples
    --------
    >>> [data.name for data in load_each(["sim-ckplus", "sim-bp4d"])]
    ['sim-ckplus', 'sim-bp4d']
    """
    sources = [what] if isinstance(what, str | os.PathLike) else list(what)
    options = ReadingOptions(scheme=scheme, **reading)
    read = [data for one in sources for data in _load_one(one, options, manifest, size)]
    if not read:
        raise DfecsError("no table of tracked faces to read")
    return tell_apart(read)


def split_names(sources: str | Iterable[str]) -> list[str]:
    """Return the names of a list, or of a text that separates them by commas (a notebook's parameters have no lists).

    Examples
    --------
    >>> split_names("clips/single_face@0, faces.csv")
    ['clips/single_face@0', 'faces.csv']
    """
    names = sources.split(",") if isinstance(sources, str) else sources
    return [name.strip() for name in names if name.strip()]


def describe(source: str) -> str:
    """Return how a caption should speak of a source: simulated data are always called so.

    Examples
    --------
    >>> describe("sim-disfa")
    'simulated faces, sim-disfa'
    """
    source, _ = _split_frame(source)
    name, _, recording = source.partition("/")
    known = load_manifest()
    if name not in known:
        return Path(source).name
    kind = "simulated faces" if known[name].kind == "simulated" else "real faces"
    what = f"the clip {recording}" if recording and known[name].reader == _VIDEO_READER else recording
    return f"{kind}, {what or name}"


def _split_frame(source: str) -> tuple[str, int | None]:
    head, mark, frame = source.rpartition("@")
    return (head, int(frame)) if mark and frame.isdigit() else (source, None)


def _load_one(source: Source, options: ReadingOptions, manifest: Source | None, size: str) -> list[Dataset]:
    # A name may end in "@3" itself.
    where, frame = (os.fspath(source), None) if exists(Path(source)) else _split_frame(os.fspath(source))
    path = Path(where)
    there = exists(path)
    if there and path.is_dir():
        return from_folder(path, options)
    if there:
        return [with_neutral_frame(from_file(path, options), frame)]
    name, _, recording = where.partition("/")
    known = load_manifest(manifest)
    if name not in known:
        raise DfecsError(f"{where}: no such file or folder, and no dataset of {find_manifest(manifest)}")
    if known[name].reader == _VIDEO_READER:
        return [with_neutral_frame(_videos(known[name], recording, options), frame)]
    if frame is not None:
        raise DfecsError(f"{name} has its own neutral frames; leave out @{frame}")
    own: dict[str, str] = {"size": size} if known[name].kind == "simulated" else {}
    if own and options.scheme not in (None, TRACKED):
        own["scheme"] = str(options.scheme)
    data = load_dataset(name, manifest, progress=options.progress, **own)  # type: ignore[arg-type]  # a reader's own
    return [only(data, recording) if recording else data]


def _videos(entry: Entry, recording: str, options: ReadingOptions) -> Dataset:
    videos = read_videos(entry, recording, backend=backend_of(options.scheme), progress=options.progress)
    table = points_wanted(videos.keypoints, options.scheme)
    rows = [(*key, frame) for key, frame in videos.neutral.items()]
    known = table.loc[rows] if rows else None
    if known is not None:
        known.attrs = table.attrs
        known = record(known, "neutral", rule="manifest")
    return Dataset(entry.name, table, known, None, videos.report)
