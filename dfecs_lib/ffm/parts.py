"""Which columns of a motion table belong to which face part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import scheme_of

__all__ = ["columns_of_parts"]


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
        if len(scheme.ibug) != scheme.n_points:
            raise DfecsError(
                f"face parts of the scheme {scheme.name!r} are not known; "
                "convert the table with keypoints.convert(table, 'ibug68'), or give parts={name: positions}"
            )
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
