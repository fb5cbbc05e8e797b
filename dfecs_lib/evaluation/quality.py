"""How far a recording's track is to be believed: one row of figures, one sentence."""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.keypoints import convert, coordinates, same_rows, scheme_of, to_points, validate
from dfecs_lib.preprocessing.pose import fit_frontal

__all__ = ["quality", "quality_sentence"]

_EYES = ((36, 37, 38, 39, 40, 41), (42, 43, 44, 45, 46, 47))  # iBUG-68 numbers
_JUMP = 1.5  # distances between the eyes from one frame to the next: more than a head moves in a twenty-fifth second


def _longest(missing: NDArray[np.bool_]) -> int:
    ends = np.flatnonzero(np.diff(np.concatenate([[0], missing.astype(np.int8), [0]])))
    return int((ends[1::2] - ends[::2]).max(initial=0))


def _angles(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return yaw, pitch and roll in degrees of rotations (n, 3, 3)."""
    yaw = np.arctan2(-rotation[:, 2, 0], np.hypot(rotation[:, 2, 1], rotation[:, 2, 2]))
    pitch = np.arctan2(rotation[:, 2, 1], rotation[:, 2, 2])
    roll = np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0])
    return np.asarray(np.degrees(np.column_stack([yaw, pitch, roll])))


def _one(table: pd.DataFrame, frames: pd.DataFrame | None) -> dict[str, float]:
    scheme = scheme_of(table)
    values = coordinates(table)
    points = to_points(values)
    seen = np.asarray(np.isfinite(values).all(axis=1))
    found = np.asarray(np.isfinite(values).any(axis=1))
    row: dict[str, float] = {
        "frames": len(table),
        "face": 100 * float(found.mean()),
        "longest_gap": _longest(~found),
        "several_faces": float("nan"),
        "covered": float("nan"),
        "doubtful": float("nan"),
    }
    if frames is not None:
        row["several_faces"] = 100 * float((frames["faces"] > 1).mean())
        row["covered"] = 100 * float((frames["doubt"] == "covered").mean())
        row["doubtful"] = 100 * float((frames["doubt"] != "").mean())
    names = ("jumps", "size_px", "size_range", "yaw", "pitch", "roll", "tremble")
    row |= dict.fromkeys(names, float("nan"))
    if not seen.any() or not all(scheme.has(*eye) for eye in _EYES):
        return row
    left, right = (points[:, scheme.positions(eye)].mean(axis=1) for eye in _EYES)
    apart = np.linalg.norm(right - left, axis=1)
    size = float(np.nanmedian(apart))
    row["size_px"] = size
    row["size_range"] = float(np.nanpercentile(apart, 95) / max(np.nanpercentile(apart, 5), 1e-9))
    number = table.index.get_level_values("frame").to_numpy(np.int64)
    middle = (left + right) / 2
    step = np.linalg.norm(np.diff(middle, axis=0), axis=1) / max(size, 1e-9)
    row["jumps"] = int(((step > _JUMP) & (np.diff(number) == 1)).sum())
    known = values[seen] if scheme.n_points <= 68 else None
    if known is not None:
        turned = _angles(fit_frontal(known, scheme).rotation)
        if np.isfinite(turned).any():
            row |= dict(zip(("yaw", "pitch", "roll"), np.nanpercentile(abs(turned), 95, axis=0).tolist(), strict=True))
    three = seen[2:] & seen[1:-1] & seen[:-2] & (number[2:] - number[:-2] == 2)
    if three.any():
        # Motion that is smooth over three frames leaves no second difference; independent noise leaves √6 of itself.
        second = (points[2:] - 2 * points[1:-1] + points[:-2])[three]
        second = second - second.mean(axis=1, keepdims=True)
        row["tremble"] = 100 * float(np.median(np.sqrt((second**2).sum(axis=2).mean(axis=1) / 6))) / max(size, 1e-9)
    return row


def quality(table: pd.DataFrame, frames: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return how far each recording's track is to be believed.

    Parameters
    ----------
    table : keypoint table
        As tracked or read, not registered.
    frames : DataFrame, optional
        What `dfecs_lib.tracking.track_many` tells of the same rows; without it ``several_faces``, ``covered`` and
        ``doubtful`` are NaN.

    Returns
    -------
    DataFrame
        One row a recording, index ``(dataset, subject, recording)``. ``frames``; in percent of them ``face`` (points),
        ``several_faces``, ``covered``, ``doubtful`` (jumping, of odd size or covered); ``longest_gap``, the most frames
        in a row without points; ``jumps``, steps of more than one and a half eye distances; ``size_px``, the median
        distance between the eyes, and ``size_range``, its 95th over its 5th percentile; ``yaw``, ``pitch``, ``roll``,
        degrees from the front that 95 % of the frames stay below (of the 3-D head; NaN for meshes); ``tremble``,
        standard deviation of the points' noise in percent of the eye distance, from second differences in time.

    Examples
    --------
    >>> from dfecs_lib import load
    >>> bool(quality(load("sim-ckplus").keypoints)["face"].min() > 90)
    True
    """
    table = validate(table)
    if scheme_of(table).dense:
        table = convert(table, "ibug68")
    facts = None if frames is None else same_rows(frames, table.index, "what is told of the frames")
    rows: dict[tuple[str, str, str], dict[str, float]] = {}
    for key, part in table.groupby(level=["dataset", "subject", "recording"], sort=True):
        one = part.sort_index()
        one.attrs = table.attrs
        rows[cast("tuple[str, str, str]", key)] = _one(one, None if facts is None else facts.loc[one.index])
    out = pd.DataFrame.from_dict(rows, orient="index")
    out.index = pd.MultiIndex.from_tuples(list(rows), names=["dataset", "subject", "recording"])
    return out.astype({"frames": int, "longest_gap": int})


def quality_sentence(row: pd.Series[float]) -> str:
    """Return the figures of a recording (a row of `quality`) that matter, as one line.

    Examples
    --------
    >>> row = pd.Series({"frames": 72, "face": 100.0, "longest_gap": 0, "size_px": 61.0, "yaw": 12.0, "tremble": 0.5})
    >>> quality_sentence(row)
    'face in 100 % of 72 frames; eyes 61 px apart, turned up to 12°, points tremble by 0.5 % of that'
    """

    def of(name: str) -> float:
        return float(row.get(name, float("nan")))

    parts = [f"face in {of('face'):.0f} % of {of('frames'):.0f} frames"]
    if of("longest_gap") > 0:
        parts[0] += f" (longest gap {of('longest_gap'):.0f})"
    for name, word in (("several_faces", "several faces"), ("covered", "covered")):
        if of(name) > 0:
            parts.append(f"{word} in {of(name):.0f} %")
    if of("jumps") > 0:
        parts.append(f"{of('jumps'):.0f} jumps")
    if np.isfinite(of("size_px")):
        sizes = f"eyes {of('size_px'):.0f} px apart"
        turned = f", turned up to {of('yaw'):.0f}°" if np.isfinite(of("yaw")) else ""
        tremble = f", points tremble by {of('tremble'):.1f} % of that" if np.isfinite(of("tremble")) else ""
        parts.append(sizes + turned + tremble)
    return "; ".join(parts)
