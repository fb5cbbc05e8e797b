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
    assert kp.shared_points(*(s.motion.attrs["scheme"] for s in sets.values())) == kp.BP4D49.ibug
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
        # Faces of files are freed of head pose, the simulated ones have none; lids lose most by that.
        assert (units.components_ * simulated[name].components_[order]).sum(axis=1).min() > 0.95


def test_emotions_come_from_ravdess_names_only() -> None:
    def named(recording: str):
        return kp.make_table(np.zeros((2, 136)), scheme="ibug68", frames=[0, 1], dataset="r", recording=recording)

    assert emotions_of(named("01-01-03-01-02-01-12")).unique().tolist() == ["happy"]
    assert emotions_of(named("clip")) is None


def test_units_from_labels_agree_where_the_movement_is_one() -> None:
    chosen = study_sets("sim-disfa, sim-ckplus")["sim-disfa"]
    pure = exemplar_units()[0]["FACS pure"]
    table = evaluation.unit_agreement(chosen, pure)
    assert table[["between_subjects", "with_exemplar"]].stack().dropna().between(-1, 1).all()
    # A wide-open jaw is one movement for everybody, and the exemplar's.
    assert table.loc["AU26", ["between_subjects", "with_exemplar"]].min() > 0.8
    assert (table["subjects"] <= len(chosen.data.subjects)).all()
    labelled = evaluation.labelled_units(chosen)
    assert set(labelled) == {"FACS, pooled", "FACS, per subject"}
    assert evaluation.neutral_in(chosen, "ibug68").isna().sum() == 4  # points 60 and 64, which 66 points lack


def test_units_of_another_scheme_keep_their_points() -> None:
    units = np.arange(2 * 132, dtype=float).reshape(2, 132)
    there = evaluation.convert_units(units, "disfa66", "ibug68")
    assert np.isnan(there).sum() == 2 * 4
    np.testing.assert_array_equal(evaluation.convert_units(there, "ibug68", "disfa66"), units)
    with pytest.raises(DfecsError, match="columns"):
        evaluation.convert_units(units, "ibug68", "disfa66")


def test_set_table_counts() -> None:
    sets = study_sets("sim-ckplus")
    table = evaluation.set_table(sets)
    assert table["subjects"].sum() == 20
    assert table["frames"].tolist() == [len(s.motion) for s in sets.values()]


def test_published_weights_are_found_where_the_manifest_says(samples, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DFECS_FRONTALIZATION_WEIGHTS", str(tmp_path))
    assert evaluation.published_weights() is None
    file = tmp_path / "frontalization_weights.npy"
    file.write_bytes((samples / "vonikakis_winkler_frontalization_weights.npy").read_bytes())
    assert evaluation.published_weights() == str(file)
