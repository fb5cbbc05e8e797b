"""Arrays of points: NumPy's (.npy, .npz), MATLAB's (.mat), and numbers in a text without names of columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.data.readers.columns import SIZES
from dfecs_lib.data.readers.files import head_of, text_sheet
from dfecs_lib.data.readers.layout import layout_of
from dfecs_lib.data.readers.parquet import read_frame
from dfecs_lib.data.readers.registry import FileReader
from dfecs_lib.data.readers.text import has_no_header
from dfecs_lib.data.readers.tracks import FileOptions, Tracks
from dfecs_lib.errors import DfecsError
from dfecs_lib.files import DAMAGED, read_numpy
from dfecs_lib.keypoints import SCHEMES
from dfecs_lib.keypoints.plausible import LARGEST_COORDINATE

__all__ = ["MATLAB", "READER", "UNNAMED", "read_array", "read_mat"]

_POINTS = ("landmarks", "points", "pts", "keypoints", "shape", "shapes", "preds", "arr_0")
_RATES = ("fps", "frame_rate", "framerate")
_LIKE_A_FACE = 0.8
_KNOWN = ", ".join(map(str, sorted(SIZES)))
_SHAPES = "(frames, K, 2), (frames, K, 3), (frames, 2, K), (K, 2, frames), (frames, 2K), (2K, frames) and (K, 2)"


def _likeness(points: NDArray[np.float64]) -> float:
    scheme = next((s for s in SCHEMES.values() if s.n_points == points.shape[1]), None)
    rows = np.hstack([points[..., 0], points[..., 1]])
    rows = np.where(np.abs(rows) <= LARGEST_COORDINATE, rows, np.nan)
    layout = None if scheme is None else layout_of(rows, scheme)
    return 0.0 if layout is None else layout.likeness


def _points_of(array: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return frames by points by x and y, whatever the order of the axes; None where no order makes a scheme's."""
    while array.ndim > 3 and 1 in array.shape:
        array = array.squeeze(array.shape.index(1))
    if array.ndim == 2 and array.shape[1] in (2, 3) and array.shape[0] in SIZES:
        return array[None, :, :2]
    if (
        array.ndim == 2
        and array.shape[0] % 2 == 0
        and array.shape[0] // 2 in SIZES
        and array.shape[1] // 2 not in SIZES
    ):
        array = array.T
    if array.ndim == 2 and array.shape[1] % 2 == 0 and array.shape[1] // 2 in SIZES:
        apart, woven = array.reshape(len(array), 2, -1).transpose(0, 2, 1), array.reshape(len(array), -1, 2)
        return woven if _likeness(apart) < _LIKE_A_FACE <= _likeness(woven) else apart
    if array.ndim != 3:
        return None
    orders = [
        order
        for order in ((0, 1, 2), (0, 2, 1), (2, 0, 1), (1, 0, 2), (2, 1, 0), (1, 2, 0))
        if array.shape[order[1]] in SIZES and array.shape[order[2]] in (2, 3)
    ]
    if not orders:
        return None
    # The usual order goes before others, unless only another one shows faces.
    turned = [array.transpose(order)[..., :2] for order in orders]
    return next((points for points in turned if _likeness(points) >= _LIKE_A_FACE), turned[0])


def read_array(path: Path, array: object, options: FileOptions, rate: float | None = None) -> Tracks:
    """Read an array of points.

    Parameters
    ----------
    path : Path
    array : object
        What a file held.
    options : FileOptions
    rate : float, optional
        Frames a second, for the time.

    Raises
    ------
    DfecsError
        If it is none of numbers, or of another shape.
    """
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise DfecsError(f"{path}: is no array of numbers")
    points = _points_of(array.astype(np.float64)) if array.size else None
    if points is None:
        raise DfecsError(f"{path}: has the shape {array.shape}; {_SHAPES} are read, K being one of {_KNOWN}")
    columns = [f"{axis}_{k}" for axis in "xy" for k in range(points.shape[1])]
    table = pd.DataFrame(np.hstack([points[..., 0], points[..., 1]]), columns=columns)
    if rate is not None and np.isfinite(rate) and rate > 0:
        table["time"] = np.arange(len(table)) / rate
    return read_frame(path, table, options)


def _single(path: Path, content: Mapping[str, object], options: FileOptions) -> Tracks:
    """Read the one array of points among several variables."""
    names = [name for name in content if not name.startswith("__")]
    arrays = {name: array for name in names if isinstance(array := content[name], np.ndarray)}
    if "components_" in arrays:
        raise DfecsError(f"{path}: holds units, not tracked faces")
    fitting = [n for n, a in arrays.items() if a.dtype.kind in "fiu" and a.size and _points_of(a) is not None]
    chosen = next((name for name in _POINTS if name in fitting), fitting[0] if len(fitting) == 1 else None)
    if chosen is None:
        held = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())[:200] or "no array"
        many = f"several arrays may be the points ({', '.join(fitting)[:200]}); name one 'landmarks'"
        raise DfecsError(f"{path}: {many if fitting else f'holds {held}; {_SHAPES} are read'}")
    rates = [arrays[name] for name in _RATES if name in arrays and arrays[name].size == 1]
    rate = float(rates[0].ravel()[0]) if rates and rates[0].dtype.kind in "fiu" else None
    return read_array(path, arrays[chosen], options, rate)


def _reason(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__


def _read(path: Path, options: FileOptions) -> Tracks:
    head_of(path, 16)
    content = read_numpy(path)
    return read_array(path, content, options) if isinstance(content, np.ndarray) else _single(path, content, options)


def read_mat(path: Path, names: list[str] | None = None) -> Mapping[str, object]:
    """Return the variables of a MATLAB file; ValueError says what is wrong with one that cannot be read."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        content: Mapping[str, object] = loadmat(path, variable_names=names)
    except (MatReadError, *DAMAGED) as error:
        if isinstance(error, NotImplementedError):
            raise ValueError("it is of MATLAB's version 7.3; save it with -v7") from error
        if isinstance(error, OSError):
            raise
        raise ValueError(f"not a readable .mat file ({_reason(error)})") from error
    return content


def _read_matlab(path: Path, options: FileOptions) -> Tracks:
    try:
        content = read_mat(path)
    except (ValueError, OSError) as error:
        raise DfecsError(f"{path}: {_reason(error)}") from error
    return _single(path, content, options)


def _read_unnamed(path: Path, options: FileOptions) -> Tracks:
    """Read lines of numbers, as `numpy.savetxt` writes them: frames of x and y, or the points of one face."""
    text = text_sheet(path).text
    lines = text.data.decode("utf-8", "replace").split("\n")
    separator = text.separator if any(text.separator in line for line in lines[:3]) else None
    rows: list[list[float]] = []
    for number, line in enumerate(lines, 1):
        fields = line.split(separator)
        if not line.strip():
            continue
        try:
            rows.append([float(field) if field.strip() else np.nan for field in fields])
        except ValueError:
            raise DfecsError(
                f"{path}: begins with numbers, so that its lines need to be numbers only, and line {number} is not; a "
                "first line with the columns' names (x_0, …) is needed"
            ) from None
        if len(rows[-1]) != len(rows[0]):
            raise DfecsError(f"{path}: line {number} has {len(rows[-1])} numbers, the first {len(rows[0])}")
    array = np.array(rows)
    if len(array) > 1 and (array[0] == np.arange(array.shape[1])).all():
        array = array[1:]  # a table without names that pandas numbered
    if _points_of(array) is None:
        raise DfecsError(
            f"{path}: begins with numbers, {array.shape[1]} in a line; a first line with the columns' names (x_0, …) "
            f"is needed, or twice as many numbers as a scheme has points ({_KNOWN})"
        )
    tracks = read_array(path, array, options)
    return replace(tracks, picture=True) if array.shape[1] in (2, 3) else tracks  # the points of one picture


def _sniff(head: bytes, _header: tuple[str, ...]) -> bool:
    return head.startswith(b"\x93NUMPY") or (head.startswith(b"PK") and b".npy" in head[:200])


def _sniff_matlab(head: bytes, _header: tuple[str, ...]) -> bool:
    return head.startswith(b"MATLAB 5.0 MAT-file") or head.startswith(b"MATLAB 7.3 MAT-file")


def _sniff_unnamed(_head: bytes, header: tuple[str, ...]) -> bool:
    return has_no_header(header)


READER = FileReader("npy", "NumPy array of points", _sniff, _read)
MATLAB = FileReader("mat", "MATLAB array of points", _sniff_matlab, _read_matlab)
UNNAMED = FileReader("numbers", "numbers without names", _sniff_unnamed, _read_unnamed)
