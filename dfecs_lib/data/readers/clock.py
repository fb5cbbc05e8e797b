"""Time as programs write it: seconds, milliseconds, since 1970, by the clock, with a date; here always in seconds."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["is_clock", "is_number", "numbers_at_the_end", "seconds_of_texts", "since_the_start"]

_CLOCK = re.compile(r"-?(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d+))?")
_NOTHING = frozenset({"", "none", "null", "n/a", "-", "--", "."})
_LAST_NUMBER = re.compile(r".*?(\d{1,15})(?:\.[A-Za-z]\w{0,4})?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d{1,2}:\d\d.*")
#: No video shows a frame for longer than so many seconds, and no camera takes more than one in so many milliseconds
#: (250 a second): a step above it is counted in milliseconds, one a thousand times as long in microseconds.
_LONGEST_STEP = 4.0
#: Seconds from 1970 on, not from the start of a recording, are larger (1e8 is the year 1973).
_SINCE_1970 = 1e8


def is_clock(text: str) -> bool:
    """Whether a cell holds a time of day or a date, which is no number."""
    return bool(_CLOCK.fullmatch(text.strip()) or _DATE.fullmatch(text.strip()))


def is_number(text: str) -> bool:
    """Whether a cell holds a number, or nothing."""
    try:
        float(text.replace(",", ".") or 0)
    except ValueError:
        return text.strip().lower() in _NOTHING
    return True


def numbers_at_the_end(texts: list[str]) -> NDArray[np.float64]:
    """Return the last number in each name, before its ending; NaN where there is none.

    Examples
    --------
    >>> numbers_at_the_end(["img_0012", "clip2_f7.png", "none"]).tolist()
    [12.0, 7.0, nan]
    """
    found = [_LAST_NUMBER.fullmatch(text.strip()) for text in texts]
    return np.array([float(match[1]) if match else np.nan for match in found], dtype=np.float64)


def seconds_of_texts(texts: list[str]) -> NDArray[np.float64]:
    """Return times of the clock, and dates (since 1970), in seconds; NaN where a text is neither.

    Examples
    --------
    >>> seconds_of_texts(["00:01:02.5", "1:02", "late"]).tolist()
    [62.5, 62.0, nan]
    """
    out = np.full(len(texts), np.nan)
    dated: list[int] = []
    for k, text in enumerate(texts):
        match = _CLOCK.fullmatch(text.strip())
        if match is not None:
            hours, minutes, seconds, part = match.groups()
            out[k] = 3600 * int(hours or 0) + 60 * int(minutes) + int(seconds) + float(f"0.{part or 0}")
        elif _DATE.fullmatch(text.strip()):
            dated.append(k)
    if dated:
        days = pd.to_datetime(pd.Series([texts[k].strip() for k in dated]), format="ISO8601", utc=True, errors="coerce")
        since = (days - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
        out[dated] = since.to_numpy(dtype=np.float64)
    return out


def since_the_start(
    time: NDArray[np.float64], recording: NDArray[np.int64], *, milliseconds: bool | None
) -> tuple[NDArray[np.float64], list[str]]:
    """Return time in seconds from the start of each recording where the file counts otherwise, and what was seen.

    Parameters
    ----------
    time : ndarray of shape (n,)
        In the order of frames within a recording.
    recording : ndarray of shape (n,)
    milliseconds : bool or None
        Whether the column's name says so; None where it does not say.
    """
    notes: list[str] = []
    same = np.diff(recording) == 0
    steps = np.abs(np.diff(time))[same]
    steps = steps[np.isfinite(steps) & (steps > 0)]
    step = float(np.median(steps)) if len(steps) else 0.0
    scale = 1e-3 if milliseconds else 1.0
    if not milliseconds and step >= _LONGEST_STEP:
        scale, unit = (1e-6, "microseconds") if step >= 1000 * _LONGEST_STEP else (1e-3, "milliseconds")
        notes.append(f"Time is counted in {unit}, as its steps of {step:g} tell.")
    seconds = time * scale
    if np.isfinite(seconds).any() and float(np.nanmin(seconds)) > _SINCE_1970:
        start = pd.Series(seconds).groupby(recording).transform("min").to_numpy(dtype=np.float64)
        seconds = np.round(seconds - start, 6)  # what a number of 1.7e9 seconds can tell
        notes.append("Time is counted from 1970; here it is counted from the start of each recording.")
    return seconds, notes
