"""How far a recording's track is to be believed: one row of figures, one sentence."""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.keypoints import convert, coordinates, same_rows, scheme_of, to_points, validate
from dfecs_lib.preprocessing.pose import fit_frontal

__all__ = ["quality", "quality_over_time", "quality_sentence"]

_EYES = ((36, 37, 38, 39, 40, 41), (42, 43, 44, 45, 46, 47))  # iBUG-68 numbers
_COURSE = ("face", "doubt", "faces", "size_px", "yaw", "pitch", "roll", "step", "tremble")
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


def _course(table: pd.DataFrame, frames: pd.DataFrame | None) -> pd.DataFrame:
    """Return one recording frame by frame: see `quality_over_time`."""
    scheme = scheme_of(table)
    values = coordinates(table)
    points = to_points(values)
    seen = np.asarray(np.isfinite(values).all(axis=1))
    out = pd.DataFrame(np.nan, index=table.index, columns=list(_COURSE))
    out["face"] = np.asarray(np.isfinite(values).any(axis=1))
    out["doubt"] = "" if frames is None else frames["doubt"].to_numpy()
    if frames is not None:
        out["faces"] = frames["faces"].to_numpy(dtype=np.float64)
    if not seen.any() or not all(scheme.has(*eye) for eye in _EYES):
        return out
    left, right = (points[:, scheme.positions(eye)].mean(axis=1) for eye in _EYES)
    out["size_px"] = np.linalg.norm(right - left, axis=1)
    size = max(float(out["size_px"].median()), 1e-9)
    number = table.index.get_level_values("frame").to_numpy(np.int64)
    step = np.linalg.norm(np.diff((left + right) / 2, axis=0), axis=1) / size
    out["step"] = np.concatenate([[np.nan], np.where(np.diff(number) == 1, step, np.nan)])
    if scheme.n_points <= 68:
        turned = np.full((len(table), 3), np.nan)
        turned[seen] = _angles(fit_frontal(values[seen], scheme).rotation)
        out[["yaw", "pitch", "roll"]] = turned
    three = seen[2:] & seen[1:-1] & seen[:-2] & (number[2:] - number[:-2] == 2)
    if three.any():
        # Motion that is smooth over three frames leaves no second difference; independent noise leaves √6 of itself.
        second = points[2:] - 2 * points[1:-1] + points[:-2]
        second = second - second.mean(axis=1, keepdims=True)
        noise = 100 * np.sqrt((second**2).sum(axis=2).mean(axis=1) / 6) / size
        out["tremble"] = np.concatenate([[np.nan], np.where(three, noise, np.nan), [np.nan]])
    return out


def _one(table: pd.DataFrame, frames: pd.DataFrame | None) -> dict[str, float]:
    course = _course(table, frames)
    found = course["face"].to_numpy(dtype=np.bool_)
    row: dict[str, float] = {
        "frames": len(table),
        "face": 100 * float(found.mean()),
        "longest_gap": _longest(~found),
        "several_faces": float("nan"),
        "covered": float("nan"),
        "doubtful": float("nan"),
    }
    if frames is not None:
        row["several_faces"] = 100 * float((course["faces"] > 1).mean())
        row["covered"] = 100 * float((course["doubt"] == "covered").mean())
        row["doubtful"] = 100 * float((course["doubt"] != "").mean())
    names = ("jumps", "size_px", "size_range", "yaw", "pitch", "roll", "tremble")
    row |= dict.fromkeys(names, float("nan"))
    apart = course["size_px"].to_numpy()
    if not np.isfinite(apart).any():
        return row
    row["size_px"] = float(np.nanmedian(apart))
    row["size_range"] = float(np.nanpercentile(apart, 95) / max(np.nanpercentile(apart, 5), 1e-9))
    row["jumps"] = int((course["step"] > _JUMP).sum())
    for angle in ("yaw", "pitch", "roll"):
        if course[angle].notna().any():
            row[angle] = float(np.nanpercentile(course[angle].abs(), 95))
    row["tremble"] = float(course["tremble"].median())
    return row


def quality_over_time(table: pd.DataFrame, frames: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return how far each frame of a track is to be believed.

    Parameters
    ----------
    table, frames
        As for `quality`.

    Returns
    -------
    DataFrame, with the table's rows
        ``face``: whether there are points. ``doubt``: why a frame was left out, else empty. ``faces`` seen in it.
        ``size_px``: distance between the eyes. ``yaw, pitch, roll``: of the head, in degrees. ``step``: of the face
        from the frame before, in eye distances. ``tremble``: noise of the points, in percent of the eye distance.

    Examples
    --------
    >>> from dfecs_lib import load
    >>> bool(quality_over_time(load("sim-ckplus").keypoints)["tremble"].median() < 5)
    True
    """
    whole, facts = _read(table, frames)
    parts = []
    for _, part in whole.groupby(level=["dataset", "subject", "recording"], sort=True):
        one = part.sort_index()
        one.attrs = whole.attrs
        parts.append(_course(one, None if facts is None else facts.loc[one.index]))
    return pd.concat(parts).loc[whole.index]


def _read(table: pd.DataFrame, frames: pd.DataFrame | None) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    table = validate(table)
    if scheme_of(table).dense:
        table = convert(table, "ibug68")
    return table, None if frames is None else same_rows(frames, table.index, "what is told of the frames")


def quality(table: pd.DataFrame, frames: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return how far each recording's track is to be believed.

    Parameters
    ----------
    table : keypoint table
        As tracked or read, not registered.
    frames : DataFrame, optional
        What `dfecs_lib.tracking.track_many` tells of the same rows; without it ``several_faces`` is NaN, and so are
        ``covered`` and ``doubtful``, unless the table is one recording whose history counts the frames left out.

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
    table, facts = _read(table, frames)
    rows: dict[tuple[str, str, str], dict[str, float]] = {}
    for key, part in table.groupby(level=["dataset", "subject", "recording"], sort=True):
        one = part.sort_index()
        one.attrs = table.attrs
        rows[cast("tuple[str, str, str]", key)] = _one(one, None if facts is None else facts.loc[one.index])
    if facts is None and len(rows) == 1:
        next(iter(rows.values())).update(_told_by_history(table))
    out = pd.DataFrame.from_dict(rows, orient="index")
    out.index = pd.MultiIndex.from_tuples(list(rows), names=["dataset", "subject", "recording"])
    return out.astype({"frames": int, "longest_gap": int})


def _told_by_history(table: pd.DataFrame) -> dict[str, float]:
    """Return what a track of one recording tells of the frames that it left out."""
    tracked = [e for e in table.attrs.get("history", []) if isinstance(e, dict) and e.get("operation") == "track"]
    if len(tracked) != 1 or tracked[0].get("doubtful_kept") is not False or tracked[0].get("frames") != len(table):
        return {}
    left_out = tracked[0].get("left_out")
    if not isinstance(left_out, dict):
        return {}
    counts = {str(why): float(count) for why, count in left_out.items()}
    of = 100 / max(len(table), 1)
    return {"covered": of * counts.get("covered", 0.0), "doubtful": of * sum(counts.values())}


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
