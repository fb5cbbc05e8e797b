"""Which columns of a motion table belong to which face part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import scheme_of
from dfecs_lib.models.checks import Check, is_number, is_text, is_whole, list_of, mapping_of

__all__ = ["PART_VALUES", "check_parts", "columns_of_parts"]

#: What a two-level model keeps of its parts; see `SavableUnits`.
PART_VALUES: Mapping[str, Check] = {
    "atom_parts_": list_of(is_text),
    "part_columns_": mapping_of(list_of(is_whole)),
    "part_alphas_": mapping_of(is_number),
}


def columns_of_parts(
    X: pd.DataFrame | ArrayLike, parts: str | Mapping[str, Sequence[int]], width: int
) -> tuple[str | None, dict[str, NDArray[np.intp]]]:
    """Return the scheme's name (None where the data are no keypoints) and the columns, x's then y's, of each part.

    `parts` is "scheme", "single", or positions of keypoints by part name, in which case parts may not overlap.
    """
    if isinstance(parts, str) and parts == "single":
        return None, {"all": np.arange(width, dtype=np.intp)}
    if isinstance(parts, str):
        if parts != "scheme":
            raise DfecsError(f"unknown parts {parts!r}; give 'scheme', 'single' or a mapping of names to keypoints")
        scheme = scheme_of(X)
        named: Mapping[str, Sequence[int] | NDArray[np.intp]] = scheme.parts
        name, n_points = scheme.name, scheme.n_points
    else:
        if width % 2:
            raise DfecsError(f"{width} columns are not x's and y's of keypoints")
        named, n_points = parts, width // 2
        try:
            name = scheme_of(X).name
        except DfecsError:
            name = None
    positions = [int(k) for points in named.values() for k in points]
    if len(set(positions)) < len(positions) or not positions or not 0 <= min(positions) <= max(positions) < n_points:
        raise DfecsError(f"parts must hold each keypoint position (0 … {n_points - 1}) once at most, and one at least")
    return name, {
        part: np.concatenate([np.asarray(points), np.asarray(points) + n_points]).astype(np.intp)
        for part, points in named.items()
        if len(points)
    }


def check_parts(
    atom_parts: Sequence[str],
    columns: Mapping[str, Sequence[int]],
    alphas: Mapping[str, float],
    n_atoms: int,
    width: int,
) -> None:
    """Refuse stored parts that do not agree: every atom in a part, every part with its columns and its penalty."""
    if len(atom_parts) != n_atoms or set(atom_parts) != set(columns) or set(columns) != set(alphas):
        raise DfecsError("its atoms, its parts and their penalties are not of the same parts")
    taken = [k for where in columns.values() for k in where]
    if len(set(taken)) < len(taken) or not all(columns.values()) or not 0 <= min(taken) <= max(taken) < width:
        raise DfecsError(f"its parts do not hold each of {width} columns once at most")
    if min(alphas.values()) < 0:
        raise DfecsError("a penalty of its parts is negative")
