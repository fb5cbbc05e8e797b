"""Coding with few units at work on average, for units of any model: how curves over active units are made."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.coding.encoders import by_pattern
from dfecs_lib.coding.sparse_coding import Floats, code, code_selected, opposites, thin
from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.frames import UnitModel
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.keypoints import FrameOrArray, as_values, coordinates
from dfecs_lib.models.units import alpha_for_activity

__all__ = ["FewUnits", "LassoCoded", "Picking", "lasso_for_activity"]

Picking = Literal["added", "signed", "first"]
#: Below this cosine, two rows are one unit with both signs: it has one code.
_SAME_UNIT = -0.999


class FewUnits:
    r"""A fitted model's units, coded with so many at work on average.

    .. math:: \min_e \lVert x - o - e V \rVert^2 + \alpha^2 \lVert e \rVert_0

    with o what the model gives for codes of zero. α is settled on the frames learned on, so that frames with much
    motion get more units than calm ones; every way of coding gets the same kind of limit.

    Parameters
    ----------
    model : fitted model
    learn : KPM table
        Frames that α is settled on.
    active : int
        Units at work on average; with "first", units.
    picking : {"added", "signed", "first"}
        "added": codes at or above zero. "signed": of either sign. "first": the first units, all of them on, as PCA with
        so many components.

    Examples
    --------
    >>> from dfecs_lib.baselines import PCAUnits
    >>> motion = np.random.default_rng(0).normal(size=(50, 136))
    >>> model = PCAUnits(4).fit(motion)
    >>> round(float((FewUnits(model, motion, 2, "signed").transform(motion) != 0).sum(axis=1).mean()))
    2
    """

    def __init__(self, model: UnitModel, learn: FrameOrArray, active: int, picking: Picking = "added") -> None:
        self.model = model
        self.active = active
        self.picking = picking
        self._settle(learn)

    def _settle(self, learn: FrameOrArray) -> None:
        units = np.asarray(self.model.components_, dtype=np.float64)
        self.components_ = units
        self._offset = np.asarray(self.model.inverse_transform(np.zeros((1, len(units)))), dtype=np.float64)[0]
        signed = self.picking == "signed"
        self._units = np.concatenate([units, -units]) if signed else units
        self._apart = opposites(self._units, _SAME_UNIT) if signed else None
        self._alpha = 0.0
        if self.picking != "first":
            apart = _SAME_UNIT if signed else None
            self._alpha = alpha_for_activity(self._rows(learn), self._units, self.active, apart=apart)

    def _rows(self, X: FrameOrArray) -> NDArray[np.float64]:
        return np.ascontiguousarray(coordinates(X) - self._offset)

    def fit(self, X: FrameOrArray) -> Self:
        """Refit the model, and settle α on the same frames."""
        self.model.fit(X)
        self._settle(X)
        return self

    def transform(self, X: FrameOrArray) -> FrameOrArray:
        """Return codes (n_frames, n_units), pixels; NaN where a row has no point."""
        codes = by_pattern(self._rows(X), len(self.components_), self._code).astype(np.float64, copy=False)
        return pd.DataFrame(codes, index=X.index) if isinstance(X, pd.DataFrame) else codes

    def _code(self, rows: Floats, seen: NDArray[np.bool_]) -> Floats:
        n = len(self.components_)
        if self.picking == "first":
            few = min(self.active, n)
            codes = np.zeros((len(rows), n))
            codes[:, :few] = np.linalg.lstsq(self.components_[:few, seen].T, rows.T, rcond=None)[0].T
            return codes
        codes = thin(rows, np.ascontiguousarray(self._units[:, seen]), alpha=self._alpha, apart=self._apart)
        return codes[:, :n] - codes[:, n:] if self.picking == "signed" else codes

    def inverse_transform(self, X: FrameOrArray) -> FrameOrArray:
        """Return the motion that codes stand for."""
        return self.model.inverse_transform(X)


class LassoCoded:
    """A fitted model's units with the codes of the non-negative lasso as they are: shrunk by the penalty.

    What a refit on the units chosen is worth is seen beside it; nobody should code like this.

    Parameters
    ----------
    model : FullFaceModel
    alpha : float
        Penalty in pixels.
    refit : bool
        Fit the units chosen by least squares instead.
    """

    def __init__(self, model: FullFaceModel, alpha: float, refit: bool = False) -> None:
        self.model = model
        self.alpha = alpha
        self.refit = refit
        self.components_ = model.components_

    def fit(self, X: FrameOrArray) -> Self:
        """Refit the model."""
        self.components_ = self.model.fit(X).components_
        return self

    def transform(self, X: FrameOrArray) -> FrameOrArray:
        """Return codes (n_frames, n_units), pixels; NaN where a row has no point."""
        values = np.ascontiguousarray(coordinates(X))
        codes: NDArray[np.float64] = by_pattern(
            values,
            len(self.components_),
            lambda rows, seen: self._code(rows, self.components_[:, seen]),
        ).astype(np.float64, copy=False)
        if not isinstance(X, pd.DataFrame):
            return codes
        return pd.DataFrame(codes, index=X.index, columns=self.model.get_feature_names_out())

    def _code(self, rows: Floats, units: NDArray[np.float64]) -> Floats:
        if self.refit:
            return code_selected(rows, units, alpha=self.alpha, selection="lasso")
        return code(rows, units, self.alpha).codes

    def inverse_transform(self, X: FrameOrArray) -> FrameOrArray:
        """Return the motion that codes stand for."""
        motion = self.model.inverse_transform(X)
        return motion if isinstance(motion, pd.DataFrame) else motion.astype(np.float64, copy=False)


def lasso_for_activity(K: FrameOrArray, units: NDArray[np.float64], mean_active: float) -> float:
    """Smallest penalty, in pixels, at which the non-negative lasso uses at most `mean_active` units a frame on average.

    Examples
    --------
    >>> import numpy as np
    >>> round(lasso_for_activity(np.diag([4.0, 2.0]), np.eye(2), 0.5), 1)
    2.0
    """
    rows = as_values(K)
    rows = np.ascontiguousarray(rows[np.isfinite(rows).all(axis=1)])
    if not len(rows):
        raise DfecsError("no frame has all its points")

    def active(alpha: float) -> float:
        return float(np.count_nonzero(code(rows, units, alpha).codes) / len(rows))

    if active(0.0) <= mean_active:
        return 0.0
    low, high = 1e-3, float(np.abs(rows @ units.T).max()) + 1e-3
    while high > 1.05 * low:
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if active(middle) > mean_active else (low, middle)
    return high
