"""Units whose codes are non-negative, and the two ways to find those from the units alone."""

from __future__ import annotations

from typing import ClassVar, Self

from numpy.typing import ArrayLike

from dfecs_lib.coding import encoders
from dfecs_lib.coding.sparse_coding import Floats, Selection
from dfecs_lib.models.base import FrameOrFloats, UnitsBase
from dfecs_lib.models.checks import check_choice, check_count, check_penalty
from dfecs_lib.models.units import alpha_for_activity

__all__ = ["EncodedUnits"]


class EncodedUnits(UnitsBase):
    """Base of models with an ``encoder`` of "direct" or "sparse".

    "direct" is non-negative least squares on the units; "sparse" uses few units a frame and fits those without
    penalty: at most ``max_active`` (eight where ``encoder_alpha`` is None too), or what ``selection`` keeps at
    ``encoder_alpha``.
    """

    encoder: str
    max_active: int | None
    encoder_alpha: float | None
    selection: Selection

    #: What `encoder` may be.
    _encoders: ClassVar[tuple[str, ...]] = ("direct", "sparse")

    def _check_settings(self) -> None:
        check_choice("encoder", self.encoder, self._encoders)
        check_choice("selection", self.selection, ("elimination", "lasso"))
        check_count("max_active", self.max_active)
        check_penalty("encoder_alpha", self.encoder_alpha)

    def _encode(self, values: Floats, n_jobs: int | None = None) -> Floats:
        if self.encoder == "direct":
            return encoders.direct(values, self.components_, n_jobs=n_jobs)
        return encoders.sparse(
            values,
            self.components_,
            alpha=self.encoder_alpha,
            max_active=None if self.max_active is None else min(self.max_active, len(self.components_)),
            selection=self.selection,
            n_jobs=n_jobs,
        )

    def calibrate(self, X: FrameOrFloats | ArrayLike, mean_active: float = 8.0) -> Self:
        """Set ``encoder_alpha`` so that the sparse encoder uses `mean_active` units a frame of X on average.

        Frames with much motion then get more units than calm ones, which explains more than one limit for all. No
        labels are needed: X may be the very recording to encode. For ``selection="elimination"``.
        """
        self.encoder_alpha = alpha_for_activity(self._read(X, reset=False), self.components_, mean_active)
        return self
