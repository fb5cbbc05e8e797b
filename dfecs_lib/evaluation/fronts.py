"""Fronts: variance explained beside active units, for every way of coding with units of the same frames."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from dfecs_lib.baselines import PCAUnits
from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.few import LassoCoded, lasso_for_activity
from dfecs_lib.evaluation.frames import UnitModel, model_costs, score
from dfecs_lib.ffm import FullFaceModel

__all__ = [
    "front_at",
    "front_table",
    "front_variants",
    "pooled_front",
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


def pooled_front(
    folds: Iterable[tuple[Mapping[str, Mapping[int, UnitModel]], pd.DataFrame]],
    keypoints: ArrayLike | None = None,
) -> pd.DataFrame:
    """What a number of units at work buys on frames left out, all folds together.

    Parameters
    ----------
    folds : iterable of (coded, test)
        Ways of coding, each a mapping of units asked for -> fitted model, and the KPM table that they are tested on.
    keypoints : array-like of int, optional

    Returns
    -------
    DataFrame
        ``method, most, active, ve_squared, low, high, cancellation``: units asked for and at work on average; variance
        explained, squared, in percent, with its 95 % bootstrap interval over people; see `metrics.cancellation`.
    """
    costs: dict[tuple[str, int], list[pd.DataFrame]] = {}
    for coded, test in folds:
        for name, models in coded.items():
            for most, model in models.items():
                costs.setdefault((name, most), []).append(model_costs(model, test, keypoints))
    rows = []
    for (name, most), parts in costs.items():
        whole = pd.concat(parts)
        active, cancelled = (score(whole, metric)[0] for metric in ("active_units", "cancellation"))
        rows.append((name, most, active, *score(whole, interval=True), cancelled))
    return pd.DataFrame(rows, columns=["method", "most", "active", "ve_squared", "low", "high", "cancellation"])


def front_table(
    coded: Mapping[str, Mapping[int, UnitModel]], tests: Mapping[str, pd.DataFrame], keypoints: ArrayLike | None = None
) -> pd.DataFrame:
    """`pooled_front` of each test set by itself, with the column ``test``.

    Parameters
    ----------
    coded : mapping of name -> mapping of most units a frame -> fitted model
        Sparse encoders of one model (`recoded`), or PCA with so many components.
    tests : mapping of name -> KPM table
    keypoints : array-like of int, optional
    """
    parts = [pooled_front([(coded, table)], keypoints).assign(test=test) for test, table in tests.items()]
    return pd.concat(parts, ignore_index=True)


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
        Of `front_table`, or of `pooled_front`.
    active : sequence of float

    Returns
    -------
    DataFrame
        Index: methods. Columns: `active`. NaN where a method's curve does not reach, in any test set.
    """
    rows: dict[str, list[float]] = {}
    for method, table in front.groupby("method", sort=False):
        tests = table.groupby("test", sort=False) if "test" in table else [("", table)]
        curves = [part.sort_values("active") for _, part in tests]
        read = [np.interp(active, c["active"], c["ve_squared"], left=np.nan, right=np.nan) for c in curves]
        rows[str(method)] = list(np.mean(read, axis=0))
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(active)).rename_axis("method")
