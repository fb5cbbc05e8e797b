from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import get_scheme, to_points, validate
from dfecs_lib.simulate import DESIGNS, SimulatedDataset, exemplar_table, simulate, write_exemplars
from dfecs_lib.simulate.observe import Camera, Tracker, project, rotation, tracking_errors

NAMES = tuple(DESIGNS)


@pytest.fixture(scope="module")
def made() -> Mapping[str, SimulatedDataset]:
    return {name: simulate(name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_tables_keep_the_contract_and_share_their_rows(made: Mapping[str, SimulatedDataset], name: str) -> None:
    data = made[name]
    validate(data.keypoints)
    validate(data.neutral)
    assert data.keypoints.attrs["scheme"] == DESIGNS[name].scheme
    truth = data.truth
    for table in (truth.action_units, truth.right, truth.left, truth.frontal, truth.pose, truth.lost, truth.frozen):
        assert table.index.equals(data.keypoints.index)
    assert data.action_units is not None
    assert data.action_units.index.equals(data.keypoints.index)
    assert data.neutral.index.isin(data.keypoints.index).all()
    assert np.isfinite(data.neutral.to_numpy()).all()
    assert data.report.failed == data.keypoints.isna().all(axis=1).sum() == truth.lost.sum()
    assert not data.keypoints[~truth.lost].isna().any(axis=None)
    assert list(truth.identity.index) == data.subjects == list(truth.resting.index)
    assert "simulated" in str(data.report)


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_bytes_other_seed_other_faces(made: Mapping[str, SimulatedDataset], name: str) -> None:
    again, other = simulate(name), simulate(name, random_state=1)
    assert again.keypoints.to_numpy().tobytes() == made[name].keypoints.to_numpy().tobytes()
    assert again.truth.action_units.to_numpy().tobytes() == made[name].truth.action_units.to_numpy().tobytes()
    assert not np.allclose(other.truth.identity, made[name].truth.identity)


def test_a_subject_is_the_same_person_in_every_size(made: Mapping[str, SimulatedDataset]) -> None:
    small, medium = made["sim-bp4d"].truth.identity, simulate("sim-bp4d", "medium").truth.identity
    pd.testing.assert_frame_equal(small, medium.loc[small.index])


@pytest.mark.parametrize("name", NAMES)
def test_tracks_are_the_truth_seen_by_the_camera(made: Mapping[str, SimulatedDataset], name: str) -> None:
    """Near-frontal frames: an affine map of the true frontal face explains the tracked points to a few per cent."""
    data = made[name]
    truth = data.truth
    frontal = (truth.pose[["pitch", "yaw"]].abs().max(axis=1) < np.radians(3)) & ~truth.lost & ~truth.frozen
    assert frontal.sum() > 20
    seen, faces = to_points(data.keypoints[frontal]), to_points(truth.frontal[frontal])
    for pixels, face in zip(seen, faces, strict=True):
        design = np.c_[face, np.ones(len(face))]
        residual = pixels - design @ np.linalg.lstsq(design, pixels, rcond=None)[0]
        assert np.sqrt((residual**2).mean()) < 0.05 * np.ptp(pixels[:, 0])


@pytest.mark.parametrize("name", NAMES)
def test_labels_are_the_rounded_truth(made: Mapping[str, SimulatedDataset], name: str) -> None:
    data = made[name]
    assert data.action_units is not None
    labels, truth = data.action_units, data.truth.action_units
    coded = labels.notna()
    if name == "sim-bp4d":
        assert set(np.unique(labels)) == {0.0, 1.0}
        assert (truth[labels.columns].to_numpy()[labels.to_numpy() == 1] >= 1).all()
    else:
        gap = (labels - truth[labels.columns]).to_numpy()[coded.to_numpy()]
        assert np.abs(gap).max() < 0.6
        assert labels.max(axis=None) <= 5
        assert labels.min(axis=None) >= 0
    last = ~labels.index.droplevel("frame").duplicated(keep="last")
    if name == "sim-ckplus":
        assert coded.all(axis=1)[last].all()
        assert not coded.any(axis=1)[~last].any()
    else:
        assert coded.all(axis=None)


def test_some_actions_are_one_sided(made: Mapping[str, SimulatedDataset]) -> None:
    right, left = made["sim-bp4d"].truth.right, made["sim-bp4d"].truth.left
    assert ((right > 1.5) & (left < 0.5)).any(axis=None)
    assert ((left > 1.5) & (right < 0.5)).any(axis=None)
    assert (made["sim-bp4d"].truth.action_units == np.maximum(right, left)).all(axis=None)


def test_noise_is_a_factor_on_errors_only() -> None:
    plain, still, wild = simulate("sim-ckplus"), simulate("sim-ckplus", noise=0), simulate("sim-ckplus", noise=3)
    pd.testing.assert_frame_equal(plain.truth.action_units, wild.truth.action_units)
    assert np.allclose((wild.keypoints - still.keypoints), 3 * (plain.keypoints - still.keypoints))
    with pytest.raises(DfecsError, match="noise must be"):
        simulate("sim-ckplus", noise=-1)


@pytest.mark.parametrize("name", NAMES)
def test_neutral_frames_are_nearly_at_rest(made: Mapping[str, SimulatedDataset], name: str) -> None:
    truth = made[name].truth
    at_neutral = truth.frontal.loc[made[name].neutral.index]
    resting = truth.resting.loc[at_neutral.index.get_level_values("subject")].to_numpy()
    distance = np.sqrt(((at_neutral.to_numpy() - resting) ** 2).mean(axis=1))
    assert np.median(distance) < 0.5  # millimetres
    everywhere = truth.resting.loc[truth.frontal.index.get_level_values("subject")].to_numpy()
    moving = np.sqrt(((truth.frontal.to_numpy() - everywhere) ** 2).mean(axis=1))
    assert np.median(distance) < 0.5 * np.sqrt((moving**2).mean())


def test_everybody_watches_the_same_film(made: Mapping[str, SimulatedDataset]) -> None:
    units = made["sim-disfa"].truth.action_units.drop(columns="AU43")
    together = units.sum(axis=1).unstack("subject")  # total activity by frame
    correlation = np.corrcoef(together.to_numpy().T)
    assert correlation[np.triu_indices_from(correlation, 1)].mean() > 0.15


def test_turning_follows_the_stated_convention() -> None:
    camera = Camera(640, 480, 1000.0, 1.5)
    face = load_head().mean[None]
    still = project(face, np.zeros((1, 3)), np.array([[0.0, 0.0, 1000.0]]), camera)[0]

    def turned(pitch: float, yaw: float, roll: float) -> np.ndarray:
        return project(face, np.array([[pitch, yaw, roll]]), np.array([[0.0, 0.0, 1000.0]]), camera)[0]

    assert turned(0.2, 0, 0)[30, 1] > still[30, 1]  # positive pitch: nose down
    assert turned(0, 0.2, 0)[30, 0] < still[30, 0]  # positive yaw: nose to the image's left
    assert turned(0, 0, 0.2)[27, 0] > turned(0, 0, 0.2)[8, 0]  # positive roll: top of the head to the image's right
    R = rotation(np.random.default_rng(0).normal(size=(9, 3)))
    assert np.allclose(R @ R.transpose(0, 2, 1), np.eye(3))
    assert np.allclose(np.linalg.det(R), 1.0)


def test_tracking_errors_grow_with_yaw() -> None:
    rng = np.random.default_rng(0)
    errors = tracking_errors(rng, np.repeat([0.0, 0.6], 2000), Tracker(), 0.05)
    assert errors[2000:].std() > 2 * errors[:2000].std()
    assert errors[:2000].std() < 1.0  # millimetres


def test_frozen_frames_repeat_and_lost_ones_are_empty() -> None:
    data = simulate("sim-bp4d", "medium")
    values, frozen, lost = data.keypoints.to_numpy(), data.truth.frozen.to_numpy(), data.truth.lost.to_numpy()
    rows = np.flatnonzero(frozen & ~lost & ~np.roll(lost, 1))
    assert len(rows) > 10
    assert (values[rows] == values[rows - 1]).all()
    assert 0.002 < lost.mean() < 0.03


def test_the_cache_gives_the_same_and_is_used(tmp_path: Path) -> None:
    first = simulate("sim-ckplus", random_state=3, cache=tmp_path)
    (kept,) = tmp_path.iterdir()
    second = simulate("sim-ckplus", random_state=3, cache=tmp_path)
    pd.testing.assert_frame_equal(first.keypoints, second.keypoints)
    pd.testing.assert_frame_equal(first.truth.pose, second.truth.pose)
    pd.testing.assert_frame_equal(first.keypoints, simulate("sim-ckplus", random_state=3).keypoints)
    simulate("sim-ckplus", random_state=4, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    assert kept.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("disfa",), "no simulated dataset 'disfa'"),
        (("sim-disfa", "huge"), "no size 'huge'"),
        (("sim-disfa", "small", -1), "whole number"),
        (("sim-disfa", "small", None), "whole number"),
    ],
)
def test_wrong_wishes_are_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(DfecsError, match=message):
        simulate(*arguments)


def test_exemplars_are_read_back(tmp_path: Path) -> None:
    from dfecs_lib.data.readers import exemplars

    table = exemplar_table()
    folder = write_exemplars(tmp_path / "facs")
    assert (folder / "s0.txt").is_file()
    assert (folder / "s12.txt").is_file()
    assert (folder / "s1+2.txt").is_file()
    read = exemplars.READER.read(folder).keypoints
    for name in ("neutral", "AU12", "AU01+AU02"):
        one = read.xs(name, level="recording").to_numpy()
        assert np.allclose(one, table.xs(name, level="recording").to_numpy(), atol=1e-3)
    assert len(read) == len(table)


def test_sizes_mirror_the_paper() -> None:
    disfa, ckplus, bp4d = (DESIGNS[name] for name in ("sim-disfa", "sim-ckplus", "sim-bp4d"))
    assert (disfa.sizes["paper"].subjects, disfa.sizes["paper"].frames) == (27, 4845)
    assert len(disfa.subjects) == 27
    assert (bp4d.sizes["paper"].subjects, int(bp4d.sizes["paper"].recordings)) == (41, 8)
    assert ckplus.sizes["paper"].subjects * ckplus.sizes["paper"].recordings == pytest.approx(593)
    assert get_scheme(disfa.scheme).n_points == 66
