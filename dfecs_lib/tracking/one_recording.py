"""One recording from pictures to followed faces, read ahead in a thread, and kept so that it is done once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from tqdm import tqdm

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import write_parquet
from dfecs_lib.keypoints import get_scheme
from dfecs_lib.tracking.backends import open_backend, register_backend
from dfecs_lib.tracking.following import Follower, Track, doubts
from dfecs_lib.tracking.media import Media, open_media

__all__ = ["FRAME_COLUMNS", "Recorded", "track_one"]

#: What is told of each frame beside its points: see `track_many`.
FRAME_COLUMNS = ("time", "confidence", "faces", "width", "spread", "doubt")
_REPORT = "dfecs_track"  # key in a kept table's attrs
_READING = 2  # raised whenever the same file comes out as other pictures

Item = TypeVar("Item")


@dataclass(frozen=True, eq=False)
class Recorded:
    """What one recording shows.

    Parameters
    ----------
    table : DataFrame
        One row a frame and person: ``person`` (0: the one who is large for long), ``frame``, the columns of the scheme,
        and `FRAME_COLUMNS`.
    scheme : str
    frame_rate : float or None
    notes : list of str
        What is to be told of the recording.
    """

    table: pd.DataFrame
    scheme: str
    frame_rate: float | None
    notes: list[str]


def track_one(path: Path, target: str, key: Mapping[str, object], cache: Path | None, progress: bool) -> Recorded | str:
    """Track one recording, or take it from `cache`; an error comes back as its sentence, so that others go on."""
    register_backend(str(key["backend"]), target)  # a worker process does not know what its parent registered
    try:
        media = open_media(path)
        if cache is None:
            return _run(media, key, progress)
        identity = json.dumps([media.digest(), _READING, key], sort_keys=True)
        file = cache / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.parquet"
        kept = _read_kept(file)
        if kept is not None:
            return kept
        done = _run(media, key, progress)
        try:
            _write_kept(done, file)
        except DfecsError as error:
            done.notes.append(f"tracks cannot be kept, and will be made again: {error}; name another cache folder")
        return done
    except DfecsError as error:
        return str(error)


def _batches(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    """Yield lists of `size` items, the next one made in a thread while the last is worked on."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(lambda: list(islice(items, size)))
        while batch := coming.result():
            coming = reader.submit(lambda: list(islice(items, size)))
            yield batch


def _run(media: Media, key: Mapping[str, object], progress: bool) -> Recorded:
    settings = key["settings"]
    assert isinstance(settings, dict)
    follower, times, notes = Follower(), list[float](), list[str]()
    with closing(open_backend(str(key["backend"]), settings)) as backend:
        total = media.n_frames or None
        with tqdm(total=total, unit="frame", desc=media.path.name, disable=not progress) as bar:
            for batch in _batches(media.timed_frames(notes.append), backend.batch):
                times += [seconds for seconds, _ in batch]
                for faces in backend.faces([image for _, image in batch]):
                    follower.add(faces)
                bar.update(len(batch))
    people = follower.people()
    parts = [
        _rows(track, person, backend.scheme, times, follower.counts, media.frame_rate)
        for person, track in enumerate(people or [Track()])
    ]
    return Recorded(pd.concat(parts, ignore_index=True), backend.scheme, media.frame_rate, notes)


def _rows(
    track: Track, person: int, scheme: str, times: list[float], counts: list[int], frame_rate: float | None
) -> pd.DataFrame:
    columns = list(get_scheme(scheme).columns)
    values = np.full((len(times), len(columns) + 3), np.nan)
    for frame, face in zip(track.frames, track.faces, strict=True):
        values[frame] = [*face.points.T.ravel(), face.confidence, face.box[2] - face.box[0], face.spread]
    table = pd.DataFrame(values, columns=[*columns, "confidence", "width", "spread"])
    table.insert(0, "person", person)
    table.insert(1, "frame", np.arange(len(times)))
    table["time"] = times
    table["faces"] = counts
    found = doubts(track, frame_rate, moving=bool(np.isfinite(times).all()))
    table["doubt"] = found.reindex(table["frame"], fill_value="").to_numpy()
    return table


def _read_kept(file: Path) -> Recorded | None:
    try:
        table = pd.read_parquet(file)
        report = table.attrs[_REPORT]
        found = Recorded(table, report["scheme"], report["frame_rate"], list(report["notes"]))
    except (OSError, ValueError, KeyError, TypeError):  # absent, damaged or of an older version: tracked again
        return None
    return found if {"person", "frame", *FRAME_COLUMNS} <= set(table.columns) else None


def _write_kept(done: Recorded, file: Path) -> None:
    table = done.table.copy(deep=False)
    table.attrs = {_REPORT: {"scheme": done.scheme, "frame_rate": done.frame_rate, "notes": done.notes}}
    write_parquet(table, file)
