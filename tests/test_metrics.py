"""Scores: their formulas, what they leave out, and that they touch nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dfecs_lib import keypoints, metrics
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import IBUG68

SCORES = [metrics.variance_explained, metrics.norm_variance_explained, metrics.frame_variance_explained]
motions = arrays(np.float64, (4, 6), elements=st.floats(-100, 100))


@pytest.mark.parametrize("score", SCORES)
@given(motions)
def test_itself_is_all_and_nothing_is_none(score: object, K: np.ndarray) -> None:
    if (np.abs(K) > 1e-100).any(axis=1).all():
        assert score(K, K) == 100
        assert score(K, np.zeros_like(K)) == pytest.approx(0)


def test_formulas() -> None:
    rng = np.random.default_rng(0)
    K, guess = rng.normal(size=(2, 50, 136))
    x, r = (K**2).sum(1), ((K - guess) ** 2).sum(1)
    assert metrics.variance_explained(K, guess) == pytest.approx(100 * (1 - r.sum() / x.sum()))
    assert metrics.norm_variance_explained(K, guess) == pytest.approx(100 * (1 - (r**0.5).sum() / (x**0.5).sum()))
    assert metrics.frame_variance_explained(K, guess) == pytest.approx(100 - 100 * (r / x).mean())


@pytest.mark.parametrize("score", SCORES)
def test_missing_points_are_as_if_they_were_not_there(score: object) -> None:
    rng = np.random.default_rng(0)
    K, guess = rng.normal(size=(2, 50, 136))
    holes = K.copy()
    holes[:, [60, 64, 128, 132]] = np.nan
    keep = [k for k in range(68) if k not in (60, 64)]
    before = holes.copy(), guess.copy()
    masked = score(holes, guess)
    assert masked == pytest.approx(score(K, guess, keypoints=keep))
    assert masked == pytest.approx(score(K[:, np.r_[keep, np.add(keep, 68)]], guess[:, np.r_[keep, np.add(keep, 68)]]))
    assert np.array_equal(holes, before[0], equal_nan=True)
    assert np.array_equal(guess, before[1])
    holes[3] = np.nan
    assert np.isfinite(score(holes, guess))


def test_numbers_are_those_of_ibug_whatever_the_scheme() -> None:
    rng = np.random.default_rng(0)
    full = keypoints.make_table(rng.normal(size=(5, 136)), scheme="ibug68", frames=range(5))
    guess = pd.DataFrame(rng.normal(size=(5, 136)), index=full.index, columns=full.columns)
    guess.attrs = dict(full.attrs)
    fewer, fewer_guess = keypoints.convert(full, "bp4d49"), keypoints.convert(guess, "bp4d49")
    for points in ([48, 54], range(17, 27)):
        assert metrics.variance_explained(fewer, fewer_guess, keypoints=points) == pytest.approx(
            metrics.variance_explained(full, guess, keypoints=points)
        )
    assert metrics.variance_explained(fewer, fewer_guess, keypoints=[0, 48]) == pytest.approx(
        metrics.variance_explained(full, guess, keypoints=[48])
    )
    mask = np.zeros(68, dtype=bool)
    mask[[48, 54]] = True
    assert metrics.variance_explained(full, guess, keypoints=mask) == pytest.approx(
        metrics.variance_explained(full, guess, keypoints=[48, 54])
    )


def test_codes_are_counted() -> None:
    codes = np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0], [np.nan] * 3])
    assert metrics.active_units(codes) == 1.5
    assert metrics.active_units(codes, threshold=1.0) == 1.0
    assert metrics.sparsity(codes) == 0.5


def test_symmetry_of_known_motions() -> None:
    up = np.r_[np.zeros(68), -np.ones(68)]
    shift = np.r_[np.ones(68), np.zeros(68)]
    wide = np.zeros(136)
    wide[48], wide[54] = -1, 1  # the mouth's corners, apart
    left_brow = np.zeros(136)
    left_brow[68 + np.arange(22, 27)] = -1
    assert np.allclose(metrics.symmetry([up, shift, wide, left_brow]), [1, -1, 1, 0])
    assert np.isnan(metrics.symmetry(np.zeros((1, 136)))[0])
    assert np.allclose(metrics.symmetry([np.r_[np.zeros(49), np.ones(49)]]), [1])


@pytest.mark.parametrize("scheme", ["ibug68", "disfa66", "bp4d49"])
def test_mirrored_units_are_as_symmetric(scheme: str) -> None:
    table = keypoints.SCHEMES[scheme]
    units = np.random.default_rng(0).normal(size=(4, 2, table.n_points))
    mirrored = units[:, :, table.mirror] * np.array([-1.0, 1.0])[:, None]
    a, b = (metrics.symmetry(u.reshape(4, -1)) for u in (units, mirrored))
    assert np.allclose(a, b)
    assert np.allclose(metrics.symmetry((units + mirrored).reshape(4, -1)), 1)


def test_nothing_to_compare_is_said() -> None:
    with pytest.raises(DfecsError, match="do not match"):
        metrics.variance_explained(np.ones((2, 4)), np.ones((2, 6)))
    with pytest.raises(DfecsError, match="no value is present"):
        metrics.variance_explained(np.full((2, 4), np.nan), np.ones((2, 4)))
    with pytest.raises(DfecsError, match="none of the keypoints"):
        metrics.variance_explained(np.ones((2, 98)), np.ones((2, 98)), keypoints=[0, 60])
    with pytest.raises(DfecsError, match="no frame is encoded"):
        metrics.active_units([[np.nan]])
    assert np.isnan(metrics.variance_explained(np.zeros((1, 4)), np.zeros((1, 4))))
    assert len(IBUG68.mirror) == 68


def test_units_count_that_make_up_their_share_of_the_motion() -> None:
    units = np.array([[3.0, 4.0], [0.0, 1.0]])  # of lengths 5 and 1
    # The first unit alone; both, the second with a tenth of the motion; both against each other.
    codes = np.array([[2.0, 0.0], [1.0, 0.5], [1.0, -4.0], [np.nan, 1.0]])
    whole = np.linalg.norm(codes[:3] @ units, axis=1)
    parts = np.abs(codes[:3]) * [5.0, 1.0]
    for share in (0.0, 0.05, 0.09, 0.1, 0.3, 0.9, 1.2):
        expected = ((codes[:3] != 0) & (parts >= share * whole[:, None])).sum(axis=1).mean()
        assert metrics.active_units(codes, units=units, share=share) == pytest.approx(expected)
    assert metrics.active_units(codes, units=units) == metrics.active_units(codes, units=units, share=metrics.SHARE)
    assert metrics.active_units(codes, 0.6, units=units, share=0.0) == pytest.approx(4 / 3)
    assert metrics.active_units(codes, 0.5, units=units, share=0.0) == pytest.approx(4 / 3)  # as large is not larger


def test_what_units_take_from_each_other() -> None:
    units = np.array([[1.0, 2.0, 0.0], [-1.0, 0.5, 1.0]])
    codes = np.array([[1.0, 2.0], [0.5, 0.0]])
    expected = np.linalg.norm(np.abs(codes) @ np.abs(units)) / np.linalg.norm(codes @ units)
    assert metrics.cancellation(codes, units) == pytest.approx(expected)
    assert metrics.cancellation(codes, np.abs(units)) == pytest.approx(1.0)
    assert metrics.cancellation(codes, units * 1e-9) == pytest.approx(expected)
    assert np.isnan(metrics.cancellation(np.zeros((2, 2)), units))
    for wrong in (units[:1], units[0], units[None]):
        with pytest.raises(DfecsError, match="do not belong to units"):
            metrics.cancellation(codes, wrong)


def test_symmetry_leaves_out_a_missing_point_and_its_mirror_image() -> None:
    motion = np.random.default_rng(1).normal(size=(3, 136))
    there = np.ones(136, dtype=bool)
    left, right = 36, int(IBUG68.mirror[36])
    there[[left, right, left + 68, right + 68]] = False
    missing = motion.copy()
    missing[:, [left, left + 68]] = np.nan
    np.testing.assert_allclose(metrics.symmetry(missing), metrics.symmetry(np.where(there, motion, 0.0)))


def test_tables_are_matched_by_the_names_of_columns_and_rows() -> None:
    rng = np.random.default_rng(2)
    K = keypoints.make_table(rng.normal(size=(4, 136)), scheme="ibug68", frames=range(4))
    guess = K + rng.normal(size=K.shape)
    guess.attrs = K.attrs
    shuffled = guess.iloc[::-1, rng.permutation(136)]
    shuffled.attrs = K.attrs
    for score in SCORES:
        assert score(K, shuffled) == pytest.approx(score(K, guess))


def test_what_are_no_codes_is_refused_and_small_codes_count() -> None:
    for wrong in (np.ones(3), np.ones((2, 3, 4))):
        for count in (metrics.active_units, metrics.active_per_frame, metrics.sparsity):
            with pytest.raises(DfecsError, match="codes must have the shape"):
                count(wrong)
    with pytest.raises(DfecsError, match="codes must have the shape"):
        metrics.sparsity(np.ones((3, 0)))
    small = np.array([[0.5, 0.0, 0.01], [0.0, 0.0, 0.0]])
    assert metrics.active_per_frame(small).tolist() == [2, 0]
    assert metrics.active_units(small) == 1
    assert metrics.sparsity(small) == pytest.approx(4 / 6)


def test_a_frame_in_which_nothing_is_seen_has_no_energy() -> None:
    K = np.ones((3, 6))
    K[1] = np.nan
    residual, total = metrics.frame_energies(K, np.zeros((3, 6)))
    np.testing.assert_array_equal(residual, [6, np.nan, 6])
    np.testing.assert_array_equal(total, [6, np.nan, 6])


def test_a_frame_without_codes_is_counted_by_itself() -> None:
    found = metrics.active_per_frame(np.array([[1.0, np.nan], [1.0, 0.0]]))
    np.testing.assert_array_equal(found, [np.nan, 1])


def test_tables_of_other_columns_are_matched_by_name_too() -> None:
    codes = pd.DataFrame(np.random.default_rng(3).normal(size=(4, 3)), columns=["smile", "frown", "blink"])
    for score in SCORES:
        assert score(codes, codes[["blink", "smile", "frown"]]) == pytest.approx(100)


def test_the_first_keypoint_of_an_unknown_scheme_can_be_chosen() -> None:
    K = np.ones((2, 14))
    guess = np.zeros((2, 14))
    guess[:, [0, 7]] = 1  # x and y of the first of seven
    assert metrics.variance_explained(K, guess, keypoints=[0]) == pytest.approx(100)
    assert metrics.variance_explained(K, guess, keypoints=[6]) == pytest.approx(0)
    for wrong in ([-1], [7]):
        with pytest.raises(DfecsError, match=r"keypoints must lie in 0 … 6"):
            metrics.variance_explained(K, guess, keypoints=wrong)


def test_a_point_that_units_lack_moves_nothing() -> None:
    codes = np.array([[1.0, 2.0], [3.0, 0.0]])
    units = np.array([[3.0, np.nan, 1.0], [np.nan, 0.5, -1.0]])
    filled = np.nan_to_num(units)
    assert metrics.cancellation(codes, units) == metrics.cancellation(codes, filled)
    assert metrics.active_units(codes, units=units, share=0.5) == metrics.active_units(codes, units=filled, share=0.5)


def test_a_unit_that_makes_up_exactly_the_share_counts() -> None:
    assert metrics.active_units([[2.0]], units=[[1.0, 0.0]], share=1.0) == 1.0
