"""What readers of folders of OpenFace CSVs share, one recording a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from dfecs_lib.data.readers.folders import Recording
from dfecs_lib.data.readers.read import read_tracks
from dfecs_lib.data.timing import rate_of
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import IBUG68

__all__ = ["count_frames", "only", "read_recording"]


def read_recording(root: Path, path: Path, subject: str, recording: str, min_confidence: float) -> Recording:
    """Read one CSV; one that cannot be read is a recording without frames, which says why."""
    try:
        tracks = read_tracks(path, "openface", recording=recording, min_confidence=min_confidence)
    except DfecsError as error:
        unreadable = [(path.relative_to(root).as_posix(), str(error).removeprefix(f"{path}: "))]
        nothing = np.empty((0, 2 * IBUG68.n_points))
        return Recording(subject, recording, np.empty(0, np.int64), nothing, unreadable=unreadable)
    frames = tracks.keypoints.index.get_level_values("frame").to_numpy(dtype=np.int64)
    notes = [f"{path.name}: lines {why}, set aside: {count}." for why, count in tracks.report.set_aside]
    rate = None if tracks.time is None else rate_of(tracks.time)
    return Recording(subject, recording, frames, tracks.keypoints.to_numpy(), notes=notes, frames_per_second=rate)


def only(fits: Iterable[bool]) -> bool:
    """Whether there is something and all of it fits."""
    found = list(fits)
    return bool(found) and all(found)


def count_frames(path: Path) -> int:
    """Return how many rows a CSV has below its header."""
    content = path.read_bytes().rstrip()
    return max(content.count(b"\n") + bool(content) - 1, 0)
