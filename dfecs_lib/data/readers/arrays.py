"""Arrays of points that NumPy saved (.npy): frames by points by x and y, or frames by x_0 … y_{K-1}."""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError

import numpy as np
import pandas as pd

from dfecs_lib.data.readers.columns import MESH_WITHOUT_IRISES
from dfecs_lib.data.readers.files import head_of
from dfecs_lib.data.readers.parquet import read_frame
from dfecs_lib.data.readers.registry import FileReader
from dfecs_lib.data.readers.tracks import FileOptions, Tracks
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import SCHEMES

__all__ = ["READER"]

# NumPy reads an array's header as Python's literals, and stumbles as Python's parser does.
_DAMAGED = (
    OSError,
    ValueError,
    EOFError,
    SyntaxError,
    TypeError,
    MemoryError,
    OverflowError,
    RecursionError,
    TokenError,
)
_SIZES = {*(scheme.n_points for scheme in SCHEMES.values()), MESH_WITHOUT_IRISES}


def _read(path: Path, options: FileOptions) -> Tracks:
    head_of(path, 16)
    try:
        array = np.load(path, allow_pickle=False)
    except _DAMAGED as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DfecsError(f"{path}: not a readable NumPy array ({reason[:200]})") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise DfecsError(f"{path}: is no NumPy array of numbers")
    if array.ndim == 3 and array.shape[2] == 2 and array.shape[1] in _SIZES:
        points = array.astype(np.float64)
    elif array.ndim == 2 and array.shape[1] % 2 == 0 and array.shape[1] // 2 in _SIZES:
        points = array.astype(np.float64).reshape(len(array), 2, -1).transpose(0, 2, 1)
    elif array.ndim == 2 and array.shape[1] == 2 and array.shape[0] in _SIZES:
        points = array.astype(np.float64)[None]
    else:
        raise DfecsError(
            f"{path}: has the shape {array.shape}; (frames, K, 2) or (frames, 2K) are read, K being one of "
            f"{', '.join(map(str, sorted(_SIZES)))}"
        )
    count = points.shape[1]
    columns = [f"{axis}_{k}" for axis in "xy" for k in range(count)]
    return read_frame(path, pd.DataFrame(np.hstack([points[..., 0], points[..., 1]]), columns=columns), options)


def _sniff(head: bytes, _header: tuple[str, ...]) -> bool:
    return head.startswith(b"\x93NUMPY")


READER = FileReader("npy", "NumPy array of points", _sniff, _read)
