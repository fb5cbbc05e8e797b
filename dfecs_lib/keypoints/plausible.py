"""Frames that a recording cannot hold: a face many times the others' size, or far from where all others are."""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.keypoints.by_name import scheme_of, to_points
from dfecs_lib.keypoints.schemes import Scheme
from dfecs_lib.keypoints.table import record

__all__ = ["LARGEST_COORDINATE", "LARGEST_RATIO", "LARGEST_SHIFT", "flag_implausible"]

#: Pixels; a coordinate beyond it lies in no picture. Readers take such a frame as failed.
LARGEST_COORDINATE = 1e6
#: A face this many times larger or smaller than the recording's median face is implausible.
LARGEST_RATIO = 2.5
#: So is one this many median face sides away from the recording's median place.
LARGEST_SHIFT = 1.5
#: Recordings in which size or place really vary have wide limits: so many standard deviations, by the median.
_DEVIATIONS = 6.0
_NORMAL = 1.4826  # median absolute deviation to standard deviation
_FEWEST = 5


def flag_implausible(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series[str]]:
    r"""Make rows of NaN of frames that show something else than the recording's face.

    Per recording, with :math:`s_t` the root mean square distance of a frame's points from their centre :math:`c_t`, and
    :math:`w` the median of the larger sides of all faces, a frame is flagged where

    - its size is not the recording's, :math:`|\log(s_t / \tilde s)| > \max(\log 2.5,\ 6\,\hat\sigma)`, or
    - its place is not, :math:`\|c_t - \tilde c\| > \max(1.5\,w,\ \tilde d + 6\,\hat\sigma_d)`, with :math:`d_t` that
      distance,

    where a tilde is a median and :math:`\hat\sigma` 1.4826 times the median absolute deviation. Recordings of fewer
    than five frames with a face are left alone, and so are single pictures, in which faces may be anywhere.

    Parameters
    ----------
    table : keypoint table

    Returns
    -------
    table : keypoint table
        The same rows; those flagged hold no point. ``attrs["history"]`` counts them.
    flags : Series of str
        Index entries of the flagged rows, each ``"size"`` or ``"place"``.

    Examples
    --------
    >>> import numpy as np
    >>> from dfecs_lib.keypoints import make_table
    >>> faces = np.random.default_rng(0).uniform(100, 200, (1, 68, 2)).repeat(9, axis=0)
    >>> faces[4] *= 20
    >>> flagged, flags = flag_implausible(make_table(faces, scheme="ibug68", frames=range(9)))
    >>> list(flags.index.get_level_values("frame")), list(flags)
    ([4], ['size'])
    """
    history = table.attrs.get("history", [])
    scheme = scheme_of(table)
    why = np.full(len(table), "", dtype=object)
    if not any(entry.get("pictures") for entry in history):
        sizes, sides, centres = _measures(table, scheme)
        found = np.isfinite(sizes)
        groups = cast(
            "dict[tuple[str, str, str], NDArray[np.intp]]",
            table.groupby(level=["dataset", "subject", "recording"]).indices,
        )
        for rows in groups.values():
            mine = rows[found[rows]]
            if len(mine) >= _FEWEST:
                why[mine] = _flags(sizes[mine], sides[mine], centres[mine])
    flagged = why != ""
    flags = pd.Series(why[flagged].astype(str), index=table.index[flagged], name="implausible", dtype=object)
    if not flagged.any():
        return table, flags
    out = table.copy()
    out[flagged] = np.nan
    out.attrs = table.attrs
    counts = {reason: int((why == reason).sum()) for reason in ("size", "place")}
    return record(out, "flag implausible frames", ratio=LARGEST_RATIO, shift=LARGEST_SHIFT, **counts), flags


def _measures(
    table: pd.DataFrame, scheme: Scheme
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return sizes (n,), larger sides (n,) and centres (n, 2); NaN where a frame has no face."""
    points = to_points(table)[:, scheme.positions(list(scheme.ibug))]
    there: NDArray[np.bool_] = np.asarray(np.isfinite(points).all(axis=2), dtype=np.bool_)
    found = there.sum(axis=1) >= 2
    sizes, sides = np.full(len(points), np.nan), np.full(len(points), np.nan)
    centres = np.full((len(points), 2), np.nan)
    seen, mask = points[found], there[found][..., None]
    count = mask.sum(axis=1)
    centres[found] = np.where(mask, seen, 0).sum(axis=1) / count
    apart = np.where(mask, seen - centres[found][:, None], 0)
    sizes[found] = np.sqrt((apart**2).sum(axis=(1, 2)) / count[:, 0])
    sides[found] = (np.where(mask, seen, -np.inf).max(axis=1) - np.where(mask, seen, np.inf).min(axis=1)).max(axis=1)
    sizes[~(sizes > 0)] = np.nan
    return sizes, sides, centres


def _flags(sizes: NDArray[np.float64], sides: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.object_]:
    logs = np.log(sizes / np.median(sizes))
    other_size = np.abs(logs) > max(np.log(LARGEST_RATIO), _DEVIATIONS * _NORMAL * float(np.median(np.abs(logs))))
    shifts = np.hypot(*(centres - np.median(centres, axis=0)).T)
    usual = float(np.median(shifts))
    spread = _DEVIATIONS * _NORMAL * float(np.median(np.abs(shifts - usual)))
    elsewhere = shifts > max(LARGEST_SHIFT * float(np.median(sides)), usual + spread)
    return np.where(other_size, "size", np.where(elsewhere, "place", "")).astype(object)
