"""Fronts: variance explained beside active units, for every way of coding with units of the same frames."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from dfecs_lib.baselines import PCAUnits
from dfecs_lib.coding.encoders import by_pattern
from dfecs_lib.coding.sparse_coding import Floats, code, code_selected
from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.frames import UnitModel, model_costs, score
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.keypoints import FrameOrArray, as_values, coordinates

__all__ = [
    "LassoCoded",
    "front_at",
    "front_table",
    "front_variants",
    "lasso_for_activity",
    "recoded",
]

Recodable = TypeVar("Recodable", bound=BaseEstimator)
#: The front's variants, as they are named in tables and figures.
DFECS = "DFECS"
PAPER, DIRECT, SPARSE = "paper, hierarchical", "unrefined, direct", "unrefined, sparse"
REFINED, ELIMINATION = "refined, direct", "refined, sparse by elimination"
REFIT, SHRUNK, PCA = "refined, sparse by lasso", "refined, lasso without refit", "PCA, as many components"


def recoded(model: Recodable, **settings: object) -> Recodable:
    """Return a fitted model with other coding settings and the same units; the model itself is left alone."""
    other = copy(model)
    other.set_params(**settings)
    return other


def front_table(
    coded: Mapping[str, Mapping[int, UnitModel]], tests: Mapping[str, pd.DataFrame], keypoints: ArrayLike | None = None
) -> pd.DataFrame:
    """What a number of units at work buys: variance explained beside active units, for every way of coding.

    Parameters
    ----------
    coded : mapping of name -> mapping of most units a frame -> fitted model
        Sparse encoders of one model (`recoded`), or PCA with so many components.
    tests : mapping of name -> KPM table
    keypoints : array-like of int, optional

    Returns
    -------
    DataFrame
        ``method, test, most, active, ve_squared``.
    """
    rows = []
    for name, models in coded.items():
        for most, model in models.items():
            for test, table in tests.items():
                costs = model_costs(model, table, keypoints)
                rows.append((name, test, most, score(costs, "active_units")[0], score(costs)[0]))
    return pd.DataFrame(rows, columns=["method", "test", "most", "active", "ve_squared"])


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


def front_variants(
    learn: pd.DataFrame,
    n_units: int,
    max_active: Sequence[int],
    *,
    part_variance: float = 0.99,
    random_state: int = 0,
) -> dict[str, dict[int, UnitModel]]:
    """Every way to code with units learned on the same frames, for `front_table`.

    Parameters
    ----------
    learn : KPM table
    n_units : int
        Units of the models.
    max_active : sequence of int
        Units a frame uses on average, for the sparse ways: penalties are set to that on the frames learned on.
        Components, for PCA. Numbers above `n_units` are left out.
    part_variance : float
    random_state : int

    Returns
    -------
    dict of variant -> dict of most units a frame -> fitted model
        DFECS, additive codes; the paper's hierarchical coding; its units coded directly and sparsely; units refined
        for direct coding and coded so; units refined for sparse coding and coded by elimination, by the lasso with
        a refit, and by the lasso without one, at the same penalties; PCA with as many components.
    """
    limits = sorted({int(n) for n in max_active if 0 < n <= n_units})
    if not limits:
        raise DfecsError(f"max_active holds no number from 1 to n_units ({n_units})")
    made = {
        encoder: FullFaceModel(n_units, part_variance=part_variance, encoder=encoder, random_state=random_state)
        for encoder in ("additive", "hierarchical", "direct", "sparse")
    }
    additive, paper, for_direct, for_sparse = (model.fit(learn) for model in made.values())
    whole = len(for_sparse.components_)

    def eliminated(model: FullFaceModel) -> dict[int, UnitModel]:
        coder = recoded(model, encoder="sparse", refine=model.refined_)
        return calibrated(coder)

    def calibrated(model: FullFaceModel) -> dict[int, UnitModel]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # fewer than so many units are at work: the curve ends there
            return {n: copy(model).calibrate(learn, n) for n in limits}

    penalties = {n: lasso_for_activity(learn, for_sparse.components_, n) for n in limits}
    return {
        DFECS: calibrated(additive),
        PAPER: {whole: paper},
        DIRECT: {whole: recoded(paper, encoder="direct", refine=False)},
        SPARSE: eliminated(paper),
        REFINED: {whole: for_direct},
        ELIMINATION: eliminated(for_sparse),
        REFIT: {n: LassoCoded(for_sparse, alpha, refit=True) for n, alpha in penalties.items()},
        SHRUNK: {n: LassoCoded(for_sparse, alpha) for n, alpha in penalties.items()},
        PCA: {n: PCAUnits(n).fit(learn) for n in sorted({*limits, n_units})},
    }


def front_at(front: pd.DataFrame, active: Sequence[float]) -> pd.DataFrame:
    """Variance explained at exactly these numbers of active units, read off the front's curves, mean over test sets.

    Parameters
    ----------
    front : DataFrame
        Of `front_table`.
    active : sequence of float

    Returns
    -------
    DataFrame
        Index: methods. Columns: `active`. NaN where a method's curve does not reach, in any test set.
    """
    rows: dict[str, list[float]] = {}
    for method, table in front.groupby("method", sort=False):
        curves = [part.sort_values("active") for _, part in table.groupby("test", sort=False)]
        read = [np.interp(active, c["active"], c["ve_squared"], left=np.nan, right=np.nan) for c in curves]
        rows[str(method)] = list(np.mean(read, axis=0))
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(active)).rename_axis("method")
