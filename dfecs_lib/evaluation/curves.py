"""Curves over the number of units, refitted or along a least-angle path; trade-offs; active-unit histograms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dfecs_lib.coding.paths import Method, least_angle_path
from dfecs_lib.evaluation.frames import UnitMeasures, UnitModel, in_scheme_of, model_costs, score
from dfecs_lib.evaluation.tables import POINTS, points_of
from dfecs_lib.keypoints import to_points
from dfecs_lib.metrics import active_per_frame

__all__ = [
    "active_histogram",
    "encoding_curves",
    "path_study",
    "still_share",
    "trade_off",
    "unit_curves",
]

VE = ("ve_squared", "ve_norm")


def unit_curves(
    make: Mapping[str, Callable[[int], UnitModel]],
    train: pd.DataFrame,
    tests: Mapping[str, pd.DataFrame],
    n_units: Sequence[int],
    *,
    metrics: Sequence[str] = (*VE, "active_units"),
    keypoints: ArrayLike | None = None,
    interval: bool = True,
    random_state: int = 0,
) -> pd.DataFrame:
    """Scores of models fitted with each number of units.

    Parameters
    ----------
    make : mapping of name -> function of the number of units
        Returns a fresh, unfitted model.
    train : KPM table
    tests : mapping of name -> KPM table
    n_units : sequence of int
    metrics, keypoints, interval, random_state
        See `score` and `model_costs`.

    Returns
    -------
    DataFrame
        Tidy: ``method, test, n_units, metric, value, low, high``.
    """
    rows = []
    for method, fresh in make.items():
        for n in n_units:
            model = fresh(n).fit(train)
            for test, table in tests.items():
                costs = model_costs(model, table, keypoints)
                for metric in metrics:
                    found = score(costs, metric, interval=interval, random_state=random_state)
                    rows.append((method, test, n, metric, *found))
    return pd.DataFrame(rows, columns=["method", "test", "n_units", "metric", "value", "low", "high"])


def encoding_curves(
    models: Mapping[str, UnitModel],
    tests: Mapping[str, pd.DataFrame],
    *,
    path: Method | Mapping[str, Method] = "lar",
    max_active: int | None = None,
    center: bool = False,
    keypoints: ArrayLike | None = None,
    metrics: Sequence[str] = VE,
    interval: bool = True,
    random_state: int = 0,
) -> pd.DataFrame:
    """Variance explained with at most n = 1, 2, … active units per frame, on a least-angle path.

    Parameters
    ----------
    models : mapping of name -> fitted model
    tests : mapping of name -> KPM table
    path : str or mapping of name -> str
        See `encoding_paths`; one for all models, or one a model.
    max_active : int, optional
        Longest encoding; a model with fewer units ends at their number.
    center : bool
        Whether a model's mean (PCA's) is added to every reconstruction. Off by default: it would be one more unit,
        always on, that the other dictionaries do not have.
    keypoints : array-like of int, optional
        iBUG-68 points to fit and to score.
    metrics : sequence of {"ve_squared", "ve_norm"}
    interval, random_state
        See `score`.

    Returns
    -------
    DataFrame
        Tidy: ``method, test, path, n_units, metric, value, low, high``.
    """
    rows = []
    for name, model in models.items():
        units = np.asarray(model.components_, dtype=np.float64)
        offset = np.asarray(model.inverse_transform(np.zeros((1, len(units)))))[0] if center else None
        kind = path if isinstance(path, str) else path[name]
        steps = len(units) if max_active is None else min(max_active, len(units))
        for test, table in tests.items():
            motion = in_scheme_of(model, table)
            found = least_angle_path(motion, units, max_active=steps, method=kind, offset=offset, keypoints=keypoints)
            for n in range(steps):
                costs = pd.DataFrame({"residual": found.residual[:, n], "total": found.total}, index=motion.index)
                for metric in metrics:
                    values = score(costs, metric, interval=interval, random_state=random_state)
                    rows.append((name, test, kind, n + 1, metric, *values))
    return pd.DataFrame(rows, columns=["method", "test", "path", "n_units", "metric", "value", "low", "high"])


def path_study(
    models: Mapping[str, UnitModel],
    tests: Mapping[str, pd.DataFrame],
    *,
    paths: Sequence[Method] = ("lar", "nonnegative"),
    points: Sequence[str] = POINTS,
    max_active: int | None = None,
    interval: bool = False,
) -> pd.DataFrame:
    """`encoding_curves` on several paths, with and without the registration anchors.

    Parameters
    ----------
    models, tests, max_active, interval
        See `encoding_curves`.
    paths : sequence of str
        Units that only a signed path can use well (PCA's) are on every path all the same.
    points : sequence of {"all", "without anchors"}

    Returns
    -------
    DataFrame
        Tidy: ``method, test, path, n_units, metric, value, low, high, points``.
    """
    parts = [
        encoding_curves(
            models,
            {name: table},
            path=path,
            max_active=max_active,
            keypoints=points_of(kind, table),
            interval=interval,
        ).assign(points=kind)
        for name, table in tests.items()
        for path in paths
        for kind in points
    ]
    return pd.concat(parts, ignore_index=True)


def trade_off(
    make: Callable[..., UnitModel],
    settings: Sequence[Mapping[str, object]],
    train: pd.DataFrame,
    tests: Mapping[str, pd.DataFrame],
    *,
    metrics: Sequence[str] = ("ve_squared", "active_units"),
    keypoints: ArrayLike | None = None,
    unit_measures: UnitMeasures | None = None,
) -> pd.DataFrame:
    """Score one kind of model at every cell of a grid of settings.

    Parameters
    ----------
    make : function
        Called with a setting's values as keywords; returns a fresh, unfitted model.
    settings : sequence of mappings
        For instance the cells of `sklearn.model_selection.ParameterGrid`.
    train : KPM table
    tests : mapping of name -> KPM table
    metrics, keypoints
        See `score`.
    unit_measures
        See `ablate`.

    Returns
    -------
    DataFrame
        Tidy: a column for every setting, then ``test, metric, value``. Beside `metrics`: ``n_units``;
        ``still_points``, the percentage of a unit's points that do not move; ``n_atoms`` of two-level models.
    """
    rows = []
    for setting in settings:
        model = make(**setting).fit(train)
        fixed = {"n_units": float(len(model.components_)), "still_points": 100 * still_share(model.components_)}
        if hasattr(model, "atoms_"):
            fixed["n_atoms"] = float(len(model.atoms_))
        fixed |= unit_measures(model) if unit_measures else {}
        for test, table in tests.items():
            costs = model_costs(model, table, keypoints)
            found = {metric: score(costs, metric)[0] for metric in metrics}
            found |= fixed
            rows += [{**setting, "test": test, "metric": metric, "value": value} for metric, value in found.items()]
    return pd.DataFrame(rows)


def still_share(units: ArrayLike, threshold: float = 1e-9) -> float:
    """Share (0 to 1) of keypoints that do not move in an average unit; `units` of shape (n_units, 2K)."""
    return float((np.abs(to_points(units)) <= threshold).all(axis=2).mean())


def active_histogram(models: Mapping[str, UnitModel], tests: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """How many frames have 0, 1, 2, … active units.

    Returns
    -------
    DataFrame
        Tidy: ``method, test, active, share`` (percent of the encoded frames).
    """
    rows = []
    for name, model in models.items():
        for test, table in tests.items():
            active = active_per_frame(model.transform(in_scheme_of(model, table)))
            count = np.bincount(active[np.isfinite(active)].astype(int), minlength=len(model.components_) + 1)
            rows += [(name, test, n, 100 * c / max(count.sum(), 1)) for n, c in enumerate(count)]
    return pd.DataFrame(rows, columns=["method", "test", "active", "share"])
