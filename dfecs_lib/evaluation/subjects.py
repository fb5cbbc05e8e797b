"""Held-out subjects: splits by subject, cross-validated costs."""

from __future__ import annotations

from collections.abc import Callable

import joblib
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.model_selection import GroupKFold

from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.frames import UnitModel, model_costs
from dfecs_lib.keypoints import in_time

__all__ = ["cross_costs", "sample_frames", "split_subjects", "subject_names"]


def subject_names(K: pd.DataFrame) -> pd.Series:
    """``dataset/subject`` of every row."""
    levels = K.index.to_frame(index=False)
    return pd.Series((levels["dataset"].astype(str) + "/" + levels["subject"].astype(str)).to_numpy(), index=K.index)


def split_subjects(K: pd.DataFrame, share: float = 0.5, random_state: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two tables with no subject in common; the first holds `share` of the subjects, drawn at random.

    Raises
    ------
    DfecsError
        If a side would be left without a subject.
    """
    names = subject_names(K)
    known = np.unique(names)
    n_first = round(share * len(known))
    if not 0 < n_first < len(known):
        raise DfecsError(f"{len(known)} subjects cannot be split into {share:.0%} and the rest; both sides need one")
    first = names.isin(np.random.default_rng(random_state).choice(known, n_first, replace=False)).to_numpy()
    return K[first], K[~first]


def sample_frames(K: pd.DataFrame, n_frames: int | None, random_state: int = 17) -> pd.DataFrame:
    """At most `n_frames` rows drawn at random without replacement, in their own order (the paper trains on 10,100)."""
    K = in_time(K)
    if n_frames is None or len(K) <= n_frames:
        return K
    return K.iloc[np.sort(np.random.default_rng(random_state).choice(len(K), n_frames, replace=False))]


def cross_costs(
    make: Callable[[], UnitModel],
    K: pd.DataFrame,
    *,
    n_splits: int | None = None,
    keypoints: ArrayLike | None = None,
    n_frames: int | None = None,
    random_state: int = 17,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Costs of every frame under a model that never saw its subject.

    Parameters
    ----------
    make : function without arguments
        Returns a fresh, unfitted model.
    K : KPM table
    n_splits : int, optional
        Folds of subjects; by default one fold a subject (leave-one-subject-out).
    keypoints : array-like of int, optional
        iBUG-68 points that count.
    n_frames, random_state : int, optional
        Frames to train on at most, drawn at random; the draw's seed.
    n_jobs : int, optional
        joblib workers over folds; any joblib backend, Dask included.

    Returns
    -------
    DataFrame
        See `model_costs`, with the column ``fold``.
    """
    K = in_time(K)
    names = subject_names(K).to_numpy()
    n_subjects = len(np.unique(names))
    folds = n_subjects if n_splits is None else min(n_splits, n_subjects)
    if folds < 2:
        raise DfecsError(f"leaving subjects out needs two subjects or more; the table holds {n_subjects}")
    work = (
        joblib.delayed(_fold_costs)(make, sample_frames(K.iloc[train], n_frames, random_state), K.iloc[test], keypoints)
        for train, test in GroupKFold(folds).split(K, groups=names)
    )
    parts = joblib.Parallel(n_jobs=n_jobs, prefer="threads")(work)
    costs: pd.DataFrame = pd.concat([part.assign(fold=fold) for fold, part in enumerate(parts)])
    return costs.loc[K.index]


def _fold_costs(
    make: Callable[[], UnitModel], train: pd.DataFrame, test: pd.DataFrame, keypoints: ArrayLike | None
) -> pd.DataFrame:
    return model_costs(make().fit(train), test, keypoints)
