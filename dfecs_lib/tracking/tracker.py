"""From recordings to keypoint tables: one at a time, or many in parallel with finished ones kept."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from tqdm import tqdm

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import write_parquet
from dfecs_lib.keypoints import get_scheme, make_table
from dfecs_lib.keypoints.path_names import names_from_path
from dfecs_lib.tracking.backends import BACKENDS, Setting, backend_key, open_backend, register_backend
from dfecs_lib.tracking.media import Media, open_media

__all__ = ["default_cache", "track", "track_many"]

_REPORT = "dfecs_track"  # key in a cached table's attrs


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
    cache : path, optional
        Folder in which finished tracks are kept, by content and settings. None keeps nothing.
    progress : bool, default False
        Show a progress bar.

    Returns
    -------
    keypoint table
        One row a frame, counted from 0, in upright pixels of the picture as shown. A frame without a face is a row of
        NaN. ``attrs["history"]`` holds backend, versions, settings, frame rate and how many frames show a face.
        `track_many` also gives each frame's confidence.

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
    cache: str | os.PathLike[str] | None = None,
    n_jobs: int | None = None,
    progress: bool = False,
) -> tuple[pd.DataFrame, pd.Series[float]]:
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
    cache : path, optional
        One Parquet file a finished recording, under a hash of the source's content, the backend, its versions and its
        settings. A second call takes what is there and tracks only the rest, so that long work may be interrupted.
    n_jobs : int, optional
        Recordings at a time, as joblib counts them; `joblib.parallel_config` is honoured.

    Returns
    -------
    table : keypoint table
    confidence : Series
        One number a row of the table, on the backend's own scale; NaN without a face, or where the backend has none.

    Raises
    ------
    DfecsError
        If a source cannot be tracked. The others are tracked first (and kept, with `cache`).
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
    work = (joblib.delayed(_track_one)(path, BACKENDS[backend], doing, folder, frame_bar) for path in paths)
    results = joblib.Parallel(n_jobs=n_jobs, return_as="generator")(work)
    bar = tqdm(results, total=len(paths), unit="video", desc="tracking", disable=not progress or frame_bar)
    done = list(bar)
    failed = [problem for problem in done if isinstance(problem, str)]
    if failed:
        kept = "; the others are kept and need not be tracked again" if folder and len(failed) < len(paths) else ""
        raise DfecsError(" | ".join(failed) + (kept if len(paths) > 1 else ""))
    tracks = [table for table in done if not isinstance(table, str)]
    return _stack(tracks, keys, doing)


def _recording_names(paths: Sequence[Path]) -> list[str]:
    whole = [p.resolve() for p in paths]
    if len(set(whole)) < len(whole):
        twice = next(p for p, r in zip(paths, whole, strict=True) if whole.count(r) > 1)
        raise DfecsError(f"{twice}: named twice")
    for depth in range(1, max(len(p.parts) for p in whole) + 1):
        for stems in ([p.with_suffix("") if p.is_file() else p for p in whole], whole):
            names = ["/".join(p.parts[-depth:]) for p in stems]
            if len(set(names)) == len(names):
                return names
    raise DfecsError("the sources cannot be told apart by their names")  # not reached: whole paths differ


def _track_one(
    path: Path, target: str, key: Mapping[str, object], cache: Path | None, progress: bool
) -> pd.DataFrame | str:
    register_backend(str(key["backend"]), target)  # a worker process does not know what its parent registered
    # An error comes back as its sentence, so that one bad file does not stop the other workers.
    try:
        media = open_media(path)
        if cache is None:
            return _run(media, key, progress)
        identity = json.dumps([media.digest(), key], sort_keys=True)
        file = cache / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.parquet"
        found = _read_cached(file)
        if found is None:
            found = _run(media, key, progress)
            _write_cached(found, file)
        return found
    except DfecsError as error:
        return str(error)


def _run(media: Media, key: Mapping[str, object], progress: bool) -> pd.DataFrame:
    settings = key["settings"]
    assert isinstance(settings, dict)
    rows: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []
    confidence: list[float] = []
    with closing(open_backend(str(key["backend"]), settings)) as backend:
        scheme = get_scheme(backend.scheme)
        absent = np.full(2 * scheme.n_points, np.nan)
        frames = tqdm(
            media.frames(), total=media.n_frames or None, unit="frame", desc=media.path.name, disable=not progress
        )
        for image in frames:
            face = backend.detect(image)
            rows.append(absent if face is None else face.points.T.ravel())
            confidence.append(float("nan") if face is None else face.confidence)
    table = pd.DataFrame(np.array(rows), columns=list(scheme.columns))
    table["confidence"] = confidence
    table.attrs = {_REPORT: {"scheme": scheme.name, "frame_rate": media.frame_rate}}
    return table


def _read_cached(target: Path) -> pd.DataFrame | None:
    try:
        table = pd.read_parquet(target)
    except (OSError, ValueError):  # absent or damaged: tracked again
        return None
    return table if _REPORT in table.attrs and "confidence" in table.columns else None


def _write_cached(table: pd.DataFrame, target: Path) -> None:
    try:
        write_parquet(table, target)
    except DfecsError as error:
        raise DfecsError(f"tracks cannot be kept: {error}; name another cache folder") from error


def _stack(
    tracks: Sequence[pd.DataFrame], names: Sequence[Mapping[str, str]], key: Mapping[str, object]
) -> tuple[pd.DataFrame, pd.Series[float]]:
    tables, scores = [], []
    for name, track in zip(names, tracks, strict=True):
        values = track.drop(columns="confidence").to_numpy(np.float64)
        scheme = track.attrs[_REPORT]["scheme"]
        table = make_table(
            values,
            scheme=scheme,
            frames=np.arange(len(values)),
            dataset=name["dataset"],
            subject=name["subject"],
            recording=name["recording"],
        )
        tables.append(table)
        scores.append(pd.Series(track["confidence"].to_numpy(np.float64), index=table.index, name="confidence"))
    rates = {track.attrs[_REPORT]["frame_rate"] for track in tracks}
    attrs = tables[0].attrs
    whole = pd.concat(tables).sort_index()
    confidence = pd.concat(scores).sort_index()
    entry = {
        "operation": "track",
        **key,
        "sources": len(tracks),
        "frame_rate": rates.pop() if len(rates) == 1 else None,
        "frames": len(whole),
        "frames_with_a_face": int(whole.notna().any(axis=1).sum()),
    }
    whole.attrs = {**attrs, "history": [entry]}
    return whole, confidence
