"""Where pictures come from: video files and folders of images, one frame in memory at a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import natural_key

if TYPE_CHECKING:
    from dfecs_lib.tracking.backends import Image

__all__ = ["IMAGE_SUFFIXES", "VIDEO_SUFFIXES", "Media", "expand_sources", "open_media"]

IMAGE_SUFFIXES = frozenset((".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"))
VIDEO_SUFFIXES = frozenset(
    (".avi", ".flv", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".webm", ".wmv")
)


def _visible_files(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    found = [p for p in folder.iterdir() if p.suffix.lower() in suffixes and not p.name.startswith(".") and p.is_file()]
    return sorted(found, key=lambda p: natural_key(p.name))


def expand_sources(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Return the sources that the paths stand for: a folder that holds videos stands for each of them.

    Raises
    ------
    DfecsError
        If a folder holds both videos and images, since either could be meant.
    """
    sources: list[Path] = []
    for path in map(Path, paths):
        videos = _visible_files(path, VIDEO_SUFFIXES) if path.is_dir() else []
        if videos and _visible_files(path, IMAGE_SUFFIXES):
            raise DfecsError(f"{path}: the folder holds both videos and images; name the videos one by one")
        sources += videos or [path]
    return sources


@dataclass(frozen=True)
class Media:
    """A video file, or image files in their order; made by `open_media`.

    Parameters
    ----------
    path : Path
        What was named.
    images : tuple of Path
        The pictures; empty for a video.
    n_frames : int
        How many frames there seem to be, for a progress bar; 0 where the file does not say.
    frame_rate : float or None
        Frames a second, of a video.
    """

    path: Path
    images: tuple[Path, ...]
    n_frames: int
    frame_rate: float | None

    def frames(self) -> Iterator[Image]:
        """Yield RGB pictures of shape (height, width, 3), upright: the rotation marks of phones are honoured."""
        return map(_read_image, self.images) if self.images else _read_video(self.path)

    def digest(self) -> str:
        """Return a hash of the content: of a folder, the pictures' bytes in order. Names and dates do not enter."""
        total = hashlib.sha256()
        for file in self.images or (self.path,):
            with file.open("rb") as stream:
                total.update(hashlib.file_digest(stream, "sha256").digest())
        return total.hexdigest()


def open_media(path: str | os.PathLike[str]) -> Media:
    """Look at a video file, an image or a folder of images without decoding it.

    Raises
    ------
    DfecsError
        If it is missing, empty, not readable as a video, or a folder without images.
    """
    source = Path(path)
    if source.is_dir():
        images = tuple(_visible_files(source, IMAGE_SUFFIXES))
        if not images:
            raise DfecsError(f"{source}: no image in this folder (looked for {', '.join(sorted(IMAGE_SUFFIXES))})")
        return Media(source, images, len(images), None)
    if not source.exists():
        raise DfecsError(f"{source}: no such file or folder")
    if source.stat().st_size == 0:
        raise DfecsError(f"{source}: the file is empty")
    if source.suffix.lower() in IMAGE_SUFFIXES:
        return Media(source, (source,), 1, None)
    av = _import_av()
    try:
        with av.open(str(source)) as container:
            if not container.streams.video:
                raise DfecsError(f"{source}: no video in this file")
            stream = container.streams.video[0]
            rate = stream.average_rate
            return Media(source, (), int(stream.frames or 0), round(float(rate), 6) if rate else None)
    except (av.error.FFmpegError, OSError) as error:
        raise DfecsError(f"{source}: not a readable video ({_reason(error)})") from error


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


def _read_video(path: Path) -> Iterator[Image]:
    av = _import_av()
    number = 0
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            aspect = stream.sample_aspect_ratio
            for frame in container.decode(stream):
                # Pixels that are not square would make a face look wide or narrow to every later step.
                width = round(frame.width * float(aspect)) if aspect else frame.width
                picture = frame.to_ndarray(format="rgb24", width=width, height=frame.height)
                number += 1
                yield np.ascontiguousarray(np.rot90(picture, k=round(frame.rotation / 90)))
    except (av.error.FFmpegError, OSError) as error:
        raise DfecsError(
            f"{path}: the video cannot be decoded beyond frame {number} ({_reason(error)}); cut or re-encode it"
        ) from error
    if number == 0:
        raise DfecsError(f"{path}: no frame can be decoded from this video")


def _read_image(path: Path) -> Image:
    try:
        from PIL import Image as pillow
        from PIL import ImageOps
    except ImportError:
        raise DfecsError(
            "reading images needs the package 'pillow', which is not installed: pip install 'dfecs_lib[dlib]'"
        ) from None
    try:
        with pillow.open(path) as picture:
            return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:  # Pillow's own ways of saying "not a picture"
        raise DfecsError(f"{path}: not a readable image ({_reason(error)})") from error
