"""What `load` makes of folders that are named by their path: datasets' layouts, videos, tables, all of these mixed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tracker_tables import faces, openface_frame, plain_frame, pyfeat_frame, write

import dfecs_lib
from dfecs_lib.cli import main
from dfecs_lib.data.beside import read_beside
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import from_points

FACES = faces(12)


def test_a_folder_in_a_dataset_s_layout_is_read_as_that_dataset(load, bp4d: Path) -> None:
    data = dfecs_lib.load(bp4d)
    known = load("bp4d", bp4d)
    pd.testing.assert_frame_equal(data.keypoints.droplevel("dataset"), known.keypoints.droplevel("dataset"))
    assert data.action_units is not None
    with pytest.raises(DfecsError, match="has the layout of bp4d, which names its subjects itself"):
        dfecs_lib.load(bp4d, names="{subject}")


def test_a_folder_of_videos_and_tables_is_read_whole_and_the_rest_is_named(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dlib")
    monkeypatch.setenv("DFECS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "faces"
    (folder / "S1").mkdir(parents=True)
    shutil.copy(samples / "single_face.mp4", folder / "S1" / "clip.mp4")
    (folder / "broken.mp4").write_bytes(b"no video at all")
    write(folder / "table.csv", openface_frame(FACES))
    with pytest.warns(UserWarning, match=r"1 of 3 files were passed over: broken\.mp4"):
        data = dfecs_lib.load(folder)
    assert sorted(data.keypoints.index.unique("recording")) == ["clip", "table"]
    assert [name for name, _ in data.report.unreadable] == ["broken.mp4"]
    with pytest.raises(DfecsError, match=r"broken\.mp4"):
        dfecs_lib.load(folder, strict=True)
    (folder / "table.csv").write_text("a,b\n1,2\n")
    with pytest.warns(UserWarning, match="2 of 3 files were passed over"):
        data = dfecs_lib.load(folder, names="{subject}/{recording}")
    assert data.keypoints.index.droplevel("frame").unique().tolist() == [("", "S1", "clip")]


def test_a_folder_without_faces_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DfecsError, match="no table of tracked faces and no video in this folder"):
        dfecs_lib.load(tmp_path)
    (tmp_path / "broken.mp4").write_bytes(b"no video at all")
    with pytest.raises(DfecsError, match=r"none of its files can be used; broken\.mp4: "):
        dfecs_lib.load(tmp_path)


def test_what_a_tool_says_beside_points_has_their_index(load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    units, pose = read_beside(str(write(tmp_path / "a.csv", openface_frame(FACES))))
    points = dfecs_lib.load(tmp_path / "a.csv").keypoints
    assert units is not None
    assert pose is not None
    assert units.index.equals(points.index)
    assert list(pose) == ["pitch", "yaw", "roll"]
    assert read_beside(str(write(tmp_path / "b.csv", plain_frame(FACES)))) == (None, None)
    folder = tmp_path / "ravdess"
    folder.mkdir()
    for actor in ("01", "02"):
        write(folder / f"01-01-05-01-01-01-{actor}.csv", openface_frame(FACES))
    (folder / "01-01-05-01-01-01-03.csv").write_text("frame, x_0\n1, 2\n")  # named where the points are
    monkeypatch.setenv("DFECS_RAVDESS", str(folder))
    units, pose = read_beside("ravdess")
    assert units is not None
    assert pose is not None
    assert units.index.equals(load("ravdess", folder).keypoints.index)
    assert pose.index.equals(units.index)
    with pytest.raises(DfecsError, match="nothing beside the points"):
        read_beside("sim-disfa")


@pytest.mark.filterwarnings("default:12 frames of two.csv show several faces")
def test_the_command_line_reads_fractions_of_a_picture_and_one_face_of_several(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "fractions.csv", plain_frame(FACES / [1280, 720]))
    write(tmp_path / "pixels.csv", plain_frame(FACES))
    two = pd.concat([pyfeat_frame(FACES), pyfeat_frame(FACES + np.array([400, 0]))]).sort_values("frame", kind="stable")
    write(tmp_path / "two.csv", two)

    def codes(table: str, *options: str) -> pd.DataFrame:
        model, out = tmp_path / "u.npz", tmp_path / "codes.csv"
        assert main(["train", str(tmp_path / table), "-o", str(model), "--n-units", "2", *options]) == 0
        assert main(["encode", str(tmp_path / table), "-o", str(out), "--units", str(model), *options]) == 0
        return pd.read_csv(out)

    plain = codes("pixels.csv")
    units = [name for name in plain if name.startswith("U")]
    np.testing.assert_allclose(codes("fractions.csv", "--picture-size", "1280x720")[units], plain[units], atol=1e-6)
    assert len(codes("two.csv", "--face", "1")) == 12
    assert codes("two.csv", "--face", "all")["subject"].nunique() == 2
    capsys.readouterr()
    for wrong, told in (
        (["--picture-size", "1280"], "like 1920x1080"),
        (["--face", "left"], "give its number, or 'all'"),
    ):
        assert main(["train", str(tmp_path / "two.csv"), "-o", str(tmp_path / "n.npz"), *wrong]) == 2
        assert told in capsys.readouterr().err
    assert not (tmp_path / "n.npz").exists()


def test_points_of_several_files_keep_their_places(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / f"{name}.csv", plain_frame(FACES + (5 if name == "b" else 0)))
    table = dfecs_lib.load([tmp_path / "a.csv", tmp_path / "b.csv"]).keypoints
    np.testing.assert_allclose(table.xs("b", level="recording"), from_points(FACES + 5))
