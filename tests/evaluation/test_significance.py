"""The published test and the sounder ones, against SciPy called by hand; effect sizes against their definitions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dfecs_lib import evaluation
from dfecs_lib.baselines import PCAUnits
from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation import statistics

from .conftest import motion


@pytest.fixture(scope="module")
def costs(learn: pd.DataFrame, other: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {name: evaluation.model_costs(PCAUnits(n).fit(learn), other) for name, n in (("three", 3), ("two", 2))}


def test_chunks_are_the_published_design(costs) -> None:
    table = evaluation.chunk_tests(costs, [("three", "two")])
    scores = {name: evaluation.chunk_scores(t) for name, t in costs.items()}
    assert len(scores["two"]) == 30
    independent, paired = (table[table["test"] == f"30 chunks, {k}"].iloc[0] for k in ("independent", "paired"))
    theirs = stats.ttest_ind(scores["three"], scores["two"], alternative="greater")
    assert (independent["t"], independent["p"]) == pytest.approx((theirs.statistic, theirs.pvalue))
    theirs = stats.ttest_rel(scores["three"], scores["two"], alternative="greater")
    assert (paired["t"], paired["p"]) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert independent["effect"] == pytest.approx(statistics.cohen_d(scores["three"], scores["two"]))
    assert paired["effect"] == pytest.approx(statistics.paired_dz(scores["three"], scores["two"]))
    assert np.mean(scores["two"]) == pytest.approx(evaluation.score(costs["two"])[0], abs=4.0)


def test_subjects_count_once(costs) -> None:
    row = evaluation.subject_tests(costs, [("three", "two")]).iloc[0]
    a, b = (evaluation.score_by_subject(costs[n]) for n in ("three", "two"))
    assert row["n"] == 5
    assert row["t"] == pytest.approx(stats.ttest_rel(a, b).statistic)
    assert row["low"] < row["difference"] < row["high"]
    assert row["wilcoxon_p"] == pytest.approx(stats.wilcoxon(a, b).pvalue)


def test_holm_within_each_kind_of_test(costs, learn, other) -> None:
    three = {**costs, "one": evaluation.model_costs(PCAUnits(1).fit(learn), other)}
    pairs = [("three", "two"), ("three", "one"), ("two", "one")]
    table = evaluation.compare(three, pairs)
    assert len(table) == 9
    for _, rows in table.groupby("test"):
        p = np.sort(rows["p"])
        np.testing.assert_allclose(np.sort(rows["p_holm"]), np.minimum(np.maximum.accumulate(p * [3, 2, 1]), 1))
    assert (table["p_holm"] >= table["p"]).all()


def test_equal_models_have_no_p_value(costs) -> None:
    table = evaluation.compare({"a": costs["two"], "b": costs["two"]}, [("a", "b")])
    subjects = table[table["test"] == "subjects, paired"].iloc[0]
    assert subjects["difference"] == 0
    assert np.isnan(subjects["effect"])


def test_only_the_same_frames_are_compared(costs) -> None:
    with pytest.raises(DfecsError, match="different frames"):
        evaluation.subject_tests({"a": costs["two"], "b": costs["two"].iloc[1:]}, [("a", "b")])
    with pytest.raises(DfecsError, match="no costs for c"):
        evaluation.subject_tests({"a": costs["two"]}, [("a", "c")])
    with pytest.raises(DfecsError, match="cut into"):
        evaluation.chunk_scores(costs["two"].iloc[:5])


def test_effect_sizes_by_their_definitions() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 2, 20_000), rng.normal(0, 2, 20_000)
    assert statistics.cohen_d(a, b) == pytest.approx(0.5, abs=0.05)
    assert statistics.paired_dz(a, b) == pytest.approx(1 / np.sqrt(8), abs=0.05)
    assert np.isnan(statistics.cohen_d([1.0, 1.0], [1.0, 1.0]))
    assert np.isnan(statistics.paired_dz([1.0], [0.0]))
    with pytest.raises(DfecsError, match="as many values"):
        statistics.compare_means([1.0, 2.0], [1.0], paired=True)
    np.testing.assert_allclose(statistics.holm([0.01, np.nan, 0.02]), [0.02, np.nan, 0.02])


def test_ratio_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(100):
        bottom = rng.gamma(5, 1, 40)
        low, high = statistics.ratio_interval(
            bottom * rng.normal(0.3, 0.1, 40), bottom, n_resamples=300, random_state=trial
        )
        hits += low < 0.3 < high
    assert 85 <= hits <= 99
    assert np.isnan(statistics.ratio_interval([1.0], [2.0])[0])


def test_every_pair_of_data_sets_is_compared(learn, other) -> None:
    sets = {"one": learn, "two": other, "three": motion("three", seed=3, n_subjects=4)}
    made = {"PCA": lambda: PCAUnits(2), "less": lambda: PCAUnits(1)}
    costs = evaluation.pair_costs(made, sets, n_splits=2, n_frames=60)
    rivals = evaluation.compare_trains(costs, "PCA", n_chunks=5)
    assert set(zip(rivals["on"], rivals["a"], rivals["b"], strict=True)) == {
        ("one", "two", "three"),
        ("two", "one", "three"),
        ("three", "one", "two"),
    }
    one = evaluation.compare({t: costs["PCA", t, "one"] for t in ("two", "three")}, [("two", "three")], n_chunks=5)
    np.testing.assert_allclose(rivals[rivals["on"] == "one"]["t"], one["t"])
    methods = evaluation.compare_methods(costs, "PCA", "less", n_chunks=5)
    assert len(methods) == 9 * 3
    assert (methods["difference"] > 0).all()
    assert evaluation.compare_trains({k: v for k, v in costs.items() if "three" not in k}, "PCA").empty
    with pytest.raises(DfecsError, match="both 'PCA' and 'ICA'"):
        evaluation.compare_methods(costs, "PCA", "ICA")
