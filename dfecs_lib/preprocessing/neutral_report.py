"""What is to be known of neutral frames: where they are, how far from rest, and what makes them doubtful."""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.keypoints import INDEX_NAMES, coordinates
from dfecs_lib.preprocessing.motion import neutral_rows
from dfecs_lib.preprocessing.neutral import choose_neutral
from dfecs_lib.preprocessing.neutral_head import Found, Key, nearest_to_rest

__all__ = ["FAR_FROM_REST", "neutral_lines", "neutral_report"]

#: A neutral face further from rest than this, px a point, is warned of (about 2 mm on a face). No frame chosen in
#: simulated recordings that rest is further; of those cut down to their busy frames, about three in four are.
FAR_FROM_REST = 10.0
# A stretch of like frames is called long from this share of the recording, and this many frames, on. A frame is like
# the neutral one within this many times the usual step from frame to frame; gaps up to this many frames (a blink) do
# not end the stretch.
_LONG, _LEAST_FRAMES, _LIKE, _GAP = 0.6, 20, 2.0, 8


def neutral_report(registered: pd.DataFrame, neutral: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return a table of the neutral frames of registered faces, with warnings.

    Parameters
    ----------
    registered : keypoint table
        Registered faces, all recordings of a subject.
    neutral : keypoint table, optional
        Their neutral rows, one a recording or one a subject (see `motion_vectors`), by whatever rule. By default
        `choose_neutral` of `registered`.

    Returns
    -------
    DataFrame
        One row a recording, index ``(dataset, subject, recording)``. ``neutral_recording`` and ``frame`` name the
        neutral frame; ``distance_px`` says how far from rest it is: root mean square over the points of what the 3-D
        head finds expressed in it (registered px, 800 from ear to ear; NaN where the head cannot tell); ``warning`` is
        a sentence, or empty.

    Raises
    ------
    DfecsError
        If a recording has no neutral row, or several.

    Notes
    -----
    Warned of are a face more than 10 px from rest (the recording never rests, or the frame was badly chosen); one long
    stretch of frames like the neutral one, which may be rest or a held expression; and a recording of one frame, which
    is its own neutral face: its codes are zero by construction.

    Examples
    --------
    >>> from dfecs_lib.head3d import load_head
    >>> from dfecs_lib.keypoints import make_table
    >>> from dfecs_lib.preprocessing import make_preprocessor
    >>> photo = make_table(load_head().mean[None, :, :2], scheme="ibug68", frames=[0], subject="S1")
    >>> report = neutral_report(make_preprocessor().fit_transform(photo))
    >>> report["warning"].item()
    'its only frame is its own neutral face: motion and codes are zero by construction'
    """
    if neutral is None:
        neutral = choose_neutral(registered)
    judged = nearest_to_rest(registered)
    values = coordinates(registered)
    numbers = registered.index.get_level_values("frame").to_numpy()
    row_of = {entry: row for row, entry in enumerate(registered.index)}
    served = neutral_rows(registered.index, neutral.index)
    rows = []
    for entry, positions in registered.groupby(level=list(INDEX_NAMES[:3])).indices.items():
        key, where = cast("Key", entry), np.asarray(positions)
        where = where[np.argsort(numbers[where], kind="stable")]
        own = neutral.index[served[where[0]]]
        at = row_of.get(own, -1)
        distance = judged.get(cast("Key", own[:3]), Found()).away(at)
        warning = _warning(values[where], numbers[where], int(np.flatnonzero(where == at)[0]) if at in where else -1)
        if distance > FAR_FROM_REST:
            far = f"its neutral face is {distance:.0f} px a point from rest: the recording never rests, or another "
            warning = "; ".join(filter(None, [far + "frame of it is more neutral", warning]))
        rows.append((*key, own[2], int(own[3]), distance, warning))
    columns = [*INDEX_NAMES[:3], "neutral_recording", "frame", "distance_px", "warning"]
    return pd.DataFrame(rows, columns=columns).set_index(list(INDEX_NAMES[:3]))


def neutral_lines(report: pd.DataFrame, most: int = 5) -> list[str]:
    """Return sentences for a terminal: the neutral frames, at most so many of them, and as many warnings.

    Parameters
    ----------
    report : DataFrame
        Of `neutral_report`.
    most : int
        How many recordings to name.
    """
    lines = []
    for key, row in report.head(most).iterrows():
        own, other = cast("Key", key), str(row["neutral_recording"])
        where = f" of {other}" if other != own[2] else ""
        away = f", {row['distance_px']:.1f} px from rest" if np.isfinite(row["distance_px"]) else ""
        lines.append(f"Neutral frame of {_named(own)}: {row['frame']}{where}{away}.")
    if len(report) > most:
        lines.append(
            f"And of {len(report) - most:,} more; {report['distance_px'].median():.1f} px from rest at the median."
        )
    doubtful = report[report["warning"] != ""]
    lines += [f"Warning: {_named(cast('Key', key))}: {text}." for key, text in doubtful["warning"].head(most).items()]
    if len(doubtful) > most:
        lines.append(f"Warning: so are the neutral faces of {len(doubtful) - most:,} more recordings in doubt.")
    return lines


def _named(key: Key) -> str:
    return "/".join(filter(None, key)) or "the recording"


def _warning(faces: NDArray[np.float64], frames: NDArray[np.int64], at: int) -> str:
    """Return what the recording's faces, in the order of time, say of the neutral one at position `at` (-1: none)."""
    seen = np.asarray(np.isfinite(faces).any(axis=1))
    if at < 0 or not seen[at]:
        return ""
    if seen.sum() == 1:
        return "its only frame is its own neutral face: motion and codes are zero by construction"
    faces, frames, at = faces[seen], frames[seen], int(seen[:at].sum())
    columns = np.asarray(np.isfinite(faces[at]))
    step = np.sqrt(np.nanmean(np.diff(np.where(columns, faces, 0.0), axis=0)[:, columns] ** 2, axis=1))
    if len(faces) < _LEAST_FRAMES or not np.isfinite(step).any():
        return ""
    away = np.sqrt(
        np.nanmean((faces[:, columns] - faces[at, columns]) ** 2, axis=1, where=np.isfinite(faces[:, columns]))
    )
    like = np.flatnonzero(away <= _LIKE * np.nanmedian(step))
    here = int(np.searchsorted(like, at))
    breaks = np.diff(frames[like]) > _GAP
    run = like[np.cumsum(np.r_[False, breaks]) == np.cumsum(np.r_[False, breaks])[here]]
    if len(run) < _LONG * len(faces):
        return ""
    return (
        f"frames {frames[run[0]]} to {frames[run[-1]]} are one long stretch like its neutral face: if that is a held "
        "expression, name another neutral frame"
    )
