"""How many units there are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.ffm.selection import matched_similarity, select_n_units

from .conftest import motion_of


@pytest.fixture(scope="module")
def people() -> tuple[pd.DataFrame, np.ndarray]:
    """Six subjects who share four units."""
    return motion_of(360, n_units=4, noise=0.3), np.repeat(list("abcdef"), 60)


def test_the_true_number_is_found(people: tuple[pd.DataFrame, np.ndarray]) -> None:
    motion, subject = people
    model = FullFaceModel(encoder="direct", part_variance=0.97)
    found = select_n_units(motion, [1, 2, 3, 4, 6], groups=subject, model=model, n_resamples=4)
    assert found.n_units == 4
    explained = found.table["variance_explained"]
    assert explained.is_monotonic_increasing
    assert explained.loc[4] - explained.loc[3] > 20  # the fourth unit is one of the four that are there
    assert explained.loc[6] - explained.loc[4] < 1  # and the next are not
    assert found.table.loc[4, "stability"] > 0.95
    assert found.table.loc[4, "stability"] > found.table.loc[6, "stability"]
    again = select_n_units(motion, [1, 2, 3, 4, 6], groups=subject, model=model, n_resamples=4, n_jobs=2)
    pd.testing.assert_frame_equal(found.table, again.table)


def test_people_of_two_datasets_who_share_a_name_are_two(people: tuple[pd.DataFrame, np.ndarray]) -> None:
    motion, subject = people
    names = pd.Series(subject)
    table = motion.copy()
    levels = [names.map(lambda s: "one" if s in "abc" else "two"), names.replace(dict(zip("def", "abc", strict=True)))]
    table.index = pd.MultiIndex.from_arrays(
        [*levels, np.full(len(table), "r"), np.arange(len(table))], names=["dataset", "subject", "recording", "frame"]
    )
    table.attrs = motion.attrs
    model = FullFaceModel(encoder="direct", part_variance=0.9)
    own, given = (select_n_units(table, [2], groups=groups, model=model, n_resamples=2) for groups in (None, subject))
    pd.testing.assert_frame_equal(own.resamples, given.resamples)


def test_matching_does_not_mind_order() -> None:
    units = np.random.default_rng(0).normal(size=(5, 20))
    assert matched_similarity(units, 3 * units[[4, 2, 0, 1, 3]]) == pytest.approx(1)
    assert matched_similarity(units, -units) < 0.5


def test_what_is_missing_is_said(people: tuple[pd.DataFrame, np.ndarray]) -> None:
    motion, subject = people
    with pytest.raises(DfecsError, match="too few"):
        select_n_units(motion, [2])
    with pytest.raises(DfecsError, match="groups="):
        select_n_units(motion.to_numpy(), [2])
    with pytest.raises(DfecsError, match="begin at 1"):
        select_n_units(motion, [0], groups=subject)
