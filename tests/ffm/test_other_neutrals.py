"""Units learned from motion as it would be from other resting frames."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.ffm.other_neutrals import people_of, with_other_neutrals
from dfecs_lib.keypoints import make_table


def test_rows_are_seen_from_resting_frames_of_their_own_person() -> None:
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.uniform(0, 1, (40, 2)), 100 + rng.uniform(0, 1, (40, 2))])
    people = np.repeat([0, 1], 40)
    more, weights = with_other_neutrals(rows, people, None, 3)
    assert weights is None
    np.testing.assert_array_equal(more[:80], rows)
    partners = rows - more[80:]
    for person in (0, 1):
        own = rows[people == person]
        resting = own[np.argsort((own**2).sum(axis=1))[:10]]
        gaps = np.abs(partners[people == person][:, None] - resting[None]).max(axis=2).min(axis=1)
        assert gaps.max() < 1e-9


def test_rows_added_weigh_as_much_as_the_others_and_are_bounded() -> None:
    rows = np.random.default_rng(0).normal(size=(10_000, 3))
    own = np.random.default_rng(1).uniform(0.5, 2, 10_000)
    more, weights = with_other_neutrals(rows, np.zeros(10_000, dtype=int), own, 0)
    assert 10_000 < len(more) <= 14_096
    assert np.isclose(weights[10_000:].sum(), own.sum())


def test_people_are_numbered_by_dataset_and_subject() -> None:
    tables = [
        make_table(np.ones((2, 136)), scheme="ibug68", frames=range(2), subject=s, dataset=d)
        for d, s in (("a", "P"), ("b", "P"), ("b", "Q"))
    ]
    table = pd.concat(tables)
    assert people_of(table, np.ones(6, dtype=bool)).tolist() == [0, 0, 1, 1, 2, 2]
    assert people_of(np.ones((3, 4)), np.array([True, False, True])).tolist() == [0, 0]


def test_people_whose_neutral_is_off_are_explained_better() -> None:
    units = np.zeros((4, 136))
    for k in range(4):
        units[k, 17 + 10 * k : 22 + 10 * k] = 1 / np.sqrt(5)
    scores = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        taught = rng.exponential(10, (400, 4)) * (rng.uniform(size=(400, 4)) < 0.5) @ units
        off = rng.exponential(10, (400, 4)) * (rng.uniform(size=(400, 4)) < 0.5) @ units - 8 * units[0]
        plain, doubting = (FullFaceModel(6, n_atoms=2, other_neutrals=doubt).fit(taught) for doubt in (False, None))
        scores.append([plain.score(off), doubting.score(off), plain.score(taught), doubting.score(taught)])
    plain_off, doubting_off, *own = np.array(scores).T
    assert (doubting_off > plain_off).all()
    assert (
        doubting_off.mean() > plain_off.mean() + 0.04
    )  # the sums of some seeds find the way back, of others a part of it
    assert np.min(own) > 0.9
