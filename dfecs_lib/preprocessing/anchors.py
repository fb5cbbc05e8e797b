"""Points that registration holds fixed: their motion is zero (or nearly) by construction and flatters every score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.keypoints.schemes import Scheme, get_scheme
from dfecs_lib.preprocessing.registration import AFFINE_TARGETS, AFFINE_TARGETS_NO_JAW

__all__ = ["ANCHORS", "free_columns", "moving_points"]

#: iBUG-68 numbers of the registration's anchors.
ANCHORS = tuple(sorted({*AFFINE_TARGETS, *AFFINE_TARGETS_NO_JAW}))


def moving_points(scheme: str | Scheme) -> tuple[int, ...]:
    """iBUG-68 numbers of a scheme's points that are not registration anchors.

    Examples
    --------
    >>> len(moving_points("ibug68")), len(moving_points("bp4d49"))
    (60, 43)
    """
    return tuple(point for point in get_scheme(scheme).ibug if point not in ANCHORS)


def free_columns(scheme: str | Scheme) -> NDArray[np.intp]:
    """Columns, x's then y's, of all points that are not anchors, in tables of this scheme."""
    known = get_scheme(scheme)
    fixed = known.positions([point for point in ANCHORS if known.has(point)])
    kept = np.setdiff1d(np.arange(known.n_points, dtype=np.intp), fixed)
    return np.concatenate([kept, known.n_points + kept])
