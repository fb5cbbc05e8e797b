"""Frontalization: pose goes, expression stays, bad weights are refused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.transform import Rotation
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import BP4D49, DISFA66, IBUG68, MEDIAPIPE478, make_table
from dfecs_lib.preprocessing import AffineRegistration, Frontalizer, PartRegistration, make_preprocessor
from dfecs_lib.preprocessing.pose import fit_frontal

from . import oracle
from .test_registration import as_points, as_row, subset


def seen(shapes: np.ndarray, angles: np.ndarray, scale: float = 2.0, shift: float = 300.0) -> np.ndarray:
    """Rows (n, 136) of 3-D faces (n, 68, 3) turned by (pitch, yaw, roll) in degrees, in scaled orthography."""
    turned = np.einsum("nij,nkj->nki", Rotation.from_euler("xyz", angles, degrees=True).as_matrix(), shapes)
    return np.concatenate([turned[:, :, 0], turned[:, :, 1]], axis=1) * scale + shift


@pytest.fixture(scope="module")
def turning() -> np.ndarray:
    return np.random.default_rng(0).uniform((-15, -30, -20), (15, 30, 20), (40, 3))


EYES = 600.0  # px between the outer corners of the eyes, once registered


@pytest.mark.parametrize("scheme", [IBUG68, DISFA66, BP4D49], ids=lambda s: s.name)
def test_a_turned_mean_face_comes_out_frontal(turning, scheme):
    mean = np.repeat(load_head().mean[None], len(turning), axis=0)
    rows = subset(seen(mean, turning), scheme)
    frontal = subset(seen(mean, np.zeros_like(turning)), scheme)
    registered = make_preprocessor().fit_transform(rows)
    expected = make_preprocessor().fit_transform(frontal)
    plain = make_preprocessor(frontalize=False).fit_transform(rows)
    error, before = (np.sqrt(np.mean((r - expected) ** 2)) for r in (registered, plain))
    assert error < 0.02 * EYES
    assert before > 3 * error


def test_the_turn_of_the_head_is_found(turning):
    mean = np.repeat(load_head().mean[None], len(turning), axis=0)
    found = Rotation.from_matrix(fit_frontal(seen(mean, turning), IBUG68).rotation)
    true = Rotation.from_euler("xyz", turning, degrees=True)
    assert np.degrees((found * true.inv()).magnitude()).max() < 0.5
    assert_allclose(
        found.as_matrix(), fit_frontal(seen(mean, turning), IBUG68).rotation, atol=1e-9
    )  # a rotation, whole


def test_a_frame_is_fitted_on_the_points_it_has(tracks):
    broken = tracks[:4].copy()
    broken[0, 51] = np.nan  # half a point is no point
    broken[1, [*range(48, 68), *range(68 + 48, 136)]] = np.nan  # a hand over the mouth
    broken[2, 27:48] = np.nan  # too little is left
    out = Frontalizer().fit_transform(broken)
    whole = Frontalizer().fit_transform(tracks[:4])
    assert np.flatnonzero(np.isnan(out[0])).tolist() == [51, 119]
    assert np.isnan(out[1]).sum() == 40
    assert np.isnan(out[2]).all()
    assert_allclose(out[3], whole[3], atol=1e-9)
    seen = np.isfinite(out[1])
    assert np.sqrt(np.mean((out[1] - whole[1])[seen] ** 2)) < 0.02 * EYES


def test_a_nose_root_drawn_up_with_the_brows_is_not_taken_for_a_tilt():
    """Some trackers draw 27 to 29 up as the brows rise: the rest of the face must stay where it was."""
    plain = np.repeat(seen(load_head().mean[None], np.array([[5.0, 10.0, 0.0]])), 2, axis=0)
    plain[1, 68 + np.arange(27, 30)] -= 2.0 * 3  # 3 mm, twice as many px
    still, drawn = Frontalizer().fit_transform(plain)
    rest = np.setdiff1d(np.arange(68), np.arange(27, 30))
    moved = np.abs(drawn - still).reshape(2, 68)[:, rest].max()
    assert moved < 0.01 * EYES


def test_size_place_and_roll_of_the_picture_do_not_matter(tracks):
    points = tracks.reshape(len(tracks), 2, 68)
    turn = 2.5 * Rotation.from_euler("z", 25, degrees=True).as_matrix()[:2, :2]
    moved = (np.einsum("ij,njk->nik", turn, points) - 90).reshape(tracks.shape)
    assert_allclose(Frontalizer().fit_transform(moved), Frontalizer().fit_transform(tracks), atol=0.01)


def test_faces_of_no_size_are_lost_and_said_so(published):
    for step in (Frontalizer(), Frontalizer("linear", published)):
        with pytest.warns(UserWarning, match="none of the 2 frames is usable"):
            assert np.isnan(step.fit_transform(np.full((2, 136), 7.0))).all()


def test_the_preprocessor_takes_the_weights_that_it_is_given(tracks, published):
    weights = np.load(published)
    by_hand = make_pipeline(Frontalizer("linear", weights), AffineRegistration(), PartRegistration())
    found = make_preprocessor(method="linear", weights=weights).fit_transform(tracks)
    assert_allclose(found, by_hand.fit_transform(tracks))
    assert not np.allclose(found, make_preprocessor().fit_transform(tracks))


def test_linear_equals_the_published_steps(tracks, published):
    weights = np.load(published, allow_pickle=False)
    out = Frontalizer(method="linear", weights=weights).fit_transform(tracks)
    for row, expected in zip(tracks, out, strict=True):
        assert_allclose(as_row(oracle.frontalize(as_points(row), weights)), expected, atol=1e-12)


def test_linear_on_66_points_is_close_to_the_one_on_68(tracks, published):
    steps = [Frontalizer("linear", published), AffineRegistration(), PartRegistration()]
    full = subset(make_pipeline(*steps).fit_transform(tracks), DISFA66)
    fewer = make_pipeline(*steps).fit_transform(subset(tracks, DISFA66))
    assert np.sqrt(np.mean((full - fewer) ** 2)) < 0.01 * EYES


def test_on_66_points_inner_mouth_corners_are_taken_to_lie_a_little_inside_the_outer_ones():
    """A face that has them there, a quarter of the way to the middle of the lips' inner points, comes out the same."""
    rng = np.random.default_rng(0)
    weights, faces = rng.normal(size=(137, 136)), rng.normal(size=(3, 2, 68)) * 100
    for inner, outer, above, below in ((60, 48, 61, 67), (64, 54, 63, 65)):
        middle = (faces[:, :, above] + faces[:, :, below]) / 2
        faces[:, :, inner] = faces[:, :, outer] + 0.23 * (middle - faces[:, :, outer])
    step = Frontalizer(method="linear", weights=weights)
    rows = faces.reshape(3, 136)
    assert_allclose(step.fit_transform(subset(rows, DISFA66)), subset(step.fit_transform(rows), DISFA66), atol=1e-9)


def test_linear_refuses_faces_without_a_jaw_and_says_what_to_do(tracks, published):
    with pytest.raises(DfecsError, match="method='pose'"):
        Frontalizer("linear", published).fit_transform(subset(tracks, BP4D49))


def test_a_missing_point_loses_the_frame_of_the_linear_map(tracks, published):
    broken = tracks[:2].copy()
    broken[0, 60] = np.nan
    out = Frontalizer("linear", published).fit_transform(broken)
    assert np.isnan(out[0]).all()
    assert np.isfinite(out[1]).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda d: None, "dfecs data fetch"),
        (lambda d: np.zeros((136, 137)), r"shape \(137, 136\)"),
        (lambda d: np.full((137, 136), np.nan), "finite"),
        (lambda d: [["a"] * 136] * 137, "finite numbers"),
        (lambda d: d / "absent.npy", "no such file"),
        (lambda d: d, "not a readable"),
        (lambda d: _written(d / "a.npy", b"no array"), "not a readable"),
        (lambda d: _written(d / "b.npy", b""), "not a readable"),
        (lambda d: _saved(d / "c.npy", np.array([{}], dtype=object)), "not a readable"),
        (lambda d: _saved(d / "d.npy", np.zeros((3, 3))), "d.npy: the frontalization weights must be"),
    ],
)
def test_bad_weights_are_refused_in_one_sentence(tmp_path, make, message):
    with pytest.raises(DfecsError, match=message) as caught:
        Frontalizer("linear", make(tmp_path)).fit(np.zeros((2, 136)))
    assert "\n" not in str(caught.value)


def _written(path, content):
    path.write_bytes(content)
    return path


def _saved(path, array):
    np.save(path, array)
    return path


def test_unknown_method_weights_without_use_and_meshes_are_refused():
    with pytest.raises(DfecsError, match="pose, linear"):
        Frontalizer(method="magic").fit(np.zeros((2, 136)))
    with pytest.raises(DfecsError, match="method='linear'"):
        Frontalizer(weights=np.zeros((137, 136))).fit(np.zeros((2, 136)))
    with pytest.raises(DfecsError, match="method='linear' needs the 68 iBUG points"):
        Frontalizer("linear", np.zeros((137, 136))).fit(np.zeros((2, 2 * MEDIAPIPE478.n_points)))


def test_history_names_the_weights_by_their_hash(tracks, published):
    table = make_table(tracks, scheme="ibug68", frames=range(len(tracks)))
    by_path = Frontalizer("linear", published).fit_transform(table).attrs["history"]
    by_array = clone(Frontalizer("linear", np.load(published))).fit_transform(table).attrs["history"]
    assert by_path == by_array
    assert len(by_path[0]["weights_sha256"]) == 64
    assert Frontalizer().fit_transform(table).attrs["history"] == [{"operation": "frontalize", "method": "pose"}]
