"""Which frame is taken as neutral."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import make_table, validate
from dfecs_lib.preprocessing import motion_vectors
from dfecs_lib.preprocessing.neutral import METHODS, choose_neutral


def course(heights: np.ndarray, name: str = "r", first: int = 0, seed: int = 0) -> pd.DataFrame:
    """A face whose motion along one direction follows `heights`, with a little jitter."""
    rng = np.random.default_rng(seed)
    base, direction = rng.normal(size=136) * 100, rng.normal(size=136)
    values = base + heights[:, None] * direction + rng.normal(size=(len(heights), 136)) * 0.01
    frames = np.arange(first, first + len(heights))
    return make_table(values, scheme="ibug68", frames=frames, dataset="d", subject="s", recording=name)


# Moving at once, then resting at 0, a short held smile, and rest again.
HEIGHTS = np.concatenate([np.linspace(5, 0, 20), np.zeros(60), np.linspace(0, 8, 15), np.full(20, 8.0),
                          np.linspace(8, 0, 15), np.zeros(40)])  # fmt: skip


@pytest.mark.parametrize("method", ["medoid", "calmest"])
@pytest.mark.parametrize("seed", range(4))
def test_the_resting_face_is_found_though_the_recording_starts_with_motion(method, seed):
    # A smile that is held is as calm as rest: to the calmest stretch it must not be.
    heights = HEIGHTS if method == "medoid" else np.delete(HEIGHTS, np.s_[95:115])
    chosen = choose_neutral(course(heights, seed=seed), method)
    assert heights[chosen.index.get_level_values("frame")[0]] == 0.0


def test_calmest_is_the_middle_of_the_stillest_fifteen_frames():
    steps = np.ones(80)
    steps[40:54] = 0  # frames 40 to 54 are alike
    assert choose_neutral(course(np.r_[0, steps.cumsum()] * 9), "calmest").index.get_level_values("frame") == [47]


def test_photos_of_one_subject_are_recordings_of_one_frame():
    photos = pd.concat([course(np.array([height]), str(k)) for k, height in enumerate([0.0, 9.0, 0.1])])
    photos.attrs = {"scheme": "ibug68", "history": []}
    for method in METHODS:
        assert choose_neutral(photos, method).index.equals(photos.index)


def test_first_skips_frames_without_a_face():
    table = course(HEIGHTS, first=7)
    table.iloc[:3] = np.nan
    assert choose_neutral(table, "first").index.get_level_values("frame").tolist() == [10]


@pytest.mark.parametrize("method", METHODS)
def test_one_real_row_a_recording_with_its_history(method):
    table = pd.concat([course(HEIGHTS, "a"), course(HEIGHTS[::-1], "b", first=100)])
    table.attrs = {"scheme": "ibug68", "history": []}
    chosen = validate(choose_neutral(table, method))
    assert chosen.index.get_level_values("recording").tolist() == ["a", "b"]
    pd.testing.assert_frame_equal(chosen, table.loc[chosen.index], check_flags=False)
    entry = chosen.attrs["history"][-1]
    assert (entry["operation"], entry["method"], len(entry["frames"])) == ("choose_neutral", method, 2)
    assert table.attrs["history"] == []
    motion_vectors(table, chosen)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_short_recordings_and_lost_frames(method, n):
    table = course(np.zeros(n))
    assert len(choose_neutral(table, method)) == 1
    table = course(np.zeros(n + 3))
    table.iloc[0] = np.nan
    table.iloc[2, 5] = np.nan
    assert np.isfinite(choose_neutral(table, method).to_numpy()).all()


def test_posed_sequences_of_one_subject_share_their_neutral_face():
    rng = np.random.default_rng(1)
    base, tables = rng.normal(size=136) * 100, []
    for number in range(4):  # each runs from rest to an apex of its own, which it holds longest
        direction = rng.normal(size=136)
        heights = np.r_[np.zeros(3), np.linspace(0, 30, 8), np.full(15, 30.0)]
        values = base + heights[:, None] * direction + rng.normal(size=(len(heights), 136)) * 0.1
        tables.append(make_table(values, scheme="ibug68", frames=range(26), subject="S1", recording=str(number)))
    table = pd.concat(tables)
    table.attrs = tables[0].attrs
    assert (choose_neutral(table).index.get_level_values("frame") < 3).all()
    assert (choose_neutral(table, "medoid").index.get_level_values("frame") > 10).all()
    # Recordings of people without a name are not taken for one person's.
    nameless = table.rename(index={"S1": ""}, level="subject")
    nameless.attrs = table.attrs
    assert (choose_neutral(nameless).index.get_level_values("frame") > 10).all()


def test_points_that_a_scheme_never_has_do_not_matter():
    table = course(HEIGHTS)
    table[["x_60", "y_60"]] = np.nan
    for method in METHODS:
        assert choose_neutral(table, method).isna().to_numpy().sum() == 2


def test_explicit_frames():
    table = pd.concat([course(HEIGHTS, "a"), course(HEIGHTS, "b")])
    table.attrs = {"scheme": "ibug68", "history": []}
    assert choose_neutral(table, frame=4).index.get_level_values("frame").tolist() == [4, 4]
    mixed = choose_neutral(table, "first", frame={("d", "s", "b"): 9})
    assert mixed.index.get_level_values("frame").tolist() == [0, 9]
    said = [chosen.attrs["history"][-1]["method"] for chosen in (mixed, choose_neutral(table, frame=4))]
    assert said == ["first, or explicit frame", "explicit frame"]
    assert choose_neutral(table, "first").attrs["history"][-1]["method"] == "first"
    with pytest.raises(DfecsError, match="no frame 4000; its frames run from 0 to 169"):
        choose_neutral(table, frame=4000)


def test_what_cannot_be_done_is_said():
    table = course(np.zeros(4))
    with pytest.raises(DfecsError, match="shared, medoid, calmest, first"):
        choose_neutral(table, "best")
    with pytest.raises(DfecsError, match="row index"):
        choose_neutral(table.reset_index(drop=True))
    with pytest.raises(DfecsError, match="recording d/s/r has no frame with keypoints"):
        choose_neutral(table * np.nan)
