"""Models × test tables: every score, with intervals over subjects; every train → test pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
from numpy.typing import ArrayLike

from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.frames import UnitModel, model_costs, score
from dfecs_lib.evaluation.subjects import cross_costs, sample_frames, subject_names
from dfecs_lib.keypoints import scheme_of
from dfecs_lib.metrics import METRICS
from dfecs_lib.preprocessing import moving_points

__all__ = ["POINTS", "group_scores", "motion_size", "pair_costs", "points_of", "score_table", "threshold_table"]

#: Which points count in a score.
POINTS = ("all", "without anchors")

Costs = Mapping[tuple[str, str, str], pd.DataFrame]


def points_of(kind: str, K: pd.DataFrame) -> tuple[int, ...] | None:
    """iBUG-68 points that a score of this kind counts; None = all."""
    if kind not in POINTS:
        raise DfecsError(f"unknown choice of points {kind!r}; known: {', '.join(POINTS)}")
    return None if kind == "all" else moving_points(scheme_of(K))


def pair_costs(
    make: Mapping[str, Callable[[], UnitModel]],
    datasets: Mapping[str, pd.DataFrame],
    *,
    train: Sequence[str] | None = None,
    keypoints: ArrayLike | None = None,
    n_splits: int = 5,
    n_frames: int | None = None,
    random_state: int = 17,
) -> dict[tuple[str, str, str], pd.DataFrame]:
    """Costs of every frame for every (method, train set, test set).

    Parameters
    ----------
    make : mapping of name -> function without arguments
        Returns a fresh, unfitted model.
    datasets : mapping of name -> KPM table
    train : sequence of str, optional
        Datasets to train on; all by default. Every dataset is tested.
    keypoints : array-like of int, optional
        iBUG-68 points that count, the same for all.
    n_splits : int
        A dataset is tested on itself by cross-validation over that many groups of subjects, never in-sample.
    n_frames : int, optional
        Frames to train on at most, drawn at random.
    random_state : int
        Of that draw.

    Returns
    -------
    dict of (method, train, test) -> DataFrame
        See `model_costs`.
    """
    out: dict[tuple[str, str, str], pd.DataFrame] = {}
    for method, fresh in make.items():
        for source in train or list(datasets):
            model = fresh().fit(sample_frames(datasets[source], n_frames, random_state))
            for target, table in datasets.items():
                if source == target:
                    out[method, source, target] = cross_costs(
                        fresh,
                        table,
                        n_splits=n_splits,
                        keypoints=keypoints,
                        n_frames=n_frames,
                        random_state=random_state,
                    )
                else:
                    out[method, source, target] = model_costs(model, table, keypoints)
    return out


def score_table(
    costs: Costs, metrics: Sequence[str] = tuple(METRICS), *, interval: bool = True, random_state: int = 0
) -> pd.DataFrame:
    """Scores of every (method, train, test), tidy.

    Returns
    -------
    DataFrame
        Columns ``method, train, test, metric, value, low, high, n_frames, n_subjects``; `low` and `high` bound the
        95 % bootstrap interval over subjects.
    """
    rows = []
    for (method, train, test), table in costs.items():
        seen = table[table["total"].notna()]
        for metric in metrics:
            value, low, high = score(seen, metric, interval=interval, random_state=random_state)
            rows.append((method, train, test, metric, value, low, high, len(seen), subject_names(seen).nunique()))
    names = ["method", "train", "test", "metric", "value", "low", "high", "n_frames", "n_subjects"]
    return pd.DataFrame(rows, columns=names)


def group_scores(
    costs: Mapping[str, pd.DataFrame],
    groups: pd.Series,
    metrics: Sequence[str] = ("ve_squared", "active_units"),
    *,
    interval: bool = True,
    random_state: int = 0,
) -> pd.DataFrame:
    """Scores within groups of frames, emotions say.

    Parameters
    ----------
    costs : mapping of method -> DataFrame
    groups : Series
        The group of every row, by the rows' index; a missing group is left out.
    metrics, interval, random_state
        See `score_table`.

    Returns
    -------
    DataFrame
        Tidy: ``method, group, metric, value, low, high, n_frames``.
    """
    rows = []
    for method, table in costs.items():
        for group, part in table.groupby(groups.reindex(table.index), sort=True):
            for metric in metrics:
                found = score(part, metric, interval=interval, random_state=random_state)
                rows.append((method, group, metric, *found, int(part["total"].notna().sum())))
    return pd.DataFrame(rows, columns=["method", "group", "metric", "value", "low", "high", "n_frames"])


def motion_size(K: pd.DataFrame, groups: pd.Series) -> pd.Series[float]:
    """Root mean square of the motion, pixels, within groups of frames."""
    squares = (K**2).mean(axis=1)
    return squares.groupby(groups.reindex(K.index)).mean().pow(0.5)


def threshold_table(models: Mapping[str, UnitModel], learn: pd.DataFrame, train: str) -> pd.DataFrame:
    """How many units reached a threshold on the training frames, and what they explain of those.

    Parameters
    ----------
    models : mapping of method -> model fitted to `learn`
    learn : KPM table
    train : str
        Name of the training set.

    Returns
    -------
    DataFrame
        Tidy: ``method, train, test, metric, value``, metrics ``n_units``, ``train_ve_squared``, ``frames_trained_on``.
    """
    rows: list[tuple[str, str, str | None, str, float]] = []
    for method, model in models.items():
        rows += [
            (method, train, None, "n_units", float(len(model.components_))),
            (method, train, train, "train_ve_squared", score(model_costs(model, learn))[0]),
            (method, train, None, "frames_trained_on", float(len(learn))),
        ]
    return pd.DataFrame(rows, columns=["method", "train", "test", "metric", "value"])
