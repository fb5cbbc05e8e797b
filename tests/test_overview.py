"""First looks at data say what is there, and no more."""

from __future__ import annotations

import numpy as np
import pytest

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.overview import eye_distance, jitter, motion_left, overview, rows_at, spread_frames, stages
from dfecs_lib.keypoints import make_table
from dfecs_lib.keypoints.dataset import Dataset, ReadReport
from dfecs_lib.preprocessing import make_preprocessor


def recording(n: int = 40, noise: float = 0.0, turn: float = 0.0) -> Dataset:
    """A rigid head that turns by up to `turn` radians and drifts, tracked with some noise."""
    rng = np.random.default_rng(0)
    head = load_head().mean
    head = head / np.linalg.norm(head[45] - head[36]) * 100
    time = np.linspace(0, 1, n)
    faces = []
    for t in time:
        angle = turn * np.sin(2 * np.pi * t)
        x = np.cos(angle) * head[:, 0] + np.sin(angle) * head[:, 2]
        faces.append(np.stack([300 + 40 * t + x, 200 + head[:, 1]], axis=1))
    values = np.array(faces) + noise * rng.standard_normal((n, 68, 2))
    values[5] = np.nan
    table = make_table(values, scheme="ibug68", frames=range(n), dataset="d", subject="s", recording="r")
    return Dataset("d", table, table.iloc[[0]], None, ReadReport(n, failed=1))


def test_overview_counts_frames_with_and_without_a_face():
    row = overview({"d/r@0": recording()}).iloc[0]
    assert (row["frames"], row["with a face"], row["neutral frame"]) == (40, 39, 0)
    assert row["face size (px)"] == pytest.approx(100, abs=1)


@pytest.mark.parametrize("noise", [0.5, 2.0])
def test_jitter_finds_the_size_of_noise_and_ignores_smooth_motion(noise):
    found = jitter({"d": recording(400, noise)}).loc["d", "jitter (px)"]
    assert found == pytest.approx(noise * np.sqrt(2), rel=0.05)  # two coordinates
    assert jitter({"d": recording(400)}).loc["d", "jitter (px)"] < 0.02


def test_drawn_frames_are_spread_over_the_recording_and_show_a_face():
    rows = spread_frames(recording().keypoints, 4)
    assert rows.index.get_level_values("frame").tolist() == [0, 14, 26, 39]
    assert rows.notna().all(axis=None)
    assert len(spread_frames(recording(8).keypoints, 99)) == 7


def test_asking_for_a_frame_that_is_not_there_names_it():
    with pytest.raises(DfecsError, match="no frame 77"):
        rows_at(recording().keypoints, [0, 77])


def test_stages_end_where_the_pipeline_ends():
    data = recording(turn=0.3)
    pipeline = make_preprocessor()
    found = stages(pipeline, data.keypoints)
    assert list(found) == ["tracked", "frontalize", "affine", "parts"]
    np.testing.assert_array_equal(found["parts"], pipeline.fit_transform(data.keypoints))


def test_a_rigid_head_has_motion_as_tracked_and_hardly_any_in_the_end():
    left = motion_left(make_preprocessor(), recording(turn=0.3))
    assert left["tracked"] > 50
    assert left["parts"] < 0.1 * left["tracked"]


def test_eye_distance_is_in_the_tables_pixels():
    assert eye_distance(recording().keypoints).iloc[0] == pytest.approx(100, abs=0.5)
