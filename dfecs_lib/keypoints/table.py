"""The keypoint table: the one form in which tracked faces pass through the library.

A keypoint table is a float64 ``pandas.DataFrame``. Rows: MultiIndex ``(dataset, subject, recording, frame)``,
unique and sorted. Columns: ``x_0 … x_{K-1}, y_0 … y_{K-1}`` in pixels, y down; missing points are NaN, never 0.
``attrs["scheme"]`` names the keypoint scheme, ``attrs["history"]`` lists the operations applied.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import read_parquet, write_parquet
from dfecs_lib.keypoints.schemes import SCHEMES, Scheme, get_scheme

__all__ = [
    "INDEX_NAMES",
    "TIME",
    "FrameOrArray",
    "KeypointTableError",
    "as_values",
    "convert",
    "coordinates",
    "from_points",
    "in_order",
    "in_time",
    "like",
    "load",
    "make_table",
    "record",
    "same_rows",
    "save",
    "scheme_of",
    "stack",
    "to_points",
    "validate",
]

INDEX_NAMES = ("dataset", "subject", "recording", "frame")

#: Name of the column of seconds in files, and of the Series of them.
TIME = "time"

FrameOrArray = pd.DataFrame | NDArray[np.float64]
_Rows = TypeVar("_Rows", pd.DataFrame, pd.Series)


class KeypointTableError(DfecsError):
    """A table breaks the keypoint-table contract; the message lists everything that is wrong."""


def scheme_of(X: pd.DataFrame | ArrayLike, scheme: str | Scheme | None = None) -> Scheme:
    """Return the scheme of a table or of an array with 2K columns.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_frames, 2K)
        ``attrs["scheme"]`` decides where it is present, else the number of columns.
    scheme : str or Scheme, optional
        Overrides both.

    Raises
    ------
    DfecsError
        If nothing decides, or if the number of columns is not 2K.

    Examples
    --------
    >>> import numpy as np
    >>> scheme_of(np.zeros((3, 98))).name
    'bp4d49'
    """
    width = X.shape[1] if isinstance(X, (pd.DataFrame, np.ndarray)) else np.asarray(X).shape[1]
    if scheme is None and isinstance(X, pd.DataFrame):
        scheme = X.attrs.get("scheme")
    if scheme is None:
        found = [s for s in SCHEMES.values() if 2 * s.n_points == width]
        if not found:
            known = ", ".join(f"{2 * s.n_points} ({s.name})" for s in SCHEMES.values())
            raise DfecsError(f"{width} columns fit no keypoint scheme; expected one of {known}")
        return found[0]
    found_scheme = get_scheme(scheme)
    if 2 * found_scheme.n_points != width:
        raise DfecsError(
            f"scheme {found_scheme.name!r} has {2 * found_scheme.n_points} columns but the data have {width}"
        )
    return found_scheme


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of keypoints with its columns in their scheme's order, whatever order they came in.

    Plain column numbers ``0 … 2K-1`` are taken as positions in that order.

    Parameters
    ----------
    table : DataFrame of shape (n_frames, 2K)
        Keypoints, motion or units. ``attrs`` need not be there (`pandas.concat` loses them): names tell the scheme.

    Raises
    ------
    DfecsError
        If the columns are those of no scheme, or not those of the scheme that ``attrs`` name.

    Examples
    --------
    >>> import numpy as np
    >>> table = make_table(np.zeros((1, 136)), scheme="ibug68", frames=[0])
    >>> list(in_order(table[sorted(table.columns)]).columns[:3])
    ['x_0', 'x_1', 'x_2']
    """
    columns = tuple(table.columns)
    width = len(columns)
    named = table.attrs.get("scheme")
    schemes = [get_scheme(named)] if named is not None else [s for s in SCHEMES.values() if 2 * s.n_points == width]
    if any(columns == scheme.columns for scheme in schemes):
        return table
    for scheme in schemes:
        for expected in (scheme.columns, tuple(range(2 * scheme.n_points))):
            if width == len(expected) and set(columns) == set(expected):
                return table if columns == expected else _with_attrs_of(table, table[list(expected)])
    what = f"the scheme {named!r} has" if named is not None else "a keypoint scheme has"
    shown = ", ".join(map(str, columns[:3])) + " …" * (width > 3)
    raise DfecsError(f"the {width} columns ({shown}) are not the ones that {what}: x_0 … x_{{K-1}}, y_0 … y_{{K-1}}")


def coordinates(X: pd.DataFrame | pd.Series | ArrayLike) -> NDArray[np.float64]:
    """Return rows ``[x_0 … x_{K-1}, y_0 … y_{K-1}]``: a table's by the names of its columns, an array's as they are.

    A Series is one row. Every function that takes keypoints, motion or units reads them by this; errors: `in_order`.

    Examples
    --------
    >>> import numpy as np
    >>> table = make_table(np.arange(136.0)[None], scheme="ibug68", frames=[0])
    >>> coordinates(table[table.columns[::-1]])[0, :3]
    array([0., 1., 2.])
    """
    if isinstance(X, pd.Series):
        X = X.to_frame().T
    try:
        values = np.asarray(in_order(X) if isinstance(X, pd.DataFrame) else X, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DfecsError(f"keypoints must be numbers: {error}") from None
    if values.ndim != 2:
        raise DfecsError(f"keypoints must be a 2-D array (n_frames, 2K), not of shape {values.shape}")
    return values


def as_values(X: pd.DataFrame | ArrayLike) -> NDArray[np.float64]:
    """Return `coordinates` of what has keypoints for columns, and the plain values of any other table or array."""
    of_keypoints = isinstance(X, pd.DataFrame) and ("scheme" in X.attrs or any(str(c)[:2] == "x_" for c in X.columns))
    return coordinates(X) if of_keypoints else np.asarray(X, dtype=np.float64)


def in_time(table: _Rows) -> _Rows:
    """Return the rows in the order of their index: for what depends on the order of rows, such as random draws."""
    return table if table.index.is_monotonic_increasing else _with_attrs_of(table, table.sort_index())


def same_rows(table: _Rows, index: pd.Index, what: str = "the table") -> _Rows:
    """Return the rows of a table (or Series) that `index` names, in that order: what belongs together by name.

    Raises
    ------
    DfecsError
        If rows repeat, or rows of `index` are not there; `what` names the table in the sentence.
    """
    if table.index.equals(index):
        return table
    if not table.index.is_unique or not index.is_unique:
        raise DfecsError(f"{what} cannot be matched row by row: index entries repeat")
    missing = index.difference(table.index, sort=False)
    if len(missing):
        first = missing[0]
        name = "/".join(map(str, first)) if isinstance(first, tuple) else str(first)
        raise DfecsError(f"{what}: {len(missing)} of {len(index)} rows are missing, the first of them {name}")
    return _with_attrs_of(table, table.loc[index])


def _with_attrs_of(source: _Rows, table: _Rows) -> _Rows:
    table.attrs = dict(source.attrs)
    return table


def to_points(X: pd.DataFrame | ArrayLike) -> NDArray[np.float64]:
    """Return the points of shape (n_frames, K, 2) of rows ``[x_0 … x_{K-1}, y_0 … y_{K-1}]``, see `coordinates`."""
    values = coordinates(X)
    return np.ascontiguousarray(values.reshape(len(values), 2, -1).transpose(0, 2, 1))


def from_points(points: ArrayLike) -> NDArray[np.float64]:
    """Return rows of shape (n_frames, 2K) from points of shape (n_frames, K, 2): the inverse of `to_points`."""
    values = np.asarray(points, dtype=np.float64)
    return np.ascontiguousarray(values.transpose(0, 2, 1).reshape(len(values), -1))


def like(values: NDArray[np.float64], X: pd.DataFrame | ArrayLike) -> FrameOrArray:
    """Give `values`, read by `coordinates`, the index, attrs and (ordered) columns of `X` when that is a table."""
    if not isinstance(X, pd.DataFrame):
        return values
    table = pd.DataFrame(values, index=X.index, columns=in_order(X.iloc[:0]).columns)
    table.attrs = json.loads(json.dumps(X.attrs)) if X.attrs else {}
    return table


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
    problems = []
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
        missing = [c for c in expected if c not in table.columns]
        extra = [str(c) for c in table.columns if c not in expected]
        if missing:
            problems.append(f"scheme {name!r} lacks the columns {', '.join(missing[:6])}{' …' * (len(missing) > 6)}")
        if extra:
            problems.append(
                f"columns that scheme {name!r} does not have: {', '.join(extra[:6])}{' …' * (len(extra) > 6)}"
            )
        if not missing and not extra and tuple(table.columns) != expected:
            problems.append("the columns are not in the order x_0 … x_{K-1}, y_0 … y_{K-1}")
    history = table.attrs.get("history")
    if not isinstance(history, list) or not all(isinstance(entry, Mapping) for entry in history):
        problems.append("attrs['history'] is not a list of operations")
    wrong = [str(c) for c, dtype in table.dtypes.items() if dtype != np.float64]
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

    Parameters
    ----------
    table : keypoint table
    scheme : str or Scheme
        The target. Converting to MediaPipe's mesh is refused: 68 points do not make 478.
    """
    old, new = scheme_of(validate(table)), get_scheme(scheme)
    if old == new:
        return table
    if len(new.ibug) != new.n_points:
        raise DfecsError(f"cannot convert {old.name!r} to {new.name!r}: it has points that no other scheme has")
    points = to_points(table)
    out = np.full((len(points), new.n_points, 2), np.nan)
    shared = [p for p in new.ibug if old.has(p)]
    out[:, new.positions(shared)] = points[:, old.positions(shared)]
    result = pd.DataFrame(from_points(out), index=table.index, columns=list(new.columns))
    result.attrs = {**table.attrs, "scheme": new.name}
    return record(result, "convert", source=old.name, target=new.name)


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


def save(table: pd.DataFrame, path: str | os.PathLike[str], *, time: pd.Series[float] | None = None) -> None:
    """Write a keypoint table to Parquet, attrs included; the file appears whole or not at all.

    Parameters
    ----------
    table : keypoint table
    path : str or path
    time : Series, optional
        Seconds from the start of each row's recording, under the table's index: written as the column ``time``, which
        `dfecs_lib.data.readers.read_tracks` gives back.
    """
    table = validate(table)
    if time is not None:
        attrs = table.attrs
        table = table.assign(**{TIME: same_rows(time, table.index, "the time")})
        table.attrs = attrs
    write_parquet(table, path)


def load(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a keypoint table from Parquet (see `save`), without its time; DfecsError says why a file is not one."""
    table = read_parquet(path)
    attrs = table.attrs
    table = table.drop(columns=TIME, errors="ignore")
    table.attrs = attrs
    try:
        return validate(table)
    except KeypointTableError as error:
        raise KeypointTableError(f"{os.fspath(path)}: {error}") from None
