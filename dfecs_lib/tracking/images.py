"""Pictures from image files: every page of a file, upright, 8 bits a channel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError

if TYPE_CHECKING:
    from dfecs_lib.tracking.backends import Image

__all__ = ["eight_bit", "n_pages", "read_pages"]

_SUBFILE_TYPE, _REDUCED = 254, 1  # TIFF 6.0: a page that is a smaller copy of another one


def _pillow() -> ModuleType:
    try:
        import PIL.Image
    except ImportError:
        raise DfecsError(
            "reading images needs the package 'pillow', which is not installed: pip install 'dfecs_lib[dlib]'"
        ) from None
    return PIL.Image


def eight_bit(grey: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale a grey picture of more than 8 bits to 0 … 255.

    White is taken to be the next power of two above the brightest pixel, since 10- and 12-bit cameras write 16-bit
    files, and a face in a sixteenth of the range is not found; floating-point pictures up to 1 have their white at 1.

    Parameters
    ----------
    grey : array of shape (height, width)

    Examples
    --------
    >>> eight_bit(np.array([[0, 2048, 4095]], dtype=np.uint16)).tolist()
    [[0, 128, 255]]
    """
    values = np.nan_to_num(np.asarray(grey, dtype=np.float64)).clip(0)
    brightest = float(values.max(initial=0.0))
    white = 1.0 if brightest <= 1 and grey.dtype.kind == "f" else max(256.0, 2.0 ** np.ceil(np.log2(brightest + 1)))
    return np.minimum(values * (256.0 if white > 1 else 255.0) / white, 255).astype(np.uint8)


def _pages(picture: Any) -> list[int]:
    """Return which pages are pictures of their own: not a TIFF's thumbnails, not the copies in a phone's MPO."""
    if picture.format == "MPO":
        return [0]
    kept = []
    for page in range(getattr(picture, "n_frames", 1)):
        if picture.format == "TIFF":
            picture.seek(page)
            if page and picture.tag_v2.get(_SUBFILE_TYPE, 0) & _REDUCED:
                continue
        kept.append(page)
    return kept


def n_pages(path: Path) -> int:
    """Return how many pictures the file holds; 1 where it cannot be opened, since reading it will say why."""
    try:
        with _pillow().open(path) as picture:
            return len(_pages(picture))
    except (OSError, ValueError, SyntaxError, EOFError):
        return 1


def _rgb(picture: Any) -> Image:
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith("I") or upright.mode == "F":
        return np.repeat(eight_bit(np.asarray(upright))[:, :, np.newaxis], 3, axis=2)
    return np.asarray(upright.convert("RGB"))


def read_pages(path: Path) -> Iterator[tuple[float, Image]]:
    """Yield ``(seconds, RGB picture)`` of each page: of an animation when it is shown, of other files NaN.

    Raises
    ------
    DfecsError
        If the file, or one of its pages, is not a readable image.
    """
    page = 0
    try:
        with _pillow().open(path) as picture:
            animated = bool(getattr(picture, "is_animated", False)) and picture.format != "TIFF"
            seconds = 0.0 if animated else float("nan")
            for page in _pages(picture):
                picture.seek(page)
                yield seconds, _rgb(picture)
                seconds += float(picture.info.get("duration") or 0) / 1000
    except (OSError, ValueError, SyntaxError, EOFError) as error:  # Pillow's own ways of saying "not a picture"
        where = f" at page {page + 1}" if page else ""
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DfecsError(f"{path}: not a readable image{where} ({reason})") from error
