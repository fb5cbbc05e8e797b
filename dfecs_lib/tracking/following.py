"""Who is who from frame to frame, and which frames of a face are not to be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from dfecs_lib.tracking.backends import Detection

__all__ = ["Follower", "Track", "doubts", "overlaps"]

# Face widths between the centres, and ratio of the widths, within which two detections can be of one face.
_NEAR, _LIKE = 1.0, 2.0
# A face seen in fewer frames than this, or than this share of the longest followed one's, is taken for a mistake.
_FEW, _SHARE = 3, 0.05
# Frames over which a face is compared with itself, and what is then no motion of a head: half a width to the side, or
# one and a half times the width.
_WINDOW, _JUMP, _GROWTH = 9, 0.5, 1.5
# Spread of the points, in widths of the face, above which it counts as covered. Of the clips of benchmarks/tracking.py,
# 97 % of the frames with a hand over the face lie above, 4 % of the same clip's others, and none of two clips that have
# no hand (results/tracking-2026-11-26.json). Narrower faces, in pixels, are not judged: points are whole pixels.
_COVERED, _NARROW = 0.005, 60.0


def overlaps(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the intersection over union of each of n boxes with each of m; shape (n, m)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b)]
    return np.asarray(shared / (areas[0][:, None] + areas[1][None] - shared))


@dataclass
class Track:
    """One face through the frames of a recording.

    Parameters
    ----------
    frames : list of int
        The frames that show it, counted from 0.
    faces : list of Detection
        One for each of them.
    """

    frames: list[int] = field(default_factory=list)
    faces: list[Detection] = field(default_factory=list)

    @property
    def weight(self) -> float:
        """Sum of the widths, in pixels: the face that is large for long weighs most."""
        return float(sum(face.box[2] - face.box[0] for face in self.faces))


def _centre(box: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((box[:2] + box[2:]) / 2)


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return how far two boxes are apart, in face widths; infinite where sizes do not fit one face."""
    widths = (a[2] - a[0], b[2] - b[0])
    if max(widths) > _LIKE * min(widths):
        return float("inf")
    return float(np.linalg.norm(_centre(a) - _centre(b)) / (sum(widths) / 2))


class Follower:
    """Tells faces apart by place and size.

    In every frame, the pairs of known and found faces that are nearest to each other belong together, if their centres
    are less than a face's width apart and neither is twice as wide as the other. A face that was lost, for however
    long, is the same when it comes back there; one that comes elsewhere is a new face.
    """

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self.counts: list[int] = []

    def add(self, detections: Sequence[Detection]) -> None:
        """Take the next frame's faces."""
        frame = len(self.counts)
        self.counts.append(len(detections))
        pairs = sorted(
            (distance, t, d)
            for t, track in enumerate(self.tracks)
            for d, face in enumerate(detections)
            if (distance := _distance(track.faces[-1].box, face.box)) < _NEAR
        )
        free, known = set(range(len(detections))), set(range(len(self.tracks)))
        for _, t, d in pairs:
            if d in free and t in known:
                self._append(self.tracks[t], frame, detections[d])
                free.remove(d)
                known.remove(t)
        for d in sorted(free):
            self.tracks.append(Track())
            self._append(self.tracks[-1], frame, detections[d])

    @staticmethod
    def _append(track: Track, frame: int, face: Detection) -> None:
        track.frames.append(frame)
        track.faces.append(face)

    def people(self) -> list[Track]:
        """Return each person's track, the weightiest first, without what was seen too briefly to be a face.

        Where no two faces were ever seen in one frame, there is one person, wherever the face was.
        """
        longest = max((len(track.frames) for track in self.tracks), default=0)
        least = min(longest, max(_FEW, _SHARE * longest))
        lasting = [track for track in self.tracks if len(track.frames) >= least]
        seen = [frame for track in lasting for frame in track.frames]
        if len(seen) == len(set(seen)) and len(lasting) > 1:
            together = sorted((f, face) for t in lasting for f, face in zip(t.frames, t.faces, strict=True))
            return [Track([f for f, _ in together], [face for _, face in together])]
        return sorted(lasting, key=lambda track: -track.weight)


def _around(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    return np.asarray(median_filter(values, size=min(size, len(values)) | 1, mode="nearest"))


def doubts(track: Track, frame_rate: float | None, *, moving: bool = True) -> pd.Series[str]:
    """Say what speaks against each frame of a face; an empty text where nothing does.

    Parameters
    ----------
    track : Track
    frame_rate : float or None
        Frames a second; 25 where it is unknown.
    moving : bool, default True
        Whether the frames are moments of one film. Of single photographs nothing is said on places and sizes.

    Returns
    -------
    Series of str, by frame
        ``"jump"``: the face is more than half its width away from the median place of the nine frames around.
        ``"size"``: it is more than one and a half times as wide as there, or the inverse.
        ``"covered"``: the points depend on where exactly the box lies, on the median of half a second, more than in
        faces that nothing covers.
    """
    if not track.faces:
        return pd.Series(index=pd.Index([], dtype=np.int64), dtype=str)
    points = np.array([(*face.points.mean(axis=0), np.ptp(face.points[:, 0])) for face in track.faces])
    boxes = np.array([face.box[2] - face.box[0] for face in track.faces])
    x, y, width = points.T
    near = np.maximum(_around(width, _WINDOW), 1e-9)
    away = np.hypot(x - _around(x, _WINDOW), y - _around(y, _WINDOW)) / near
    growth = np.maximum(width, 1e-9) / near
    spread = np.array([face.spread for face in track.faces])
    half_second = round((frame_rate or 25.0) / 2)
    covered = (_around(np.nan_to_num(spread), half_second) > _COVERED) & (boxes >= _NARROW)
    size = (growth > _GROWTH) | (growth < 1 / _GROWTH)
    found = np.select([moving & (away > _JUMP), moving & size, covered], ["jump", "size", "covered"], default="")
    return pd.Series(found, index=pd.Index(track.frames), dtype=str)
