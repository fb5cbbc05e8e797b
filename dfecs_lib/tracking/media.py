"""Where pictures come from: video files, image files and folders of them, one frame in memory at a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import exists, natural_key
from dfecs_lib.tracking.images import n_pages, read_pages
from dfecs_lib.tracking.video import probe, read_video, warn

if TYPE_CHECKING:
    from dfecs_lib.tracking.backends import Image

__all__ = ["IMAGE_SUFFIXES", "VIDEO_SUFFIXES", "Media", "expand_sources", "holds_pictures", "open_media"]

IMAGE_SUFFIXES = frozenset((".apng", ".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"))
VIDEO_SUFFIXES = frozenset(
    (
        *(".3g2", ".3gp", ".asf", ".avi", ".dv", ".f4v", ".flv", ".m2ts", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4"),
        *(".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m"),
    )
)


def _visible(folder: Path) -> list[Path]:
    found = [p for p in folder.iterdir() if not p.name.startswith(".")]
    return sorted(found, key=lambda p: natural_key(p.name))


def _visible_files(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    return [p for p in _visible(folder) if p.suffix.lower() in suffixes and p.is_file()]


def expand_sources(paths: Iterable[str | os.PathLike[str]]) -> tuple[list[Path], list[Path]]:
    """Return the recordings that the paths stand for, and the files in folders that are neither video nor image.

    A folder stands for each video in it, or for the one recording that its images make; so does each folder in it.
    Names that start with a dot are left alone.

    Raises
    ------
    DfecsError
        If one folder holds both videos and images, since either could be meant.
    """
    sources: list[Path] = []
    skipped: list[Path] = []
    for path in map(Path, paths):
        if not (exists(path) and path.is_dir()):
            sources.append(path)
            continue
        found, passed = _in_folder(path)
        sources += found or [path]  # a folder with nothing in it is named when it is opened
        skipped += passed
    return sources, skipped


def _in_folder(folder: Path) -> tuple[list[Path], list[Path]]:
    videos, images = _visible_files(folder, VIDEO_SUFFIXES), _visible_files(folder, IMAGE_SUFFIXES)
    if videos and images:
        raise DfecsError(f"{folder}: the folder holds both videos and images; name the videos one by one")
    known = {*videos, *images}
    found = videos or ([folder] if images else [])
    skipped = [p for p in _visible(folder) if p.is_file() and p not in known]
    for inner in _visible(folder):
        if inner.is_dir() and not inner.is_symlink():  # a link may lead back up
            more, passed = _in_folder(inner)
            found, skipped = found + more, skipped + passed
    return found, skipped


def holds_pictures(path: Path) -> bool:
    """Whether a path is a folder in which pictures lie, not only in folders of it."""
    return path.is_dir() and bool(_visible_files(path, IMAGE_SUFFIXES))


@dataclass(frozen=True)
class Media:
    """A video file, or image files in their order; made by `open_media`.

    Parameters
    ----------
    path : Path
        What was named.
    images : tuple of Path
        The image files; empty for a video.
    n_frames : int
        How many frames there seem to be, for a progress bar; 0 where the file does not say.
    frame_rate : float or None
        Frames a second, of a video.
    """

    path: Path
    images: tuple[Path, ...]
    n_frames: int
    frame_rate: float | None

    def timed_frames(self, note: Callable[[str], None] = warn) -> Iterator[tuple[float, Image]]:
        """Yield ``(seconds, picture)``: RGB of shape (height, width, 3), upright, not mirrored, at its shown time.

        The seconds are the file's own presentation times, whatever the frame rate and the first one are; NaN for
        pictures that have none. Every page of a file of several pictures is a frame. `note` is told of a video that
        ends before its declared length.
        """
        if not self.images:
            return read_video(self.path, note)
        return (page for file in self.images for page in read_pages(file))

    def frames(self) -> Iterator[Image]:
        """Yield the pictures of `timed_frames` alone."""
        return (image for _, image in self.timed_frames())

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
    if not exists(source):
        raise DfecsError(f"{source}: no such file or folder")
    if source.is_dir():
        images = tuple(_visible_files(source, IMAGE_SUFFIXES))
        if not images:
            raise DfecsError(f"{source}: no image in this folder (looked for {', '.join(sorted(IMAGE_SUFFIXES))})")
        return Media(source, images, sum(map(n_pages, images)), None)
    if source.stat().st_size == 0:
        raise DfecsError(f"{source}: the file is empty")
    if source.suffix.lower() in IMAGE_SUFFIXES:
        return Media(source, (source,), n_pages(source), None)
    facts = probe(source)
    return Media(source, (), facts.n_frames, facts.frame_rate)
