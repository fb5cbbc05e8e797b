"""FACS units of many people: the truth where the model holds, and nearer to it than simpler ways on simulated faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfecs_lib.baselines import FACSUnits, PooledFACSUnits
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import load_model
from dfecs_lib.keypoints import from_points, make_table
from dfecs_lib.preprocessing import make_preprocessor, prepare
from dfecs_lib.simulate import simulate
from dfecs_lib.simulate.action_units import channel_of
from dfecs_lib.simulate.people import draw_person

AUS = ["AU01", "AU04", "AU12", "AU25"]


@pytest.fixture(scope="module")
def people() -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Twelve people whose own units differ by a third from everybody's; some never show some AUs."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(4, 136)) * 10
    tables, labels = [], []
    for k in range(12):
        own = truth + rng.normal(size=truth.shape) * 3.3
        marks = np.clip(rng.normal(0, 2, (60, 4)), 0, 5) * (rng.random(4) < 0.8)
        motion = marks @ own + rng.normal(0, 8, (60, 136))
        table = make_table(motion, scheme="ibug68", frames=range(60), dataset="d", subject=f"S{k:02d}", recording="r")
        table.attrs["history"] = [{"operation": "motion_vectors"}]
        tables.append(table)
        labels.append(pd.DataFrame(marks, index=table.index, columns=AUS))
    whole = pd.concat(tables)
    whole.attrs = tables[0].attrs
    return whole, pd.concat(labels), truth


def test_the_truth_is_found_and_its_uncertainty_known(people) -> None:
    motion, labels, truth = people
    units = PooledFACSUnits().fit(motion, action_units=labels)
    assert units.unit_names_ == AUS
    length = np.linalg.norm(truth, axis=1, keepdims=True)
    assert ((units.components_ * truth / length).sum(axis=1) > 0.95).all()
    estimate = units.components_ * units.size_[:, None]
    z = (estimate - truth) / (units.standard_error_ * units.size_[:, None])
    assert 0.7 < np.sqrt((z**2).mean()) < 1.4
    assert units.between_.mean(axis=1) * units.size_ == pytest.approx(np.full(4, 3.3), rel=0.25)
    assert np.nanmean(units.gains_) == pytest.approx(1, abs=0.15)
    assert np.nanmin(units.gains_) >= 0


def test_order_does_not_matter_and_files_keep_the_units(people, tmp_path: Path) -> None:
    motion, labels, _ = people
    units = PooledFACSUnits().fit(motion, action_units=labels)
    other = PooledFACSUnits().fit(motion.sample(frac=1, random_state=0).iloc[:, ::-1], action_units=labels)
    np.testing.assert_allclose(other.components_, units.components_, atol=1e-8)
    units.save(tmp_path / "units.npz")
    again = load_model(tmp_path / "units.npz")
    np.testing.assert_array_equal(again.standard_error_, units.standard_error_)
    pd.testing.assert_frame_equal(again.transform(motion.iloc[:5]), units.transform(motion.iloc[:5]))


def test_bad_labels_get_a_sentence(people) -> None:
    motion, labels, _ = people
    with pytest.raises(DfecsError, match="share no frame"):
        PooledFACSUnits().fit(motion, action_units=labels.rename(index={"d": "x"}, level="dataset"))
    with pytest.raises(DfecsError, match="nobody shows"):
        PooledFACSUnits().fit(motion, action_units=labels * 0)
    with pytest.raises(DfecsError, match="who is shown"):
        PooledFACSUnits().fit(motion.to_numpy(), action_units=labels)


def test_on_simulated_faces_it_is_nearer_to_other_people_s_muscles_than_regressing_person_by_person() -> None:
    data = simulate("sim-ckplus")
    motion, labels = prepare(data), data.truth.action_units
    many, each = (u.fit(motion, action_units=labels) for u in (PooledFACSUnits(), FACSUnits(per_subject=True)))
    plain, faces = make_preprocessor(frontalize=False), [draw_person(f"T{k}", 5, "truth").face for k in range(10)]

    def cosine(units, au: str) -> float:
        codes = np.stack([channel_of({int(au[2:]): 3.0}), channel_of({int(au[2:]): 0.0})])
        rows = [plain.fit_transform(from_points(face.express(codes)[:, :, :2])) for face in faces]
        true = np.mean([r[0] - r[1] for r in rows], axis=0)
        return float(units.components_[units.unit_names_.index(au)] @ true / np.linalg.norm(true))

    seen = [au for au, n in zip(many.unit_names_, many.n_people_, strict=True) if n >= 5]
    ours, theirs = (np.array([cosine(u, au) for au in seen]) for u in (many, each))
    assert np.median(ours) > 0.95
    assert ours.min() > 0.88
    assert (ours > theirs).mean() > 0.8
