"""How many units: variance explained in subjects not trained on, and whether other subjects give the same units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import joblib
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.base import clone

from dfecs_lib.coding.sparse_coding import Floats
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm.full_model import FullFaceModel
from dfecs_lib.ffm.hierarchy import factorizations
from dfecs_lib.ffm.level_one import learn_parts
from dfecs_lib.ffm.search import Search
from dfecs_lib.keypoints import coordinates, in_order, in_time
from dfecs_lib.models.parts import columns_of_parts
from dfecs_lib.models.units import order_units

__all__ = ["UnitSelection", "matched_similarity", "select_n_units"]


@dataclass(frozen=True)
class UnitSelection:
    """What `select_n_units` found.

    Attributes
    ----------
    n_units : int
        Smallest number whose variance explained is within one standard error of the best.
    table : DataFrame
        Index n_units; columns variance_explained (percent, mean over resamples, in the subjects left out),
        standard_error, stability (mean matched cosine of the units of two resamples), active_units.
    resamples : DataFrame
        variance_explained and active_units of every resample, columns resample, n_units.
    """

    n_units: int
    table: pd.DataFrame
    resamples: pd.DataFrame


def matched_similarity(a: ArrayLike, b: ArrayLike) -> float:
    """Mean cosine of two sets of units, matched one to one so that it is largest.

    Examples
    --------
    >>> matched_similarity(np.eye(3), np.eye(3)[[2, 0, 1]])
    1.0
    """
    first, second = (np.asarray(units, dtype=np.float64) for units in (a, b))
    first = first / np.linalg.norm(first, axis=1, keepdims=True)
    second = second / np.linalg.norm(second, axis=1, keepdims=True)
    cosine = first @ second.T
    rows, columns = linear_sum_assignment(-cosine)
    return float(cosine[rows, columns].mean())


def _one(
    rows: Floats,
    weights: NDArray[np.float64],
    test: Floats,
    model: FullFaceModel,
    counts: Sequence[int],
    names: pd.DataFrame | None,
) -> list[tuple[int, NDArray[np.float64], float, float]]:
    """(count, units, variance explained of `test`, active units) for every count, on one resample."""
    _, columns = columns_of_parts(np.empty((0, rows.shape[1])) if names is None else names, model.parts, rows.shape[1])
    moving = {part: where for part, where in columns.items() if rows[:, where].any()}
    walk: Search = "paper" if model.search == "paper" else "path"
    first = learn_parts(
        rows,
        moving,
        n_atoms=model.n_atoms,
        alpha=model.alpha,
        variance=model.part_variance,
        max_atoms=model.max_atoms,
        search=walk,
        weights=weights,
        max_iter=model.max_iter,
        tol=model.tol,
        n_jobs=1,
        progress=False,
    )
    possible = [count for count in counts if count <= len(first.atoms)]
    results = []
    for count, A, _ in factorizations(
        first.codes,
        possible or [len(first.atoms)],
        search=walk,
        random_state=model.random_state,
        weights=weights,
        tol=model.tol,
    ):
        coder = clone(model).set_params(n_units=count, max_units=None)
        if coder.encoder == "hierarchical":
            coder.set_params(encoder="direct")
        units = A @ first.atoms
        if model.refine is not False:
            units = coder.refined(rows, units, moving, weights)
        coder.components_, coder.refined_ = order_units(rows, units, weights).units, True
        coder._set_alpha(rows, coder.components_)
        codes = coder._encode(test)
        left = float(np.square(test - codes @ coder.components_.astype(test.dtype), dtype=np.float64).sum())
        energy = float(np.square(test, dtype=np.float64).sum())
        results.append((count, coder.components_, 100 * (1 - left / energy), float((codes > 0).sum(axis=1).mean())))
    return results


def select_n_units(
    K: pd.DataFrame | ArrayLike,
    counts: Sequence[int],
    *,
    groups: ArrayLike | None = None,
    model: FullFaceModel | None = None,
    n_resamples: int = 10,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> UnitSelection:
    """Try numbers of units on resamples of the subjects, and score them on the subjects that a resample lacks.

    Parameters
    ----------
    K : DataFrame or array of shape (n_frames, 2K)
        Motion in pixels. Rows with missing points are left out.
    counts : sequence of int
        Numbers of units to try.
    groups : array-like of shape (n_frames,), optional
        Subject of every row; by default the table's subjects, or its recordings where there is one subject.
    model : FullFaceModel, optional
        Settings; an unfitted model by default. "hierarchical" is scored as "direct".
    n_resamples : int
        Bootstrap samples of the subjects.
    random_state : int
    n_jobs : int, optional
        joblib workers over resamples; any joblib backend, Dask included.

    Raises
    ------
    DfecsError
        For fewer than three subjects.
    """
    base = FullFaceModel() if model is None else clone(model)
    if groups is None and isinstance(K, pd.DataFrame):
        K = in_time(K)
    rows = np.ascontiguousarray(coordinates(K))
    subject = _groups_of(K) if groups is None else np.asarray(groups)
    complete = np.isfinite(rows).all(axis=1)
    rows, subject = rows[complete], subject[complete]
    known, number = np.unique(subject, return_inverse=True)
    if len(known) < 3:
        raise DfecsError(f"{len(known)} subjects are too few to leave some out; three are needed (groups=…)")
    wanted = sorted({int(count) for count in counts})
    if not wanted or wanted[0] < 1:
        raise DfecsError(f"counts are {list(counts)}, but numbers of units begin at 1")
    rng = np.random.default_rng(random_state)
    names = in_order(K.iloc[:0]) if isinstance(K, pd.DataFrame) else None
    jobs: list[object] = []
    while len(jobs) < n_resamples:
        times = np.bincount(rng.integers(len(known), size=len(known)), minlength=len(known))
        if (times == 0).any() and (times > 0).sum() > 1:
            weight = times[number].astype(np.float64)
            inside = weight > 0
            train = np.ascontiguousarray(rows[inside])
            weights = weight[inside] / weight[inside].mean()
            test = np.ascontiguousarray(rows[~inside])
            jobs.append(joblib.delayed(_one)(train, weights, test, base, wanted, names))
    results = joblib.Parallel(n_jobs=n_jobs, prefer="threads")(jobs)
    return _judge(results)


def _groups_of(K: pd.DataFrame | ArrayLike) -> NDArray[np.int64]:
    if not isinstance(K, pd.DataFrame) or "subject" not in K.index.names:
        raise DfecsError("say which subject each row belongs to (groups=…); arrays do not carry it")
    # People of two datasets may share a name; where one person (or nobody) is named, recordings stand for subjects.
    known = [name for name in ("dataset", "subject") if name in K.index.names]
    groups = K.groupby(level=known, sort=False).ngroup()
    if (groups == 0).all() and "recording" in K.index.names:
        groups = K.groupby(level="recording", sort=False).ngroup()
    return np.asarray(groups)


def _judge(results: list[list[tuple[int, NDArray[np.float64], float, float]]]) -> UnitSelection:
    resamples = pd.DataFrame(
        [
            {"resample": i, "n_units": count, "variance_explained": explained, "active_units": active}
            for i, result in enumerate(results)
            for count, _, explained, active in result
        ]
    )
    by_count = resamples.groupby("n_units")
    table = by_count[["variance_explained", "active_units"]].mean()
    table["standard_error"] = by_count["variance_explained"].std() / np.sqrt(by_count.size())
    stability = {}
    for count in table.index:
        units = [u for result in results for found, u, _, _ in result if found == count]
        pairs = [matched_similarity(a, b) for i, a in enumerate(units) for b in units[:i]]
        stability[count] = float(np.mean(pairs)) if pairs else float("nan")
    table["stability"] = pd.Series(stability)
    explained = table["variance_explained"].to_numpy()
    best = int(explained.argmax())
    slack = float(np.nan_to_num(table["standard_error"].to_numpy()[best]))
    good_enough = explained >= explained[best] - slack
    columns = ["variance_explained", "standard_error", "stability", "active_units"]
    return UnitSelection(int(table.index[good_enough][0]), table[columns], resamples)
