"""Columns are matched by name and rows by index: another order gives the same result, or a sentence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import coordinates, in_order, make_table, same_rows, to_points
from dfecs_lib.metrics import frame_variance_explained, norm_variance_explained, symmetry, variance_explained


@pytest.fixture
def table() -> pd.DataFrame:
    values = np.random.default_rng(0).normal(size=(6, 136))
    return make_table(values, scheme="ibug68", frames=range(6), subject="S1")


def test_coordinates_are_read_by_name(table: pd.DataFrame) -> None:
    values = table.to_numpy()
    for other in (table.sort_index(axis=1), table.iloc[:, ::-1], pd.concat([table.iloc[:3], table.iloc[3:, ::-1]])):
        assert np.array_equal(coordinates(other), values)
        assert np.array_equal(to_points(other)[:, :, 0], values[:, :68])
    assert np.array_equal(coordinates(pd.DataFrame(values)), values)
    assert in_order(table.iloc[:, ::-1]).attrs == table.attrs


@pytest.mark.parametrize("spoil", ["renamed", "lacking", "twice", "text"])
def test_other_columns_are_refused(table: pd.DataFrame, spoil: str) -> None:
    wrong = {
        "renamed": table.rename(columns={"x_3": "left brow"}),
        "lacking": table.drop(columns="y_67"),
        "twice": table.rename(columns={"x_3": "x_4"}),
        "text": table.astype(str).replace({"x_0": {r".*": "a"}}, regex=True),
    }[spoil]
    with pytest.raises(DfecsError):
        coordinates(wrong)


def test_rows_are_matched_by_index(table: pd.DataFrame) -> None:
    assert same_rows(table.iloc[::-1], table.index, "motion").equals(table)
    with pytest.raises(DfecsError, match="the labels: 1 of 6 rows are missing, the first of them /S1//5"):
        same_rows(table.iloc[:5], table.index, "the labels")
    with pytest.raises(DfecsError, match="repeat"):
        same_rows(pd.concat([table, table]), table.index)


@pytest.mark.parametrize("score", [variance_explained, norm_variance_explained, frame_variance_explained])
def test_scores_match_by_name(table: pd.DataFrame, score) -> None:  # type: ignore[no-untyped-def]
    guess = table * 0.5 + 0.1
    exact = score(table, guess)
    points = score(table, guess, keypoints=[3, 30])
    for other in (guess.iloc[:, ::-1], guess.sample(frac=1, random_state=0), guess.sort_index(axis=1)):
        assert score(table, other) == pytest.approx(exact)
        assert score(table.iloc[::-1, ::-1], other) == pytest.approx(exact)
        assert score(table.iloc[:, ::-1], other, keypoints=[3, 30]) == pytest.approx(points)
        assert score(table.sort_index(axis=1), guess.to_numpy()) == pytest.approx(exact)
    with pytest.raises(DfecsError):
        score(table, guess.iloc[1:])


def test_symmetry_reads_units_by_name(table: pd.DataFrame) -> None:
    assert np.allclose(symmetry(table.sort_index(axis=1)), symmetry(table))
