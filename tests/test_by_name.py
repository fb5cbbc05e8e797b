"""Columns are matched by name and rows by index: another order gives the same result, or a sentence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from dfecs_lib import evaluation
from dfecs_lib.baselines import FACSUnits, PCAUnits
from dfecs_lib.coding.paths import least_angle_path
from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.frontality import (
    controlled_leakage,
    expression_kept,
    frontal_error,
    head_pose,
    pose_leakage,
)
from dfecs_lib.evaluation.lengths import face_lengths, level_by_eyes
from dfecs_lib.evaluation.overview import eye_distance, spread_frames
from dfecs_lib.evaluation.recovery import cosines, intensity_correlations
from dfecs_lib.ffm.selection import select_n_units
from dfecs_lib.interpretability import as_units, score_units, stability
from dfecs_lib.interpretability.comparison import random_units
from dfecs_lib.keypoints import coordinates, in_order, make_table, same_rows, to_points
from dfecs_lib.metrics import frame_variance_explained, norm_variance_explained, symmetry, variance_explained
from dfecs_lib.plotting.faces import row_points
from dfecs_lib.preprocessing import make_preprocessor, motion_vectors
from dfecs_lib.preprocessing.neutral import choose_neutral
from dfecs_lib.simulate import simulate


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


def motion(dataset: str, seed: int) -> pd.DataFrame:
    """Motion of four subjects of a dataset: three action patterns and noise."""
    rng = np.random.default_rng(seed)
    patterns = np.random.default_rng(9).normal(size=(3, 136)) * 20
    tables = [
        make_table(
            rng.gamma(1.0, 1.0, (40, 3)) @ patterns + rng.normal(size=(40, 136)),
            scheme="ibug68",
            frames=range(40),
            dataset=dataset,
            subject=f"S{k}",
            recording="r",
        )
        for k in range(4)
    ]
    whole = pd.concat(tables)
    whole.attrs = tables[0].attrs
    return whole


K, OTHER = motion("one", 0), motion("two", 1)
POSE = pd.DataFrame(np.random.default_rng(2).normal(size=(len(K), 3)), index=K.index)
LABELS = pd.DataFrame({"AU01": K["x_1"].clip(lower=0) / 30, "AU12": K["y_9"].clip(lower=0) / 30}, index=K.index)
FACES = make_preprocessor().fit_transform(simulate("sim-ckplus", noise=0.0).truth.frontal)
MODEL = PCAUnits(3).fit(OTHER)

#: Every public function that reads a table of keypoints, motion or units, by what it is called on.
READERS: dict[str, tuple[pd.DataFrame, Callable[[pd.DataFrame], object]]] = {
    "model.fit": (K, lambda t: PCAUnits(2).fit(t).components_),
    "model.transform": (K, lambda t: MODEL.transform(t)),
    "metrics.variance_explained": (K, lambda t: variance_explained(t, OTHER.set_index(K.index))),
    "frame_costs": (K, lambda t: evaluation.frame_costs(t, OTHER.set_index(K.index))),
    "model_costs": (K, lambda t: evaluation.model_costs(MODEL, t)),
    "score_by_subject": (K, lambda t: evaluation.score_by_subject(evaluation.model_costs(MODEL, t))),
    "chunk_scores": (K, lambda t: evaluation.chunk_scores(evaluation.model_costs(MODEL, t).loc[t.index], n_chunks=5)),
    "convert_units": (K, lambda t: evaluation.convert_units(t.iloc[np.argsort(t.index)], None, "bp4d49")),
    "encoding_curves": (K, lambda t: evaluation.encoding_curves({"m": MODEL}, {"t": t}, interval=False)),
    "unit_curves": (K, lambda t: evaluation.unit_curves({"m": PCAUnits}, t, {"t": t}, [2], interval=False)),
    "cross_costs": (K, lambda t: evaluation.cross_costs(lambda: PCAUnits(2), t)),
    "sample_frames": (K, lambda t: evaluation.sample_frames(t, 20)[sorted(t.columns)]),
    "split_subjects": (K, lambda t: sorted(set(evaluation.split_subjects(t)[0].index))),
    "motion_size": (K, lambda t: evaluation.motion_size(t, LABELS["AU01"] > 1)),
    "lasso_for_activity": (K, lambda t: evaluation.lasso_for_activity(t, MODEL.components_, 1.0)),
    "search_surface": (K, lambda t: evaluation.search_surface(t, "lips", [1], [1.0])),
    "least_angle_path": (K, lambda t: least_angle_path(t, MODEL.components_).variance_explained()),
    "select_n_units": (K, lambda t: select_n_units(t, [2], n_resamples=2).table),
    "cosines": (K.iloc[:3], lambda t: cosines(t.sort_index(), MODEL.components_)),
    "still_share": (K, lambda t: evaluation.still_share(t)),
    "intensity_correlations": (K, lambda t: intensity_correlations(MODEL.transform(t), LABELS)),
    "FACSUnits.fit": (K, lambda t: FACSUnits().fit(t, action_units=LABELS).components_),
    "pose_leakage": (K, lambda t: pose_leakage(t, POSE)),
    "controlled_leakage": (K, lambda t: controlled_leakage(t, POSE, LABELS)),
    "head_pose": (FACES, head_pose),
    "face_lengths": (FACES, face_lengths),
    "level_by_eyes": (FACES, lambda t: level_by_eyes(t.sort_index())),
    "frontal_error": (FACES, lambda t: frontal_error(t, FACES)),
    "expression_kept": (FACES, lambda t: expression_kept(t, FACES, np.ones(len(t), dtype=bool))),
    "eye_distance": (FACES, eye_distance),
    "spread_frames": (FACES, lambda t: sorted(spread_frames(t, 5).index)),
    "as_units": (K.iloc[:3], lambda t: as_units(t.sort_index(), signed=True).motion),
    "score_units": (K.iloc[:2], lambda t: score_units(t.sort_index(), signed=False, n_null=5).table["compliance"]),
    "random_units": (K, lambda t: random_units(t, 3).motion),
    "stability": (K, lambda t: stability(MODEL, t, n_bootstraps=2)),
    "row_points": (FACES, lambda t: row_points(t.loc[FACES.index[3]])[0]),
    "make_preprocessor": (FACES, lambda t: coordinates(make_preprocessor().fit_transform(t).sort_index())),
    "choose_neutral": (FACES, lambda t: list(choose_neutral(t).index)),
    "motion_vectors": (FACES, lambda t: motion_vectors(t, choose_neutral(FACES, "first"))),
}


def alike(one: object, two: object) -> None:
    if isinstance(one, (pd.DataFrame, pd.Series)):
        assert sorted(map(str, one.index)) == sorted(map(str, two.index))
        one, two = one.loc[sorted(one.index)], two.loc[sorted(one.index)]
        if isinstance(one, pd.DataFrame):
            one, two = one[sorted(one.columns)], two[sorted(one.columns)]
            pd.testing.assert_frame_equal(one, two, rtol=1e-6, atol=1e-9, check_like=True)
        else:
            pd.testing.assert_series_equal(one, two, rtol=1e-6, atol=1e-9)
    elif isinstance(one, (float, np.ndarray)):
        np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-9)
    else:
        assert one == two


@pytest.mark.parametrize("order", ["columns sorted", "columns reversed", "rows shuffled"])
@pytest.mark.parametrize("name", READERS)
def test_another_order_gives_the_same_result(name: str, order: str) -> None:
    table, function = READERS[name]
    other = {
        "columns sorted": table.sort_index(axis=1),
        "columns reversed": table.iloc[:, ::-1],
        "rows shuffled": table.sample(frac=1, random_state=1),
    }[order]
    alike(function(table), function(other))
