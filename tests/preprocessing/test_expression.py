"""How well faces tell expression, and whether one preprocessing tells more than another."""

from __future__ import annotations

import numpy as np
import pytest
from frontality_measures import expression_r2, expression_r2_difference

from dfecs_lib.errors import DfecsError


def faces_of(smile: np.ndarray, noise: float, seed: int) -> np.ndarray:
    """Faces of which one coordinate shows the smile with noise of this standard deviation; all others stay."""
    faces = np.zeros((len(smile), 136))
    faces[:, 50] = smile[:, 0] + noise * np.random.default_rng(seed).normal(size=len(smile))
    return faces


@pytest.fixture(scope="module")
def smile() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(4000, 1))


def test_r2_is_what_the_noise_leaves(smile):
    """By hand: a smile of variance 1 seen with noise of variance s² is told to 1 / (1 + s²)."""
    for noise in (0.5, 1.0):
        assert expression_r2(faces_of(smile, noise, 1), smile) == pytest.approx(1 / (1 + noise**2), abs=0.03)


def test_difference_is_that_of_the_two_r2_and_its_error_is_right(smile):
    """An independent way: the spread of the difference over many recordings of the same kind."""
    clean, noisy = faces_of(smile, 0.5, 1), faces_of(smile, 1.0, 2)
    difference, error = expression_r2_difference(clean, noisy, smile)
    assert difference == pytest.approx(expression_r2(clean, smile) - expression_r2(noisy, smile))
    short = [slice(i, i + 200) for i in range(0, len(smile), 200)]
    found = np.array([expression_r2_difference(clean[s], noisy[s], smile[s]) for s in short])
    assert found[:, 1].mean() == pytest.approx(found[:, 0].std(ddof=1), rel=0.4)
    assert error == pytest.approx(found[:, 1].mean() / np.sqrt(20), rel=0.4)


def test_one_component_too_many_is_no_gain_and_the_sign_turns_with_the_order(smile):
    clean, noisy = faces_of(smile, 0.5, 1), faces_of(smile, 1.0, 2)
    there, back = (expression_r2_difference(*pair, smile, components=1) for pair in ((clean, noisy), (noisy, clean)))
    assert there[0] == pytest.approx(-back[0])
    assert there[1] == pytest.approx(back[1])
    assert there[0] > 5 * there[1]


def test_a_frame_that_one_of_them_lacks_counts_in_neither(smile):
    clean, noisy = faces_of(smile[:100], 0.5, 1), faces_of(smile[:100], 1.0, 2)
    expected = expression_r2_difference(clean[8:], noisy[8:], smile[8:100])
    clean[:5], noisy[3:8] = np.nan, np.nan
    assert expression_r2_difference(clean, noisy, smile[:100]) == pytest.approx(expected)


def test_what_cannot_be_compared_is_said(smile):
    faces = faces_of(smile[:50], 0.5, 1)
    with pytest.raises(DfecsError, match="one row a face"):
        expression_r2_difference(faces, faces[:40], smile[:50])
    with pytest.raises(DfecsError, match="constant"):
        expression_r2_difference(faces, faces, np.zeros((50, 2)))
