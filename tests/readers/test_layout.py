"""Tables that are upside down, mirrored, in other units or of no face: put right by a stated rule, or told of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tracker_tables import faces, plain_frame, write

from dfecs_lib.data.readers import read_account, read_keypoints, read_tracks
from dfecs_lib.keypoints import flag_implausible, from_points, make_table, save, to_points

FACES = faces(15, centre=(420.0, 240.0))


def shape(points: np.ndarray) -> np.ndarray:
    return points - points.mean(axis=(0, 1))


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    a = np.radians(degrees)
    return points @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])


@pytest.mark.parametrize("degrees", [0, 25, -25])
@pytest.mark.parametrize(("flip", "words"), [([1, -1], "pointed up"), ([-1, 1], "mirrored")])
def test_reflected_tables_are_put_right(tmp_path: Path, flip: list[int], words: str, degrees: float) -> None:
    straight = turned(FACES, degrees)
    tracks = read_tracks(write(tmp_path / "a.csv", plain_frame(straight * flip)))
    np.testing.assert_allclose(shape(to_points(tracks.keypoints)), shape(straight), atol=1e-9)
    assert words in str(tracks.report)
    assert tracks.keypoints.attrs["history"][1]["operation"] == "put upright"
    assert not tracks.report.problems


def test_exchanged_axes_are_put_right(tmp_path: Path) -> None:
    tracks = read_tracks(write(tmp_path / "a.csv", plain_frame(FACES[..., ::-1])))
    np.testing.assert_allclose(to_points(tracks.keypoints), FACES)


@pytest.mark.parametrize("degrees", [0, 40, 180])
def test_faces_as_they_should_be_are_left_alone(tmp_path: Path, degrees: float) -> None:
    points = turned(FACES, degrees)
    tracks = read_tracks(write(tmp_path / "a.csv", plain_frame(points)))
    np.testing.assert_allclose(to_points(tracks.keypoints), points)
    assert len(tracks.keypoints.attrs["history"]) == 1
    assert tracks.report.notes == tracks.report.problems == ()


def test_fractions_of_the_picture_want_its_size(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", plain_frame(FACES / [1280, 720]))
    tracks = read_tracks(path)
    (problem,) = tracks.report.problems
    assert "fractions of the picture" in problem
    assert "picture_size" in problem
    assert any("fractions" in sentence for sentence in read_account(tracks.keypoints))
    told = read_tracks(path, picture_size=(1280, 720))
    np.testing.assert_allclose(to_points(told.keypoints), FACES)
    assert not told.report.problems


RNG = np.random.default_rng(3)
NO_FACES = {
    "points reversed": FACES[:, ::-1],
    "points shuffled": FACES[:, RNG.permutation(68)],
    "noise": RNG.uniform(0, 300, FACES.shape),
    "constant": np.full(FACES.shape, 7.0),
    "zeros": FACES * 0,
    "out of any picture": FACES * 1e200,
    "a line": np.stack([np.arange(68.0), np.arange(68.0)], axis=1)[None].repeat(15, axis=0),
}


@pytest.mark.parametrize("what", NO_FACES)
@pytest.mark.parametrize("form", ["csv", "parquet", "npy"])
def test_what_is_no_face_is_told_in_one_sentence(tmp_path: Path, what: str, form: str) -> None:
    path = tmp_path / f"a.{form}"
    if form == "csv":
        write(path, plain_frame(NO_FACES[what]))
    elif form == "npy":
        np.save(path, NO_FACES[what])
    else:
        save(make_table(NO_FACES[what], scheme="ibug68", frames=range(15)), path)
    (problem,) = read_tracks(path).report.problems
    assert "\n" not in problem
    assert any(problem in sentence for sentence in read_account(read_keypoints(path)) or [problem])


def test_real_faces_have_no_problem(samples: Path) -> None:
    for name in ("openface_sample.csv", "pyfeat_sample.csv"):
        report = read_tracks(samples / name).report
        assert report.problems == ()
    for path in sorted((samples / "real" / "krsl").glob("*.csv"))[::10]:
        tracks = read_tracks(path)
        assert tracks.report.problems == ()
        assert len(flag_implausible(tracks.keypoints)[1]) == 0


# --- frames that a recording cannot hold ----------------------------------------------------------------------------


def table_of(points: np.ndarray, recording: str = "r") -> pd.DataFrame:
    return make_table(points, scheme="ibug68", frames=range(len(points)), recording=recording)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda p: (p - p.mean(axis=0)) * 20 + p.mean(axis=0), "size"),
        (lambda p: (p - p.mean(axis=0)) / 20 + p.mean(axis=0), "size"),
        (lambda p: np.add(p, [900, 0]), "place"),
    ],
)
def test_a_wrong_frame_is_flagged_and_left_out(spoil, reason: str) -> None:
    points = FACES.copy()
    points[[3, 11]] = [spoil(points[3]), spoil(points[11])]
    table, flags = flag_implausible(table_of(points))
    assert flags.to_dict() == {("", "", "r", 3): reason, ("", "", "r", 11): reason}
    assert table.isna().all(axis=1).tolist() == [k in (3, 11) for k in range(15)]
    assert table.attrs["history"][-1][reason] == 2
    np.testing.assert_array_equal(table.dropna().to_numpy(), from_points(np.delete(points, [3, 11], axis=0)))


def test_movement_is_not_flagged() -> None:
    walking = FACES + np.linspace(0, 900, 15)[:, None, None] * [1, 0]
    nearer = (FACES - FACES.mean(axis=(0, 1))) * np.geomspace(1, 4, 15)[:, None, None]
    for points in (walking, nearer, FACES[:4] * [[[1]], [[20]], [[1]], [[1]]]):
        table, flags = flag_implausible(table_of(points))
        assert flags.empty
        assert table.attrs["history"] == []


def test_recordings_are_judged_one_by_one() -> None:
    both = pd.concat([table_of(FACES, "a"), table_of(FACES * 20, "b")]).sort_index()
    both.attrs = table_of(FACES).attrs
    assert flag_implausible(both)[1].empty
