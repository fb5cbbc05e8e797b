"""Every line of a file is a frame or is told of: rows read and lines set aside make up the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tracker_tables import faces, openface_frame, plain_frame, write

from dfecs_lib.data.readers import Tracks, read_keypoints, read_tracks
from dfecs_lib.errors import DfecsError

FACES = faces()


def reconciled(tracks: Tracks) -> dict[str, int]:
    """What was set aside; asserts that nothing is lost."""
    report = tracks.report
    aside = dict(report.set_aside)
    assert report.lines == report.lines_used + sum(aside.values())
    assert report.frames == len(tracks.keypoints)
    assert report.failed == int(tracks.keypoints.isna().all(axis=1).sum())
    return aside


def lines_of(tmp_path: Path) -> list[str]:
    return write(tmp_path / "whole.csv", openface_frame(FACES)).read_text().splitlines()


def read(tmp_path: Path, lines: list[str], end: str = "\n") -> Tracks:
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines) + end)
    return read_tracks(path)


def test_a_cut_last_line_costs_that_line(tmp_path: Path) -> None:
    lines = lines_of(tmp_path)
    tracks = read(tmp_path, [*lines[:-1], lines[-1][:200]], end="")
    assert reconciled(tracks) == {"cut off at the end": 1}
    assert tracks.keypoints.index.get_level_values("frame").tolist() == list(range(1, 12))
    assert "12 lines: 11 are frames; set aside were 1 cut off at the end" in str(tracks.report)


@pytest.mark.parametrize("column", ["x_5", "AU01_r", "success", "gaze"])
def test_a_stray_quotation_mark_costs_no_other_line(tmp_path: Path, column: str) -> None:
    table = openface_frame(FACES).assign(gaze="0.1").astype(object)
    table.loc[3, column] = f'"{table.loc[3, column]}'
    path = tmp_path / "a.csv"
    header, *rows = [",".join(map(str, row)) for row in [table.columns, *table.to_numpy()]]
    path.write_text("\n".join([header, *rows]) + "\n")
    tracks = read_tracks(path)
    aside = reconciled(tracks)
    assert tracks.report.lines == 12
    # Where the column is not needed, nothing is lost; where a number is spoilt, its line.
    assert aside == ({"that hold something else than numbers": 1} if column in ("x_5", "AU01_r") else {})
    np.testing.assert_allclose(tracks.keypoints["y_9"].iloc[-3:], FACES[-3:, 9, 1])


def test_comments_and_repeated_headers_are_no_frames(tmp_path: Path) -> None:
    lines = lines_of(tmp_path)
    tracks = read(tmp_path, ["# made by hand", lines[0], *lines[1:5], lines[0], *lines[5:8], "% pause", "", *lines[8:]])
    assert reconciled(tracks) == {"of comments": 1, "that repeat the header": 1}
    assert len(tracks.keypoints) == 12


def test_damaged_lines_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    lines = lines_of(tmp_path)
    lines[4] = lines[4].replace(",0.98,", ",0.98,0.98,")
    lines[7] = lines[7].replace(lines[7].split(",")[20], "wink", 1)
    lines[9] = "x".join(lines[9].split(",")[:5])
    tracks = read(tmp_path, lines)
    assert reconciled(tracks) == {"with too few or too many fields": 2, "that hold something else than numbers": 1}
    assert "line 5 has 147 fields where the header has 146" in str(tracks.report)
    assert tracks.keypoints.index.get_level_values("frame").tolist() == [1, 2, 3, 5, 6, 8, 10, 11, 12]


def test_a_file_that_is_mostly_damage_is_refused(tmp_path: Path) -> None:
    lines = lines_of(tmp_path)
    with pytest.raises(DfecsError, match=r"6 of 12 lines cannot be read \(line 2 has 10 fields where the header has"):
        read(tmp_path, [lines[0], *(",".join(line.split(",")[:10]) for line in lines[1:7]), *lines[7:]])


def test_comments_and_repeated_headers_do_not_make_up_for_damage(tmp_path: Path) -> None:
    header, frame, *_ = lines_of(tmp_path)
    with pytest.raises(DfecsError, match=r"1 of 1 lines cannot be read \(line 5 has 10 fields where the header has"):
        read(tmp_path, [header, header, "# a pause", header, ",".join(frame.split(",")[:10])])


@pytest.mark.parametrize("number", ["-1e300", "9223372036854775807", "1e16", "nan", "3.5", ""])
def test_impossible_frame_numbers_cost_their_line(tmp_path: Path, number: str) -> None:
    lines = lines_of(tmp_path)
    lines[6] = number + lines[6].removeprefix("6")
    tracks = read(tmp_path, lines)
    assert reconciled(tracks) == {"without a frame number": 1}
    assert tracks.keypoints.index.get_level_values("frame").tolist() == [k for k in range(1, 13) if k != 6]
    assert "'frame' holds no whole number in row 6" in str(tracks.report)


@pytest.mark.parametrize("value", [1e200, 2e6, -3e7])
def test_coordinates_beyond_any_picture_fail_their_frame(tmp_path: Path, value: float) -> None:
    table = openface_frame(FACES)
    table.loc[4, "x_30"] = value
    tracks = read_tracks(write(tmp_path / "a.csv", table))
    assert reconciled(tracks) == {}
    assert tracks.keypoints.isna().all(axis=1).tolist() == [k == 4 for k in range(12)]
    assert "1 with coordinates beyond 1,000,000 pixels" in str(tracks.report)


def test_lines_of_other_people_are_counted(tmp_path: Path) -> None:
    table = openface_frame(FACES)
    other = openface_frame(faces(5, centre=(900.0, 240.0)), face_id=1)
    tracks = read_tracks(write(tmp_path / "a.csv", pd.concat([table, other])))
    assert reconciled(tracks) == {"of other faces": 5}


def test_why_no_frame_shows_a_face_is_said(tmp_path: Path) -> None:
    low = read_tracks(write(tmp_path / "a.csv", openface_frame(FACES, confidence=0.6)))
    assert low.keypoints.isna().all(axis=None)
    (problem,) = low.report.problems
    assert "12 below the confidence threshold 0.7 (the highest is 0.6)" in problem
    assert not read_tracks(tmp_path / "a.csv", min_confidence=0.5).report.problems
    (zeros,) = read_tracks(write(tmp_path / "b.csv", plain_frame(FACES * 0))).report.problems
    assert "12 of zeros" in zeros
    (lost,) = read_tracks(write(tmp_path / "c.csv", openface_frame(FACES, success=0))).report.problems
    assert "12 that the tracker itself calls failed" in lost


def test_points_at_zero_of_a_face_elsewhere_are_missing(tmp_path: Path) -> None:
    table = plain_frame(FACES)
    table.loc[2, ["x_60", "y_60"]] = 0
    read = read_keypoints(write(tmp_path / "a.csv", table))
    assert read.isna().to_numpy().sum() == 2
    assert np.isnan(read.loc[("", "", "a", 2), "x_60"])
