"""Tracks leave in OpenFace's columns and drawn on their video, and come back as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dfecs_lib import keypoints, read_keypoints
from dfecs_lib.cli.main import main
from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.quality import quality, quality_over_time, quality_sentence
from dfecs_lib.files import write_csv
from dfecs_lib.tracking import open_media, openface_columns, track_many, write_overlay


@pytest.fixture(scope="module")
def tracked(samples: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    return track_many([samples / "face_noface.mov"])


def test_openface_columns_are_read_as_openface(tracked: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path) -> None:
    table, frames = tracked
    write_csv(openface_columns(table, frames), tmp_path / "face_noface.csv", index=False)
    again = read_keypoints(tmp_path / "face_noface.csv")
    assert again.isna().all(axis=1).to_numpy().tolist() == table.isna().all(axis=1).to_numpy().tolist()
    assert np.nanmax(np.abs(again.to_numpy() - table.to_numpy())) <= 0.005


def test_an_overlay_has_the_source_frames_with_points_on_them(
    tracked: tuple[pd.DataFrame, pd.DataFrame], samples: Path, tmp_path: Path
) -> None:
    table, _ = tracked
    codes = pd.DataFrame({"unit 1": 1.0, "unit 2": 0.5}, index=table.index)
    write_overlay(samples / "face_noface.mov", table, tmp_path / "seen.mp4", codes=codes)
    source = list(open_media(samples / "face_noface.mov").timed_frames())
    drawn = list(open_media(tmp_path / "seen.mp4").timed_frames())
    assert len(drawn) == len(source)
    assert [t for t, _ in drawn] == pytest.approx([t for t, _ in source], abs=0.001)
    x, y = (round(table[f"{axis}_30"].iloc[0]) for axis in "xy")
    # Green where the nose's tip is, and as in the source elsewhere.
    assert drawn[0][1][y, x, 1] > source[0][1][y, x, 1].astype(int) + 30
    assert np.abs(drawn[0][1][-40:, -40:].astype(int) - source[0][1][-40:, -40:]).mean() < 10
    with pytest.raises(DfecsError, match=r"must end in \.mp4"):
        write_overlay(samples / "face_noface.mov", table, tmp_path / "seen.avi")


def test_quality_tells_a_lost_face_and_a_steady_one(tracked: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    row = quality(*tracked).iloc[0]
    assert (row["frames"], row["longest_gap"], row["jumps"]) == (169, 97, 0)
    assert row["face"] == pytest.approx(100 * 72 / 169)
    assert row["yaw"] < 15
    assert "face in 43 % of 169 frames (longest gap 97)" in quality_sentence(row)


def test_quality_measures_tremble_pose_and_jumps_that_are_put_in() -> None:
    from dfecs_lib.anatomy.head import load_head

    head = load_head().mean
    angle, random = np.radians(20), np.random.default_rng(0)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    face = (head @ turn.T)[:, :2] * 2 + 300
    eyes = np.linalg.norm(face[36:42].mean(axis=0) - face[42:48].mean(axis=0))
    points = face + random.normal(scale=0.01 * eyes / np.sqrt(2), size=(200, 68, 2))
    points[100] += 400
    table = keypoints.make_table(points, scheme="ibug68", frames=range(200))
    row = quality(table).iloc[0]
    assert row["tremble"] == pytest.approx(1.0, rel=0.1)
    assert row["yaw"] == pytest.approx(20, abs=6)
    assert row["roll"] < 5
    assert row["jumps"] == 2  # there and back
    assert np.isnan(row["covered"])


def test_a_picture_of_each_recordings_quality(samples: Path, tmp_path: Path) -> None:
    words = ["track", str(samples / "face_noface.mov"), "-o", str(tmp_path / "t.parquet"), "--no-cache"]
    assert main([*words, "--quality", str(tmp_path / "q")]) == 0
    assert sorted(path.name for path in (tmp_path / "q").iterdir()) == ["face_noface.png", "quality.csv"]
    assert pd.read_csv(tmp_path / "q" / "quality.csv")["face"].item() == pytest.approx(43, abs=1)
    with Image.open(tmp_path / "q" / "face_noface.png") as picture:
        assert picture.size[0] > 600
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 20  # curves, not an empty page


def test_quality_over_time_is_what_the_table_sums_up(tracked: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    course, row = quality_over_time(*tracked), quality(*tracked).iloc[0]
    assert course.index.equals(tracked[0].index)
    assert 100 * course["face"].mean() == pytest.approx(row["face"])
    assert course["size_px"].median() == pytest.approx(row["size_px"])
    assert course["yaw"].abs().quantile(0.95) == pytest.approx(row["yaw"])


def test_a_table_tells_which_share_was_left_out_as_covered(tracked: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    table, frames = tracked
    told, known = quality(table).iloc[0], quality(table, frames).iloc[0]
    assert (told["covered"], told["doubtful"]) == pytest.approx((known["covered"], known["doubtful"]))
    some = table.iloc[:-5]
    some.attrs = table.attrs
    assert np.isnan(quality(some)["covered"].item())  # of some of its frames, the table does not tell
