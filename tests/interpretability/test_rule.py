"""The rule by which a unit is called interpretable, and the share of a model's units that pass."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from muscle_motions import action

from dfecs_lib.errors import DfecsError
from dfecs_lib.interpretability import (
    Rule,
    as_units,
    calibrate,
    facs_actions,
    facs_motion,
    interpretable_share,
    lowest_share,
    score_units,
    unit_measures,
    wilson,
)
from dfecs_lib.interpretability.calibration import draw_face
from dfecs_lib.interpretability.own_points import at_own_points
from dfecs_lib.keypoints import MEDIAPIPE478, from_points


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


def test_another_rule_may_be_stated():
    unit = from_points(action("zygomaticus_major")[None])
    assert score_units(unit, signed=False, rule=Rule(share=1.01), n_null=10).share.count == 0
    assert "by chance" in str(score_units(unit, signed=False, n_null=10).share)


def test_on_a_mesh_the_rule_passes_others_facs_units_and_sees_au_11() -> None:
    face = draw_face(np.random.default_rng(2020))
    motion = facs_motion(face, one_sided=False, scheme="mediapipe478")
    rows = np.stack([unit.T.ravel() for unit in motion.values()])
    found = at_own_points(rows, "mediapipe478").set_index(pd.Index(motion))
    assert found["interpretable own"].mean() > 0.9
    assert at_own_points(-rows, "mediapipe478")["interpretable own"].mean() < 0.1
    assert found.loc["AU11", "likeness own"] > 0.8 > found.loc["AU11", "likeness 68"]
    assert found.loc["AU11", "action own"] == "AU11"
    assert found["compliance own"].mean() > 0.85
    few = at_own_points(from_points(np.stack([facs_motion(face)["AU12"]])), "ibug68")
    assert few["likeness own"].equals(few["likeness 68"].rename("likeness own"))
    still = at_own_points(np.eye(956)[[MEDIAPIPE478.parts["forehead"][0]]], "mediapipe478")
    assert np.isnan(still["likeness own"].item())
    with pytest.raises(DfecsError, match="all 68"):
        at_own_points(np.ones((1, 98)), "bp4d49")


def test_where_no_point_shows_an_action_there_is_no_likeness() -> None:
    motion = np.stack([facs_motion()["AU26"], np.zeros((68, 2))])
    likeness, names = facs_actions().fit(motion)
    assert names == ["AU26", "none"]
    assert likeness[0] == pytest.approx(1)
    assert np.isnan(likeness[1])
    for present in (np.zeros(68, dtype=bool), np.arange(68) == 27):  # the root of the nose alone
        likeness, names = facs_actions().fit(motion, present)
        assert np.isnan(likeness).all()
        assert names == ["none", "none"]
        assert np.isnan(facs_actions().likeness(motion, present)).all()
