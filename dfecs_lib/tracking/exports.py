"""Tracks for other programs and for the eye: OpenFace's columns, and the video with its points drawn on it."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import whole_file
from dfecs_lib.keypoints import convert, coordinates, same_rows, to_points, validate
from dfecs_lib.tracking.media import open_media

if TYPE_CHECKING:
    from dfecs_lib.tracking.backends import Image

__all__ = ["openface_columns", "write_overlay"]

_LEVELS = ["dataset", "subject", "recording"]
_POINT, _BAR, _INK = (60, 230, 120), (80, 170, 255), (255, 255, 255)
_RATE = 25  # of pictures that tell no times


def openface_columns(table: pd.DataFrame, frames: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return a track as OpenFace 2 writes it: what reads OpenFace's CSV reads this.

    Parameters
    ----------
    table : keypoint table
    frames : DataFrame, optional
        What `track_many` tells of the same rows.

    Returns
    -------
    DataFrame
        ``frame`` (counted from 1), ``face_id``, ``timestamp`` (seconds; 0 where unknown), ``confidence``, ``success``,
        ``x_0 … x_67, y_0 … y_67`` in pixels, 0 where there is no face. OpenFace's confidence lies between 0 and 1,
        other trackers' scores do not; it is therefore 1 or 0 as success is. ``subject`` and ``recording`` come last,
        where there are several of them.
    """
    table = convert(validate(table), "ibug68")
    values = coordinates(table)
    found = np.asarray(np.isfinite(values).all(axis=1))
    time = np.zeros(len(table))
    if frames is not None:
        time = np.nan_to_num(same_rows(frames, table.index, "what is told of the frames")["time"].to_numpy(np.float64))
    levels = table.index.to_frame(index=False)
    several = {level: levels[level] for level in ("subject", "recording") if len(levels[level].unique()) > 1}
    head = pd.DataFrame(
        {
            "frame": levels["frame"] + 1,
            "face_id": np.unique(levels["subject"].to_numpy(), return_inverse=True)[1],
            "timestamp": time.round(4),
            "confidence": found.astype(np.float64),
            "success": found.astype(np.int64),
        }
    )
    points = pd.DataFrame(np.where(found[:, None], values, 0.0).round(2), columns=list(table.columns))
    return pd.concat([head, points, pd.DataFrame(several)], axis=1)


def _drawn(image: Image, points: NDArray[np.float64], bars: Mapping[Hashable, float], top: float) -> Image:
    from PIL import Image as pillow
    from PIL import ImageDraw

    picture = pillow.fromarray(image)
    pen = ImageDraw.Draw(picture)
    radius = max(1.5, max(image.shape) / 500)
    for x, y in points[np.isfinite(points).all(axis=1)]:
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_POINT)
    line = max(12, image.shape[0] // 30)
    for row, (name, value) in enumerate(bars.items()):
        y, length = 6 + row * (line + 4), float(np.nan_to_num(value)) / top * image.shape[1] * 0.2
        pen.rectangle((6, y, 6 + max(length, 1), y + line), fill=_BAR)
        pen.text((10, y), str(name), fill=_INK, font_size=line * 0.8, stroke_width=1, stroke_fill=(0, 0, 0))
    return np.asarray(picture)


def _even(image: Image) -> Image:
    """Return the picture without its odd last row or column, which the coding of colours cannot hold."""
    return np.ascontiguousarray(image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2])


def write_overlay(
    source: str | os.PathLike[str],
    table: pd.DataFrame,
    target: str | os.PathLike[str],
    *,
    codes: pd.DataFrame | None = None,
    most: int = 8,
) -> None:
    """Write a video with the points drawn on it, and the activations of units as bars.

    Parameters
    ----------
    source : path
        What `track` was given.
    table : keypoint table
        Its track: one recording, of one face or of several.
    target : path
        ``.mp4`` (H.264, at the times of the source), or ``.gif``, ``.webp`` or ``.png`` for an animated picture.
    codes : DataFrame, optional
        Activations under the table's index, one column a unit.
    most : int, default 8
        How many units are shown: those with the largest mean.

    Raises
    ------
    DfecsError
        If the table holds several recordings, or the target's name ends otherwise.
    """
    where = Path(target)
    if where.suffix.lower() not in (".mp4", ".gif", ".webp", ".png"):
        raise DfecsError(f"{where}: an overlay's name must end in .mp4, .gif, .webp or .png")
    table = validate(table)
    if table.index.to_frame(index=False)[["dataset", "recording"]].drop_duplicates().shape[0] != 1:
        raise DfecsError(f"{where}: an overlay shows one recording; the table holds several")
    number_of = table.index.get_level_values("frame").to_numpy(np.int64)
    points = to_points(coordinates(table))
    bars: pd.DataFrame | None = None
    top = 1.0
    if codes is not None:
        shown = codes.mean().nlargest(most).index
        bars = codes[shown].groupby(level="frame").max()
        top = float(np.nanmax(bars.to_numpy(), initial=0.0)) or 1.0

    def pictures() -> Iterator[tuple[float, Image]]:
        for number, (seconds, image) in enumerate(open_media(source).timed_frames()):
            bar = bars.loc[number].to_dict() if bars is not None and number in bars.index else {}
            yield seconds, _even(_drawn(image, points[number_of == number].reshape(-1, 2), bar, top))

    with whole_file(where) as partial:
        (_write_video if where.suffix.lower() == ".mp4" else _write_animation)(pictures(), partial, where.suffix)


def _write_video(pictures: Iterator[tuple[float, Image]], path: Path, _suffix: str) -> None:
    import av

    with av.open(f"file:{path}", "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=_RATE)
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", Fraction(1, 90_000)
        last = -1
        for number, (seconds, image) in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = image.shape[:2]
            at = round(90_000 * (seconds if np.isfinite(seconds) else number / _RATE))
            last = max(at, last + 1)  # times that do not grow cannot be written
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            if image.shape[:2] != (stream.height, stream.width):
                frame = frame.reformat(stream.width, stream.height)
            frame.pts, frame.time_base = last, Fraction(1, 90_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _write_animation(pictures: Iterator[tuple[float, Image]], path: Path, suffix: str) -> None:
    from PIL import Image as pillow

    times, drawn = zip(*pictures, strict=True)
    steps = np.diff(np.array(times), append=np.nan)
    shown = np.where(np.isfinite(steps), steps, 1 / _RATE) * 1000
    first, *others = [pillow.fromarray(image) for image in drawn]
    kind = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG"}[suffix.lower()]
    durations = np.maximum(shown.round(), 1).astype(int).tolist()
    first.save(path, kind, save_all=True, append_images=others, duration=durations, loop=0)
