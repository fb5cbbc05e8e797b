"""Per-frame costs of a reconstruction, from which every score, interval and test is a sum."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.evaluation.statistics import ratio_interval
from dfecs_lib.keypoints import INDEX_NAMES, FrameOrArray, Scheme, convert, coordinates, in_order, in_time, scheme_of
from dfecs_lib.metrics import active_per_frame, cancellation_per_frame, frame_energies, terms

__all__ = [
    "UnitMeasures",
    "UnitModel",
    "convert_units",
    "frame_costs",
    "in_contract",
    "in_scheme_of",
    "model_costs",
    "score",
    "score_by_subject",
    "with_columns",
]


class UnitModel(Protocol):
    """What the evaluation needs of a model: the estimator interface of units."""

    components_: NDArray[np.float64]

    def fit(self, X: FrameOrArray) -> Self: ...
    def transform(self, X: FrameOrArray) -> FrameOrArray: ...
    def inverse_transform(self, X: FrameOrArray) -> FrameOrArray: ...


#: Named figures about a fitted model's units themselves, whatever they are tested on.
UnitMeasures = Callable[[UnitModel], Mapping[str, float]]


def in_scheme_of(model: UnitModel, K: pd.DataFrame) -> pd.DataFrame:
    """Return the table in the scheme that the model's units are in; points it lacks become NaN."""
    return convert(in_contract(K), scheme_of(np.empty((0, np.asarray(model.components_).shape[1]))))


def in_contract(K: pd.DataFrame, like: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return a table with rows and columns in order, and the attrs (of `like`) that pandas may have lost."""
    table = in_time(in_order(K)).copy(deep=False)
    attrs = K.attrs or ({} if like is None else like.attrs)
    table.attrs = {"scheme": scheme_of(K).name, "history": [], **attrs}
    return table


def convert_units(units: ArrayLike, scheme: str | Scheme | None, target: str | Scheme) -> NDArray[np.float64]:
    """Return units (or faces) of one keypoint scheme in another; points that the first lacks become NaN.

    Parameters
    ----------
    units : array-like of shape (n_units, 2K)
    scheme : str or Scheme, optional
        Theirs; by their width when None.
    target : str or Scheme
    """
    rows = coordinates(units)
    source = scheme_of(rows, scheme)
    keys = pd.MultiIndex.from_arrays([[""] * len(rows)] * 3 + [range(len(rows))], names=INDEX_NAMES)
    table = pd.DataFrame(rows, index=keys, columns=list(source.columns))
    table.attrs = {"scheme": source.name, "history": []}
    return convert(table, target).to_numpy()


def with_columns(values: ArrayLike, K: pd.DataFrame, columns: NDArray[np.bool_]) -> pd.DataFrame:
    """Return a table like `K` that holds `values` in the columns marked and NaN in the others."""
    whole = np.full(K.shape, np.nan)
    whole[:, columns] = values
    table = pd.DataFrame(whole, index=K.index, columns=K.columns)
    table.attrs = dict(K.attrs)
    return table


def frame_costs(K: FrameOrArray, K_hat: FrameOrArray, keypoints: ArrayLike | None = None) -> pd.DataFrame:
    """`metrics.frame_energies` as a table: columns ``residual`` and ``total``, square pixels; index of `K`."""
    residual, total = frame_energies(K, K_hat, keypoints)
    index = K.index if isinstance(K, pd.DataFrame) else pd.RangeIndex(len(total))
    return pd.DataFrame({"residual": residual, "total": total}, index=index)


def model_costs(model: UnitModel, K: pd.DataFrame, keypoints: ArrayLike | None = None) -> pd.DataFrame:
    """`frame_costs` of a fitted model on a table of any iBUG scheme, and what its codes cost beside them.

    ``active`` counts units at work; ``apart`` and ``together`` are `metrics.cancellation_per_frame`.
    The table is brought into the model's scheme; points that either lacks count in no sum.
    """
    table = in_scheme_of(model, K)
    codes = model.transform(table)
    costs = frame_costs(table, model.inverse_transform(codes), keypoints)
    values = np.asarray(codes, dtype=np.float64)
    apart, together = cancellation_per_frame(values, model.components_)
    return costs.assign(active=active_per_frame(values), apart=apart, together=together)


def _terms(costs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Numerator and denominator, frame by frame, of a metric; frames that do not count are left out."""
    total = costs["total"].to_numpy()
    if metric == "active_units":
        top, bottom = np.where(np.isnan(total), np.nan, costs["active"]), np.ones(len(costs))
    elif metric == "cancellation":
        top, bottom = costs["apart"].to_numpy(), costs["together"].to_numpy()
    else:
        top, bottom = terms(costs["residual"].to_numpy(), total, metric)
    return pd.DataFrame({"top": top, "bottom": bottom}, index=costs.index).dropna()


def _as_value(top: float, bottom: float, metric: str) -> float:
    if not bottom > 0:
        return float("nan")
    return _from_ratio(top / bottom, metric)


def _from_ratio(ratio: float, metric: str) -> float:
    if metric == "cancellation":
        return float(np.sqrt(ratio))
    return ratio if metric == "active_units" else 100 * (1 - ratio)


def score(
    costs: pd.DataFrame, metric: str = "ve_squared", *, interval: bool = False, random_state: int = 0
) -> tuple[float, float, float]:
    """A metric over all frames, with its 95 % bootstrap interval over subjects.

    Parameters
    ----------
    costs : DataFrame
        From `frame_costs` or `model_costs`.
    metric : str
        A key of `dfecs_lib.metrics.METRICS`.
    interval : bool
        Whether to compute the interval; subjects, not frames, are drawn, for one subject's frames are not independent.
    random_state : int

    Returns
    -------
    (value, low, high)
        `low` and `high` are NaN without interval, or with fewer than two subjects.
    """
    parts = _terms(costs, metric)
    value = _as_value(float(parts["top"].sum()), float(parts["bottom"].sum()), metric)
    if not interval or "subject" not in parts.index.names:
        return value, float("nan"), float("nan")
    sums = parts.groupby(level=["dataset", "subject"]).sum()
    low, high = ratio_interval(sums["top"], sums["bottom"], random_state=random_state)
    low, high = sorted((_from_ratio(low, metric), _from_ratio(high, metric)))
    return value, low, high


def score_by_subject(costs: pd.DataFrame, metric: str = "ve_squared") -> pd.Series:
    """A metric for each (dataset, subject)."""
    sums = _terms(costs, metric).groupby(level=["dataset", "subject"]).sum()
    values = [_as_value(top, bottom, metric) for top, bottom in zip(sums["top"], sums["bottom"], strict=True)]
    return pd.Series(values, index=sums.index, name=metric)
