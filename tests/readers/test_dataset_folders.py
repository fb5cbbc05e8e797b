"""What all datasets in folders share: recognised, refused, kept, listed and checked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from conftest import tag, write_text

from dfecs_lib import load_dataset, read_keypoints
from dfecs_lib.data.checking import check, listing
from dfecs_lib.data.manifest import State, load_manifest, state
from dfecs_lib.data.readers import read_action_units
from dfecs_lib.errors import DfecsError

LAYOUTS = {"disfa": "Landmark_Points/SN", "ckplus": "Landmarks/S", "bp4d": "2DFeatures/", "ravdess": "[0-9]"}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_wrong_folder_is_told_which_pattern_found_nothing(load, tmp_path: Path, name: str) -> None:
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "some.txt").write_text("1")
    with pytest.raises(DfecsError, match="nothing matches") as caught:
        load(name, tmp_path / "wrong")
    assert LAYOUTS[name] in str(caught.value)
    assert str(tmp_path / "wrong") in str(caught.value)
    with pytest.raises(DfecsError, match=rf"{name} is not on this machine"):
        load(name, tmp_path / "absent")
    with pytest.raises(DfecsError, match=f"is a file where the folder of {name} is needed"):
        load(name, tmp_path / "wrong" / "some.txt")


@pytest.mark.parametrize("name", ["disfa", "ckplus", "bp4d", "exemplars"])
def test_layouts_are_recognised(request: pytest.FixtureRequest, name: str) -> None:
    folder = request.getfixturevalue(name)
    source = "facs-exemplars" if name == "exemplars" else name
    pd.testing.assert_frame_equal(read_keypoints(folder), read_keypoints(folder, source=source))
    with pytest.raises(DfecsError, match="names its subjects and recordings itself"):
        read_keypoints(folder, recording="r")
    with pytest.raises(DfecsError, match="load_dataset"):
        read_action_units(folder)


def test_a_dataset_whose_every_file_is_damaged(load, bp4d: Path) -> None:
    for path in (bp4d / "2DFeatures").rglob("*.txt"):
        path.write_text("1,2\n")
    with pytest.raises(DfecsError, match=r"not a single frame could be read; the first: 2DFeatures/F001"):
        load("bp4d", bp4d)


def test_neutral_rules_can_be_chosen(load, bp4d: Path) -> None:
    data = load("bp4d", bp4d, neutral="first-frame")
    assert len(data.neutral) == data.n_recordings == 3
    with pytest.raises(DfecsError, match="unknown neutral rule 'best'"):
        load("bp4d", bp4d, neutral="best")


def test_videos_and_arrays_are_no_tables() -> None:
    with pytest.raises(DfecsError, match="dfecs track"):
        load_dataset("clips")
    with pytest.raises(DfecsError, match="holds no faces"):
        load_dataset("frontalization-weights")
    with pytest.raises(DfecsError, match="no dataset 'dissfa'"):
        load_dataset("dissfa")


def test_simulated_datasets_are_loaded_by_name() -> None:
    data = load_dataset("sim-bp4d", random_state=1)
    assert data.keypoints.attrs["scheme"] == "bp4d49"
    assert data.neutral.index.isin(data.keypoints.index).all()
    with pytest.raises(DfecsError, match="unknown options sizes"):
        load_dataset("sim-bp4d", sizes=3)


def test_many_files_are_kept_as_parquet_until_one_changes(load, tmp_path: Path) -> None:
    root = tmp_path / "CK"
    for frame in range(1, 521):
        write_text(root / f"Landmarks/S001/001/S001_001_{frame:08d}_landmarks.txt", frame, 68, " ")
    (root / "FACS/S001/001").mkdir(parents=True)
    (root / "FACS/S001/001/S001_001_00000520_facs.txt").write_text("1 2\n")
    first = load("ckplus", root)
    (kept,) = (tmp_path / "cache").iterdir()
    again = load("ckplus", root)
    for table in ("keypoints", "neutral", "action_units", "occurrences"):
        pd.testing.assert_frame_equal(getattr(again, table), getattr(first, table))
        assert getattr(again, table).attrs == getattr(first, table).attrs
    assert again.report == first.report
    (kept / "report.json").write_text("{")  # damaged: read anew
    assert load("ckplus", root).report == first.report
    write_text(root / "Landmarks/S001/001/S001_001_00000007_landmarks.txt", 4242, 68, " ")
    assert tag(load("ckplus", root).keypoints, "S001", "001", 7) == 4242
    shutil.rmtree(tmp_path / "cache")
    load("ckplus", root, cache=False)
    assert not (tmp_path / "cache").exists()


def test_listing_shows_the_state_at_a_glance(disfa: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DFECS_DATA", str(tmp_path / "none"))
    monkeypatch.setenv("DFECS_DISFA", str(disfa))
    (tmp_path / "junk").mkdir()
    (tmp_path / "junk" / "x.txt").write_text("x")
    monkeypatch.setenv("DFECS_CKPLUS", str(tmp_path / "junk"))
    table = listing(load_manifest()).set_index("name")
    assert table.loc["disfa", ["state", "path"]].tolist() == ["ready", str(disfa)]
    assert table.loc["ckplus", "state"] == "incomplete"
    assert table.loc["bp4d", "state"] == "absent"
    assert table.loc["sim-disfa", "state"] == "built in"


def test_check_counts_and_names_what_is_missing(disfa: Path, bp4d: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DFECS_DISFA", str(disfa))
    monkeypatch.setenv("DFECS_BP4D", str(bp4d))
    manifest = load_manifest()
    report = check(manifest["disfa"])
    assert report.found == {"subjects": 3, "recordings": 3, "frames": 29}
    assert not report.ok
    text = str(report)
    assert "3 subjects of 27" in text
    assert "Subjects missing: SN003, SN005" in text
    assert "130,815 frames are expected, 29 were found." in text
    (bp4d / "2DFeatures/M001/M001/T2").mkdir()
    assert "Recordings without a frame: M001/T2." in str(check(manifest["bp4d"]))


def test_check_of_files_and_of_nothing(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DFECS_CLIPS", str(samples))
    report = check(load_manifest()["clips"])
    assert not report.ok
    assert report.found == {"files": 2}
    assert "franck.mp4 is missing" in str(report)
    shutil.copy(samples / "single_face.mp4", tmp_path)
    (tmp_path / "franck.mp4").write_bytes(b"other")
    monkeypatch.setenv("DFECS_CLIPS", str(tmp_path))
    entry = load_manifest()["clips"]
    assert state(entry) is State.INCOMPLETE
    assert check(entry).found == {"files": 1}
    assert "franck.mp4 is not the published file" in str(check(entry))
    monkeypatch.setenv("DFECS_CLIPS", str(tmp_path / "absent"))
    assert "Not on this machine. dfecs data fetch clips" in str(check(load_manifest()["clips"]))
    assert check(load_manifest()["sim-disfa"]).ok


def test_a_complete_dataset_passes(exemplars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DFECS_FACS_EXEMPLARS", str(exemplars))
    assert check(load_manifest()["facs-exemplars"]).ok
