"""Scores side by side, on simulated faces whose action units are known and on a real track."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfecs_lib import load
from dfecs_lib.baselines import PCAUnits
from dfecs_lib.evaluation import Faces, Variant
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.interpretability import (
    ablation_scores,
    load_atlas,
    random_units,
    score_methods,
    summary_table,
    truth_table,
    truth_trend,
    unit_table,
)
from dfecs_lib.plotting import draw_pulls, new_figure
from dfecs_lib.preprocessing import preparation
from dfecs_lib.simulate import simulate


@pytest.fixture(scope="module")
def faces():
    return simulate("sim-ckplus", "small", random_state=0)


@pytest.fixture(scope="module")
def motion(faces):
    return preparation(faces).motion


@pytest.fixture(scope="module")
def methods(motion):
    return {
        # The paper's units: refinement gives locality away for variance explained.
        "DFECS": FullFaceModel.paper(8).fit(motion),
        "PCA": PCAUnits(8).fit(motion),
    }


@pytest.fixture(scope="module")
def scored(methods, motion):
    return score_methods(methods, motion, n_random=30, n_null=20)


def test_units_without_minus_signs_comply_more_than_principal_components(scored):
    table = summary_table(scored)
    assert list(table.index) == ["DFECS", "PCA", "random", "random, signed"]
    assert table.signed.tolist() == [False, True, False, True]
    assert table.loc["DFECS", "share"] > table.loc["PCA", "share"]
    assert table.loc["DFECS", "mean_locality"] < table.loc["random", "mean_locality"]
    assert table.loc["random", "share"] >= table.loc["random, signed", "share"]
    assert len(unit_table(scored)) == 8 + 8 + 30 + 30


def test_learned_units_comply_more_than_their_own_amplitudes_would_by_chance(scored):
    nulls = scored["DFECS"].nulls.query("score == 'compliance'")
    for null in ("rotated", "shuffled"):
        rows = nulls[nulls.null == null]
        assert rows["value"].mean() > rows["null_mean"].mean() + 0.2


def test_random_units_are_of_the_datas_kind(motion):
    units = random_units(motion, 20, random_state=1)
    rows = units.motion.transpose(0, 2, 1).reshape(20, -1)
    _, _, vectors = np.linalg.svd(motion.to_numpy(), full_matrices=False)
    inside = np.square(rows @ vectors[:20].T).sum(1) / np.square(rows).sum(1)
    assert inside.min() > 0.999
    assert np.array_equal(random_units(motion, 20, random_state=1).motion, units.motion)


def test_scores_follow_the_recovery_of_true_action_units(scored, methods, motion, faces):
    truth = truth_table(scored, methods, motion, faces.truth.action_units.loc[motion.index])
    assert len(truth) == 16
    assert truth["correlation"].between(0, 1).all()
    assert (truth["correlation"] >= truth["second"]).all()
    trend = truth_trend(truth, n_bootstraps=50)
    assert trend.loc["statistic", "rank_correlation"] > 0
    assert (trend["low"] <= trend["high"]).all()


def test_without_preprocessing_units_comply_less(faces):
    table = ablation_scores(
        [Variant("all steps"), Variant("no preprocessing", frontalize=False, affine=False, parts=False)],
        Faces(faces.keypoints, faces.neutral),
        {"DFECS": lambda: FullFaceModel(8, encoder="direct", random_state=0)},
        n_null=5,
    ).set_index("variant")
    assert table.loc["all steps", "mean_statistic"] > table.loc["no preprocessing", "mean_statistic"]
    assert table.loc["all steps", "share"] > table.loc["no preprocessing", "share"]


def test_a_real_track_is_scored(samples):
    motion = preparation(load(str(samples / "openface_sample.csv"))).motion
    found = score_methods({"PCA": PCAUnits(4).fit(motion)}, motion, n_random=10, n_null=10)
    assert found["PCA"].table["compliance"].between(0, 1).all()
    assert not found["PCA"].table["muscles"].eq("").any()


def test_the_atlas_is_drawn_muscle_by_muscle():
    atlas = load_atlas()
    table = atlas.table()
    figure, (ax,) = new_figure(3, 4)
    draw_pulls(ax, atlas.neutral, table, label="all")
    arrows = [c for c in ax.collections if type(c).__name__ == "Quiver"]
    assert sum(a.N for a in arrows) == len(table)
    before = table.copy()
    draw_pulls(ax, atlas.neutral, table[table.muscle == "Frontalis, medial part"])
    pd.testing.assert_frame_equal(table, before)
    figure.canvas.draw() if hasattr(figure.canvas, "draw") else None
