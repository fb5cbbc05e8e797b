"""Study sets: several data sets, or one cut by subjects; exemplars; emotions."""

from __future__ import annotations

import numpy as np
import pytest

from dfecs_lib import evaluation
from dfecs_lib import keypoints as kp
from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation import emotions_of, exemplar_units, study_sets
from dfecs_lib.simulate import write_exemplars


def test_several_sets_keep_their_order_and_meet_on_common_points() -> None:
    sets = study_sets("sim-ckplus, sim-bp4d")
    assert list(sets) == ["sim-ckplus", "sim-bp4d"]
    assert all("simulated" in s.about for s in sets.values())
    assert evaluation.common_points(sets) == kp.BP4D49.ibug
    truth = sets["sim-ckplus"].intensities
    assert truth.index.equals(sets["sim-ckplus"].motion.index)
    assert truth.notna().all(axis=None)  # the truth, not what coders would have written down
    faces = sets["sim-bp4d"].faces
    assert faces.frontal.index.equals(faces.keypoints.index)


def test_one_set_is_cut_by_subjects() -> None:
    halves = study_sets(["sim-ckplus"])
    a, b = (set(s.motion.index.get_level_values("subject")) for s in halves.values())
    assert a
    assert b
    assert not a & b
    first = halves["sim-ckplus (A)"]
    assert set(first.faces.keypoints.index.get_level_values("subject")) == a
    assert set(first.faces.neutral.index.get_level_values("subject")) == a
    assert "subjects A" in first.about
    with pytest.raises(DfecsError, match="different data sets"):
        study_sets(["sim-ckplus", "sim-ckplus"])
    with pytest.raises(DfecsError, match="not none"):
        study_sets("")


def test_exemplars_of_a_folder_are_the_simulated_ones_when_those_are_in_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DFECS_FACS_EXEMPLARS", str(write_exemplars(tmp_path / "exemplars")))
    mine, about = exemplar_units("facs-exemplars")
    simulated, other = exemplar_units()
    assert "simulated" in other
    assert "simulated" not in about
    assert set(mine) == {"FACS pure", "FACS comb"}
    for name, units in mine.items():
        assert set(units.unit_names_) == set(simulated[name].unit_names_)
        order = [simulated[name].unit_names_.index(n) for n in units.unit_names_]
        assert np.abs(units.components_ - simulated[name].components_[order]).max() < 0.02  # files hold fewer digits


def test_emotions_come_from_ravdess_names_only() -> None:
    def named(recording: str):
        return kp.make_table(np.zeros((2, 136)), scheme="ibug68", frames=[0, 1], dataset="r", recording=recording)

    assert emotions_of(named("01-01-03-01-02-01-12")).unique().tolist() == ["happy"]
    assert emotions_of(named("clip")) is None
