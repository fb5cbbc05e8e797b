"""From recordings to keypoint tables: one at a time, or many in parallel with finished ones kept."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from tqdm import tqdm

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import make_table
from dfecs_lib.keypoints.path_names import names_from_path, shortest_endings
from dfecs_lib.tracking.backends import BACKENDS, Setting, backend_key
from dfecs_lib.tracking.one_recording import FRAME_COLUMNS, Recorded, track_one

__all__ = ["default_cache", "track", "track_many", "tracker_of"]


def default_cache() -> Path:
    """Return the user's cache folder for finished tracks; ``$DFECS_CACHE`` moves it."""
    if os.environ.get("DFECS_CACHE"):
        return Path(os.environ["DFECS_CACHE"]).expanduser() / "tracks"
    places = {"darwin": "~/Library/Caches", "win32": os.environ.get("LOCALAPPDATA", "~/AppData/Local")}
    base = places.get(sys.platform) or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "dfecs_lib" / "tracks"


def track(
    source: str | os.PathLike[str],
    backend: str = "dlib",
    *,
    settings: Mapping[str, Setting] | None = None,
    dataset: str = "",
    subject: str = "",
    recording: str | None = None,
    all_faces: bool = False,
    keep_doubtful: bool = False,
    cache: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Track the face of one recording.

    Parameters
    ----------
    source : path
        A video file, or a folder of images (or one image), taken in natural order of their names.
    backend : str, default "dlib"
        ``"dlib"``, ``"face-alignment"``, ``"mediapipe"`` or another of `dfecs_lib.tracking.BACKENDS`.
    settings : mapping, optional
        The backend's own options, for instance ``{"min_confidence": 0.5}``.
    dataset, subject, recording : str
        The recording's name in the table; `recording` is the file's stem unless given.
    all_faces, keep_doubtful : bool
        As in `track_many`.
    cache : path, optional
        Folder in which finished tracks are kept, by content and settings. None keeps nothing.
    progress : bool, default False
        Show a progress bar.

    Returns
    -------
    keypoint table
        One row a frame, counted from 0, in upright pixels of the picture as shown. A frame without a face is a row of
        NaN, and so is one whose face is not to be believed. ``attrs["history"]`` holds backend, versions, settings,
        frame rate, how many frames show a face and how many were left out. `track_many` also tells of each frame.

    Raises
    ------
    DfecsError
        If the source is missing, not readable or empty, or the backend is unknown or not installed.

    Examples
    --------
    >>> table = track("clip.mp4")  # doctest: +SKIP
    >>> table.isna().all(axis=1).sum()  # frames without a face  # doctest: +SKIP
    """
    named = None if recording is None else [recording]
    return track_many(
        [source],
        backend,
        settings=settings,
        dataset=dataset,
        subject=subject,
        recordings=named,
        all_faces=all_faces,
        keep_doubtful=keep_doubtful,
        cache=cache,
        progress=progress,
    )[0]


def track_many(
    sources: Iterable[str | os.PathLike[str]],
    backend: str = "dlib",
    *,
    settings: Mapping[str, Setting] | None = None,
    dataset: str = "",
    subject: str = "",
    recordings: Sequence[str] | None = None,
    names: str | None = None,
    all_faces: bool = False,
    keep_doubtful: bool = False,
    cache: str | os.PathLike[str] | None = None,
    strict: bool = True,
    n_jobs: int | None = None,
    progress: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Track any number of recordings, in parallel, into one table.

    Parameters
    ----------
    sources : iterable of paths
        As `track` takes them.
    backend, settings, dataset, subject, progress
        As in `track`.
    recordings : sequence of str, optional
        Names, one a source; by default the files' stems, with as many parent folders as make them differ.
    names : str, optional
        How the sources' names say who is shown, such as ``"{subject}_{recording}"``: see `keypoints.path_names`.
    all_faces : bool, default False
        Keep every face that is followed, each as a subject of its own: ``face1`` is the one that is large for long,
        behind the subject's name where there is one. Otherwise that one alone is kept: by place and size, so that it is
        never somebody else who comes where it was not.
    keep_doubtful : bool, default False
        Keep the points of frames that ``doubt`` speaks against: those in which the face jumps, changes its size, or is
        covered, by the rules of `tracking.following.doubts`.
    cache : path, optional
        One Parquet file a finished recording, under a hash of the source's content, the backend, its versions and its
        settings. A second call takes what is there and tracks only the rest, so that long work may be interrupted.
        Where it cannot be written, a warning says so, and the result is the same.
    strict : bool, default True
        Refuse when a source cannot be tracked; else one warning names them all, and the table holds the others.
    n_jobs : int, optional
        Recordings at a time, as joblib counts them; `joblib.parallel_config` is honoured.

    Returns
    -------
    table : keypoint table
    frames : DataFrame, with the table's rows
        ``time``: seconds at which the file shows the frame (NaN where it does not say). ``confidence``: on the
        backend's own scale; NaN without a face, or where the backend has none. ``faces``: how many were seen in the
        frame. ``width``: of the face's box, in pixels. ``spread``: see `Detection`. ``doubt``: what speaks against the
        frame, else empty.

    Raises
    ------
    DfecsError
        If a source cannot be tracked (of several, where not `strict`: if none can). The others are tracked first (and
        kept, with `cache`).
    """
    paths = [Path(s) for s in sources]
    if not paths:
        raise DfecsError("no video to track")
    given = _recording_names(paths) if recordings is None else list(recordings)
    if len(given) != len(paths):
        raise DfecsError(f"{len(paths)} sources need as many recording names, not {given}")
    keys = [{"dataset": dataset, "subject": subject, "recording": recording} for recording in given]
    if names is not None:
        keys = [{**key, **names_from_path(path, names)} for path, key in zip(paths, keys, strict=True)]
    twice = [key for i, key in enumerate(keys) if key in keys[:i]]
    if twice:
        named = "/".join(filter(None, twice[0].values()))
        raise DfecsError(f"two sources would be recording {named}; give each a name of its own")
    doing = backend_key(backend, settings or {})
    folder = None if cache is None else Path(cache)
    # Of one recording the frames are shown; of many, the recordings.
    frame_bar = progress and len(paths) == 1
    work = (joblib.delayed(track_one)(path, BACKENDS[backend], doing, folder, frame_bar) for path in paths)
    results = joblib.Parallel(n_jobs=n_jobs, return_as="generator")(work)
    bar = tqdm(results, total=len(paths), unit="video", desc="tracking", disable=not progress or frame_bar)
    done = list(bar)
    failed = [problem for problem in done if isinstance(problem, str)]
    if failed and not strict and len(failed) < len(paths):
        warnings.warn(f"{len(failed)} of {len(paths)} left out: {' | '.join(failed)}", stacklevel=2)
    elif failed:
        kept = "; the others are kept and need not be tracked again" if folder and len(failed) < len(paths) else ""
        raise DfecsError(" | ".join(failed) + (kept if len(paths) > 1 else ""))
    keys = [key for key, recorded in zip(keys, done, strict=True) if not isinstance(recorded, str)]
    tracks = [recorded for recorded in done if not isinstance(recorded, str)]
    for note in dict.fromkeys(note for recorded in tracks for note in recorded.notes):
        warnings.warn(note, stacklevel=2)
    return _stack(tracks, keys, doing, all_faces, keep_doubtful)


def _recording_names(paths: Sequence[Path]) -> list[str]:
    whole = [p.resolve() for p in paths]
    if len(set(whole)) < len(whole):
        twice = next(p for p, r in zip(paths, whole, strict=True) if whole.count(r) > 1)
        raise DfecsError(f"{twice}: named twice")
    stems = [(p.with_suffix("") if p.is_file() else p).parts for p in whole]
    return shortest_endings(stems if len(set(stems)) == len(stems) else [p.parts for p in whole])


def _stack(
    tracks: Sequence[Recorded],
    names: Sequence[Mapping[str, str]],
    key: Mapping[str, object],
    all_faces: bool,
    keep_doubtful: bool,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    tables, facts = [], []
    for name, recorded in zip(names, tracks, strict=True):
        for person in range(int(recorded.table["person"].max()) + 1 if all_faces else 1):
            rows = recorded.table[recorded.table["person"] == person]
            faces = rows.drop(columns=["person", "frame", *FRAME_COLUMNS])
            if not keep_doubtful:
                faces = faces.mask(rows["doubt"] != "")
            subject = "-".join(filter(None, [name["subject"], f"face{person + 1}" if all_faces else ""]))
            table = make_table(
                faces.to_numpy(np.float64),
                scheme=recorded.scheme,
                frames=rows["frame"],
                dataset=name["dataset"],
                subject=subject,
                recording=name["recording"],
            )
            tables.append(table)
            facts.append(rows[list(FRAME_COLUMNS)].set_axis(table.index))
    rates = {recorded.frame_rate for recorded in tracks}
    attrs = tables[0].attrs
    whole = pd.concat(tables).sort_index()
    frames = pd.concat(facts).sort_index()
    doubtful = frames.loc[frames["doubt"] != "", "doubt"].value_counts().sort_index()
    entry = {
        "operation": "track",
        **key,
        "sources": len(tracks),
        "frame_rate": rates.pop() if len(rates) == 1 else None,
        "frames": len(whole),
        "frames_with_a_face": int(whole.notna().any(axis=1).sum()),
        "doubtful_kept": keep_doubtful,
        "left_out": {} if keep_doubtful else {str(why): int(count) for why, count in doubtful.items()},
    }
    whole.attrs = {**attrs, "history": [entry]}
    return whole, frames


def tracker_of(table: pd.DataFrame) -> str | None:
    """Return which tracker a table's points come from, as far as its history says.

    Parameters
    ----------
    table : keypoint or motion table

    Returns
    -------
    str or None
        A backend's name, or that of the program whose file was read. None where the history does not say, and where
        it names several.

    Examples
    --------
    >>> table = pd.DataFrame()
    >>> table.attrs["history"] = [{"operation": "track", "backend": "dlib"}]
    >>> tracker_of(table)
    'dlib'
    """
    history = table.attrs.get("history", [])
    named = {
        str(entry["backend"] if entry["operation"] == "track" else entry["tracker"])
        for entry in history
        if isinstance(entry, dict) and (entry.get("operation") == "track" or entry.get("tracker"))
    }
    return named.pop() if len(named) == 1 else None
