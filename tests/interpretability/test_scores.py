"""Scores of units: what must be 1, what must be 0, what must not change, and what chance gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import NMF, PCA, FastICA

from dfecs_lib.errors import DfecsError
from dfecs_lib.interpretability import (
    Rule,
    as_units,
    calibrate,
    coherence,
    compliance,
    cosine_match,
    facs_actions,
    facs_motion,
    interpretable_share,
    load_atlas,
    locality,
    lowest_share,
    matched_cosine,
    muscle_fit,
    name_muscles,
    recovery,
    score_units,
    stability,
    summary_table,
    symmetry,
    unidirectionality,
    unit_measures,
    unit_table,
    wilson,
)
from dfecs_lib.interpretability.nulls import mixed, rotated, shuffled, z_and_p
from dfecs_lib.interpretability.scores import ANGLES, part_energy
from dfecs_lib.keypoints import BP4D49, from_points
from dfecs_lib.keypoints.schemes import IBUG68


def action(*names: str) -> np.ndarray:
    """Motion (68, 2) of the named muscles, both sides, straight from the atlas."""
    atlas = load_atlas()
    return sum(atlas.fields[i] for i, (muscle, _) in enumerate(atlas.actions) if muscle in names)


MUSCLES = sorted(load_atlas().muscles)


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


@pytest.mark.parametrize("muscle", MUSCLES)
def test_every_muscle_complies_with_itself(muscle):
    atlas = load_atlas()
    one_side = atlas.fields[next(i for i, (name, _) in enumerate(atlas.actions) if name == muscle)]
    assert compliance(one_side, 1)[0] == pytest.approx(1)


@pytest.mark.parametrize(
    ("muscle", "has_antagonist"),
    [
        ("zygomaticus_major", False),
        ("masseter", False),
        ("frontalis_medial", True),
        ("lids_follow_gaze_down", True),
    ],
)
def test_muscles_pull_and_do_not_push(muscle, has_antagonist):
    opposite = compliance(-action(muscle), 30)[0]
    assert opposite == pytest.approx(1) if has_antagonist else opposite < 0.5


def test_a_smile_reversed_is_not_a_jaw_that_opens():
    smile = action("zygomaticus_major")
    assert compliance(-smile)[0] < 0.3
    assert compliance(-smile, acting=False)[0] > compliance(-smile)[0]


def test_what_no_muscle_moves_does_not_comply():
    m = np.zeros((3, 68, 2))
    m[0, 27:29] = 5, 0  # the nose bridge sideways
    m[1, [3, 4, 12, 13]] = 0, -5  # the jaw line rises
    m[2, [37, 38, 43, 44]] = 5, 0  # upper lids slide sideways
    assert np.array_equal(compliance(m), [0, 0, 0])


def test_the_curve_rises_to_one_where_every_point_has_a_muscle():
    rng = np.random.default_rng(0)
    m = np.zeros((20, 68, 2))
    m[:, 17:27] = rng.normal(size=(20, 10, 2))
    curve = compliance(m, [*ANGLES, 180])
    assert curve.shape == (20, len(ANGLES) + 1)
    pointwise = compliance(m, [*ANGLES, 180], acting=False)
    assert (np.diff(pointwise, axis=1) >= 0).all()
    assert np.allclose(curve[:, -1], 1)


def test_scores_do_not_depend_on_size_and_mirror():
    rng = np.random.default_rng(1)
    m = rng.normal(size=(30, 68, 2))
    mirrored = m[:, IBUG68.mirror] * [-1, 1]
    for score in (compliance, coherence, locality, symmetry, lambda x: muscle_fit(x)[0]):
        assert np.allclose(score(m), score(m * 7.5))
        assert np.allclose(score(m), score(mirrored))


def test_a_still_unit_has_no_score():
    still = np.zeros((1, 68, 2))
    for score in (compliance, coherence, locality, symmetry, lambda x: muscle_fit(x)[0]):
        assert np.isnan(score(still)).all()


def test_coherence_locality_symmetry_at_their_ends():
    shift = np.zeros((1, 68, 2))
    shift[:, 48:68] = 0, 1
    assert coherence(shift)[0] == pytest.approx(1)
    assert locality(shift)[0] == pytest.approx(1)
    assert part_energy(shift)[0, 6] == pytest.approx(1)
    assert symmetry(shift)[0] == pytest.approx(1)
    sideways = shift[..., ::-1]
    assert symmetry(sideways)[0] == pytest.approx(-1)
    one_brow = np.zeros((1, 68, 2))
    one_brow[:, 17:22] = 0, -1
    assert symmetry(one_brow)[0] == pytest.approx(0)
    brows = one_brow + one_brow[:, IBUG68.mirror]
    assert locality(brows)[0] == pytest.approx(2)
    zigzag = shift * np.where(np.arange(68) % 2, 1, -1)[:, None]
    assert coherence(zigzag)[0] < 0


def test_unidirectionality_of_codes():
    codes = np.array([[1.0, 1.0, 0.0, -2.0], [2.0, -1.0, 0.0, -1.0]])
    found = unidirectionality(codes)
    assert np.allclose(found[[0, 1, 3]], [1, 0.5, 1])
    assert np.isnan(found[2])


def test_muscle_fit_recovers_mixtures_of_muscles():
    atlas = load_atlas()
    rng = np.random.default_rng(2)
    weights = rng.gamma(1, 1, (40, len(atlas.actions))) * (rng.random((40, len(atlas.actions))) < 0.1)
    motion = np.tensordot(weights, atlas.fields, 1)
    motion = motion[np.square(motion).sum((1, 2)) > 0]
    share, activation = muscle_fit(motion)
    assert np.allclose(share, 1)
    assert (activation >= 0).all()
    # The optimum of a convex problem: no direction of descent is left on the full design (Karush-Kuhn-Tucker).
    noisy = motion + rng.normal(0, 0.3, motion.shape)
    share, activation = muscle_fit(noisy)
    fields = atlas.fields.reshape(len(atlas.actions), -1)
    fields = fields / np.linalg.norm(fields, axis=1, keepdims=True)
    target = noisy.reshape(len(noisy), -1)
    target = target / np.linalg.norm(target, axis=1, keepdims=True)
    gradient = (activation @ fields - target) @ fields.T
    assert gradient.min() > -1e-9
    assert np.abs(gradient[activation > 0]).max() < 1e-9
    assert np.allclose(share, 1 - np.square(activation @ fields - target).sum(1))


def test_units_are_named_by_few_muscles_and_their_sides():
    both = name_muscles(action("zygomaticus_major"))
    assert both == ["Zygomaticus major (both sides)"]
    atlas = load_atlas()
    left = atlas.fields[atlas.actions.index(("corrugator_supercilii", "left"))]
    assert name_muscles(left) == ["Corrugator supercilii (left)"]
    mixed_ = name_muscles(action("jaw_depressors") + action("frontalis_lateral"))
    assert {n.split(" (")[0] for n in mixed_} == {"Jaw opening", "Frontalis, lateral part"}
    assert name_muscles(np.zeros((68, 2))) == []


def test_cosine_match_names_the_nearest_and_minds_the_sign():
    dictionary = np.stack([action("jaw_depressors"), action("zygomaticus_major")])
    best, which = cosine_match(np.stack([3 * dictionary[1], -dictionary[0]]), dictionary)
    assert which[0] == 1
    assert best[0] == pytest.approx(1)
    assert best[1] < 1
    assert cosine_match(-dictionary[:1], dictionary, signed=True)[0][0] == pytest.approx(1)


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


def test_the_rule_passes_facs_units_of_others_and_fails_what_no_face_does():
    # People whom its share was not chosen on.
    rates = calibrate(people=range(2000, 2012))["passes"]
    assert rates["FACS units"] >= 95
    assert rates["FACS combinations"] >= 95
    assert rates["FACS units, one side"] >= 90
    assert rates["opposites"] <= 5
    assert rates["turned"] <= 10
    assert rates["mixtures"] <= 12
    assert rates["signed mixtures"] <= 5
    assert rates["smooth"] == rates["noise"] == 0
    # The atlas of anatomy texts shares no source with the movements; its strengths are coarse.
    assert rates["by the atlas"] > 50
    assert rates["by the atlas, opposites"] <= 10


def test_of_the_exemplars_opposites_only_the_lids_pass():
    """Lids raised and lids closed are each other's opposite, and both are action units."""
    motion = facs_motion(one_sided=False)
    rule = Rule()
    units = np.stack(list(motion.values()))
    assert rule.passes(rule.statistic(units, signed=False)).all()
    passing = rule.passes(rule.statistic(-units, signed=False))
    assert [name for name, passed in zip(motion, passing, strict=True) if passed] == ["AU05", "AU43"]


def test_brows_that_sink_as_wholes_are_au4():
    brows = np.zeros((68, 2))
    brows[17:27, 1] = [8, 9, 10, 11, 12, 12, 11, 10, 9, 8]
    brows[17:27, 0] = [2] * 5 + [-2] * 5
    assert facs_actions().fit(brows)[1] == ["AU04"]
    assert interpretable_share(from_points(brows[None]), signed=False).count == 1


def test_the_rules_share_is_the_lowest_that_keeps_the_others_out():
    assert lowest_share(range(20)) == Rule().share
    assert calibrate(Rule(share=0.5), range(4)).loc["turned", "passes"] > 20


def test_a_unit_near_an_action_unit_passes_whoever_shows_it():
    """A unit with a cosine of 0.93 to an action unit is that action unit."""
    rng = np.random.default_rng(0)
    for name in ("AU04", "AU06", "AU12", "AU26"):
        unit = facs_motion()[name].ravel()
        off = rng.normal(size=136)
        off -= (off @ unit) / (unit @ unit) * unit
        near = 0.93 * unit / np.linalg.norm(unit) + np.sqrt(1 - 0.93**2) * off / np.linalg.norm(off)
        assert Rule().passes(Rule().statistic(near.reshape(1, 68, 2), signed=False)).all()


def test_a_signed_unit_stands_for_both_directions():
    lids, smile = facs_motion()["AU43"], facs_motion()["AU12"]
    units = from_points(np.stack([smile, lids]))
    unsigned = score_units(units, signed=False, n_null=20)
    signed = score_units(units, signed=True, n_null=20)
    assert list(unsigned.table.interpretable) == [True, True]
    assert list(signed.table.interpretable) == [False, True]  # lids go up, too; a smile has no opposite
    assert list(signed.table.interpretable_best_sign) == [True, True]
    flipped = score_units(-units, signed=True, n_null=20)
    assert np.allclose(flipped.table.statistic, signed.table.statistic)  # the sign of a signed unit is arbitrary


def test_one_share_whoever_asks():
    rows = from_points(np.stack([facs_motion()[n] for n in ("AU01", "AU12R", "AU27")] + [-facs_motion()["AU12"]]))
    units = as_units(rows, signed=False)
    share = interpretable_share(units)
    assert (share.count, share.n) == (3, 4)
    assert share.low < share.share == 0.75 < share.high
    assert score_units(units, n_null=5).share.share == share.share
    assert unit_measures(units)["interpretable"] == 100 * share.share


def test_points_that_a_scheme_lacks_have_no_say():
    unit = facs_motion()["AU26"]
    present = np.ones(68, dtype=bool)
    present[:17] = False
    cut = np.where(present[:, None], unit, 0.0)[None]
    whole, masked = (Rule().statistic(cut, signed=False, present=p)[0] for p in (None, present))
    assert masked > 0.99 > whole


def test_wilson_against_the_formula():
    k, n, z = 14, 16, 1.959963984540054
    centre = (k + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(k * (n - k) / n + z**2 / 4)
    assert np.allclose(wilson(k, n), [centre - half, centre + half])
    assert np.isnan(wilson(0, 0)).all()


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


def test_another_rule_may_be_stated():
    unit = from_points(action("zygomaticus_major")[None])
    assert score_units(unit, signed=False, rule=Rule(share=1.01), n_null=10).share.count == 0
    assert "by chance" in str(score_units(unit, signed=False, n_null=10).share)
