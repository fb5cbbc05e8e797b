"""All scores of all units of a model, with chance levels, stability and the true action units beside."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from muscle_motions import action
from sklearn.decomposition import NMF, PCA, FastICA

from dfecs_lib.errors import DfecsError
from dfecs_lib.interpretability import (
    as_units,
    locality,
    matched_cosine,
    recovery,
    score_units,
    stability,
    summary_table,
    unit_table,
)
from dfecs_lib.interpretability.nulls import mixed, rotated, shuffled, z_and_p
from dfecs_lib.interpretability.scores import ANGLES
from dfecs_lib.keypoints import BP4D49, from_points
from dfecs_lib.keypoints.schemes import IBUG68


@pytest.fixture(scope="module")
def faces() -> pd.DataFrame:
    """Motions of eight subjects made of four actions with non-negative activations, and a little noise."""
    rng = np.random.default_rng(3)
    units = np.stack(
        [
            action("zygomaticus_major", "orbicularis_oculi_orbital"),
            action("frontalis_medial", "frontalis_lateral"),
            action("jaw_depressors"),
            action("corrugator_supercilii", "depressor_supercilii"),
        ]
    )
    frames = []
    for subject in range(8):
        codes = rng.gamma(0.5, 8.0, (60, 4)) * (rng.random((60, 4)) < 0.6)
        rows = np.tensordot(codes, units, 1) + rng.normal(0, 0.05, (60, 68, 2))
        index = pd.MultiIndex.from_product(
            [["made"], [f"S{subject}"], ["r"], range(60)], names=["dataset", "subject", "recording", "frame"]
        )
        frames.append(pd.DataFrame(from_points(rows), index=index, columns=list(IBUG68.columns)))
    table = pd.concat(frames)
    table.attrs = {"scheme": "ibug68", "history": []}
    return table


def test_nulls_keep_what_they_say():
    rng = np.random.default_rng(5)
    units = np.stack([action("zygomaticus_major"), action("jaw_depressors")])
    turned = rotated(units, 0, 40, rng)
    assert np.allclose(np.square(turned).sum(2), np.square(units[0]).sum(1))
    assert np.allclose(locality(turned), locality(units[0]))
    dealt = shuffled(units, 0, 40, rng)
    assert np.allclose(np.sort(np.square(dealt).sum(2), axis=1), np.sort(np.square(units[0]).sum(1)))
    assert not dealt[:, :3].any()  # points that move in no unit stay still
    drawn = mixed(units, 0, 40, rng).reshape(40, -1)
    basis = units.reshape(2, -1)
    residual = drawn - drawn @ np.linalg.pinv(basis) @ basis
    assert np.abs(residual).max() < 1e-9


def test_z_and_p():
    z, p = z_and_p(2.0, np.array([-1.0, 1.0] * 50))
    assert z == pytest.approx(2)
    assert p == pytest.approx(1 / 101)
    assert z_and_p(-2.0, np.array([-1.0, 1.0] * 50), larger=False)[1] == pytest.approx(1 / 101)
    assert np.isnan(z_and_p(float("nan"), np.zeros(3))).all()
    assert np.isnan(z_and_p(1.0, np.ones(3))[0])


def test_scores_separate_muscles_from_mixtures_and_noise(faces):
    rows = faces.to_numpy()
    nmf = NMF(4, max_iter=2000, random_state=0, init="nndsvda").fit(
        np.hstack([np.maximum(rows, 0), np.maximum(-rows, 0)])
    )
    parts = nmf.components_[:, :136] - nmf.components_[:, 136:]
    models = {
        "non-negative": score_units(parts, signed=False, n_null=100),
        "PCA": score_units(PCA(4).fit(rows), n_null=100),
        "ICA": score_units(FastICA(4, random_state=0, whiten="unit-variance").fit(rows), n_null=100),
        "noise": score_units(np.random.default_rng(0).normal(size=(16, 136)), signed=False, n_null=100),
    }
    assert not models["non-negative"].units.signed
    assert models["PCA"].units.signed
    assert models["ICA"].units.signed
    table = summary_table(models)
    assert table.loc["non-negative", "share"] >= 0.75
    assert table.loc["PCA", "share"] < 1
    assert table.loc["noise", "share"] == 0
    assert table.loc["non-negative", "mean_statistic"] > table.loc["PCA", "mean_statistic"]
    assert table.loc["PCA", "share_best_sign"] >= table.loc["PCA", "share"]
    both = unit_table(models)
    assert list(both.columns[:2]) == ["model", "unit"]
    assert len(both) == 4 + 4 + 4 + 16
    nulls = models["non-negative"].nulls
    assert set(nulls.null) == {"rotated", "shuffled", "mixed"}
    assert nulls.query("score == 'compliance' and null == 'shuffled'").p.max() < 0.05
    assert nulls.p.dropna().between(0, 1).all()


def test_the_same_seed_gives_the_same_scores(faces):
    model = PCA(3).fit(faces.to_numpy())
    first, second = (score_units(model, n_null=30, random_state=4) for _ in range(2))
    pd.testing.assert_frame_equal(first.nulls, second.nulls)
    assert first.share == second.share


def test_facs_and_codes_and_stability_fill_their_columns(faces):
    model = PCA(3).fit(faces.to_numpy())
    names = ["AU26", "AU12+6"]
    facs = from_points(np.stack([action("jaw_depressors"), action("zygomaticus_major", "orbicularis_oculi_orbital")]))
    found = score_units(
        model,
        codes=model.transform(faces.to_numpy()),
        facs=facs,
        facs_names=names,
        stability=[0.9, 0.8, 0.7],
        n_null=20,
    )
    assert set(found.table.facs) <= set(names)
    assert found.table.facs_cosine.max() > 0.8
    assert found.table.unidirectionality.between(0.5, 1).all()
    assert list(found.table.stability) == [0.9, 0.8, 0.7]
    assert "facs_cosine" in set(found.nulls.score)
    assert len(found.curve) == 3 * len(ANGLES)


def test_stable_units_are_found_again_and_noise_is_not(faces):
    real = stability(PCA(3).fit(faces), faces, n_bootstraps=5)
    noise = faces.copy()
    noise[:] = np.random.default_rng(0).normal(size=faces.shape)
    assert real.min() > 0.9
    assert stability(PCA(3).fit(noise), noise, n_bootstraps=5).mean() < 0.6
    with pytest.raises(DfecsError, match="at least two subjects"):
        stability(PCA(2).fit(faces), faces[faces.index.get_level_values("subject") == "S0"])


def test_matching_ignores_order_and_the_sign_of_signed_units():
    rows = np.random.default_rng(0).normal(size=(4, 136))
    a = as_units(rows, signed=True)
    b = as_units(-rows[::-1], signed=True)
    assert np.allclose(matched_cosine(a, b), 1)
    assert matched_cosine(as_units(rows, signed=False), as_units(-rows, signed=False)).mean() < 0.5
    assert (matched_cosine(a, as_units(rows[:2], signed=True)) > 0.99).sum() == 2


def test_recovery_names_the_true_action_unit():
    rng = np.random.default_rng(0)
    truth = pd.DataFrame(rng.gamma(1, 1, (200, 3)), columns=["AU01", "AU12", "AU26"])
    codes = np.column_stack([truth.AU26, -truth.AU01 + 0.1 * rng.normal(size=200)])
    truth.loc[:20, "AU26"] = np.nan  # frames nobody coded
    found = recovery(pd.DataFrame(codes, columns=["U01", "U02"]), truth)
    assert list(found.index) == ["U01", "U02"]
    assert list(found.au) == ["AU26", "AU01"]
    assert found.correlation.min() > 0.95
    assert (found.second < 0.3).all()


def test_units_of_smaller_schemes_keep_their_points():
    rows = np.random.default_rng(0).normal(size=(2, 98))
    units = as_units(rows, signed=False)
    assert not units.present[:17].any()
    assert np.allclose(units.motion[:, 17], rows[:, [0, 49]])
    assert np.allclose(
        units.motion[:, list(BP4D49.ibug)].reshape(2, -1), rows.reshape(2, 2, -1).swapaxes(1, 2).reshape(2, -1)
    )


@pytest.mark.parametrize(
    ("units", "options", "says"),
    [
        (np.full((1, 136), np.nan), {"signed": False}, "finite"),
        (np.ones((1, 136)), {}, "signed=True"),
        (np.ones((1, 7)), {"signed": False}, "fit no keypoint scheme"),
        (object(), {"signed": False}, "no components_"),
        (np.ones((2, 136)), {"signed": False, "names": ["a"]}, "1 names for 2 units"),
    ],
)
def test_wrong_units_are_refused_in_one_sentence(units, options, says):
    with pytest.raises(DfecsError, match=says):
        score_units(units, **options)
