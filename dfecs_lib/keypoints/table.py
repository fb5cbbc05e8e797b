"""The keypoint table: the one form in which tracked faces pass through the library.

A keypoint table is a float64 ``pandas.DataFrame``. Rows: MultiIndex ``(dataset, subject, recording, frame)``,
unique and sorted. Columns: ``x_0 … x_{K-1}, y_0 … y_{K-1}`` in pixels, y down; missing points are NaN, never 0.
``attrs["scheme"]`` names the keypoint scheme, ``attrs["history"]`` lists the operations applied.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints.by_name import INDEX_NAMES, from_points, in_order, scheme_of, to_points
from dfecs_lib.keypoints.schemes import (
    IBUG68,
    MEDIAPIPE468,
    MEDIAPIPE478,
    SCHEMES,
    TRACKED,
    Scheme,
    get_scheme,
    made_of,
)

__all__ = [
    "KeypointTableError",
    "convert",
    "make_table",
    "points_wanted",
    "record",
    "stack",
    "validate",
]


class KeypointTableError(DfecsError):
    """A table breaks the keypoint-table contract; the message lists everything that is wrong."""


def record(table: pd.DataFrame, operation: str, **parameters: object) -> pd.DataFrame:
    """Return `table` with one operation appended to ``attrs["history"]``; the argument is left alone.

    Parameters must be JSON values; no clock time belongs here, a history must be reproducible.
    """
    out = table.copy(deep=False)
    attrs = json.loads(json.dumps(table.attrs)) if table.attrs else {}
    attrs["history"] = [*attrs.get("history", []), {"operation": operation, **parameters}]
    out.attrs = attrs
    return out


def make_table(
    values: ArrayLike,
    *,
    scheme: str | Scheme,
    frames: ArrayLike,
    dataset: str = "",
    subject: str = "",
    recording: str = "",
    history: Sequence[Mapping[str, object]] = (),
) -> pd.DataFrame:
    """Build the validated keypoint table of one recording.

    Parameters
    ----------
    values : array-like of shape (n_frames, 2K) or (n_frames, K, 2)
        Pixels, y down; NaN where a point is missing.
    scheme : str or Scheme
        The keypoint scheme, K points.
    frames : array-like of int, shape (n_frames,)
        Frame numbers as the source counts them. Rows come out sorted by them.
    dataset, subject, recording : str
        The recording's name.
    history : sequence of mappings
        Operations already applied.

    Examples
    --------
    >>> import numpy as np
    >>> make_table(np.zeros((2, 136)), scheme="ibug68", frames=[0, 1], subject="S1").shape
    (2, 136)
    """
    scheme = get_scheme(scheme)
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim == 3:
        rows = from_points(rows)
    numbers = np.asarray(frames, dtype=np.int64)
    index = pd.MultiIndex.from_arrays(
        [[dataset] * len(numbers), [subject] * len(numbers), [recording] * len(numbers), numbers],
        names=INDEX_NAMES,
    )
    if rows.shape != (len(numbers), 2 * scheme.n_points):
        raise DfecsError(
            f"{len(numbers)} frames of scheme {scheme.name!r} need an array of shape "
            f"({len(numbers)}, {2 * scheme.n_points}), not {rows.shape}"
        )
    table = pd.DataFrame(rows, index=index, columns=list(scheme.columns)).sort_index()
    table.attrs = {"scheme": scheme.name, "history": [dict(entry) for entry in history]}
    return validate(table)


def _problems(table: pd.DataFrame) -> list[str]:
    problems, columns = [], table.columns.tolist()
    if list(table.index.names) != list(INDEX_NAMES):
        problems.append(f"the row index is {list(table.index.names)}, not {list(INDEX_NAMES)}")
    if not table.index.is_unique:
        problems.append(f"{int(table.index.duplicated().sum())} rows repeat an index entry")
    if not table.index.is_monotonic_increasing:
        problems.append("the rows are not sorted by their index")
    name = str(table.attrs.get("scheme"))
    if name not in SCHEMES:
        problems.append(f"attrs['scheme'] is {name!r}, not one of {', '.join(SCHEMES)}")
    else:
        expected = SCHEMES[name].columns
        there = set(columns)
        missing = [c for c in expected if c not in there]
        extra = [str(c) for c in columns if c not in expected]
        if missing:
            problems.append(f"scheme {name!r} lacks the columns {', '.join(missing[:6])}{' …' * (len(missing) > 6)}")
        if extra:
            problems.append(
                f"columns that scheme {name!r} does not have: {', '.join(extra[:6])}{' …' * (len(extra) > 6)}"
            )
        if not missing and not extra and tuple(columns) != expected:
            problems.append("the columns are not in the order x_0 … x_{K-1}, y_0 … y_{K-1}")
    history = table.attrs.get("history")
    if not isinstance(history, list) or not all(isinstance(entry, Mapping) for entry in history):
        problems.append("attrs['history'] is not a list of operations")
    wrong = [str(c) for c, dtype in zip(columns, table.dtypes.tolist(), strict=True) if dtype != np.float64]
    if wrong:
        problems.append(f"columns that are not float64: {', '.join(wrong[:6])}{' …' * (len(wrong) > 6)}")
    elif np.isinf(table.to_numpy()).any():
        problems.append("infinite values (missing points must be NaN)")
    return problems


def validate(table: pd.DataFrame) -> pd.DataFrame:
    """Check the keypoint-table contract and return the table.

    A table whose ``attrs`` were lost on the way (`pandas.concat` of different ones) gets the scheme that its columns
    name, and a history of one operation, ``"unknown"``; otherwise the table comes back unchanged.

    Raises
    ------
    KeypointTableError
        One message that lists everything wrong at once.

    Examples
    --------
    >>> import pandas as pd
    >>> validate(pd.DataFrame({"x_0": [1.0]}))
    Traceback (most recent call last):
        ...
    dfecs_lib.keypoints.table.KeypointTableError: not a keypoint table: the row index is [None], not ...
    """
    if not isinstance(table, pd.DataFrame):
        raise KeypointTableError(f"not a keypoint table: a pandas DataFrame is needed, not {type(table).__name__}")
    if not table.attrs:
        columns = tuple(table.columns)
        scheme = next((scheme for scheme in SCHEMES.values() if scheme.columns == columns), None)
        if scheme is not None:
            table = table.copy(deep=False)
            table.attrs = {"scheme": scheme.name, "history": [{"operation": "unknown"}]}
    problems = _problems(table)
    if problems:
        raise KeypointTableError("not a keypoint table: " + "; ".join(problems))
    return table


def convert(table: pd.DataFrame, scheme: str | Scheme) -> pd.DataFrame:
    """Return the table in another scheme, by iBUG-68 number; points that the source lacks become NaN.

    MediaPipe's mesh also makes WFLW's 98 points. Fewer points do not make a mesh, or WFLW's.

    Parameters
    ----------
    table : keypoint table
    scheme : str or Scheme
        The target.

    Raises
    ------
    DfecsError
        If the target has points that the source cannot give.

    Notes
    -----
    A point of another scheme is the one that stands nearest, not the same point of the skin. On the same frames of four
    clips, MediaPipe's mesh as 68 points lies this far from dlib's points, in percent of the distance between the eyes
    (``benchmarks/keypoints.py``): jaw line 10, brows 6 to 8, nose 4, lips 3 to 4, eyes 1 to 3 in the mean, which a
    neutral face takes off; and what moves from frame to frame, of either tracker, 2 to 4 more (1 to 2 at the eyes, up
    to 9 along the jaw of a turned head). Between simulated faces of two schemes there is no difference, by
    construction. So codes of one tracker's points are not comparable with those of another's, whatever their scheme.
    """
    old, new = scheme_of(validate(table)), get_scheme(scheme)
    if old == new:
        return table
    points = to_points(table)
    out = np.full((len(points), new.n_points, 2), np.nan)
    if new.dense:
        made = made_of(new, old)
        if made is None:
            raise DfecsError(f"cannot convert {old.name!r} to {new.name!r}: it has points that no other scheme has")
        for k, where in enumerate(made):
            if where:
                out[:, k] = points[:, list(where)].mean(axis=1)
    else:
        shared = [p for p in new.ibug if old.has(p)]
        out[:, new.positions(shared)] = points[:, old.positions(shared)]
    result = pd.DataFrame(from_points(out), index=table.index, columns=list(new.columns))
    result.attrs = {**table.attrs, "scheme": new.name}
    return record(result, "convert", source=old.name, target=new.name)


def points_wanted(table: pd.DataFrame, scheme: str | Scheme | None = None) -> pd.DataFrame:
    """Return a table with the points that its user wants: the one place in which a mesh becomes 68 points, or does not.

    Parameters
    ----------
    table : keypoint table
    scheme : str or Scheme, optional
        ``"tracked"``: all points; a mesh without its irises becomes ``"mediapipe468"``. A scheme's name: that one,
        where the table has all its points; else the table comes back as it is. The choice of a mesh, or of WFLW's
        points, goes into the history, and holds for whoever asks later without a `scheme`. None: the 68 iBUG points of
        a scheme that has further ones, since that is what units learnt on other tables are of; other tables come back
        as they are.

    Examples
    --------
    >>> import numpy as np
    >>> mesh = make_table(np.ones((1, 956)), scheme="mediapipe478", frames=[0])
    >>> [points_wanted(mesh, scheme).attrs["scheme"] for scheme in (None, "wflw98", "tracked")]
    ['ibug68', 'wflw98', 'mediapipe478']
    """
    own = scheme_of(table)
    if scheme == TRACKED:
        if own == MEDIAPIPE478 and table[[f"x_{k}" for k in range(468, 478)]].isna().all(axis=None):
            table = convert(table, MEDIAPIPE468)
        return _keep(table) if own.dense else table
    if scheme is None:
        return convert(table, IBUG68) if own.dense and not _kept(table) else table
    target = get_scheme(scheme)
    if not target.dense:
        return convert(table, target) if own.has(*target.ibug) else table
    if target != own and made_of(target, own) is None:
        return table
    return _keep(convert(table, target))


def _keep(table: pd.DataFrame) -> pd.DataFrame:
    return table if _kept(table) else record(table, "keep points", scheme=scheme_of(table).name)


def _kept(table: pd.DataFrame) -> bool:
    return any(entry.get("operation") == "keep points" for entry in table.attrs.get("history", []))


def stack(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put tables of one scheme under one another, rows sorted, attrs kept (which `pandas.concat` loses).

    The history keeps what all tables have in common; where an operation had other parameters, only its name.

    Raises
    ------
    DfecsError
        If there is none, they are of different schemes, or two hold the same frames.
    """
    parts = [in_order(table) for table in tables]
    schemes = sorted({scheme_of(part).name for part in parts})
    if len(schemes) != 1:
        raise DfecsError(f"tables of different schemes cannot be stacked: {', '.join(schemes) or 'none given'}")
    if len(parts) == 1:
        return parts[0]
    whole = pd.concat(parts).sort_index()
    if not whole.index.is_unique:
        raise DfecsError("two tables hold the same frames; give each recording its own name")
    histories = [part.attrs.get("history", []) for part in parts]
    whole.attrs = {
        "scheme": schemes[0],
        "history": [*_in_common(histories), {"operation": "stack", "tables": len(parts)}],
    }
    return whole


def _in_common(histories: Sequence[Sequence[Mapping[str, object]]]) -> list[dict[str, object]]:
    common: list[dict[str, object]] = []
    for entries in zip(*histories, strict=False):
        if len({str(entry.get("operation")) for entry in entries}) > 1:
            break
        first = dict(entries[0])
        common.append(first if all(entry == first for entry in entries) else {"operation": first.get("operation")})
    return common
