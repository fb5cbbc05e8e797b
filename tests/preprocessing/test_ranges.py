"""Ranges that are kept: of what a face shows, and of the truth, where a tilted head and a noisy tracker mislead."""

from __future__ import annotations

import numpy as np
import pytest
from frontality_measures import ranges_kept, ranges_kept_by_eyes, steady_frames
from scipy.spatial.transform import Rotation

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.lengths import face_lengths, level_by_eyes, plain_gains
from dfecs_lib.keypoints import make_table
from dfecs_lib.preprocessing import AffineRegistration, Frontalizer


def steady(pitch: float, noise: float, n: int = 500) -> dict[str, np.ndarray]:
    """One simulated person whose head stays near a pitch: as seen and true rows, angles, intensities."""
    rng, head = np.random.default_rng(0), load_head()
    two_sided = sorted({name[:4] for name in head.expression_names})
    column = [two_sided.index(name[:4]) for name in head.expression_names]
    units = (rng.random((n, len(two_sided))) < 0.2) * rng.uniform(0, 5, (n, len(two_sided)))
    shapes = head.mean + head.expressions(units[:, column])
    angles = rng.normal((pitch, 0, 0), 1, (n, 3))
    turned = np.einsum("nij,nkj->nki", Rotation.from_euler("xyz", angles, degrees=True).as_matrix(), shapes)
    rows = [np.concatenate([v[:, :, 0], v[:, :, 1]], axis=1) for v in (turned, shapes)]
    return {"seen": rows[0] + rng.normal(0, noise, rows[0].shape), "true": rows[1], "angles": angles, "units": units}


@pytest.fixture(scope="module")
def bowed() -> dict[str, np.ndarray]:
    return steady(12.0, 0.3)


def registered(rows: np.ndarray) -> np.ndarray:
    return AffineRegistration().fit_transform(rows)


def test_ranges_kept_are_one_without_a_change_and_tell_a_shrunk_face(bowed):
    faces = registered(bowed["seen"])
    for expression in (None, bowed["units"]):
        kept = ranges_kept(faces, faces, bowed["angles"], within=10, expression=expression)
        assert list(kept) == list(face_lengths(faces).columns)
        assert all(v == pytest.approx(1) for v in kept.values())
        half = ranges_kept(0.5 * faces, faces, bowed["angles"], within=10, expression=expression)
        assert all(v == pytest.approx(0.5) for v in half.values())


def test_steady_frames_are_where_most_frames_are():
    angles = np.r_[np.random.default_rng(0).normal(20, 1, (80, 3)), np.random.default_rng(1).normal(-20, 5, (20, 3))]
    assert steady_frames(angles, within=5)[:80].all()
    assert not steady_frames(angles, within=5)[80:].any()


@pytest.mark.parametrize("pitch", [-12.0, 12.0])
def test_a_tilted_head_as_tracked_misleads_and_its_gain_sets_that_right(pitch):
    data = steady(pitch, 0.0)
    plain, true = registered(data["seen"]), registered(data["true"])
    seen = ranges_kept(plain, true, data["angles"], within=9)
    assert min(seen.values()) < 0.9
    assert seen == pytest.approx(plain_gains(pitch), abs=0.05)
    ours = registered(Frontalizer().fit_transform(data["seen"]))
    kept = ranges_kept(ours, plain, data["angles"], within=9, expression=data["units"])
    truth = ranges_kept(ours, true, data["angles"], within=9, expression=data["units"])
    assert max(kept.values()) > 1.07
    assert {name: kept[name] * gain for name, gain in plain_gains(pitch).items()} == pytest.approx(truth, abs=0.06)


def test_gains_are_one_from_the_front_and_do_not_depend_on_the_side():
    assert all(gain == pytest.approx(1) for gain in plain_gains(0).values())
    assert plain_gains(5, 20, 10) == pytest.approx(plain_gains(5, -20, -10), abs=0.01)


def test_eyes_are_levelled_and_proportions_kept():
    """By hand: eyes 5 px apart on a line of slope 3/4, and a mouth corner 10 px square below the outer right one."""
    rows = np.full((2, 136), np.nan)
    for k, (x, y) in {36: (10, 20), 45: (14, 23), 48: (10 - 6, 20 + 8)}.items():
        rows[0, [k, 68 + k]] = x, y
    rows[1, [36, 45, 68 + 36, 68 + 45]] = 7.0  # no size
    level = level_by_eyes(rows)
    found = level[0].reshape(2, 68).T[[36, 45, 48]]
    assert found == pytest.approx(np.array([[400, 1000], [1000, 1000], [400, 1000 + 600 / 5 * 10]]))
    assert np.isnan(level[1]).all()
    table = make_table(rows, scheme="ibug68", frames=range(2))
    np.testing.assert_array_equal(level_by_eyes(table), level)


def test_gains_by_the_eyes_are_foreshortening_alone():
    """By hand: a length of a flat face that nods by p is seen as its cosine; the head's modes also move in depth."""
    assert all(gain == pytest.approx(1) for gain in plain_gains(0, ruler="eyes").values())
    there, back = plain_gains(10, ruler="eyes"), plain_gains(-10, ruler="eyes")
    for name in ("mouth_opening", "lip_height", "brow_height", "eye_opening"):
        assert (there[name] + back[name]) / 2 == pytest.approx(np.cos(np.radians(10)), abs=1e-5)
    assert there["mouth_width"] == pytest.approx(1)
    turned = plain_gains(0, 10, ruler="eyes")  # the eyes seem nearer together, heights do not
    assert turned["eye_opening"] == pytest.approx(1 / np.cos(np.radians(10)), abs=0.01)
    with pytest.raises(DfecsError, match="registration, eyes"):
        plain_gains(0, ruler="nose")


@pytest.mark.parametrize("pitch", [-12.0, 0.0, 12.0])
def test_by_the_eyes_a_frontalizer_keeps_the_true_ranges_whatever_the_tilt(pitch):
    data = steady(pitch, 0.3)
    for faces, near in ((data["true"], 0.02), (Frontalizer().fit_transform(data["seen"]), 0.06)):
        kept = ranges_kept_by_eyes(faces, data["seen"], data["angles"], within=9, expression=data["units"])
        assert kept == pytest.approx(dict.fromkeys(kept, 1.0), abs=near)


def test_a_jaw_line_that_a_tracker_starts_lower_squeezes_the_registered_face_and_no_range_by_the_eyes():
    raised = steady(-12.0, 0.3)
    low = raised["seen"].copy()
    low[:, [68, 68 + 16]] += 10.0
    settings = {"within": 10, "expression": raised["units"]}
    squeezed = ranges_kept(registered(low), registered(raised["seen"]), raised["angles"], **settings)
    assert max(squeezed[n] for n in ("mouth_opening", "lip_height", "brow_height", "eye_opening")) < 0.97
    by_eyes = ranges_kept(level_by_eyes(low), level_by_eyes(raised["seen"]), raised["angles"], **settings)
    assert by_eyes == pytest.approx(dict.fromkeys(by_eyes, 1.0))


def test_an_instrument_does_not_take_lowered_noise_for_lowered_expression(bowed):
    """By hand: the same expression, and tracker noise on the brows in one and not in the other."""
    true = registered(bowed["true"])
    noisy = true.copy()
    noisy[:, 68 + np.arange(17, 27)] += np.random.default_rng(0).normal(0, 15, (len(true), 1))
    least_squares = ranges_kept(true, noisy, bowed["angles"], within=10)["brow_height"]
    spread = face_lengths(true)["brow_height"].var()
    assert least_squares == pytest.approx(spread / (spread + 15**2), abs=0.05)
    assert least_squares < 0.9
    instrument = ranges_kept(true, noisy, bowed["angles"], within=10, expression=bowed["units"])
    assert instrument["brow_height"] == pytest.approx(1, abs=0.05)


def test_what_expression_does_not_tell_has_no_range_and_too_few_frames_are_refused(bowed):
    faces = registered(bowed["seen"])
    for nothing in (np.zeros((len(faces), 2)), np.random.default_rng(0).normal(size=(len(faces), 2))):
        kept = ranges_kept(faces, faces, bowed["angles"], within=10, expression=nothing)
        assert np.isnan(list(kept.values())).all()
    with pytest.raises(DfecsError, match="steady frames"):
        ranges_kept(faces[:6], faces[:6], bowed["angles"][:6], within=10)
