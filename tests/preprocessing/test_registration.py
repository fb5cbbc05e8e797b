"""Affine and part registration do what the method says, on real tracks and on broken ones."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import BP4D49, DISFA66, IBUG68, convert, make_table, scheme_of
from dfecs_lib.preprocessing import AffineRegistration, Frontalizer, PartRegistration

from . import oracle


def as_points(row: np.ndarray) -> np.ndarray:
    return row.reshape(2, -1).T


def as_row(points: np.ndarray) -> np.ndarray:
    return points.T.ravel()


def subset(tracks: np.ndarray, scheme) -> np.ndarray:
    keep = np.array(scheme.ibug)
    return np.concatenate([tracks[:, keep], tracks[:, 68 + keep]], axis=1)


def test_published_pipeline_equals_the_formulas_frame_by_frame(tracks, published):
    weights = np.load(published, allow_pickle=False)
    fast = make_pipeline(
        Frontalizer(method="linear", weights=published), AffineRegistration(), PartRegistration()
    ).fit_transform(tracks)
    numbers = list(range(68))
    for row, expected in zip(tracks, fast, strict=True):
        slow = oracle.parts(oracle.affine(oracle.frontalize(as_points(row), weights), numbers), numbers)
        assert_allclose(as_row(slow), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("scheme", [IBUG68, DISFA66, BP4D49], ids=lambda s: s.name)
def test_registration_of_each_scheme_equals_the_formulas(tracks, scheme):
    rows = subset(tracks, scheme)
    fast = make_pipeline(AffineRegistration(), PartRegistration()).fit_transform(rows)
    for row, expected in zip(rows, fast, strict=True):
        slow = oracle.parts(oracle.affine(as_points(row), list(scheme.ibug)), list(scheme.ibug))
        assert_allclose(as_row(slow), expected, rtol=0, atol=1e-6)


def test_affine_registration_forgets_any_affine_map(tracks):
    points = tracks.reshape(len(tracks), 2, 68)
    mapped = np.einsum("ij,njk->nik", np.array([[0.8, 0.3], [-0.2, 1.4]]), points) + np.array([[40.0], [-7.0]])
    step = AffineRegistration()
    assert_allclose(step.transform(mapped.reshape(tracks.shape)), step.transform(tracks), atol=1e-6)


def test_lips_stay_and_anchors_land(tracks):
    registered = AffineRegistration().transform(tracks)
    moved = PartRegistration().transform(registered)
    lips = np.r_[48:68, 68 + 48 : 136]
    assert_allclose(moved[:, lips], registered[:, lips])
    for k, (x, y) in {36: (400, 1000), 39: (600, 1000), 42: (800, 1000), 45: (1000, 1000), 0: (300, 1000),
                      16: (1100, 1000), 27: (700, 1000)}.items():  # fmt: skip
        assert_allclose(moved[:, [k, 68 + k]], [[x, y]] * len(moved), atol=1e-6)


@pytest.mark.parametrize("step", [AffineRegistration(), PartRegistration()], ids=lambda s: type(s).__name__)
def test_missing_anchor_loses_the_frame_and_other_missing_points_stay_missing(tracks, step):
    broken = tracks[:4].copy()
    broken[0, 27] = np.nan  # an anchor of both
    broken[1, [8, 68 + 8]] = np.nan  # the chin
    before = broken.copy()
    out = step.fit_transform(broken)
    assert np.isnan(out[0]).all()
    assert np.flatnonzero(np.isnan(out[1])).tolist() == [8, 76]
    assert_allclose(out[2:], step.transform(tracks)[2:4])
    np.testing.assert_array_equal(broken, before)  # the argument is left alone


def test_anchors_on_one_line_or_in_one_place_are_lost_not_wild(tracks):
    flat = tracks[:2].copy()
    flat[0, 68:] = 5.0
    assert np.isnan(AffineRegistration().transform(flat)[0]).all()
    flat[1, [36, 68 + 36]] = flat[1, [39, 68 + 39]]
    assert np.isnan(PartRegistration().transform(flat)[1]).all()


def test_a_table_stays_a_table_and_says_what_was_done(tracks):
    table = make_table(tracks, scheme="ibug68", frames=range(len(tracks)), dataset="d", subject="s", recording="r")
    out = make_pipeline(AffineRegistration(), PartRegistration()).fit_transform(table)
    assert out.index.equals(table.index)
    assert scheme_of(out) == IBUG68
    assert [entry["operation"] for entry in out.attrs["history"]] == ["affine_registration", "part_registration"]
    assert table.attrs["history"] == []
    assert_allclose(out, make_pipeline(AffineRegistration(), PartRegistration()).fit_transform(tracks))
    small = convert(table, "bp4d49")
    assert AffineRegistration().fit_transform(small).shape == (len(tracks), 98)


def test_they_are_good_scikit_learn_citizens(tracks):
    step = clone(AffineRegistration()).set_output(transform="pandas").fit(tracks)
    assert list(step.transform(tracks).columns) == list(step.get_feature_names_out())
    table = make_table(tracks, scheme="ibug68", frames=range(len(tracks)))
    out = clone(PartRegistration()).set_output(transform="pandas").fit_transform(table)
    assert out.attrs["history"][-1]["operation"] == "part_registration"
    assert out.index.equals(table.index)


def test_other_shapes_are_refused_in_one_sentence():
    with pytest.raises(DfecsError, match="fit no keypoint scheme"):
        AffineRegistration().fit(np.zeros((3, 7)))
    with pytest.raises(DfecsError, match="2-D"):
        AffineRegistration().fit(np.zeros(136))
    with pytest.raises(DfecsError, match="numbers"):
        AffineRegistration().fit([["a"] * 136])


def test_no_frames_is_not_an_error(published):
    empty = np.empty((0, 136))
    for step in (Frontalizer(), Frontalizer("linear", published), AffineRegistration(), PartRegistration()):
        assert step.fit_transform(empty).shape == (0, 136)
