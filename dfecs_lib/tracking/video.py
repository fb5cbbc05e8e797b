"""Pictures from video files: as a player shows them (turned, mirrored, cut by edit lists), with their times."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from dfecs_lib.errors import DfecsError

if TYPE_CHECKING:
    from dfecs_lib.tracking.backends import Image

__all__ = ["VideoFacts", "probe", "read_video", "warn"]

_SHORT = 0.98  # of the declared length; containers round, and an edit list may end between two frames


@dataclass(frozen=True)
class VideoFacts:
    """What a container declares: number of frames (0: unknown), frames a second and seconds (None: unknown)."""

    n_frames: int
    frame_rate: float | None
    seconds: float | None


def _import_av() -> ModuleType:
    try:
        import av
    except ImportError:
        raise DfecsError(
            "reading video needs the package 'av', which is not installed: pip install 'dfecs_lib[dlib]'"
        ) from None
    found: ModuleType = av
    return found


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).splitlines()[0]


def _open(av: ModuleType, path: Path) -> Any:
    return av.open(f"file:{path}")  # else FFmpeg takes what stands before a colon for a protocol


def _moving_stream(av: ModuleType, container: Any, path: Path) -> Any:
    attached = av.stream.Disposition.attached_pic
    streams = [s for s in container.streams.video if not s.disposition & attached]  # a music file's cover is no film
    if not streams:
        raise DfecsError(f"{path}: no video in this file")
    return streams[0]


def probe(path: Path) -> VideoFacts:
    """Look at a video file without decoding it.

    Raises
    ------
    DfecsError
        If it is not a readable video.
    """
    av = _import_av()
    try:
        with _open(av, path) as container:
            stream = _moving_stream(av, container, path)
            rate = stream.average_rate
            seconds = float(stream.duration * stream.time_base) if stream.duration else None
            if seconds is None and container.duration:
                seconds = container.duration / av.time_base
            return VideoFacts(int(stream.frames or 0), round(float(rate), 6) if rate else None, seconds)
    except (av.error.FFmpegError, OSError) as error:
        raise DfecsError(f"{path}: not a readable video ({_reason(error)})") from error


def _shown(picture: Image, matrix: tuple[int, ...] | None) -> Image:
    """Turn and mirror as the display matrix says: x' = a x + c y, y' = b x + d y (ISO 14496-12), to quarter turns."""
    if matrix is None:
        return picture
    a, b, _, c, d = matrix[:5]
    if abs(b) + abs(c) > abs(a) + abs(d):
        picture = picture.transpose(1, 0, 2)
        a, d = c, b
    if a < 0:
        picture = picture[:, ::-1]
    if d < 0:
        picture = picture[::-1]
    return np.ascontiguousarray(picture)


def _matrix(av: ModuleType, frame: Any) -> tuple[int, ...] | None:
    found = frame.side_data.get(av.sidedata.sidedata.Type.DISPLAYMATRIX)
    return tuple(np.frombuffer(bytes(found), dtype=np.int32).tolist()) if found is not None else None


def warn(note: str) -> None:
    """Say what a file is short of, where nobody else wants to know."""
    warnings.warn(note, stacklevel=2)


def read_video(path: Path, note: Callable[[str], None] = warn) -> Iterator[tuple[float, Image]]:
    """Yield ``(seconds, RGB picture)`` of each frame, the seconds as the file presents them (NaN where it does not).

    A file that ends before its declared length, or is damaged behind its first frames, gives what can be read, with
    one note that says how much that was.

    Raises
    ------
    DfecsError
        If no frame can be decoded.
    """
    av = _import_av()
    facts = probe(path)
    number, first, last, problem = 0, float("nan"), float("nan"), ""
    try:
        with _open(av, path) as container:
            stream = _moving_stream(av, container, path)
            stream.thread_type = "AUTO"
            aspect = stream.sample_aspect_ratio
            for frame in container.decode(stream):
                # Pixels that are not square would make a face look wide or narrow to every later step.
                width = round(frame.width * float(aspect)) if aspect else frame.width
                picture = frame.to_ndarray(format="rgb24", width=width, height=frame.height)
                last = float("nan") if frame.time is None else float(frame.time)
                first = last if number == 0 else first
                number += 1
                yield last, _shown(picture, _matrix(av, frame))
    except (av.error.FFmpegError, OSError) as error:
        problem = f" ({_reason(error)})"
    if number == 0:
        raise DfecsError(f"{path}: no frame can be decoded from this video{problem}")
    # Some containers' duration counts from 0, others' from the first frame.
    if said := _shortfall(facts, number, max(last, last - first)):
        note(f"{path}: the file ends early: {said}{problem}; copy it again, or go on without the rest")
    elif problem:
        note(f"{path}: damaged beyond frame {number - 1}{problem}; later frames are missing")


def _shortfall(facts: VideoFacts, number: int, seconds: float) -> str:
    spacing = 1 / facts.frame_rate if facts.frame_rate else 0.0
    # Both must fall short: an edit list may hide counted frames, and a long sound track may set the duration.
    few = facts.n_frames == 0 or number < _SHORT * facts.n_frames - 1
    if few and facts.seconds is not None and seconds + spacing < _SHORT * facts.seconds - 2 * spacing:
        of = f" of {facts.n_frames} frames," if facts.n_frames else " frames,"
        return f"{number}{of} {seconds + spacing:.1f} of {facts.seconds:.1f} s can be read"
    return ""
