"""What units around a mean motion share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.coding.encoders import by_pattern
from dfecs_lib.coding.sparse_coding import Floats
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import scheme_of
from dfecs_lib.models.base import FrameOrFloats, UnitsBase
from dfecs_lib.models.checks import Check, is_text, is_whole, optional

__all__ = ["OffsetUnits", "check_n_units", "least_squares", "scheme_name"]


def scheme_name(X: FrameOrFloats | ArrayLike) -> str | None:
    """Return the name of the data's keypoint scheme; None where they are no keypoints."""
    try:
        return scheme_of(X).name
    except DfecsError:
        return None


def check_n_units(n_units: int, width: int) -> None:
    """Refuse numbers of units that `width` columns cannot have."""
    if not 1 <= n_units <= width:
        raise DfecsError(f"n_units is {n_units}, but it must lie in 1 … {width}, the number of columns")


def least_squares(X: Floats, units: NDArray[np.float64], offset: NDArray[np.float64]) -> Floats:
    """Signed codes of least squares, from the points that a row has."""

    def encode(rows: Floats, seen: NDArray[np.bool_]) -> Floats:
        return np.asarray((rows - offset[seen]) @ np.linalg.pinv(units[:, seen]))

    return by_pattern(X, len(units), encode)


class OffsetUnits(UnitsBase):
    """Units around a mean motion."""

    _arrays: ClassVar[Mapping[str, tuple[str, ...]]] = {"offset_": ("features",)}
    _values: ClassVar[Mapping[str, Check]] = {"scheme_": optional(is_text), "n_rows_dropped_": is_whole}

    offset_: NDArray[np.float64]

    def _offset(self) -> NDArray[np.float64] | None:
        return self.offset_

    def _keep(self, units: NDArray[np.float64], codes: Floats, signed: bool) -> None:
        """Bring units to length one and sort them by the energy of their codes; empty ones go."""
        length = np.linalg.norm(units, axis=1)
        kept = length > 0
        units = units[kept] / length[kept, None]
        energy = np.square(codes[:, kept] * length[kept]).mean(axis=0)
        if signed:  # the sign of a signed unit means nothing: turn its largest motion upwards
            largest = np.abs(units).argmax(axis=1)
            units = units * np.sign(units[np.arange(len(units)), largest])[:, None]
        self.components_ = units[np.argsort(-energy, kind="stable")]
