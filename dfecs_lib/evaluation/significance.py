"""Is one set of units better than another? The published test, and the sounder ones beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.frames import score, score_by_subject
from dfecs_lib.evaluation.statistics import Alternative, compare_means, holm
from dfecs_lib.keypoints import in_time, same_rows

__all__ = ["chunk_scores", "chunk_tests", "compare", "compare_methods", "compare_trains", "subject_tests"]

Pairs = Sequence[tuple[str, str]]


def chunk_scores(
    costs: pd.DataFrame, metric: str = "ve_squared", *, n_chunks: int = 30, random_state: int = 0
) -> NDArray[np.float64]:
    """Scores of `n_chunks` random chunks of the frames, as published: shuffle, cut, score each.

    The same `random_state` cuts two equally long tables alike, so that their chunks pair.
    """
    known = in_time(costs[costs["total"].notna()])
    if len(known) < n_chunks:
        raise DfecsError(f"{len(known)} frames cannot be cut into {n_chunks} chunks; give more frames or fewer chunks")
    order = np.random.default_rng(random_state).permutation(len(known))
    return np.array([score(known.iloc[rows], metric)[0] for rows in np.array_split(order, n_chunks)])


def _common(costs: Mapping[str, pd.DataFrame], pairs: Pairs) -> dict[str, pd.DataFrame]:
    used = {name for pair in pairs for name in pair}
    missing = used - set(costs)
    if missing:
        raise DfecsError(f"no costs for {', '.join(sorted(missing))}; known: {', '.join(costs)}")
    tables = {name: costs[name] for name in costs if name in used}
    first = next(iter(tables.values()))
    if any(len(table) != len(first) or len(table.index.symmetric_difference(first.index)) for table in tables.values()):
        raise DfecsError("the tables to compare hold different frames; score the same test table with every model")
    tables = {name: same_rows(table, first.index) for name, table in tables.items()}
    seen = np.logical_and.reduce([table["total"].notna() for table in tables.values()])
    return {name: table[seen] for name, table in tables.items()}


def chunk_tests(
    costs: Mapping[str, pd.DataFrame],
    pairs: Pairs,
    *,
    metric: str = "ve_squared",
    alternative: Alternative = "greater",
    n_chunks: int = 30,
    random_state: int = 0,
) -> pd.DataFrame:
    """t-tests over 30 random chunks of one test set, independent (as the authors' code) and paired (as their text).

    Chunks of frames are not independent samples (every subject is in every chunk), so these p values are far too
    small; they are here to stand beside the published ones. See `subject_tests`.

    Parameters
    ----------
    costs : mapping of name -> DataFrame
        Costs of the same frames under each model.
    pairs : sequence of (a, b)
        "greater": a's mean is the greater.
    metric, alternative, n_chunks, random_state
        See `chunk_scores` and `compare_means`.

    Returns
    -------
    DataFrame
        One row a pair and kind: ``a, b, test, n`` and the columns of `compare_means`.
    """
    tables = _common(costs, pairs)
    scores = {name: chunk_scores(t, metric, n_chunks=n_chunks, random_state=random_state) for name, t in tables.items()}
    rows = []
    for kind, paired in (("independent", False), ("paired", True)):
        for a, b in pairs:
            result = compare_means(scores[a], scores[b], paired=paired, alternative=alternative)
            rows.append({"a": a, "b": b, "test": f"{n_chunks} chunks, {kind}", "n": n_chunks, **result.to_dict()})
    return pd.DataFrame(rows)


def subject_tests(
    costs: Mapping[str, pd.DataFrame],
    pairs: Pairs,
    *,
    metric: str = "ve_squared",
    alternative: Alternative = "two-sided",
) -> pd.DataFrame:
    """Paired t-test and Wilcoxon test over subjects: each subject counts once, however many frames it has.

    Returns
    -------
    DataFrame
        One row a pair, columns as `chunk_tests`; ``low`` and ``high`` bound the mean difference.
    """
    tables = _common(costs, pairs)
    scores = {name: score_by_subject(table, metric) for name, table in tables.items()}
    rows = []
    for a, b in pairs:
        both = pd.concat([scores[a], scores[b]], axis=1).dropna().to_numpy()
        result = compare_means(both[:, 0], both[:, 1], paired=True, alternative=alternative)
        rows.append({"a": a, "b": b, "test": "subjects, paired", "n": len(both), **result.to_dict()})
    return pd.DataFrame(rows)


def compare(
    costs: Mapping[str, pd.DataFrame],
    pairs: Pairs,
    *,
    metric: str = "ve_squared",
    n_chunks: int = 30,
    random_state: int = 0,
) -> pd.DataFrame:
    """The published tests and the sounder one in one table, p values corrected by Holm within each kind of test.

    All two-sided. Adds ``p_holm``.
    """
    return _corrected([_all_tests(costs, pairs, metric, n_chunks, random_state)])


def _all_tests(
    costs: Mapping[str, pd.DataFrame], pairs: Pairs, metric: str, n_chunks: int, random_state: int
) -> pd.DataFrame:
    chunks = chunk_tests(
        costs, pairs, metric=metric, alternative="two-sided", n_chunks=n_chunks, random_state=random_state
    )
    return pd.concat([chunks, subject_tests(costs, pairs, metric=metric)], ignore_index=True)


def _corrected(parts: list[pd.DataFrame]) -> pd.DataFrame:
    table = pd.concat(parts, ignore_index=True)
    return table.assign(p_holm=table.groupby("test")["p"].transform(lambda p: holm(p)))


def compare_trains(
    costs: Mapping[tuple[str, str, str], pd.DataFrame],
    method: str,
    *,
    metric: str = "ve_squared",
    n_chunks: int = 30,
    random_state: int = 0,
) -> pd.DataFrame:
    """For every test set: which of the other sets is the better one to train on? The published question.

    Parameters
    ----------
    costs : mapping of (method, train, test) -> DataFrame
        From `pair_costs`.
    method, metric, n_chunks, random_state
        See `compare`; Holm's correction goes over all rows of a kind of test.

    Returns
    -------
    DataFrame
        Columns of `compare` after ``method, on`` (the test set). Empty with fewer than three data sets.
    """
    parts = []
    for on in dict.fromkeys(test for _, _, test in costs):
        rivals = {train: t for (m, train, test), t in costs.items() if m == method and test == on != train}
        pairs = list(combinations(rivals, 2))
        if pairs:
            table = _all_tests(rivals, pairs, metric, n_chunks, random_state)
            table.insert(0, "method", method)
            table.insert(1, "on", on)
            parts.append(table)
    return _corrected(parts) if parts else pd.DataFrame()


def compare_methods(
    costs: Mapping[tuple[str, str, str], pd.DataFrame],
    a: str,
    b: str,
    *,
    metric: str = "ve_squared",
    n_chunks: int = 30,
    random_state: int = 0,
) -> pd.DataFrame:
    """For every (train, test): is method `a` better than `b`?

    Returns
    -------
    DataFrame
        Columns of `compare` after ``train, on`` (the test set); Holm's correction goes over all rows of a kind.
    """
    parts = []
    for _, train, on in [key for key in costs if key[0] == a and (b, *key[1:]) in costs]:
        table = _all_tests({m: costs[m, train, on] for m in (a, b)}, [(a, b)], metric, n_chunks, random_state)
        table.insert(0, "train", train)
        table.insert(1, "on", on)
        parts.append(table)
    if not parts:
        raise DfecsError(f"no pair of data sets has costs of both {a!r} and {b!r}")
    return _corrected(parts)
