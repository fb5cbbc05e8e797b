"""Seconds of frames, and frames a second: what a dataset's files say, else what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import pandas as pd

from dfecs_lib.keypoints import TIME
from dfecs_lib.keypoints.dataset import Dataset

__all__ = ["FASTEST", "rate_of", "shared_rate", "timed"]

#: Recordings with more frames a second than this are taken for a mistake.
FASTEST = 10_000.0
#: Recordings whose rates differ by less share one: times in files are rounded.
_ALIKE = 0.02


def rate_of(time: pd.Series[float]) -> float | None:
    """Return the frames a second that times tell; None where recordings differ, or do not say.

    Parameters
    ----------
    time : Series
        Seconds, under a keypoint table's index.
    """
    index = cast("pd.MultiIndex", time.index)
    frames = index.get_level_values("frame").to_numpy(dtype=np.float64)
    recording = index.droplevel("frame").factorize()[0]
    rates = []
    for number in np.unique(recording):
        mine = recording == number
        seconds, passed = np.diff(time.to_numpy(dtype=np.float64)[mine]), np.diff(frames[mine])
        known = np.isfinite(seconds) & (seconds > 0) & (passed > 0)
        if known.any():
            rates.append(float(passed[known].sum() / seconds[known].sum()))
    return shared_rate(rates)


def shared_rate(rates: Sequence[float]) -> float | None:
    """Return the one rate of several recordings; None where they differ, or there is none."""
    if not rates or max(rates) > (1 + _ALIKE) * min(rates) or max(rates) >= FASTEST:
        return None
    return float(np.median(rates))


def timed(data: Dataset, frames_per_second: float | None, first: int | None = None) -> Dataset:
    """Give faces the seconds of their frames where their files do not say, and note how many frames a second there are.

    Parameters
    ----------
    data : Dataset
    frames_per_second : float or None
        None where it is not known but by the table's ``attrs["frames_per_second"]``.
    first : int, optional
        The number of a recording's first frame; by default the smallest that is there.
    """
    table, time = data.keypoints, data.time
    stated = table.attrs.get("frames_per_second")
    if frames_per_second is None and isinstance(stated, int | float):
        frames_per_second = float(stated)
    if time is None and frames_per_second is not None and len(table):
        frames = pd.Series(table.index.get_level_values("frame"), table.index, dtype=np.float64)
        start = frames.groupby(level=[0, 1, 2]).transform("min") if first is None else first
        time = ((frames - start) / frames_per_second).rename(TIME)
    rate = None if time is None else rate_of(time)
    if rate is None:
        return data
    kept = table.copy(deep=False)
    kept.attrs = {**table.attrs, "frames_per_second": rate}
    return replace(data, keypoints=kept, time=time)
