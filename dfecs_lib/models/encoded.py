"""Units whose codes are non-negative, and the ways to find those from the units alone."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.coding import encoders
from dfecs_lib.coding.sparse_coding import Floats, opposites, thin
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints.threads import one_blas_thread
from dfecs_lib.models.base import FrameOrFloats, UnitsBase
from dfecs_lib.models.checks import Check, check_choice, check_count, is_penalty, optional
from dfecs_lib.models.units import alpha_for_activity

__all__ = ["APART", "CODING_VALUES", "EncodedUnits"]

#: Units whose cosine is below this are opposites; "additive" codes never use both in one frame.
APART = -0.7
#: What a file keeps of the coding; see `SavableUnits`.
CODING_VALUES: Mapping[str, Check] = {"encoder_alpha_": optional(is_penalty)}


class EncodedUnits(UnitsBase):
    """Base of models with an ``encoder`` that codes on the units alone.

    "additive" uses few units a frame, which add up without cancelling out (`dfecs_lib.coding.sparse_coding.thin`);
    "sparse" uses few, whatever they take from each other; "direct" is non-negative least squares on all.
    ``max_active`` limits the first two; ``encoder_alpha_``, in pixels, is what a unit must be worth in a frame.
    """

    encoder: str
    max_active: int | None
    encoder_alpha_: float | None = None

    #: What `encoder` may be.
    _encoders: ClassVar[tuple[str, ...]] = ("direct", "sparse")

    def _check_settings(self) -> None:
        check_choice("encoder", self.encoder, self._encoders)
        check_count("max_active", self.max_active)
        if self.max_active is not None and self.encoder not in ("additive", "sparse"):
            raise DfecsError(f"encoder={self.encoder!r} uses as many units as it likes; leave out max_active")

    @property
    def _cancellation(self) -> float:
        """Price of what cancels out, of "additive" codes."""
        return 0.0

    def _encode(self, values: Floats, n_jobs: int | None = None) -> Floats:
        units = self.components_
        most = None if self.max_active is None else min(self.max_active, len(units))
        with one_blas_thread():
            if self.encoder == "direct":
                return encoders.direct(values, units, n_jobs=n_jobs)
            if self.encoder == "sparse":
                return encoders.sparse(values, units, alpha=self.encoder_alpha_, max_active=most, n_jobs=n_jobs)
            apart = opposites(units, APART)

            def additive(rows: Floats, seen: NDArray[np.bool_]) -> Floats:
                return thin(
                    rows,
                    units[:, seen],
                    alpha=self.encoder_alpha_ or 0.0,
                    max_active=most,
                    cancellation=self._cancellation,
                    apart=apart,
                    n_jobs=n_jobs,
                ).astype(rows.dtype, copy=False)

            return encoders.by_pattern(values, len(units), additive)

    def calibrate(self, X: FrameOrFloats | ArrayLike, active: float = 6.0) -> Self:
        """Set ``encoder_alpha_`` so that `active` units a frame of X are at work on average.

        Frames with much motion then get more units than calm ones, which explains more than one limit for all. No
        labels are needed: X may be the very recording to encode. For the encoders "additive" and "sparse".

        Raises
        ------
        DfecsError
            For another encoder, or `active` not above 0.

        Warns
        -----
        UserWarning
            Where even without a price fewer units are at work: ``encoder_alpha_`` is 0 then.

        Examples
        --------
        >>> from dfecs_lib.baselines import FACSUnits
        >>> units = FACSUnits({"0": np.zeros(4), "1": [1, 0, 0, 0], "2": [0, 0, 1, 0]}, encoder="sparse").fit()
        >>> motion = np.array([[9.0, 0, 1, 0], [9.0, 0, 2, 0], [9.0, 0, 3, 0], [9.0, 0, 4, 0]])
        >>> (units.calibrate(motion, 1.5).transform(motion) > 0).sum(axis=1).tolist()
        [1, 1, 2, 2]
        """
        if self.encoder not in ("additive", "sparse"):
            raise DfecsError(f"encoder={self.encoder!r} has no penalty to set; use 'additive' or 'sparse'")
        if not active > 0:
            raise DfecsError(f"active is {active}, but some unit must be at work on average")
        values = self._read(X, reset=False)
        additive = self.encoder == "additive"
        with one_blas_thread():
            self.encoder_alpha_ = alpha_for_activity(
                values,
                self.components_,
                active,
                cancellation=self._cancellation,
                apart=APART if additive else None,
                max_active=self.max_active,
            )
        if self.encoder_alpha_ == 0 and active < len(self.components_):
            warnings.warn(
                f"no more than {active:g} units a frame are at work on average whatever the penalty, which is 0 now",
                UserWarning,
                stacklevel=2,
            )
        return self
