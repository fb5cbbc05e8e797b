"""Motion from the neutral face, and settings that travel."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import make_table
from dfecs_lib.preprocessing import KeypointMotion, from_settings, make_preprocessor, motion_vectors, settings_of


def recording(value: float, subject: str, name: str, n: int = 4) -> pd.DataFrame:
    values = value + np.arange(n)[:, None] * np.ones((1, 136))
    return make_table(values, scheme="ibug68", frames=range(10, 10 + n), dataset="d", subject=subject, recording=name)


def joined(*tables: pd.DataFrame) -> pd.DataFrame:
    out = pd.concat(tables).sort_index()
    out.attrs = dict(tables[0].attrs)
    return out


@pytest.fixture
def table() -> pd.DataFrame:
    return joined(recording(0, "S1", "a"), recording(100, "S1", "b"), recording(1000, "S2", "a"))


def test_one_neutral_a_recording(table):
    neutral = table[table.index.get_level_values("frame") == 11]
    motion = motion_vectors(table, neutral)
    assert_array_equal(motion["x_0"], [-1, 0, 1, 2] * 3)
    assert motion.index.equals(table.index)
    assert motion.attrs["scheme"] == "ibug68"
    assert motion.attrs["history"][-1]["operation"] == "motion_vectors"
    assert motion.attrs["history"][-1]["neutral"] == ["d/S1/a/11", "d/S1/b/11", "d/S2/a/11"]
    assert json.loads(json.dumps(motion.attrs)) == motion.attrs


def test_one_neutral_a_subject_serves_all_its_recordings(table):
    neutral = table.loc[[("d", "S1", "b", 10), ("d", "S2", "a", 10)]]
    assert_array_equal(motion_vectors(table, neutral)["y_5"], [-100, -99, -98, -97, 0, 1, 2, 3, 0, 1, 2, 3])


def test_the_order_of_neutral_rows_does_not_matter(table):
    neutral = table[table.index.get_level_values("frame") == 10]
    assert_allclose(motion_vectors(table, neutral.iloc[::-1]), motion_vectors(table, neutral))


def test_missing_and_doubled_neutrals_are_named(table):
    with pytest.raises(DfecsError, match="no neutral face for d/S2/a"):
        motion_vectors(table, table.iloc[:1])
    with pytest.raises(DfecsError, match="more than one neutral face for d/S1/a"):
        motion_vectors(table, joined(table.iloc[:2], table.iloc[-1:]))
    with pytest.raises(DfecsError, match="no neutral face"):
        motion_vectors(table, table.iloc[:0])


@pytest.mark.parametrize(("n", "words"), [(5, "d/S1/r4;"), (7, "d/S1/r4 and 2 more;")])
def test_of_many_missing_neutrals_five_are_named(n, words):
    table = joined(*(recording(0, "S1", f"r{k}") for k in range(n)))
    with pytest.raises(DfecsError, match=words):
        motion_vectors(table, recording(0, "S2", "a", 1))


def test_arrays_and_a_single_row(table):
    array = table.to_numpy()
    for neutral in (array[6], array[6:7]):
        assert_allclose(motion_vectors(array, neutral), array - array[6])
        assert_allclose(motion_vectors(table, neutral), array - array[6])
    with pytest.raises(DfecsError, match="one neutral face"):
        motion_vectors(array, array[:2])
    with pytest.raises(DfecsError, match="one neutral face"):
        motion_vectors(array, array[0, :5])
    with pytest.raises(DfecsError, match="table of registered faces"):
        motion_vectors(array, table.iloc[:1])


def test_the_step_measures_each_recording_from_a_face_of_its_own(table):
    lost = recording(0, "S3", "a") * np.nan
    lost.attrs = table.attrs
    faces = joined(table, lost)
    motion = KeypointMotion("first").fit_transform(faces)
    assert motion.index.equals(faces.index)
    assert motion.loc["d", "S3"].isna().all(axis=None)
    assert_array_equal(motion["x_3"].dropna(), [0, 1, 2, 3] * 3)
    assert motion.attrs["history"][-1]["operation"] == "motion_vectors"
    array = table.to_numpy()[4:8]
    assert_array_equal(KeypointMotion("first").fit_transform(array), array - array[0])
    assert_array_equal(KeypointMotion(neutral=array[2]).fit_transform(array), array - array[2])
    assert KeypointMotion().transform(array[:0]).shape == (0, 136)


def test_missing_points_stay_missing_on_either_side(table):
    broken = table.copy()
    broken.iloc[1, 3] = np.nan
    neutral = table[table.index.get_level_values("frame") == 10].copy()
    neutral.iloc[2, 7] = np.nan
    motion = motion_vectors(broken, neutral)
    assert motion.isna().to_numpy().sum() == 5
    assert np.isnan(motion.iloc[1, 3])
    assert motion.iloc[8:, 7].isna().all()


@pytest.mark.parametrize("switches", [(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)])
def test_every_ablation_runs_and_its_settings_rebuild_it(tracks, switches):
    preprocessor = make_preprocessor(*map(bool, switches))
    settings = json.loads(json.dumps(settings_of(preprocessor)))
    assert_array_equal(from_settings(settings).transform(tracks), clone(preprocessor).fit_transform(tracks))
    assert settings_of(from_settings(settings)) == settings


def test_settings_carry_the_linear_weights_themselves(tracks, published):
    preprocessor = make_preprocessor(method="linear", weights=published)
    rebuilt = from_settings(json.loads(json.dumps(settings_of(preprocessor))))
    assert_array_equal(rebuilt.transform(tracks), preprocessor.fit_transform(tracks))


def test_foreign_pipelines_and_settings_are_refused():
    with pytest.raises(DfecsError, match="make_preprocessor"):
        settings_of(make_pipeline(StandardScaler()))
    with pytest.raises(DfecsError, match="unknown preprocessing settings: size"):
        from_settings({"size": 3})
    with pytest.raises(DfecsError, match="true or false"):
        from_settings({"affine": "yes"})
    with pytest.raises(DfecsError, match="cannot be read"):
        from_settings({"method": "linear", "weights": "AAAA"})


def test_a_registered_neutral_frame_has_no_motion(tracks):
    table = make_table(tracks, scheme="ibug68", frames=range(len(tracks)), recording="r")
    preprocessor = make_preprocessor().fit(table)
    motion = motion_vectors(preprocessor.transform(table), preprocessor.transform(table.iloc[3:4]))
    assert_allclose(motion.iloc[3], 0, atol=1e-9)
    assert np.sqrt((motion.to_numpy() ** 2).mean()) > 1
