"""Curves, trade-offs, histograms and recovery, on motion whose units are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfecs_lib import evaluation
from dfecs_lib import keypoints as kp
from dfecs_lib.baselines import FACSUnits, PCAUnits
from dfecs_lib.coding.paths import least_angle_path
from dfecs_lib.errors import DfecsError

from .conftest import N_TRUE, true_units


@pytest.fixture(scope="module")
def truth() -> FACSUnits:
    faces = {"0": np.zeros(136)} | {str(k + 1): unit for k, unit in enumerate(true_units())}
    return FACSUnits(faces).fit()


def test_more_units_explain_more(learn, other) -> None:
    table = evaluation.unit_curves({"PCA": PCAUnits}, learn, {"train": learn, "two": other}, [1, 2, 3])
    train = table.query("test == 'train' and metric == 've_squared'").sort_values("n_units")
    assert train["value"].is_monotonic_increasing
    assert (train["low"] <= train["value"]).all()
    assert (
        table.query("metric == 'active_units'")["value"] == table.query("metric == 'active_units'")["n_units"]
    ).all()


def test_encoding_curve_is_the_path_with_the_models_mean(learn, other) -> None:
    model = PCAUnits(3).fit(learn)
    table = evaluation.encoding_curves(
        {"PCA": model}, {"two": other}, path={"PCA": "lasso"}, interval=False, center=True
    )
    path = least_angle_path(other, model.components_, method="lasso", offset=model.mean_)
    mine = table.query("metric == 've_norm'").sort_values("n_units")["value"]
    np.testing.assert_allclose(mine, path.variance_explained("ve_norm"))
    plain = evaluation.encoding_curves({"PCA": model}, {"two": other}, path="lasso", interval=False)
    np.testing.assert_allclose(
        plain.query("metric == 've_norm'")["value"],
        least_angle_path(other, model.components_, method="lasso").variance_explained("ve_norm"),
    )
    last = table.query("metric == 've_squared' and n_units == 3")["value"].item()
    assert last == pytest.approx(evaluation.score(evaluation.model_costs(model, other))[0])


def test_encoding_curve_without_anchors_and_on_fewer_points(truth, other) -> None:
    curves = {
        name: evaluation.encoding_curves(
            {"FACS": truth}, {"two": table}, path="nonnegative", keypoints=points, interval=False, max_active=2
        )
        for name, table, points in (
            ("all", other, None),
            ("no anchors", other, evaluation.points_of("without anchors", other)),
            ("49", kp.convert(other, "bp4d49"), None),
        )
    }
    assert {len(t) for t in curves.values()} == {4}
    assert len({round(t["value"].iloc[-1], 6) for t in curves.values()}) == 3


def test_histogram_adds_up(truth, other) -> None:
    table = evaluation.active_histogram({"FACS": truth, "PCA": PCAUnits(2).fit(other)}, {"two": other})
    assert table.groupby("method")["share"].sum().to_numpy() == pytest.approx([100, 100])
    assert table.query("method == 'PCA' and active == 2")["share"].item() == 100
    assert table.query("method == 'FACS' and active < 4")["share"].sum() > 20


def test_trade_off_has_a_row_a_cell_and_metric(learn, other) -> None:
    grid = [{"n_units": 1}, {"n_units": 2}]
    table = evaluation.trade_off(PCAUnits, grid, learn, {"two": other})
    assert len(table) == 2 * 4
    assert table.query("metric == 'n_units'")["value"].tolist() == [1, 2]


def test_recovery_finds_the_true_units(truth, other) -> None:
    names = [f"AU{k + 1:02d}" for k in range(N_TRUE)]
    codes = truth.transform(other)
    labels = codes.rename(columns=dict(zip(codes.columns, names, strict=True))) * 2.0
    shuffled = truth.components_[::-1]
    table = evaluation.au_recovery(
        np.vstack([shuffled, -shuffled[:1]]),
        pd.DataFrame(truth.components_, index=names),
        pd.DataFrame(np.c_[codes.to_numpy()[:, ::-1], np.zeros(len(codes))], index=codes.index),
        labels,
    )
    assert table["best_unit"].tolist() == [3, 2, 1, 0] == table["own_unit"].tolist()
    np.testing.assert_allclose(table[["cosine", "own_cosine", "correlation", "own_correlation"]], 1.0)
    few = evaluation.au_recovery(
        truth.components_[:1], pd.DataFrame(truth.components_, index=names), codes.iloc[:, :1], labels
    )
    assert few["own_cosine"].notna().sum() == 1
    assert few["cosine"].notna().all()
    with pytest.raises(DfecsError, match="no AU is in both"):
        evaluation.au_recovery(truth.components_, pd.DataFrame(truth.components_), codes, labels)
    with pytest.raises(DfecsError, match="share no row"):
        evaluation.intensity_correlations(codes, labels.set_axis(range(len(labels))).iloc[:0])


def test_cosine_is_over_the_points_both_have() -> None:
    a, b = np.array([[1.0, np.nan, 1.0]]), np.array([[1.0, 5.0, 1.0], [0.0, 1.0, 0.0]])
    assert evaluation.cosines(b, a)[0, 0] == pytest.approx(1.0)
    assert np.isnan(evaluation.cosines(b, a)[0, 1])


def test_path_study_has_every_path_and_choice_of_points(truth, other) -> None:
    table = evaluation.path_study({"FACS": truth}, {"two": other}, max_active=2)
    assert len(table) == 2 * 2 * 2 * 2
    assert set(table["points"]) == set(evaluation.POINTS)
    wide = table.query("metric == 've_squared' and points == 'all'").pivot(
        index="n_units", columns="path", values="value"
    )
    assert wide.loc[2].notna().all()


def test_front_is_of_the_same_units_coded_otherwise(truth, other) -> None:
    few = evaluation.recoded(truth, encoder="sparse", max_active=1)
    assert truth.encoder == "direct"
    assert few.components_ is truth.components_
    front = evaluation.front_table({"direct": {4: truth}, "sparse": {1: few}}, {"two": other}).set_index("method")
    assert front.loc["sparse", "active"] <= 1 < front.loc["direct", "active"]
    assert front.loc["sparse", "ve_squared"] < front.loc["direct", "ve_squared"]


def test_groups_are_scored_apart(truth, other) -> None:
    subject = pd.Series(other.index.get_level_values("subject"), index=other.index)
    costs = {"FACS": evaluation.model_costs(truth, other)}
    table = evaluation.group_scores(costs, subject, metrics=("ve_squared",), interval=False).set_index("group")
    by_subject = evaluation.score_by_subject(costs["FACS"]).droplevel("dataset")
    np.testing.assert_allclose(table["value"], by_subject.loc[table.index])
    size = evaluation.motion_size(other, subject)
    first = other[subject == "S0"].to_numpy()
    assert size["S0"] == pytest.approx(np.sqrt(np.mean(first**2)))


def test_threshold_table_says_what_was_reached(learn) -> None:
    model = PCAUnits(variance=0.7).fit(learn)
    table = evaluation.threshold_table({"PCA": model}, learn, "one").set_index("metric")["value"]
    assert table["n_units"] == len(model.components_)
    assert table["train_ve_squared"] >= 70
    assert table["frames_trained_on"] == len(learn)
    assert evaluation.still_share([[1.0, 0.0, 0.0, 0.0]]) == 0.5
