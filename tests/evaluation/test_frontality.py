"""Measures of frontalization: zero where there is nothing to find, right where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.frontality import (
    controlled_leakage,
    expression_kept,
    frontal_error,
    head_pose,
    pose_leakage,
    posed_faces,
)
from dfecs_lib.keypoints import from_points, like, to_points
from dfecs_lib.preprocessing import make_preprocessor
from dfecs_lib.simulate import simulate


@pytest.fixture(scope="module")
def faces():
    return simulate("sim-ckplus", noise=0.0)


def test_the_true_face_has_no_error_whatever_its_size_place_and_tilt(faces):
    truth = faces.truth.frontal
    angle = 0.3
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = like(from_points(3.0 * to_points(truth) @ turn + [200.0, 50.0]), truth)
    assert frontal_error(moved, truth).max() < 1e-9


def test_error_grows_with_the_shift_of_a_point(faces):
    truth = faces.truth.frontal
    for step in (1.0, 2.0):
        moved = truth.copy()
        moved["x_30"] += step
        error = frontal_error(moved, truth).mean()
        expected = 100 * step / np.sqrt(68) / np.mean(truth["x_45"] - truth["x_36"])
        assert error == pytest.approx(expected, rel=0.1)


def test_pose_found_follows_the_true_pose(faces):
    """Within a person: where a person's own zero lies, one frame does not tell, but not far from the head's."""
    found = head_pose(faces.keypoints).dropna()
    true = np.degrees(faces.truth.pose.loc[found.index, ["yaw", "pitch", "roll"]])
    ours, own = (table - table.groupby(level="subject").transform("mean") for table in (found, true))
    for name in ("yaw", "pitch", "roll"):
        assert np.corrcoef(ours[name], own[name])[0, 1] > 0.95, name
        assert np.sqrt(((found[name] - true[name]) ** 2).mean()) < 1.5, name


def test_leakage_is_found_where_it_is_and_only_there(faces):
    rng = np.random.default_rng(0)
    pose = faces.truth.pose[["yaw", "pitch", "roll"]]
    clean = faces.truth.frontal * 0 + rng.standard_normal(faces.truth.frontal.shape)
    assert pose_leakage(clean, pose) < 0.02
    leaking = clean + 10 * (pose[["yaw"]] / pose["yaw"].std()).to_numpy()
    assert pose_leakage(leaking, pose) > 0.8
    with pytest.raises(DfecsError, match="complete frames"):
        pose_leakage(clean.iloc[:6], pose.iloc[:6])


def test_true_frontal_faces_leak_nothing_beyond_their_expression():
    data = simulate("sim-disfa")
    pose, units = data.truth.pose[["yaw", "pitch", "roll"]], data.truth.action_units
    plain = make_preprocessor(frontalize=False)
    truth, seen = (plain.fit_transform(v) for v in (data.truth.frontal, data.keypoints))
    floor = controlled_leakage(truth, pose, units)
    assert abs(floor) < 0.02
    assert controlled_leakage(seen, pose, units) > floor + 0.1


def test_expression_kept_is_one_for_the_truth_and_halves_with_the_motion(faces):
    truth = faces.truth.frontal
    every = np.ones(len(truth), dtype=bool)
    np.testing.assert_allclose(expression_kept(truth, truth, every), 1.0)
    # Half of every departure from the mean face: widths vary half as much.
    shrunk = truth.mean() + 0.5 * (truth - truth.mean())
    shrunk.attrs = dict(truth.attrs)
    kept = expression_kept(shrunk, truth, every)["kept"]
    assert ((kept > 0.4) & (kept < 0.65)).all()


def test_preprocessing_comes_nearer_to_the_truth_than_doing_nothing():
    data = simulate("sim-disfa")
    frontal = make_preprocessor(affine=False, parts=False).fit_transform(data.keypoints)
    assert frontal_error(frontal, data.truth.frontal).mean() < frontal_error(data.keypoints, data.truth.frontal).mean()


def test_the_head_is_better_than_nothing_and_the_more_the_stronger_the_pose():
    gains = []
    for angle in (10.0, 30.0):
        seen, truth, pose = posed_faces(4, 10, yaw=angle, pitch=angle * 2 / 3)
        assert pose["yaw"].abs().max() <= angle
        frontal = make_preprocessor(affine=False, parts=False).fit_transform(seen)
        gains.append(frontal_error(seen, truth).mean() - frontal_error(frontal, truth).mean())
    assert 0 < gains[0] < gains[1]
