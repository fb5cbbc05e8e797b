"""Keypoints: the one table in which tracked faces pass through the library, its schemes, and what travels with it.

A keypoint table is a float64 ``pandas.DataFrame``. Rows: MultiIndex ``(dataset, subject, recording, frame)``,
unique and sorted. Columns: ``x_0 … x_{K-1}, y_0 … y_{K-1}`` in pixels, y down; missing points are NaN, never 0.
``attrs["scheme"]`` names the keypoint scheme, ``attrs["history"]`` lists the operations applied.
"""

from __future__ import annotations

from dfecs_lib.keypoints.by_name import (
    INDEX_NAMES,
    FrameOrArray,
    as_values,
    coordinates,
    from_points,
    in_order,
    in_time,
    like,
    same_rows,
    scheme_of,
    to_points,
)
from dfecs_lib.keypoints.plausible import flag_implausible
from dfecs_lib.keypoints.schemes import (
    BP4D49,
    DISFA66,
    FACE_PARTS,
    IBUG51,
    IBUG68,
    MEDIAPIPE468,
    MEDIAPIPE478,
    SCHEMES,
    TRACKED,
    WFLW98,
    Scheme,
    get_scheme,
    shared_points,
)
from dfecs_lib.keypoints.stored import (
    TIME,
    load,
    save,
)
from dfecs_lib.keypoints.table import (
    KeypointTableError,
    convert,
    make_table,
    points_wanted,
    record,
    stack,
    validate,
)

__all__ = [
    "BP4D49",
    "DISFA66",
    "FACE_PARTS",
    "IBUG51",
    "IBUG68",
    "INDEX_NAMES",
    "MEDIAPIPE468",
    "MEDIAPIPE478",
    "SCHEMES",
    "TIME",
    "TRACKED",
    "WFLW98",
    "FrameOrArray",
    "KeypointTableError",
    "Scheme",
    "as_values",
    "convert",
    "coordinates",
    "flag_implausible",
    "from_points",
    "get_scheme",
    "in_order",
    "in_time",
    "like",
    "load",
    "make_table",
    "points_wanted",
    "record",
    "same_rows",
    "save",
    "scheme_of",
    "shared_points",
    "stack",
    "to_points",
    "validate",
]
