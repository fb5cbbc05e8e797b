"""The tables beside the keypoint table: action units and head pose, under the same row index."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dfecs_lib.errors import DfecsError
from dfecs_lib.files import read_parquet, write_parquet
from dfecs_lib.keypoints import INDEX_NAMES

__all__ = [
    "INTENSITY",
    "OCCURRENCE",
    "PROBABILITY",
    "au_name",
    "load_action_units",
    "save_action_units",
    "side_table",
    "validate_action_units",
]

#: ``attrs["unit"]`` of an AU table: FACS intensity, 0 absent, 1-5 for A-E.
INTENSITY = "intensity 0-5"
#: ``attrs["unit"]`` of an AU table: 1 present, 0 absent.
OCCURRENCE = "occurrence 0/1"
#: ``attrs["unit"]`` of an AU table: a detector's probability that the unit is present; never an intensity.
PROBABILITY = "probability 0-1"


def au_name(number: int | str) -> str:
    """Return the column name of an action unit.

    Examples
    --------
    >>> au_name(4), au_name("12")
    ('AU04', 'AU12')
    """
    return f"AU{int(number):02d}"


def side_table(
    values: Mapping[str, ArrayLike], index: pd.MultiIndex, *, unit: str, history: Sequence[Mapping[str, object]]
) -> pd.DataFrame:
    """Build a table of named columns under a keypoint table's index; ``attrs["unit"]`` says what a value means."""
    table = pd.DataFrame({name: np.asarray(v, dtype=np.float64) for name, v in values.items()}, index=index)
    table = table.sort_index()
    table.attrs = {"unit": unit, "history": [dict(entry) for entry in history]}
    return table


def validate_action_units(table: pd.DataFrame) -> pd.DataFrame:
    """Check the AU-table contract and return the table unchanged; the DfecsError lists everything wrong."""
    problems = []
    if list(table.index.names) != list(INDEX_NAMES):
        problems.append(f"the row index is {list(table.index.names)}, not {list(INDEX_NAMES)}")
    if not table.index.is_unique or not table.index.is_monotonic_increasing:
        problems.append("the rows are not unique and sorted")
    strange = [str(c) for c in table.columns if not re.fullmatch(r"AU\d{2}", str(c))]
    if strange or not len(table.columns):
        problems.append(f"columns must be named AU01, AU02, …, not {', '.join(strange[:6]) or '(none)'}")
    elif any(dtype != np.float64 for dtype in table.dtypes):
        problems.append("the columns are not float64")
    elif (table.to_numpy() < 0).any() or (table.to_numpy() > 5).any():
        problems.append("values outside 0-5")
    if problems:
        raise DfecsError("not an AU table: " + "; ".join(problems))
    return table


def save_action_units(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write an AU table to Parquet, attrs included; the file appears whole or not at all."""
    validate_action_units(table)
    write_parquet(table, path)


def load_action_units(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read an AU table from Parquet (see `save_action_units`)."""
    table = read_parquet(path)
    try:
        return validate_action_units(table)
    except DfecsError as error:
        raise DfecsError(f"{os.fspath(path)}: {error}") from None
