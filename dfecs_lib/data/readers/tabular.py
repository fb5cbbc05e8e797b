"""From a table of any tool to tracks: what columns mean, which rows are one person's frames, which frames failed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.data.readers.clock import is_clock, is_number, numbers_at_the_end, seconds_of_texts, since_the_start
from dfecs_lib.data.readers.columns import Points, find_points, named, points_missing
from dfecs_lib.data.readers.layout import layout_of
from dfecs_lib.data.readers.recordings import Place, places
from dfecs_lib.data.readers.selection import Chosen, choose
from dfecs_lib.data.readers.sheets import Cells, Sheet
from dfecs_lib.data.readers.tracks import FileOptions, Tracks
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import TIME, Scheme, validate
from dfecs_lib.keypoints.dataset import ReadReport
from dfecs_lib.keypoints.labels import side_table
from dfecs_lib.keypoints.plausible import LARGEST_COORDINATE

__all__ = ["FOCAL_LENGTH", "PRINCIPAL_POINT", "TIMES", "UNSURE", "Dialect", "read_sheet"]

#: Points in space are seen through a camera of this focal length and principal point (pixels): OpenFace's own guess
#: for a picture of 1280 x 720.
FOCAL_LENGTH = 1000.0
PRINCIPAL_POINT = (640.0, 360.0)
#: Points that a tool is less sure of are missing: DeepLabCut's own default (``pcutoff``).
UNSURE = 0.6

_SECONDS = ("timestamp", "time", "time_s", "time (s)", "time [s]", "time_sec", "timestamp_s", "seconds", "sec", "t")
_MILLISECONDS = ("timestamp_ms", "time_ms", "time (ms)", "time [ms]", "timestamp (ms)", "milliseconds", "millis", "ms")
#: Columns of time, by whatever unit.
TIMES = (*_SECONDS, *_MILLISECONDS)
_TRUE = frozenset({"1", "1.0", "true", "t", "yes", "y"})


@dataclass(frozen=True)
class Dialect:
    """What a tool's columns are called, and what they mean.

    Parameters
    ----------
    name, title : str
    confidence, success : tuple of str
        Columns; frames below `min_confidence`, or without success, failed.
    min_confidence : float or None
        The usual threshold.
    units : str
        Pattern of the columns of action units; its group 1 is the unit's name.
    unit : str
        What their values are.
    pose : mapping
        ``pitch, yaw, roll`` to columns.
    radians : bool or None
        Unit of the angles; None: told from their range.
    face, picture : tuple of str
        Columns that number faces, and that name pictures or videos.
    rectangle : tuple of str
        Columns of the width and height of a face.
    tracker : str
        The tool's name, as far as one of the columns in `marks` says that it tracked the points itself.
    marks : frozenset of str
    """

    name: str
    title: str
    confidence: tuple[str, ...] = ()
    success: tuple[str, ...] = ()
    min_confidence: float | None = None
    units: str = r"(AU\d{2})_r"
    unit: str = ""
    pose: Mapping[str, str] = field(default_factory=dict)
    radians: bool | None = None
    face: tuple[str, ...] = ()
    picture: tuple[str, ...] = ()
    rectangle: tuple[str, ...] = ()
    tracker: str = ""
    marks: frozenset[str] = frozenset()


def read_sheet(sheet: Sheet, dialect: Dialect, options: FileOptions) -> Tracks:
    """Read a table as tracks.

    Parameters
    ----------
    sheet : Sheet
    dialect : Dialect
    options : FileOptions

    Raises
    ------
    DfecsError
        If columns are missing, half of the lines cannot be read, or rows cannot be told apart.
    """
    path, header = sheet.path, sheet.header
    points = _points(path, header, dialect)
    confidence, success = named(header, *dialect.confidence), named(header, *dialect.success)
    time = named(header, *TIMES)
    notes: list[str] = []
    clock = time is not None and is_clock(sheet.first(time))
    if time is not None and not clock and not is_number(sheet.first(time)):
        notes.append(f"Its column {time!r} holds {sheet.first(time)[:40]!r}, which is no time; it is left out.")
        time = None
    units = {m[1]: c for c in header if (m := re.fullmatch(dialect.units, c))} if dialect.unit else {}
    pose = dict(dialect.pose) if set(dialect.pose.values()) <= set(header) else {}
    where = places(path, header, dialect.face, dialect.picture, time, options)
    rectangle = dialect.rectangle if set(dialect.rectangle) <= set(header) else ()
    numbers = [*points.columns, *units.values(), *pose.values(), *rectangle, *where.numbers]
    numbers += [column for column in (confidence, None if clock else time) if column]
    named_frames = where.frame if where.frame is not None and not is_number(sheet.first(where.frame)) else None
    numbers = [column for column in numbers if column != named_frames]
    texts = [*where.texts, *(column for column in (success, named_frames, time if clock else None) if column)]
    cells = sheet.read([*dict.fromkeys(numbers)], [*dict.fromkeys(texts)])
    if time is not None and clock:
        cells.numbers[time] = seconds_of_texts(cells.texts[time])
    if named_frames is not None:
        cells.numbers[named_frames] = numbers_at_the_end(cells.texts[named_frames])

    problems: list[str] = []
    xy, camera = _pixels(cells, points, options, notes)
    threshold = dialect.min_confidence if options.min_confidence is None else options.min_confidence
    score = cells.numbers[confidence] if confidence else None
    succeeded = [text.lower() in _TRUE for text in cells.texts[success]] if success else None
    good, why = _good(xy, score if threshold is not None else None, threshold, succeeded)
    rows = where.resolve(cells)
    shown = np.sqrt(np.prod([cells.numbers[c] for c in rectangle], axis=0)) if rectangle else None
    chosen = choose(path, rows, xy, good, shown, options, numbered=where.numbered, several=dialect.name == "pyfeat")

    take, kept = chosen.rows, chosen.rows >= 0
    kept &= good[take]
    values = np.where(kept[:, None], xy[take], np.nan)
    values, turned = _upright(values, points.scheme, options, problems, notes)
    table = pd.DataFrame(values, index=chosen.index, columns=list(points.scheme.columns))
    failed = int((~kept).sum())
    reasons = {name: int(mask[take][(take >= 0) & ~kept].sum()) for name, mask in why.items()}
    reasons = {name: count for name, count in reasons.items() if count}
    if failed == len(take) and len(take):
        problems.insert(0, _faceless(len(take), reasons, score))
    elif reasons:
        notes.append("Failed frames: " + ", ".join(f"{count} {name}" for name, count in reasons.items()) + ".")
    history: dict[str, object] = {
        "operation": "read",
        "source": dialect.name,
        **({"tracker": dialect.tracker} if dialect.tracker and dialect.marks & set(header) else {}),
        "file": path.name,
        "frames": len(table),
        "failed": failed,
        **({"min_confidence": threshold} if score is not None or dialect.min_confidence is not None else {}),
        **chosen.history,
        **camera,
        **({"pictures": True} if rows.pictures else {}),
        **({"problems": problems} if problems else {}),
    }
    table.attrs = {
        "scheme": points.scheme.name,
        "history": [history, *({"operation": "put upright", "because": what} for what in turned)],
    }

    def taken(column: str, rows_of: NDArray[np.intp] = take, mask: NDArray[np.bool_] = kept) -> NDArray[np.float64]:
        return np.where(mask, cells.numbers[column][rows_of], np.nan)

    seconds = None
    if time is not None:
        every = taken(time, chosen.any_row, np.ones(len(take), dtype=np.bool_))
        recording = np.asarray(chosen.index.droplevel("frame").factorize()[0], dtype=np.int64)
        every, said = since_the_start(every, recording, milliseconds=time.lower() in _MILLISECONDS)
        notes += said
        seconds = pd.Series(every, index=table.index, name=TIME)
    own = None if score is None else pd.Series(np.where(take >= 0, score[take], np.nan), table.index, name="confidence")
    own_units = {unit: taken(column) for unit, column in units.items()}
    return Tracks(
        keypoints=validate(table),
        action_units=side_table(own_units, chosen.index, unit=dialect.unit, history=[history]) if units else None,
        pose=_pose({angle: taken(c) for angle, c in pose.items()}, chosen.index, dialect, history) if pose else None,
        time=seconds,
        confidence=own,
        report=_report(cells, rows, chosen, failed, problems, notes),
        picture=rows.single_picture,
    )


def _points(path: Path, header: tuple[str, ...], dialect: Dialect) -> Points:
    try:
        points = find_points(header)
    except DfecsError as error:
        raise DfecsError(f"{path}: {error}") from None
    if points is not None:
        return points
    lacking = points_missing(header)
    if lacking is None and dialect.name == "openface":
        raise DfecsError(f"{path}: is an OpenFace file without points of the face; run OpenFace with -2Dfp")
    raise DfecsError(f"{path}: {lacking or 'has no columns of points (x_0, x_1, …, y_0, y_1, …)'}")


def _pixels(
    cells: Cells, points: Points, options: FileOptions, notes: list[str]
) -> tuple[NDArray[np.float64], dict[str, object]]:
    """Return rows ``[x…, y…]`` in pixels, and what the history should say of the camera."""
    n, width = cells.n_rows, points.scheme.n_points
    xy = np.full((n, 2 * width), np.nan)
    x = np.column_stack([cells.numbers[c] for c in points.x])
    y = np.column_stack([cells.numbers[c] for c in points.y])
    camera: dict[str, object] = {}
    if points.z:
        z = np.column_stack([cells.numbers[c] for c in points.z])
        z = np.where(z > 0, z, np.nan)
        x, y = (FOCAL_LENGTH * v / z + c for v, c in zip((x, y), PRINCIPAL_POINT, strict=True))
        camera = {"from": "points in space", "focal_length": FOCAL_LENGTH, "principal_point": list(PRINCIPAL_POINT)}
        notes.append(f"Points in space are shown as a camera of focal length {FOCAL_LENGTH:g} px sees them.")
    if options.picture_size is not None:
        x, y = x * options.picture_size[0], y * options.picture_size[1]
        camera["picture_size"] = list(options.picture_size)
    count = len(points.x)
    xy[:, :count], xy[:, width : width + count] = x, y
    # A tracker that lost one point of a face it found writes it as (0, 0), or as (-1, -1).
    lost = ((x == 0) & (y == 0)) | ((x == -1) & (y == -1))
    lost &= ~lost.all(axis=1, keepdims=True)
    if points.score:
        score = np.column_stack([cells.numbers[c] for c in points.score])
        unsure = ~(score >= UNSURE) & np.isfinite(x)
        if unsure.any():
            xy[:, :count][unsure] = np.nan
            xy[:, width : width + count][unsure] = np.nan
            notes.append(f"{int(unsure.sum())} points of a likelihood below {UNSURE:g} are missing points.")
    if lost.any():
        xy[:, :count][lost] = np.nan
        xy[:, width : width + count][lost] = np.nan
        notes.append(f"{int(lost.sum())} points at (0, 0) or (-1, -1) of faces elsewhere are missing points.")
    return xy, camera


def _good(
    xy: NDArray[np.float64],
    score: NDArray[np.float64] | None,
    threshold: float | None,
    succeeded: Sequence[bool] | None,
) -> tuple[NDArray[np.bool_], dict[str, NDArray[np.bool_]]]:
    """Return which rows show a face, and for the others the first reason why not."""
    found = np.isfinite(xy)
    beyond = np.zeros(len(xy), dtype=np.bool_)
    beyond |= np.nanmax(np.abs(xy), axis=1, initial=0.0, where=found) > LARGEST_COORDINATE
    reasons = {
        "without any point": ~found.any(axis=1),
        "of zeros": ((xy == 0) | ~found).all(axis=1),
        "with all points in one place": _in_one_place(xy),
        f"with coordinates beyond {LARGEST_COORDINATE:,.0f} pixels": beyond,
    }
    if succeeded is not None:
        reasons["that the tracker itself calls failed"] = ~np.array(succeeded, dtype=np.bool_)
    if score is not None and threshold is not None:
        reasons[f"below the confidence threshold {threshold:g}"] = ~(score >= threshold)
    good = np.ones(len(xy), dtype=np.bool_)
    first: dict[str, NDArray[np.bool_]] = {}
    for name, mask in reasons.items():
        first[name] = mask & good
        good &= ~mask
    return good, first


def _in_one_place(xy: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which rows' points are all the same, as where a tool writes -1 for a face that it did not find."""
    found = np.isfinite(xy)
    one = found.any(axis=1)
    for half in np.hsplit(np.arange(xy.shape[1]), 2):
        part, there = xy[:, half], found[:, half]
        top = np.max(part, axis=1, initial=-np.inf, where=there)
        one &= top == np.min(part, axis=1, initial=np.inf, where=there)
    return np.asarray(one & (found.sum(axis=1) > 2), dtype=np.bool_)


def _faceless(frames: int, reasons: dict[str, int], score: NDArray[np.float64] | None) -> str:
    text = f"no frame shows a face: {frames} frames, of them " + ", ".join(f"{n} {why}" for why, n in reasons.items())
    if any("confidence" in why for why in reasons) and score is not None and np.isfinite(score).any():
        text += f" (the highest is {np.nanmax(score):g}); a lower threshold is an option (min_confidence)"
    return text


def _upright(
    values: NDArray[np.float64], scheme: Scheme, options: FileOptions, problems: list[str], notes: list[str]
) -> tuple[NDArray[np.float64], list[str]]:
    """Turn points the way round in which pictures hold them, or say what is wrong with them."""
    k = scheme.n_points
    layout = layout_of(values, scheme)
    if layout is None:
        return values, []
    if layout.nothing:
        problems.append("all points of every frame lie in one place")
    elif layout.unlike_a_face:
        problems.append(
            f"the points do not lie as those of a face in the order of {scheme.name} do (likeness to a face "
            f"{layout.likeness:.2f} of 1)"
        )
    elif layout.fractions and options.picture_size is None:
        problems.append(
            "coordinates are fractions of the picture (0 to 1), not pixels, so that faces are out of proportion; say "
            "how large the picture is (picture_size)"
        )
    if not layout.flip:
        return values, []
    if layout.flip == "xy":
        values, what = np.hstack([values[:, k:], values[:, :k]]), "x and y were exchanged"
    else:
        part = slice(0, k) if layout.flip == "x" else slice(k, None)
        values = values.copy()
        values[:, part] = (np.nanmin(values[:, part]) + np.nanmax(values[:, part])) - values[:, part]
        what = "y pointed up" if layout.flip == "y" else "the picture was mirrored (x pointed left)"
    notes.append(f"{what[0].upper()}{what[1:]}, as the order of the points tells; the table was put right.")
    return values, [what]


def _pose(
    values: dict[str, NDArray[np.float64]], index: pd.MultiIndex, dialect: Dialect, history: dict[str, object]
) -> pd.DataFrame:
    said = "radians" if dialect.radians else "degrees"
    radians = dialect.radians
    if radians is None:
        # Early versions wrote degrees, later ones radians, under the same names: no head turns by more than pi radians.
        angles = np.concatenate([*values.values()])
        radians = not (np.abs(angles[np.isfinite(angles)]) > np.pi).any()
        said = "radians, as no angle exceeds pi" if radians else "degrees, as angles exceed pi"
    if radians:
        values = {name: np.degrees(angle) for name, angle in values.items()}
    table = side_table(values, index, unit="degrees", history=[history])
    table.attrs["unit_in_file"] = said
    return table


def _report(
    cells: Cells, rows: Place, chosen: Chosen, failed: int, problems: list[str], notes: list[str]
) -> ReadReport:
    taken = np.zeros(cells.n_rows, dtype=np.bool_)
    taken[chosen.rows[chosen.rows >= 0]] = True
    used = cells.lines_of(taken)
    aside = dict(cells.set_aside)
    for why, mask in (("without a frame number", ~rows.valid), ("of other faces", rows.valid & ~taken)):
        if mask.any():
            aside[why] = cells.lines_of(mask)
    lost = ", ".join(f"{count} {why}" for why, count in aside.items())
    if lost:
        fault = cells.first_fault or rows.first_fault
        what = "frames" if cells.lines_each is None else "points of frames"
        first = f" (the first: {fault})" if fault else ""
        notes.append(f"{cells.total} lines: {used} are {what}; set aside were {lost}{first}.")
    return ReadReport(
        frames=len(chosen.rows),
        failed=failed,
        notes=(*notes, *rows.notes),
        lines=cells.total,
        lines_used=used,
        set_aside=tuple(aside.items()),
        problems=tuple(problems),
    )
