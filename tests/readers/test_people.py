"""Several faces, new numbers for one face, people by name, single pictures: one row a frame, of one person."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tracker_tables import XY, faces, openface_frame, plain_frame, pyfeat_frame, write

from dfecs_lib.data.readers import read_account, read_folder, read_keypoints, read_tracks
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import from_points

LEFT, RIGHT = faces(20, centre=(200.0, 240.0)), faces(20, centre=(600.0, 240.0), seed=1)


def where(table: pd.DataFrame) -> np.ndarray:
    """The horizontal place of each frame's face."""
    return table[[f"x_{k}" for k in range(68)]].mean(axis=1).to_numpy()


def test_one_person_with_a_new_number_is_followed(tmp_path: Path) -> None:
    table = openface_frame(LEFT, face_id=[0] * 9 + [1] * 7 + [4] * 4)
    tracks = read_tracks(write(tmp_path / "a.csv", table))
    np.testing.assert_allclose(tracks.keypoints.to_numpy(), from_points(LEFT))
    assert read_account(tracks.keypoints)[1:] == [
        "a.csv: faces 0, 1, 4 are one person with new numbers, as place and size tell."
    ]
    # The number alone is still to be had.
    assert read_keypoints(tmp_path / "a.csv", face=1).notna().all(axis=1).sum() == 7


def test_a_number_that_begins_elsewhere_is_somebody_else(tmp_path: Path) -> None:
    table = pd.concat([openface_frame(LEFT).iloc[:12], openface_frame(RIGHT, face_id=1).iloc[12:]])
    read = read_keypoints(write(tmp_path / "a.csv", table))
    assert read.notna().all(axis=1).tolist() == [True] * 12 + [False] * 8
    assert any("several faces (0, 1); face 0 was taken" in sentence for sentence in read_account(read))


def test_a_person_is_followed_beside_another(tmp_path: Path) -> None:
    both = pd.concat([openface_frame(LEFT, face_id=[0] * 8 + [2] * 12), openface_frame(RIGHT, face_id=1).iloc[:15]])
    read = read_keypoints(write(tmp_path / "a.csv", both.sample(frac=1, random_state=0)))
    np.testing.assert_allclose(read.to_numpy(), from_points(LEFT))


def test_rows_without_numbers_are_followed_by_place(tmp_path: Path) -> None:
    # The face on the right is the larger one in every other frame: nothing jumps.
    wide = 150.0 + 20.0 * (np.arange(20) % 2)
    both = pd.concat([pyfeat_frame(LEFT, FaceRectWidth=160.0), pyfeat_frame(RIGHT, FaceRectWidth=wide).iloc[:14]])
    tracks = read_tracks(write(tmp_path / "a.csv", both))
    np.testing.assert_allclose(where(tracks.keypoints), where(plain_frame(LEFT)))
    assert "14 frames of a.csv show several faces; the one seen most was followed." in read_account(tracks.keypoints)
    assert dict(tracks.report.set_aside) == {"of other faces": 14}


def test_people_by_name_and_all_of_them(tmp_path: Path) -> None:
    named = [pyfeat_frame(LEFT, Identity="Person_0").iloc[:9], pyfeat_frame(RIGHT, Identity="Person_1")]
    path = write(tmp_path / "a.csv", pd.concat(named))
    assert (where(read_keypoints(path)) > 400).all()
    first = where(read_keypoints(path, identity="Person_0"))
    assert (first[:9] < 400).all()
    assert np.isnan(first[9:]).all()
    with pytest.raises(DfecsError, match=r"no person 'Ann'; there are Person_0, Person_1"):
        read_keypoints(path, identity="Ann")
    everybody = read_tracks(path, face="all")
    assert sorted(set(everybody.keypoints.index.get_level_values("subject"))) == ["face0", "face1"]
    assert everybody.report.set_aside == ()
    numbered = pd.concat([openface_frame(LEFT), openface_frame(RIGHT, face_id=1)])
    apart = read_keypoints(write(tmp_path / "b.csv", numbered), face="all", subject="S1")
    np.testing.assert_allclose(apart.xs("S1/face1", level="subject").to_numpy(), from_points(RIGHT))
    with pytest.raises(DfecsError, match="has no column 'Identity'"):
        read_keypoints(tmp_path / "b.csv", identity="Ann")


@pytest.mark.parametrize("restart", [False, True])
def test_subjects_and_recordings_of_the_table_itself(tmp_path: Path, restart: bool) -> None:
    names = {"subject": ["P1"] * 10 + ["P2"] * 10, "recording": ["a"] * 10 + ["b"] * 10}
    table = openface_frame(LEFT, **names)
    if restart:
        table["frame"] = [*range(10)] * 2
    tracks = read_tracks(write(tmp_path / "t.csv", table))
    keys = tracks.keypoints.index.droplevel(["dataset", "frame"]).unique().tolist()
    assert keys == [("P1", "a"), ("P2", "b")]
    assert tracks.time.index.equals(tracks.keypoints.index)
    np.testing.assert_allclose(tracks.keypoints.to_numpy(), from_points(LEFT))
    if restart:
        with pytest.raises(DfecsError, match="frame 0 occurs twice"):
            read_keypoints(write(tmp_path / "u.csv", table.drop(columns=[*names])))


# --- single pictures ------------------------------------------------------------------------------------------------


def test_a_table_of_pictures_is_one_recording_in_the_order_of_names(tmp_path: Path) -> None:
    order = [9, 0, 10, 1, *range(2, 9), *range(11, 20)]
    table = openface_frame(LEFT).drop(columns=["frame", "timestamp", "success", "face_id"]).iloc[order]
    table.insert(0, "filename", [f"img{k}.jpg" for k in order])
    table.insert(1, "face", 0)
    tracks = read_tracks(write(tmp_path / "a.csv", table))
    assert tracks.keypoints.index.tolist() == [("", "", "a", k) for k in range(20)]
    np.testing.assert_allclose(tracks.keypoints.to_numpy(), from_points(LEFT))


def test_frames_without_numbers_are_counted_by_time(tmp_path: Path) -> None:
    table = openface_frame(LEFT).drop(columns="frame")
    read = read_tracks(write(tmp_path / "a.csv", table.iloc[::-1]))
    np.testing.assert_allclose(read.keypoints.to_numpy(), from_points(LEFT))
    assert read.keypoints.index.get_level_values("frame").tolist() == list(range(20))


def test_pyfeat_pictures_are_recordings_by_folder_or_as_names_say(tmp_path: Path) -> None:
    inputs = [f"/data/P{1 + k // 10}/smile_{k}.png" for k in range(20)]
    path = write(tmp_path / "a.csv", pyfeat_frame(LEFT, input=inputs, frame=0))
    keys = read_keypoints(path).index.droplevel(["dataset"]).tolist()
    assert keys == [("", f"P{1 + k // 10}", k % 10) for k in range(20)]
    named = read_tracks(path, names="{subject}/{recording}_*").keypoints
    assert named.index.droplevel("dataset").tolist() == [(f"P{1 + k // 10}", "smile", k % 10) for k in range(20)]


def test_folders_of_pictures_that_are_called_alike_are_recordings_of_their_own(tmp_path: Path) -> None:
    """As 300-VW keeps them: 001/annot/000001.pts, 002/annot/000001.pts."""
    faces = {"001": LEFT[:3], "002": RIGHT[:2]}
    for film, shown in faces.items():
        (tmp_path / film / "annot").mkdir(parents=True)
        for k, face in enumerate(shown):
            points = "".join(f"{x:.4f} {y:.4f}\n" for x, y in face)
            (tmp_path / film / "annot" / f"{k + 1:06d}.pts").write_text(f"version: 1\nn_points: 68\n{{\n{points}}}\n")
    tables = {one.keypoints.index[0][2]: one.keypoints for one in read_folder(tmp_path).tracks.values()}
    assert list(tables) == ["001/annot", "002/annot"]
    for film, shown in faces.items():
        np.testing.assert_allclose(tables[f"{film}/annot"].to_numpy(), from_points(shown), atol=1e-4)
    by_film = read_folder(tmp_path, names="{recording}/annot/*").tracks.values()
    assert [one.keypoints.index[0][2] for one in by_film] == ["001", "002"]


def test_pyfeat_pictures_in_folders_that_are_called_alike_are_recordings_of_their_own(tmp_path: Path) -> None:
    inputs = [f"/data/P{1 + k // 10}/smile/{k}.png" for k in range(20)]
    keys = read_keypoints(write(tmp_path / "a.csv", pyfeat_frame(LEFT, input=inputs, frame=0))).index
    assert keys.droplevel(["dataset", "subject"]).tolist() == [(f"P{1 + k // 10}/smile", k % 10) for k in range(20)]


@pytest.mark.parametrize(("names", "subject"), [(None, ""), ("{subject}_*", "P1")])
def test_files_of_single_pictures_are_frames_of_one_recording(tmp_path: Path, names: str | None, subject: str) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    for k in range(11):
        one = openface_frame(LEFT[k : k + 1]).drop(columns=["frame", "face_id", "timestamp", "success"])
        one.insert(0, "face", 0)
        write(folder / f"P1_{k}.csv", one)
    (tracks,) = read_folder(folder, names=names).tracks.values()
    assert tracks.keypoints.index.tolist() == [("", subject, "session", k) for k in range(11)]
    np.testing.assert_allclose(tracks.keypoints.to_numpy(), from_points(LEFT[:11]))
    assert (tracks.report.lines, tracks.report.lines_used, tracks.report.frames) == (11, 11, 11)
    assert len(tracks.pose) == len(tracks.confidence) == len(tracks.action_units) == 11
    # Where the names say the recordings, those decide.
    apart = read_folder(folder, names="{subject}_{recording}").tracks
    assert len(apart) == 11


def test_the_picture_with_two_faces_gives_one(tmp_path: Path) -> None:
    table = openface_frame(np.concatenate([LEFT[:1], RIGHT[:1]])).drop(columns=["frame", "face_id", "timestamp"])
    table.insert(0, "face", [0, 1])
    path = write(tmp_path / "a.csv", table)
    assert read_keypoints(path).index.tolist() == [("", "", "a", 0)]
    np.testing.assert_allclose(read_keypoints(path, face=1).to_numpy(), from_points(RIGHT[:1]))
    assert list(read_keypoints(path)) == XY
