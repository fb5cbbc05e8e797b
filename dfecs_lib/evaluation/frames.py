"""Per-frame costs of a reconstruction, from which every score, interval and test is a sum."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.coding.paths import keep_columns
from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.statistics import ratio_interval
from dfecs_lib.keypoints import INDEX_NAMES, FrameOrArray, convert, scheme_of
from dfecs_lib.keypoints.schemes import Scheme, get_scheme

__all__ = [
    "METRICS",
    "UnitMeasures",
    "UnitModel",
    "active_per_frame",
    "convert_units",
    "frame_costs",
    "in_scheme_of",
    "model_costs",
    "score",
    "score_by_subject",
    "shared_points",
    "with_columns",
]

#: Metric -> what it is. All but the last are in percent.
METRICS: Mapping[str, str] = {
    "ve_squared": "variance explained, 100·(1 − Σ‖x−x̂‖²/Σ‖x‖²)",
    "ve_norm": "variance explained, 100·(1 − Σ‖x−x̂‖/Σ‖x‖)",
    "ve_frame": "mean variance explained per frame, 100 − 100·mean(‖x−x̂‖²/‖x‖²)",
    "active_units": "active units per frame",
}


class UnitModel(Protocol):
    """What the evaluation needs of a model: the estimator interface of units."""

    components_: NDArray[np.float64]

    def fit(self, X: FrameOrArray) -> Self: ...
    def transform(self, X: FrameOrArray) -> FrameOrArray: ...
    def inverse_transform(self, X: FrameOrArray) -> FrameOrArray: ...


#: Named figures about a fitted model's units themselves, whatever they are tested on.
UnitMeasures = Callable[[UnitModel], Mapping[str, float]]


def shared_points(*schemes: str | Scheme) -> tuple[int, ...]:
    """iBUG-68 numbers of the points that all the schemes have.

    Examples
    --------
    >>> len(shared_points("disfa66", "bp4d49"))
    49
    """
    found = [get_scheme(scheme) for scheme in schemes]
    return tuple(point for point in found[0].ibug if all(scheme.has(point) for scheme in found))


def in_scheme_of(model: UnitModel, K: pd.DataFrame) -> pd.DataFrame:
    """Return the table in the scheme that the model's units are in; points it lacks become NaN."""
    return convert(K, scheme_of(np.empty((0, np.asarray(model.components_).shape[1]))))


def convert_units(units: ArrayLike, scheme: str | Scheme | None, target: str | Scheme) -> NDArray[np.float64]:
    """Return units (or faces) of one keypoint scheme in another; points that the first lacks become NaN.

    Parameters
    ----------
    units : array-like of shape (n_units, 2K)
    scheme : str or Scheme, optional
        Theirs; by their width when None.
    target : str or Scheme
    """
    rows = np.asarray(units, dtype=np.float64)
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
    """Squared error and squared motion of every frame over its observed points.

    Parameters
    ----------
    K, K_hat : DataFrame or array of shape (n_frames, 2K)
        Motion and its reconstruction, in pixels. A number that is NaN in either counts in neither sum.
    keypoints : array-like of int, optional
        iBUG-68 points that count; all by default.

    Returns
    -------
    DataFrame
        Columns ``residual`` and ``total``, square pixels; NaN for a frame with no observed point. Index of `K`.
    """
    columns = keep_columns(scheme_of(K), keypoints)
    truth = np.asarray(K, dtype=np.float64)[:, columns]
    guess = np.asarray(K_hat, dtype=np.float64)
    if guess.shape != np.shape(K):
        raise DfecsError(f"the motion has shape {np.shape(K)} but its reconstruction has {guess.shape}")
    error = truth - guess[:, columns]
    seen = np.isfinite(error)
    residual = np.where(seen, error, 0.0)
    total = np.where(seen, truth, 0.0)
    costs = {"residual": np.einsum("ij,ij->i", residual, residual), "total": np.einsum("ij,ij->i", total, total)}
    index = K.index if isinstance(K, pd.DataFrame) else pd.RangeIndex(len(truth))
    out = pd.DataFrame(costs, index=index)
    out.loc[~seen.any(axis=1)] = np.nan
    return out


def active_per_frame(codes: FrameOrArray, threshold: float = 0.0) -> NDArray[np.float64]:
    """Count the units of every frame whose code exceeds `threshold` in size; NaN for a frame that has no codes."""
    values = np.abs(np.asarray(codes, dtype=np.float64))
    missing = np.isnan(values).any(axis=1)
    count = np.asarray((values > threshold).sum(axis=1), dtype=np.float64)
    count[missing] = np.nan
    return count


def model_costs(model: UnitModel, K: pd.DataFrame, keypoints: ArrayLike | None = None) -> pd.DataFrame:
    """`frame_costs` of a fitted model on a table of any iBUG scheme, with the column ``active`` beside them.

    The table is brought into the model's scheme; points that either lacks count in no sum.
    """
    table = in_scheme_of(model, K)
    codes = model.transform(table)
    costs = frame_costs(table, model.inverse_transform(codes), keypoints)
    return costs.assign(active=active_per_frame(codes))


def _ratio(costs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Numerator and denominator, frame by frame, of a metric."""
    if metric not in METRICS:
        raise DfecsError(f"unknown metric {metric!r}; known: {', '.join(METRICS)}")
    known = costs[np.isfinite(costs["total"])]
    if metric == "ve_frame":
        known = known[known["total"] > 0]
        top, bottom = known["residual"] / known["total"], pd.Series(1.0, index=known.index)
    elif metric == "active_units":
        top, bottom = known["active"], pd.Series(1.0, index=known.index)
    elif metric == "ve_norm":
        top, bottom = np.sqrt(known["residual"]), np.sqrt(known["total"])
    else:
        top, bottom = known["residual"], known["total"]
    return pd.DataFrame({"top": top, "bottom": bottom})


def _as_value(top: float, bottom: float, metric: str) -> float:
    if not bottom > 0:
        return float("nan")
    return top / bottom if metric == "active_units" else 100 * (1 - top / bottom)


def score(
    costs: pd.DataFrame, metric: str = "ve_squared", *, interval: bool = False, random_state: int = 0
) -> tuple[float, float, float]:
    """A metric over all frames, with its 95 % bootstrap interval over subjects.

    Parameters
    ----------
    costs : DataFrame
        From `frame_costs` or `model_costs`.
    metric : str
        A key of `METRICS`.
    interval : bool
        Whether to compute the interval; subjects, not frames, are drawn, for one subject's frames are not independent.
    random_state : int

    Returns
    -------
    (value, low, high)
        `low` and `high` are NaN without interval, or with fewer than two subjects.
    """
    parts = _ratio(costs, metric)
    value = _as_value(float(parts["top"].sum()), float(parts["bottom"].sum()), metric)
    if not interval or "subject" not in parts.index.names:
        return value, float("nan"), float("nan")
    sums = parts.groupby(level=["dataset", "subject"]).sum()
    low, high = ratio_interval(sums["top"], sums["bottom"], random_state=random_state)
    if metric != "active_units":
        low, high = 100 * (1 - high), 100 * (1 - low)
    return value, low, high


def score_by_subject(costs: pd.DataFrame, metric: str = "ve_squared") -> pd.Series:
    """A metric for each (dataset, subject)."""
    sums = _ratio(costs, metric).groupby(level=["dataset", "subject"]).sum()
    values = [_as_value(top, bottom, metric) for top, bottom in zip(sums["top"], sums["bottom"], strict=True)]
    return pd.Series(values, index=sums.index, name=metric)
