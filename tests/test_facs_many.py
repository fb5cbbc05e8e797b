"""FACS units of many people: the truth where the model holds, and nearer to it than simpler ways on simulated faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import block_diag

from dfecs_lib.baselines import FACSUnits, PooledFACSUnits
from dfecs_lib.baselines.mixed_effects import Frames, mirror_halves, mixed_effects
from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation import cosines
from dfecs_lib.evaluation.facs_truth import facs_recovery, true_facs_units
from dfecs_lib.ffm import load_model
from dfecs_lib.keypoints import INDEX_NAMES, get_scheme, make_table
from dfecs_lib.preprocessing import prepare
from dfecs_lib.simulate import simulate

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


@pytest.mark.parametrize(("name", "seed"), [("sim-ckplus", 1), ("sim-bp4d", 0)])
def test_on_simulated_people_it_finds_what_other_people_s_muscles_do(name: str, seed: int) -> None:
    data = simulate(name, random_state=seed)
    motion, labels = prepare(data), data.truth.action_units
    scheme = str(data.keypoints.attrs["scheme"])
    each = FACSUnits(per_subject=True).fit(motion, action_units=labels)
    units = {"many": PooledFACSUnits().fit(motion, action_units=labels), "each": each}
    found = facs_recovery(units, true_facs_units(scheme, n_people=20), labels.loc[motion.index])
    seen = found[found["people"] >= 5]
    # Frontalization alone turns AU 6, of which 68 points show little, by as much as 0.93.
    assert (seen["many"].drop("AU06", errors="ignore") > 0.95).all()
    assert seen["many"].min() > 0.88
    assert (seen["many"] > seen["each"]).mean() > 0.8


def test_frontalization_and_others_muscles_are_part_of_the_truth() -> None:
    plain, frontal, others = (
        true_facs_units(n_people=10, **how) for how in ({}, {"frontalize": True}, {"muscles_differ": True})
    )
    nearness = pd.Series(np.diag(cosines(frontal, plain)), plain.index)
    assert nearness.drop(["AU06", "AU11"]).min() > 0.95
    assert nearness["AU06"] < 0.95
    assert 0.9 < np.diag(cosines(others, plain)).min() < 0.9999


@pytest.mark.parametrize("name", ["ibug68", "bp4d49", "disfa66", "wflw98", "mediapipe478"])
def test_halves_of_the_face_are_an_orthogonal_basis(name: str) -> None:
    scheme = get_scheme(name)
    basis, groups = mirror_halves(scheme)
    np.testing.assert_allclose(basis.T @ basis, np.eye(2 * scheme.n_points), atol=1e-12)
    k = scheme.n_points
    order = np.concatenate([scheme.mirror, k + np.asarray(scheme.mirror)])
    mirrored = np.repeat([-1.0, 1.0], k)[:, None] * basis[order]
    kind = (mirrored * basis).sum(axis=0)
    np.testing.assert_allclose(np.abs(kind), 1)
    for group in np.unique(groups):
        assert len(set(kind[groups == group].round())) == 1


def _errors(phi: float, rho: float) -> tuple[np.ndarray, pd.MultiIndex, list[np.ndarray]]:
    """Errors of 40 recordings, some with a gap, each with its constant; and the covariance of each."""
    rng = np.random.default_rng(0)
    rows, index, covariance = [], [], []
    for k in range(40):
        frames = np.r_[:12, 20:28] if k % 2 else np.arange(15)
        near = np.abs(frames[:, None] - frames[None]).astype(float)
        apart = (frames >= 20)[:, None] != (frames >= 20)[None]
        cov = np.where(apart, 0.0, phi**near) + rho
        rows.append(np.linalg.cholesky(cov) @ rng.normal(size=(len(frames), 30)) * np.arange(1, 31))
        covariance.append(cov)
        index += [("d", f"S{k // 4}", f"r{k}", int(f)) for f in frames]
    return np.concatenate(rows), pd.MultiIndex.from_tuples(index, names=INDEX_NAMES), covariance


def test_likeness_of_neighbours_and_constants_of_recordings_are_found_and_taken_out() -> None:
    rest, index, covariance = _errors(0.7, 1.0)
    frames = Frames.of(index)
    assert frames.likeliest(rest) == (0.7, 1.0)
    turn = frames.independent(np.eye(len(rest)), 0.7, 1.0)
    np.testing.assert_allclose(turn @ block_diag(*covariance) @ turn.T, np.eye(len(rest)), atol=1e-10)
    assert frames.likeliest(np.random.default_rng(1).normal(size=rest.shape)) == (0.0, 0.0)


def test_its_errors_are_known_where_frames_are_alike_and_resting_frames_wrong() -> None:
    rest, index, _ = _errors(0.7, 1.0)
    rng = np.random.default_rng(2)
    truth, marks = rng.normal(size=(3, 136)) * 10, np.clip(rng.normal(0, 2, (len(rest), 3)), 0, 5)
    marks = pd.DataFrame(marks, index=index).groupby(level="recording").cummax().to_numpy()
    motion = marks @ truth + 8 * (rest / np.arange(1, 31))[:, rng.permutation(136) % 30]
    shown = np.ones((10, 3), dtype=bool)
    found = mixed_effects(marks, motion, index, shown, get_scheme("ibug68"), 30)
    assert (found.alike, found.constant) == (0.7, 1.0)
    assert np.sqrt((((found.units - truth) / found.error) ** 2).mean()) == pytest.approx(1, abs=0.3)


def test_labels_of_few_frames_and_labels_that_always_come_together_are_borne(people) -> None:
    motion, labels, truth = people
    twice = labels.assign(AU02=labels["AU01"])
    last = twice.groupby(level="subject").tail(3)
    for marks, least in ((twice, 5), (last, 1)):
        units = PooledFACSUnits(least_frames=least).fit(motion, action_units=marks)
        assert np.isfinite(units.components_).all()
        assert np.isfinite(units.standard_error_).all()
    both = PooledFACSUnits().fit(motion, action_units=twice)
    sizes = dict(zip(both.unit_names_, both.components_ * both.size_[:, None], strict=True))
    shared = sizes["AU01"] + sizes["AU02"]  # nobody shows one without the other: they have its motion between them
    assert shared @ truth[0] / np.linalg.norm(shared) / np.linalg.norm(truth[0]) > 0.95
    # CK+ codes the last frame of a sequence; points that registration holds fixed do not move at all.
    data = simulate("sim-ckplus")
    coded = data.action_units.dropna(how="all")
    units = PooledFACSUnits(least_frames=1).fit(prepare(data), action_units=coded)
    assert np.isfinite(units.components_).all()
    assert len(units.unit_names_) > 15
