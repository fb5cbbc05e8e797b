"""Scores from per-frame costs: they are the metrics; missing points and other schemes never flatter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfecs_lib import evaluation, metrics
from dfecs_lib import keypoints as kp
from dfecs_lib.baselines import PCAUnits
from dfecs_lib.errors import DfecsError
from dfecs_lib.preprocessing import moving_points

from .conftest import motion


@pytest.fixture(scope="module")
def model(learn: pd.DataFrame) -> PCAUnits:
    return PCAUnits(3).fit(learn)


@pytest.mark.parametrize("keypoints", [None, moving_points("ibug68")])
def test_scores_are_the_metrics(model, other, keypoints) -> None:
    guess = model.inverse_transform(model.transform(other))
    costs = evaluation.frame_costs(other, guess, keypoints)
    assert evaluation.score(costs)[0] == pytest.approx(metrics.variance_explained(other, guess, keypoints))
    assert evaluation.score(costs, "ve_norm")[0] == pytest.approx(
        metrics.norm_variance_explained(other, guess, keypoints)
    )
    assert evaluation.score(costs, "ve_frame")[0] == pytest.approx(
        metrics.frame_variance_explained(other, guess, keypoints)
    )
    counted = evaluation.model_costs(model, other)
    assert evaluation.score(counted, "active_units")[0] == metrics.active_units(model.transform(other)) == 3


def test_a_missing_point_counts_in_no_sum(model, other) -> None:
    holed = other.copy()
    holed.attrs = other.attrs
    holed.iloc[0] = np.nan
    holed.iloc[1, [3, 71]] = np.nan
    costs = evaluation.model_costs(model, holed)
    assert costs.iloc[0].isna().all()
    seen = np.delete(np.arange(136), [3, 71])
    assert costs["total"].iloc[1] == pytest.approx(np.square(other.to_numpy()[1, seen]).sum())
    assert np.isfinite(evaluation.score(costs)[0])
    assert evaluation.score_table({("PCA", "one", "two"): costs}, interval=False)["n_frames"].unique() == len(other) - 1


def test_schemes_meet_on_the_points_both_have(learn, other) -> None:
    """Trained on 49 points, tested on 68: the jaw is in neither sum, and the table need not be converted by hand."""
    few = PCAUnits(3).fit(kp.convert(learn, "bp4d49"))
    costs = evaluation.model_costs(few, other)
    converted = kp.convert(other, "bp4d49")
    np.testing.assert_allclose(costs["total"], np.square(converted.to_numpy()).sum(axis=1))
    many = evaluation.model_costs(PCAUnits(3).fit(learn), converted)
    np.testing.assert_allclose(many["total"], costs["total"])
    assert len(kp.shared_points("disfa66", "ibug68")) == 66


def test_interval_draws_subjects_not_frames(model, other) -> None:
    costs = evaluation.model_costs(model, other)
    value, low, high = evaluation.score(costs, interval=True)
    assert low < value < high
    by_subject = evaluation.score_by_subject(costs)
    assert len(by_subject) == 5
    assert by_subject.min() <= low
    assert high <= by_subject.max()
    longer = pd.concat([costs] * 20)  # more frames of the same people are no more people
    assert evaluation.score(longer, interval=True)[1:] == pytest.approx((low, high), abs=1e-9)
    assert evaluation.score(costs, interval=True) == evaluation.score(costs, interval=True)
    one = costs[costs.index.get_level_values("subject") == "S0"]
    assert np.isnan(evaluation.score(one, interval=True)[1])


def test_pairs_hold_out_subjects_when_train_is_test(learn, other) -> None:
    made = []

    def fresh() -> PCAUnits:
        made.append(PCAUnits(3))
        return made[-1]

    costs = evaluation.pair_costs({"PCA": fresh}, {"one": learn, "two": other}, n_splits=3)
    assert set(costs) == {("PCA", a, b) for a in ("one", "two") for b in ("one", "two")}
    table = evaluation.score_table(costs)
    assert len(table) == 4 * len(metrics.METRICS)
    inside = costs["PCA", "one", "one"]
    assert inside.groupby(level="subject")["fold"].nunique().eq(1).all()
    assert inside["fold"].nunique() == 3
    assert inside.index.equals(learn.index)
    own = PCAUnits(3).fit(learn)
    assert evaluation.score(inside)[0] < evaluation.score(evaluation.model_costs(own, learn))[0]


def test_leave_one_subject_out_by_default(learn) -> None:
    costs = evaluation.cross_costs(lambda: PCAUnits(3), learn)
    assert costs["fold"].nunique() == 6
    with pytest.raises(DfecsError, match="two subjects or more"):
        evaluation.cross_costs(lambda: PCAUnits(3), motion("x", n_subjects=1))


def test_split_and_sample(learn) -> None:
    first, second = evaluation.split_subjects(learn, 0.5)
    mine, theirs = (set(t.index.get_level_values("subject")) for t in (first, second))
    assert len(mine) == len(theirs) == 3
    assert not mine & theirs
    assert first.attrs == learn.attrs
    few = evaluation.sample_frames(learn, 50)
    assert len(few) == 50
    assert few.index.is_monotonic_increasing
    assert few.index.isin(learn.index).all()
    assert evaluation.sample_frames(learn, 10**6) is learn
    with pytest.raises(DfecsError, match="cannot be split"):
        evaluation.split_subjects(learn, 0.01)


def test_bad_names_are_named(model, other) -> None:
    costs = evaluation.model_costs(model, other)
    with pytest.raises(DfecsError, match="unknown metric 'r2'"):
        evaluation.score(costs, "r2")
    with pytest.raises(DfecsError, match="unknown choice of points"):
        evaluation.points_of("some", other)
    with pytest.raises(DfecsError, match="rows are missing"):
        evaluation.frame_costs(other, other.iloc[:3])
    assert evaluation.points_of("all", other) is None
    assert len(evaluation.points_of("without anchors", other)) == 60
