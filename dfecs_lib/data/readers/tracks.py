"""What one file of tracked faces holds: its points, and what its tool says beside them, under one row index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from dfecs_lib.keypoints.dataset import ReadReport

__all__ = ["FileOptions", "Tracks"]


@dataclass(frozen=True)
class FileOptions:
    """What a caller may say about one file of tracked faces.

    Parameters
    ----------
    dataset, subject, recording : str or None
        Names for the row index; None leaves the choice to the reader (the file's own names, else the file name).
    min_confidence : float or None
        Frames with a lower confidence become NaN rows; None means the format's usual threshold.
    face : int, "all" or None
        Which face of a file with several; "all" makes each a subject of its own; None means the one with the most good
        frames, followed by place and size.
    identity : str or None
        Which person, where the file says who is who (Py-Feat's ``Identity``).
    names : str or None
        How a file's name (or, in a file of several pictures or videos, their names) says who is shown: see
        `dfecs_lib.keypoints.path_names`.
    picture_size : (int, int) or None
        Width and height in pixels of the picture of which coordinates are fractions.
    """

    dataset: str | None = None
    subject: str | None = None
    recording: str | None = None
    min_confidence: float | None = None
    face: int | Literal["all"] | None = None
    identity: str | None = None
    names: str | None = None
    picture_size: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Tracks:
    """One file of tracked faces, read once.

    Parameters
    ----------
    keypoints : keypoint table
        Failed frames are rows of NaN.
    action_units : DataFrame or None
        The tool's own, ``attrs["unit"]`` says what a value is; None where the file has none.
    pose : DataFrame or None
        ``pitch, yaw, roll`` in degrees.
    time : Series or None
        Seconds from the start of the recording, as the file has them.
    confidence : Series or None
        The tool's confidence in each frame's face.
    report : ReadReport
        Every line of the file is a row of the tables, or counted in ``report.set_aside``.
    picture : bool
        Whether the file is about a single picture, not about frames of a recording.
    """

    keypoints: pd.DataFrame
    action_units: pd.DataFrame | None
    pose: pd.DataFrame | None
    time: pd.Series[float] | None
    confidence: pd.Series[float] | None
    report: ReadReport
    picture: bool = False
