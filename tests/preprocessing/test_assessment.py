"""The measures of a preprocessing say what they claim, on faces where the answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from frontality_measures import expression_r2, pose_share, registered_error
from scipy.spatial.transform import Rotation

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.frontality import controlled_leakage, pose_leakage
from dfecs_lib.evaluation.lengths import face_lengths
from dfecs_lib.keypoints import BP4D49, IBUG68
from dfecs_lib.preprocessing import AffineRegistration, Frontalizer, make_preprocessor
from dfecs_lib.preprocessing.anchors import free_columns


@pytest.fixture(scope="module")
def course() -> dict[str, np.ndarray]:
    """One simulated person who turns and acts independently: rows, angles (degrees), intensities, true frontal rows."""
    rng, head, n = np.random.default_rng(0), load_head(), 400
    units = [
        head.expression_names.index(u) for u in ("AU12R", "AU12L", "AU25", "AU26", "AU01R", "AU01L", "AU43R", "AU43L")
    ]
    which = np.array([0, 0, 1, 2, 3, 3, 4, 4])
    intensities = np.clip(rng.normal(0, 2, (n, 5)), 0, 5)
    all_units = np.zeros((n, len(head.expression)))
    all_units[:, units] = intensities[:, which]
    shapes = head.identities(rng.normal(size=(1, len(head.identity)))) + head.expressions(all_units)
    angles = np.c_[rng.normal(0, 8, n), rng.normal(0, 12, n), rng.normal(0, 5, n)]
    turned = np.einsum("nij,nkj->nki", Rotation.from_euler("xyz", angles, degrees=True).as_matrix(), shapes)
    rows = np.concatenate([turned[:, :, 0], turned[:, :, 1]], axis=1) * 2 + 300 + rng.normal(0, 0.5, (n, 136))
    return {
        "rows": rows,
        "angles": angles,
        "units": intensities,
        "truth": np.concatenate([shapes[:, :, 0], shapes[:, :, 1]], axis=1),
    }


def test_frontalization_lowers_leakage_and_keeps_expression(course):
    registered = make_preprocessor().fit_transform(course["rows"])
    plain, truth = (make_preprocessor(frontalize=False).fit_transform(course[k]) for k in ("rows", "truth"))
    assert pose_leakage(plain, course["angles"]) > 0.6
    assert pose_leakage(truth, course["angles"]) < 0.02
    assert pose_leakage(registered, course["angles"]) < 0.25
    shares = [pose_share(v, course["angles"], course["units"]) for v in (plain, registered, truth)]
    assert shares[0] > 8 * shares[1] > 0
    assert abs(shares[2]) < 0.01
    assert expression_r2(registered, course["units"]) > expression_r2(plain, course["units"]) - 0.02
    assert expression_r2(truth, course["units"]) > 0.97
    visible = [expression_r2(v, course["units"], components=0.95) for v in (plain, registered, truth)]
    assert min(visible[1:]) > visible[0] + 0.2


def test_published_weights_lose_expression_and_this_frontalizer_does_not(course, published):
    truth, ours, theirs = (
        AffineRegistration().fit_transform(v)
        for v in (
            course["truth"],
            Frontalizer().fit_transform(course["rows"]),
            Frontalizer("linear", published).fit_transform(course["rows"]),
        )
    )
    true = face_lengths(truth).to_numpy()

    def slope(faces):
        measured = face_lengths(faces).to_numpy()
        return [np.polyfit(true[:, j], measured[:, j], 1)[0] for j in range(true.shape[1])]

    assert min(slope(ours)) > 0.9
    assert max(slope(ours)) < 1.1
    assert min(slope(theirs)) < 0.8
    groups = np.zeros(len(true))
    assert registered_error(ours, truth, groups)["motion"] < registered_error(theirs, truth, groups)["motion"]


@pytest.fixture(scope="module")
def smiling_turn() -> dict[str, np.ndarray]:
    """Someone who smiles as the head turns: y = expression part + `pose` · pose part + noise, in free columns."""
    rng, n = np.random.default_rng(3), 500
    smile = np.repeat(rng.normal(size=n // 10), 10) + 0.2 * rng.normal(size=n)
    brow = rng.normal(size=n)
    angles = np.c_[rng.normal(size=n), 0.9 * smile + 0.4 * rng.normal(size=n), rng.normal(size=n)]
    return {"units": np.c_[smile, brow], "angles": angles, "noise": rng.normal(size=(n, 136))}


def test_true_faces_of_one_who_smiles_with_the_turn_do_not_leak(smiling_turn):
    rng = np.random.default_rng(4)
    directions = rng.normal(size=(2, 136))
    faces = smiling_turn["units"] @ directions + 0.1 * smiling_turn["noise"]
    assert pose_leakage(faces, smiling_turn["angles"]) > 0.3
    assert abs(controlled_leakage(faces, smiling_turn["angles"], smiling_turn["units"])) < 0.01


def test_controlled_leakage_is_the_share_that_was_put_in(smiling_turn):
    """By hand: beyond expression stays g · (yaw − what the smile tells of it), so that L = g² Var(rest) / Var(y)."""
    units, yaw = smiling_turn["units"], smiling_turn["angles"][:, 1]
    design = np.c_[np.ones(len(yaw)), units]
    rest = yaw - design @ np.linalg.lstsq(design, yaw, rcond=None)[0]
    along, across = np.zeros((1, 136)), np.zeros((1, 136))
    along[0, 50:60], across[0, 118:128] = 1.0, 1.0
    for gain in (0.5, 2.0):
        faces = units[:, :1] @ across + gain * yaw[:, None] @ along
        by_hand = gain**2 * rest.var() / (units[:, 0].var() + gain**2 * yaw.var())
        assert controlled_leakage(faces, smiling_turn["angles"], units) == pytest.approx(by_hand, rel=0.05)


def test_controlled_leakage_agrees_with_two_plain_regressions(smiling_turn):
    """An independent way: R² of expression and pose together, less R² of expression alone, with many frames."""
    units, angles = smiling_turn["units"], smiling_turn["angles"]
    faces = units @ np.ones((2, 136)) + angles[:, :1] ** 2 * 0.7 - angles[:, 1:2] + 0.5 * smiling_turn["noise"]
    z = (angles - angles.mean(axis=0)) / angles.std(axis=0)
    one = np.ones((len(z), 1))
    squares = np.stack([z[:, i] * z[:, j] for i in range(3) for j in range(i, 3)], axis=1)
    columns = free_columns(IBUG68)

    def unexplained(design):
        y = faces[:, columns]
        return ((y - design @ np.linalg.lstsq(design, y, rcond=None)[0]) ** 2).sum()

    total = unexplained(one)
    expected = (unexplained(np.c_[one, units]) - unexplained(np.c_[one, units, z, squares])) / total
    assert controlled_leakage(faces, angles, units) == pytest.approx(expected, abs=0.01)


def test_frontalization_lowers_controlled_leakage_near_the_floor_of_true_faces(course):
    faces = [make_preprocessor(frontalize=False).fit_transform(course[k]) for k in ("rows", "truth")]
    faces.insert(1, make_preprocessor().fit_transform(course["rows"]))
    plain, ours, truth = (controlled_leakage(v, course["angles"], course["units"]) for v in faces)
    assert plain > 0.5
    assert ours < plain / 3
    assert abs(truth) < 0.005


def test_noise_seems_to_tell_expression_only_at_a_share_of_components(course):
    """Noise takes more components to make up 95 %: a share lets them in, a number does not."""
    faces = make_preprocessor(frontalize=False).fit_transform(course["truth"])
    noisy = faces + np.random.default_rng(0).normal(0, 6, faces.shape)
    share = [expression_r2(v, course["units"], components=0.95) for v in (faces, noisy)]
    number = [expression_r2(v, course["units"], components=4) for v in (faces, noisy)]
    assert share[1] > share[0]
    assert number[1] < number[0] + 0.01


def test_shares_cannot_be_won_by_shrinking(course):
    faces = make_preprocessor(frontalize=False).fit_transform(course["rows"])
    small = 0.3 * (faces - faces.mean(axis=0))
    assert pose_share(small, course["angles"], course["units"]) == pytest.approx(
        pose_share(faces, course["angles"], course["units"])
    )
    assert pose_leakage(small, course["angles"]) == pytest.approx(pose_leakage(faces, course["angles"]))


def test_error_is_in_percent_of_the_eye_distance_and_motion_forgives_a_constant():
    truth = np.zeros((10, 136))
    off = truth.copy()
    off[:, :68] = 6.0
    error = registered_error(off, truth, [0] * 5 + [1] * 5)
    assert error["shape"] == pytest.approx(1.0)
    assert error["motion"] == pytest.approx(0.0)


def test_registered_points_and_lost_frames_are_not_counted(course):
    assert len(free_columns(IBUG68)) == 120
    assert len(free_columns(BP4D49)) == 2 * 43
    faces = make_preprocessor().fit_transform(course["rows"])
    broken = faces.copy()
    broken[:5] = np.nan
    assert pose_leakage(broken, course["angles"]) == pytest.approx(pose_leakage(faces[5:], course["angles"][5:]))
    table = pd.DataFrame(course["angles"])
    assert pose_leakage(faces, table) == pose_leakage(faces, course["angles"])


def test_what_cannot_be_measured_is_said(course):
    faces = make_preprocessor().fit_transform(course["rows"])
    with pytest.raises(DfecsError, match="one row a face"):
        pose_leakage(faces, course["angles"][:3])
    for measure in (pose_share, controlled_leakage):
        with pytest.raises(DfecsError, match="one row a face"):
            measure(faces, course["angles"], course["units"][:3])
    with pytest.raises(DfecsError, match="complete frames"):
        pose_leakage(faces[:6], course["angles"][:6])
    with pytest.raises(DfecsError, match="constant"):
        expression_r2(faces, np.zeros((len(faces), 2)))
