"""Plain CSV files of keypoints from any other tool: columns ``x_0 … x_{K-1}, y_0 … y_{K-1}`` and names of rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from dfecs_lib.data.readers.files import head_of, header_of, read_columns, whole_frames
from dfecs_lib.data.readers.registry import FileOptions, FileReader
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import INDEX_NAMES, SCHEMES, Scheme, validate

__all__ = ["READER"]


def _scheme(path: Path, header: tuple[str, ...]) -> Scheme:
    count = sum(f"x_{k}" in header for k in range(max(s.n_points for s in SCHEMES.values()) + 1))
    for scheme in SCHEMES.values():
        if scheme.n_points == count:
            return scheme
    known = ", ".join(f"{s.n_points} ({s.name})" for s in SCHEMES.values())
    raise DfecsError(f"{path}: has {count} columns x_0, x_1, …; a keypoint scheme has {known}")


def _keypoints(path: Path, options: FileOptions) -> pd.DataFrame:
    header = header_of(head_of(path))
    scheme = _scheme(path, header)
    given = {"dataset": options.dataset, "subject": options.subject, "recording": options.recording}
    texts = [level for level, name in given.items() if name is None and level in header]
    numbers = ["frame"] if "frame" in header else []
    columns, names = read_columns(path, header, [*numbers, *scheme.columns], texts)
    n_rows = len(columns["x_0"])
    frames = whole_frames(path, columns["frame"]) if numbers else np.arange(n_rows)
    fallback = {"dataset": "", "subject": "", "recording": path.stem}
    levels = [names.get(level, [fallback[level] if name is None else name] * n_rows) for level, name in given.items()]
    table = pd.DataFrame(
        {c: columns[c] for c in scheme.columns}, index=pd.MultiIndex.from_arrays([*levels, frames], names=INDEX_NAMES)
    ).sort_index()
    if not table.index.is_unique:
        twice = "/".join(map(str, table.index[table.index.duplicated()][0]))
        raise DfecsError(f"{path}: the frame {twice} occurs twice; keep one face, or name the recordings in a column")
    # A file of unknown origin says no confidence; a row of zeros is what trackers write when they find no face.
    lost = (table.to_numpy() == 0).all(axis=1)
    table[lost] = np.nan
    failed = int(table.isna().all(axis=1).sum())
    history = {"operation": "read", "source": "csv", "file": path.name, "frames": n_rows, "failed": failed}
    table.attrs = {"scheme": scheme.name, "history": [history]}
    return validate(table)


def _sniff(_head: bytes, header: tuple[str, ...]) -> bool:
    return {"x_0", "y_0"} <= set(header)


# Registered last: OpenFace and Py-Feat files have these columns too.
READER = FileReader("csv", "plain CSV of keypoints", _sniff, _keypoints)
