"""Reading keypoints by the names of their columns and rows, never by position: tables, points, and back."""

from __future__ import annotations

import json
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints.schemes import SCHEMES, Scheme, get_scheme

__all__ = [
    "INDEX_NAMES",
    "FrameOrArray",
    "as_values",
    "coordinates",
    "from_points",
    "in_order",
    "in_time",
    "like",
    "same_rows",
    "scheme_of",
    "to_points",
]

INDEX_NAMES = ("dataset", "subject", "recording", "frame")

FrameOrArray = pd.DataFrame | NDArray[np.float64]
_Rows = TypeVar("_Rows", pd.DataFrame, pd.Series)


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
    >>> from dfecs_lib.keypoints import make_table
    >>> table = make_table(np.zeros((1, 136)), scheme="ibug68", frames=[0])
    >>> list(in_order(table[sorted(table.columns)]).columns[:3])
    ['x_0', 'x_1', 'x_2']
    """
    columns = tuple(table.columns.tolist())  # a tenth of the time that the index itself takes to go through
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
    >>> from dfecs_lib.keypoints import make_table
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
    if of_keypoints:
        return coordinates(X)
    try:
        return np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DfecsError(f"an array of numbers is needed, not {type(X).__name__}: {str(error)[:200]}") from None


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
