"""OpenFace, Py-Feat and Parquet files: real samples, failed frames, several faces, and everything broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import dfecs_lib
from dfecs_lib import keypoints
from dfecs_lib.data.readers import (
    FileReader,
    load_action_units,
    read_account,
    read_action_units,
    read_keypoints,
    read_pose,
    register,
    save_action_units,
    sniff,
)
from dfecs_lib.data.readers.files import head_of
from dfecs_lib.errors import DfecsError
from dfecs_lib.head3d import load_head
from dfecs_lib.keypoints import IBUG68

XY = list(IBUG68.columns)


def openface(path: Path, n: int = 6, *, blanks: bool = True, **columns: object) -> Path:
    """Write an OpenFace file of n frames; `columns` override or add."""
    rng = np.random.default_rng(0)
    data: dict[str, object] = {"frame": np.arange(1, n + 1), "timestamp": np.arange(n) / 30}
    data |= {"confidence": np.full(n, 0.98), "success": np.ones(n, dtype=int)}
    data |= {"pose_Rx": np.full(n, 0.1), "pose_Ry": np.full(n, np.pi / 6), "pose_Rz": np.zeros(n)}
    data |= {c: rng.uniform(100, 300, n).round(1) for c in XY}
    data |= {"AU01_r": np.linspace(0, 5, n), "AU12_r": np.zeros(n), "AU12_c": np.zeros(n)}
    frame = pd.DataFrame(data | columns)
    if blanks:
        frame.columns = [frame.columns[0], *(f" {c}" for c in frame.columns[1:])]
    frame.to_csv(path, index=False)
    return path


def pyfeat(path: Path, frames: list[int], **columns: object) -> Path:
    rng = np.random.default_rng(1)
    n = len(frames)
    data: dict[str, object] = {"FaceRectWidth": np.full(n, 100.0), "FaceRectHeight": np.full(n, 100.0)}
    data |= {"FaceScore": np.full(n, 0.99)} | {c: rng.uniform(100, 300, n) for c in XY}
    data |= {"Pitch": np.full(n, 0.2), "Roll": np.zeros(n), "Yaw": np.full(n, -0.1), "AU12": np.full(n, 0.7)}
    data |= {"input": ["a/clip.mp4"] * n, "frame": frames}
    pd.DataFrame(data | columns).to_csv(path, index=False)
    return path


# --- real samples ---------------------------------------------------------------------------------------------------


def test_real_openface_sample_equals_what_pandas_reads(samples: Path) -> None:
    table = dfecs_lib.read_keypoints(samples / "openface_sample.csv")
    raw = pd.read_csv(samples / "openface_sample.csv", skipinitialspace=True)
    np.testing.assert_allclose(table.to_numpy(), raw[XY].to_numpy(), rtol=1e-15)
    assert list(table.index.get_level_values("frame")) == list(raw["frame"])
    assert table.index[0][:3] == ("", "", "openface_sample")
    units = read_action_units(samples / "openface_sample.csv")
    assert units.attrs["unit"] == "intensity 0-5"
    assert units.shape == (100, 17)
    np.testing.assert_allclose(units["AU12"], raw["AU12_r"])
    pose = read_pose(samples / "openface_sample.csv")
    np.testing.assert_allclose(np.radians(pose["yaw"]), raw["pose_Ry"])
    assert pose.index.equals(table.index)
    assert units.index.equals(table.index)


def test_real_pyfeat_sample_equals_what_pandas_reads(samples: Path) -> None:
    table = read_keypoints(samples / "pyfeat_sample.csv", subject="S1")
    raw = pd.read_csv(samples / "pyfeat_sample.csv")
    np.testing.assert_allclose(table.to_numpy(), raw[XY].to_numpy(), rtol=1e-15)
    assert table.index[0] == ("", "S1", "001", 0)
    units = read_action_units(samples / "pyfeat_sample.csv")
    assert units.attrs["unit"] == "probability 0-1"
    np.testing.assert_allclose(units["AU12"], raw["AU12"])
    pose = read_pose(samples / "pyfeat_sample.csv")
    assert pose.attrs["unit_in_file"].startswith("degrees")
    np.testing.assert_allclose(pose["pitch"], raw["Pitch"])


def test_parquet_gives_back_the_table_and_takes_new_names(samples: Path, tmp_path: Path) -> None:
    table = read_keypoints(samples / "openface_sample.csv")
    keypoints.save(table, tmp_path / "t.parquet")
    again = read_keypoints(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(again, table)
    assert again.attrs == table.attrs
    renamed = read_keypoints(tmp_path / "t.parquet", subject="S7")
    assert set(renamed.index.get_level_values("subject")) == {"S7"}
    np.testing.assert_array_equal(renamed.to_numpy(), table.to_numpy())


def test_action_units_survive_parquet(samples: Path, tmp_path: Path) -> None:
    units = read_action_units(samples / "openface_sample.csv")
    save_action_units(units, tmp_path / "au.parquet")
    pd.testing.assert_frame_equal(load_action_units(tmp_path / "au.parquet"), units)
    pd.testing.assert_frame_equal(read_action_units(tmp_path / "au.parquet"), units)
    with pytest.raises(DfecsError, match="not an AU table"):
        save_action_units(units.rename(columns={"AU01": "brow"}), tmp_path / "no.parquet")
    assert not (tmp_path / "no.parquet").exists()


@pytest.mark.parametrize(("name", "source"), [("openface_sample.csv", "openface"), ("pyfeat_sample.csv", "pyfeat")])
def test_content_decides_the_format(samples: Path, name: str, source: str) -> None:
    assert sniff(samples / name).name == source
    pd.testing.assert_frame_equal(read_keypoints(samples / name), read_keypoints(samples / name, source=source))


# --- failed frames --------------------------------------------------------------------------------------------------


def test_failed_frames_are_nan_counted_and_said(tmp_path: Path) -> None:
    zeros = {c: np.where(np.arange(6) == 5, 0.0, 100.0 + k) for k, c in enumerate(XY)}
    path = openface(tmp_path / "a.csv", success=[1, 0, 1, 1, 1, 1], confidence=[0.9, 0.9, 0.4, 0.7, 0.69, 0.9], **zeros)
    table = read_keypoints(path)
    failed = table.isna().all(axis=1).to_numpy()
    assert failed.tolist() == [False, True, True, False, True, True]
    assert not table.to_numpy()[~failed].__eq__(0).any()
    assert table.attrs["history"][0]["failed"] == 4
    assert "6 frames, 4 without a usable face" in read_account(table)[0]
    assert read_action_units(path).isna().all(axis=1).tolist() == failed.tolist()
    assert read_pose(path).isna().all(axis=1).tolist() == failed.tolist()
    lenient = read_keypoints(path, min_confidence=0.0)
    assert lenient.isna().all(axis=1).tolist() == [False, True, False, False, False, True]


def test_spellings_of_nan_and_infinity_are_missing(tmp_path: Path) -> None:
    path = openface(tmp_path / "a.csv", 3, x_5=["-nan(ind)", "inf", "7.5"], y_5=["nan", "", " 8"])
    table = read_keypoints(path)
    assert table["x_5"].isna().tolist() == [True, True, False]
    assert table["y_5"].isna().tolist() == [True, True, False]
    assert table["y_5"].iloc[2] == 8


def test_pyfeat_frames_without_a_face(tmp_path: Path) -> None:
    nothing = {c: [1.0 + k, np.nan, 3.0 + k] for k, c in enumerate(XY)}
    path = pyfeat(tmp_path / "a.csv", [0, 1, 2], FaceScore=[0.9, np.nan, 0.3], **nothing)
    table = read_keypoints(path)
    assert table.isna().all(axis=1).tolist() == [False, True, True]
    assert read_keypoints(path, min_confidence=0.2).isna().all(axis=1).tolist() == [False, True, False]
    assert read_action_units(path).isna().all(axis=1).tolist() == [False, True, True]


# --- several faces --------------------------------------------------------------------------------------------------


def test_openface_takes_the_face_with_most_good_frames(tmp_path: Path) -> None:
    x = np.array([1.0, 2, 1, 2, 2, 2])
    path = openface(tmp_path / "a.csv", frame=[1, 1, 2, 2, 3, 4], face_id=[0, 1, 0, 1, 1, 1], x_0=x)
    table = read_keypoints(path)
    assert table["x_0"].tolist() == [2, 2, 2, 2]
    assert any("several faces (0, 1); face 1 was taken" in s for s in read_account(table))
    other = read_keypoints(path, face=0)
    assert other.index.get_level_values("frame").tolist() == [1, 2, 3, 4]  # frames without it are kept, as NaN
    assert other["x_0"].isna().tolist() == [False, False, True, True]
    with pytest.raises(DfecsError, match=r"no face 7; the faces are 0, 1"):
        read_keypoints(path, face=7)


def test_pyfeat_takes_the_largest_face_of_each_frame(tmp_path: Path) -> None:
    path = pyfeat(tmp_path / "a.csv", [0, 0, 1, 2, 2], FaceRectWidth=[50.0, 90, 70, 90, 50], x_0=[1.0, 2, 3, 4, 5])
    table = read_keypoints(path)
    assert table["x_0"].tolist() == [2, 3, 4]
    assert any("2 frames of a.csv show several faces" in s for s in read_account(table))
    second = read_keypoints(path, face=1)["x_0"]
    assert second.iloc[[0, 2]].tolist() == [2, 5]
    assert np.isnan(second.iloc[1])
    with pytest.raises(DfecsError, match="no face 2"):
        read_keypoints(path, face=2)


def test_pyfeat_inputs_are_recordings(tmp_path: Path) -> None:
    path = pyfeat(tmp_path / "a.csv", [0, 1, 0, 1], input=["x/b.mp4", "x/b.mp4", "x/a.mp4", "x/a.mp4"])
    assert list(read_keypoints(path).index.droplevel([0, 1])) == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    with pytest.raises(DfecsError, match="holds 2 inputs"):
        read_keypoints(path, recording="r")
    same = pyfeat(tmp_path / "b.csv", [0, 0], input=["x/a.mp4", "y/a.mp4"])
    assert list(read_keypoints(same).index.get_level_values("recording")) == ["x/a.mp4", "y/a.mp4"]


def test_pyfeat_radians_become_degrees(tmp_path: Path) -> None:
    pose = read_pose(pyfeat(tmp_path / "a.csv", [0, 1]))
    np.testing.assert_allclose(pose["pitch"], np.degrees(0.2))
    assert pose.attrs == pose.attrs | {"unit": "degrees", "unit_in_file": "radians, as no angle exceeds pi"}


def test_openface_image_files_have_no_frame_column(tmp_path: Path) -> None:
    path = openface(tmp_path / "a.csv", 1)
    content = pd.read_csv(path, skipinitialspace=True).drop(columns=["frame", "timestamp", "success"])
    pd.concat([content, pd.DataFrame({"face": [0]})], axis=1).to_csv(path, index=False)
    assert read_keypoints(path).index.tolist() == [("", "", "a", 0)]


# --- plain CSV ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["ibug68", "disfa66", "bp4d49", "ibug51", "wflw98", "mediapipe478"])
def test_plain_csv_of_any_scheme(tmp_path: Path, scheme: str) -> None:
    width = 2 * keypoints.get_scheme(scheme).n_points
    values = np.random.default_rng(0).uniform(1, 9, (3, width))
    table = keypoints.make_table(values, scheme=scheme, frames=[2, 3, 9], dataset="d", subject="s", recording="r")
    table.reset_index().to_csv(tmp_path / "a.csv", index=False)
    pd.testing.assert_frame_equal(read_keypoints(tmp_path / "a.csv"), table)
    table.to_csv(tmp_path / "b.csv", index=False)  # no names, no frame numbers
    assert read_keypoints(tmp_path / "b.csv").index.tolist() == [("", "", "b", k) for k in range(3)]
    assert read_keypoints(tmp_path / "a.csv", subject="t").index[0] == ("d", "t", "r", 2)


def test_plain_csv_marks_lost_faces_and_refuses_doubt(tmp_path: Path) -> None:
    face = keypoints.from_points(load_head().mean[None, :, :2] + 300)
    table = keypoints.make_table(face * [[0], [1]], scheme="ibug68", frames=[1, 2])
    plain = table.reset_index().drop(columns=["dataset", "subject", "recording"])
    plain.to_csv(tmp_path / "a.csv", index=False)
    read = read_keypoints(tmp_path / "a.csv")
    assert read.isna().all(axis=1).tolist() == [True, False]
    assert read_account(read) == ["a.csv: 2 frames, 1 without a usable face."]
    plain.assign(frame=1).to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(DfecsError, match="frame 1 occurs twice"):
        read_keypoints(tmp_path / "b.csv")
    plain.drop(columns=["x_67"]).to_csv(tmp_path / "c.csv", index=False)
    with pytest.raises(DfecsError, match="has 67 columns x_0"):
        read_keypoints(tmp_path / "c.csv")
    with pytest.raises(DfecsError, match="holds no action units"):
        read_action_units(tmp_path / "a.csv")


# --- broken inputs: one sentence that names the file ----------------------------------------------------------------


def cut(path: Path, keep: float) -> Path:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    return path


BROKEN: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda d: d / "none.csv", "no such file"),
    "folder": (lambda d: d, "is a folder"),
    "empty": (lambda d: (d / "e.csv").write_bytes(b"") * 0 or d / "e.csv", "is empty"),
    "blank": (lambda d: (d / "e.csv").write_text("\n \n") * 0 or d / "e.csv", "is empty"),
    "binary": (lambda d: (d / "b.csv").write_bytes(bytes(range(256)) * 9) * 0 or d / "b.csv", "b.csv"),
    "truncated": (lambda d: cut(openface(d / "t.csv", 1), 0.8), "cut off or damaged"),
    "truncated header": (lambda d: cut(openface(d / "t.csv"), 0.03), "t.csv"),
    "wrong columns": (lambda d: (d / "w.csv").write_text("a,b\n1,2\n") * 0 or d / "w.csv", "w.csv"),
    "no frame": (lambda d: openface(d / "n.csv", 0), "no frame"),
    "word": (lambda d: openface(d / "n.csv", 2, x_3=["1", "wink"]), "wink"),
    "half frame": (lambda d: openface(d / "n.csv", 2, frame=[1, 1.5]), "whole number in row 2"),
    "twice": (lambda d: openface(d / "n.csv", 2, frame=[4, 4]), "frame 4 occurs twice"),
}


@pytest.mark.parametrize("source", [None, "openface"])
@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_one_sentence(tmp_path: Path, case: str, source: str | None) -> None:
    make, words = BROKEN[case]
    path = make(tmp_path)
    for read in (read_keypoints, read_action_units, read_pose):
        with pytest.raises(DfecsError) as caught:
            read(path, source)
        message = str(caught.value)
        assert "\n" not in message
        assert path.name in message
    with pytest.raises(DfecsError, match=words.replace("(", r"\(")):
        read_keypoints(path, source)


@pytest.mark.parametrize("content", [b"PAR1", b"PAR1" + bytes(200), b"words"])
def test_broken_parquet_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.parquet").write_bytes(content)
    for read in (read_keypoints, read_action_units):
        with pytest.raises(DfecsError, match=r"a\.parquet: not a readable Parquet"):
            read(tmp_path / "a.parquet", "parquet")


def test_other_parquet_tables_are_refused(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1.0]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DfecsError, match="not a keypoint table"):
        read_keypoints(tmp_path / "a.parquet")
    with pytest.raises(DfecsError, match="not an AU table"):
        read_action_units(tmp_path / "a.parquet")
    table = keypoints.make_table(np.ones((1, 136)), scheme="ibug68", frames=[0])
    keypoints.save(table, tmp_path / "b.parquet")
    with pytest.raises(DfecsError, match="no head pose"):
        read_pose(tmp_path / "b.parquet")


def test_missing_columns_are_named(tmp_path: Path) -> None:
    path = openface(tmp_path / "a.csv")
    pd.read_csv(path, skipinitialspace=True).drop(columns=["x_66", "y_2"]).to_csv(path, index=False)
    with pytest.raises(DfecsError, match=r"lacks 2 of the columns needed: x_66, y_2"):
        read_keypoints(path)
    without = openface(tmp_path / "b.csv")
    pd.read_csv(without, skipinitialspace=True).drop(columns=["AU01_r", "AU12_r"]).to_csv(without, index=False)
    with pytest.raises(DfecsError, match="holds no action units"):
        read_action_units(without)


def test_unknown_source_names_the_known_ones(samples: Path) -> None:
    with pytest.raises(DfecsError, match=r"unknown source 'opnface'; known: openface, pyfeat"):
        read_keypoints(samples / "openface_sample.csv", source="opnface")


def test_a_new_format_is_one_registration(tmp_path: Path) -> None:
    def points(path: Path, options: object) -> pd.DataFrame:
        values = np.array([float(v) for v in head_of(path).split()[1:]]).reshape(1, -1)
        return keypoints.make_table(values, scheme="ibug68", frames=[0])

    register(FileReader("mine", "mine", lambda head, _: head.startswith(b"MINE"), points))
    (tmp_path / "a.mine").write_text("MINE " + " ".join(map(str, range(136))))
    assert read_keypoints(tmp_path / "a.mine")["y_67"].item() == 135
