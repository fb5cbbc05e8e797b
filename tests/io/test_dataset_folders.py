"""DISFA, CK+, BP4D, RAVDESS and exemplars in their own layouts, with the defects that real discs have."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import disfa_labels, face, write_mat, write_text, write_xlsx

from dfecs_lib import keypoints, load_dataset, read_keypoints
from dfecs_lib.checking import check, listing
from dfecs_lib.errors import DfecsError
from dfecs_lib.io import parse_name, read_action_units, validate_action_units
from dfecs_lib.manifest import State, load_manifest, state


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Load a dataset from a folder, as a user does with an environment variable."""
    monkeypatch.setenv("DFECS_CACHE", str(tmp_path / "cache"))

    def loader(name: str, folder: Path, **options: object):
        monkeypatch.setenv("DFECS_" + name.upper().replace("-", "_"), str(folder))
        return load_dataset(name, progress=False, **options)

    return loader


def tag(table: pd.DataFrame, *entry: object) -> float:
    """Return y_0 of a row, which says from which file it came."""
    return float(table.xs(entry, level=list(range(1, 1 + len(entry))))["y_0"].iloc[0])


def frames_of(table: pd.DataFrame, subject: str) -> list[int]:
    return table.xs(subject, level="subject").index.get_level_values("frame").tolist()


# --- DISFA ----------------------------------------------------------------------------------------------------------


def test_disfa(load, disfa: Path) -> None:
    data = load("disfa", disfa)
    assert data.keypoints.attrs["scheme"] == "disfa66"
    assert data.subjects == ["SN001", "SN002"]
    np.testing.assert_allclose(
        keypoints.to_points(data.keypoints.loc[[("disfa", "SN001", "film", 3740)]])[0], face(66, 4740)
    )
    # The error log takes out 3737 and 3744-3745; SN002 lacks the file of 3741.
    assert frames_of(data.keypoints, "SN001") == [3736, 3738, 3739, 3740, 3741, 3742, 3743]
    assert frames_of(data.keypoints, "SN002") == [3736, 3737, 3738, 3739, 3740, 3742, 3743, 3744, 3745]
    assert data.report.dropped == 3
    assert data.report.failed == 2
    assert data.keypoints.loc[("disfa", "SN002", "film", 3743)].isna().all()


def test_disfa_labels_stand_at_their_frames(load, disfa: Path) -> None:
    units = load("disfa", disfa).action_units
    validate_action_units(units)
    assert units.attrs["unit"] == "intensity 0-5"
    assert units.loc[("disfa", "SN001", "film", 3743), "AU12"] == 3
    assert units.loc[("disfa", "SN002", "film", 3742), "AU12"] == 2
    assert units.xs("SN002", level="subject")["AU01"].isna().all()  # that file is no text
    assert (units.xs("SN001", level="subject")["AU01"] == 0).all()


def test_disfa_neutral_frame_and_its_stand_in(load, disfa: Path) -> None:
    data = load("disfa", disfa)
    assert data.neutral.index.tolist() == [("disfa", "SN001", "film", 3741), ("disfa", "SN002", "film", 3740)]
    pd.testing.assert_frame_equal(data.neutral, data.keypoints.loc[data.neutral.index])
    assert any("SN002 has no usable frame 3741; frame 3740 stands in" in note for note in data.report.notes)
    other = load("disfa", disfa, neutral_frame=3738)
    assert frames_of(other.neutral, "SN002") == [3738]


def test_disfa_report_names_every_defect(load, disfa: Path) -> None:
    report = load("disfa", disfa).report
    reasons = dict(report.unreadable)
    assert "not a readable .mat file" in reasons["Landmark_Points/SN002/tmp_frame_lm/SN002_3743_lm.mat"]
    assert "66 points are needed" in reasons["Landmark_Points/SN002/tmp_frame_lm/SN002_3744_lm.mat"]
    assert "not a text file" in reasons["ActionUnit_Labels/SN002/SN002_au1.txt"]
    text = str(report)
    assert "Left out, as asked: SN004." in text
    assert "SN002: 1 frames between its first and last have no file." in text
    assert "16 frames read, 2 of them without a usable face, 3 dropped" in text


def test_disfa_options(load, disfa: Path) -> None:
    assert load("disfa", disfa, skip=()).subjects == ["SN001", "SN002", "SN004"]
    assert len(frames_of(load("disfa", disfa, error_log=False).keypoints, "SN001")) == 10
    with pytest.raises(DfecsError, match=r"unknown options skp; known: error_log, neutral_frame, skip"):
        load("disfa", disfa, skp=())
    (disfa / "Error_LOG_Sheet.xls").unlink()
    data = load("disfa", disfa)
    assert data.report.dropped == 0
    assert "There is no Error_LOG_Sheet" in str(data.report)


@pytest.mark.parametrize("first", [0, 1])
def test_disfa_frames_are_numbered_as_the_labels_are(load, tmp_path: Path, first: int) -> None:
    """Names may count from 0 or 1, be padded or not, and carry other numbers."""
    root = tmp_path / "D"
    for k in (0, 1, 8, 9, 10):
        write_mat(root / f"Landmark_Points/SN003/frame_lm_2d/l_{k + first}_v2.mat", k)
    disfa_labels(root, "SN003", {4: {k + 1: k / 2 for k in range(11)}})
    data = load("disfa", root)
    assert frames_of(data.keypoints, "SN003") == [1, 2, 9, 10, 11]
    np.testing.assert_allclose(data.action_units["AU04"], np.array([0, 1, 8, 9, 10]) / 2)
    np.testing.assert_allclose(data.keypoints["y_0"], [0, 1, 8, 9, 10])


@pytest.mark.parametrize(
    "text",
    [
        "Subject,Start,End\nSN001,3744,3745\n,3737,3737\n",
        "SN001,3737,3737,3744,3745\n",
        "SN1,3737-3737,3744 - 3745,,\nSN002,,\n",
        "No,Subject,Begin frame,End frame,Remark\n1,SN001,3744,3745,hand over 2 eyes\n2,SN001,3737,3737,7\n",
    ],
)
def test_disfa_error_log_as_csv(load, disfa: Path, text: str) -> None:
    (disfa / "Error_LOG_Sheet.xls").unlink()
    (disfa / "error_log_sheet.csv").write_text(text)
    assert frames_of(load("disfa", disfa).keypoints, "SN001") == [3736, 3738, 3739, 3740, 3741, 3742, 3743]


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00\x01binary" * 99, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), b"PK\x03\x04" + bytes(100)],
)
@pytest.mark.parametrize("suffix", [".xls", ".xlsx", ".csv"])
def test_disfa_error_log_that_cannot_be_read(load, disfa: Path, content: bytes, suffix: str) -> None:
    (disfa / "Error_LOG_Sheet.xls").unlink()
    (disfa / f"Error_LOG_Sheet{suffix}").write_bytes(content)
    with pytest.raises(DfecsError, match=r"not a readable table|names no subject") as caught:
        load("disfa", disfa)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([["SN001", 5]], "row 1 holds no pairs"),
        ([["SN001", 9, 5]], "ends before it starts"),
        ([["a", "b"]], "names no subject"),
    ],
)
def test_disfa_error_log_that_makes_no_sense(load, disfa: Path, rows: list, words: str) -> None:
    (disfa / "Error_LOG_Sheet.xls").unlink()
    write_xlsx(disfa / "Error_LOG_Sheet.xlsx", rows)
    with pytest.raises(DfecsError, match=words):
        load("disfa", disfa)


# --- CK+ ------------------------------------------------------------------------------------------------------------


def test_ckplus(load, ckplus: Path) -> None:
    data = load("ckplus", ckplus)
    assert data.keypoints.attrs["scheme"] == "ibug68"
    assert data.n_recordings == 3
    np.testing.assert_allclose(
        keypoints.to_points(data.keypoints.loc[[("ckplus", "S005", "001", 3)]])[0], face(68, 503), atol=1e-4
    )
    assert data.neutral.index.tolist() == [
        ("ckplus", "S005", "001", 1),
        ("ckplus", "S010", "002", 2),
        ("ckplus", "S011", "001", 1),
    ]
    reasons = dict(data.report.unreadable)
    assert set(reasons) == {
        "FACS/S011/001/S011_001_00000003_facs.txt",
        "Landmarks/S010/002/S010_002_00000001_landmarks.txt",
    }
    text = str(data.report)
    assert "S010/002: frame 1 is unusable; frame 2 stands in as neutral" in text
    assert "1 of 3 sequences have no readable FACS file" in text


def test_ckplus_labels(load, ckplus: Path) -> None:
    data = load("ckplus", ckplus)
    last = ("ckplus", "S005", "001", 4)
    assert data.action_units.columns.tolist() == ["AU04", "AU06", "AU12"]
    assert data.action_units.loc[last, "AU06"] == 3
    assert data.action_units.loc[last, "AU04"] == 0  # another face shows it, this one was coded without
    assert np.isnan(data.action_units.loc[last, "AU12"])  # present, its intensity not coded
    assert data.occurrences.loc[last].tolist() == [0, 1, 1]
    assert data.action_units.drop([last, ("ckplus", "S010", "002", 3)]).isna().all(axis=None)
    assert data.with_any_unit().sum() == 2


# --- BP4D -----------------------------------------------------------------------------------------------------------


def test_bp4d(load, bp4d: Path) -> None:
    data = load("bp4d", bp4d)
    assert data.keypoints.attrs["scheme"] == "bp4d49"
    assert frames_of(data.keypoints, "F001") == [*range(997, 1004), 1, 2, 3]
    assert tag(data.keypoints, "F001", "T1", 1000) == 1000
    assert data.action_units.attrs["unit"] == "occurrence 0/1"
    assert data.action_units.columns.tolist() == ["AU01", "AU12"]  # AU02 is unknown throughout
    assert np.isnan(data.action_units.loc[("bp4d", "F001", "T1", 1000), "AU12"])
    assert "M001/T1 has no label file (AUCoding/AU_OCC/M001_T1.csv)" in str(data.report)


def test_bp4d_neutral_is_the_middle_of_the_calmest_run(load, bp4d: Path) -> None:
    data = load("bp4d", bp4d)
    assert data.neutral.index.tolist() == [("bp4d", "F001", "T1", 1001), ("bp4d", "M001", "T1", 5)]
    assert "M001 has no labelled frame" in str(data.report)


def test_bp4d_run_is_cut_by_a_missing_frame(load, bp4d: Path) -> None:
    (bp4d / "2DFeatures/F001/F001/T1/1001.txt").unlink()
    assert load("bp4d", bp4d).neutral.index[0] == ("bp4d", "F001", "T2", 2)


@pytest.mark.parametrize("form", ["rows", "one line alternating", "one line x then y"])
def test_bp4d_points_in_other_arrangements(load, bp4d: Path, form: str) -> None:
    points = face(49, 400)
    path = bp4d / "2DFeatures/F001/F001/T2/002.txt"
    rows = {
        "rows": points.T,
        "one line alternating": points.reshape(1, -1),
        "one line x then y": points.T.reshape(1, -1),
    }
    np.savetxt(path, rows[form], delimiter=",")
    row = load("bp4d", bp4d).keypoints.loc[[("bp4d", "F001", "T2", 2)]]
    np.testing.assert_allclose(keypoints.to_points(row)[0], points)


@pytest.mark.parametrize(
    "content", [b"", b"0,1\n", b"0,1\n3,x\n", b"0,1\n3,7\n", b"0,1\n3\n", b"0,1\n3,1\n3,1\n", b"\xff\x00"]
)
def test_bp4d_unreadable_labels_are_named(load, bp4d: Path, content: bytes) -> None:
    (bp4d / "AUCoding/AU_OCC/F001_T2.csv").write_bytes(content)
    data = load("bp4d", bp4d)
    assert [path for path, _ in data.report.unreadable] == ["AUCoding/AU_OCC/F001_T2.csv"]
    assert data.action_units.xs("T2", level="recording").isna().all(axis=None)


# --- RAVDESS --------------------------------------------------------------------------------------------------------


@pytest.fixture
def ravdess(samples: Path, tmp_path: Path) -> Path:
    """Real OpenFace rows under RAVDESS names, one of them lost for a while, one file cut off."""
    root = tmp_path / "FacialTracking"
    root.mkdir()
    raw = pd.read_csv(samples / "openface_sample.csv")
    raw.to_csv(root / "01-01-03-02-01-01-12.csv", index=False)
    lost = raw.iloc[:40].assign(**{" success": [1] * 30 + [0] * 10})
    lost.to_csv(root / "01-02-01-01-02-01-05.csv", index=False)
    raw.iloc[:20].assign(**{" confidence": 0.1}).to_csv(root / "01-02-04-01-02-01-05.csv", index=False)
    whole = (samples / "openface_sample.csv").read_bytes()
    (root / "01-01-05-01-01-01-12.csv").write_bytes(whole[: len(whole) // 2])
    (root / "readme.csv").write_text("a,b\n")
    return root


def test_ravdess(load, ravdess: Path) -> None:
    data = load("ravdess", ravdess)
    assert data.subjects == ["actor_05", "actor_12"]
    assert data.action_units is None
    assert data.report.failed == 10 + 20
    ((name, reason),) = data.report.unreadable
    assert name == "01-01-05-01-01-01-12.csv"
    assert "cut off" in reason
    assert "actor_05/01-02-04-01-02-01-05 has no usable frame" in str(data.report)
    assert [entry[1:3] for entry in data.neutral.index] == [
        ("actor_05", "01-02-01-01-02-01-05"),
        ("actor_12", "01-01-03-02-01-01-12"),
    ]
    pd.testing.assert_frame_equal(data.neutral, data.keypoints.loc[data.neutral.index])
    assert load("ravdess", ravdess, min_confidence=0.0).report.failed == 10


def test_ravdess_names() -> None:
    name = parse_name("02-01-08-01-02-02-07")
    assert (name.modality, name.channel, name.emotion, name.statement, name.actor) == (
        "video",
        "speech",
        "surprised",
        2,
        7,
    )
    for wrong in ("01-01-09-01-01-01-01", "01-01-01", "words", "01-01-00-01-01-01-01"):
        with pytest.raises(DfecsError, match="no RAVDESS name"):
            parse_name(wrong)


# --- exemplars ------------------------------------------------------------------------------------------------------


def test_exemplars(load, exemplars: Path) -> None:
    data = load("facs-exemplars", exemplars)
    assert data.keypoints.index.get_level_values("recording").tolist() == ["AU01", "AU01+AU02", "AU12", "neutral"]
    assert data.neutral.index.tolist() == [("facs-exemplars", "manual", "neutral", 0)]
    assert data.action_units.xs("AU01+AU02", level="recording").iloc[0].to_dict() == {
        "AU01": 1,
        "AU02": 1,
        "AU04": 0,
        "AU12": 0,
    }
    assert [path for path, _ in data.report.unreadable] == ["s4.txt"]
    assert "s9L.txt" in str(data.report)
    (exemplars / "s0.txt").unlink()
    with pytest.raises(DfecsError, match=r"s0\.txt is missing"):
        read_keypoints(exemplars, "facs-exemplars")


# --- what all share -------------------------------------------------------------------------------------------------


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


# --- dfecs data list | check ----------------------------------------------------------------------------------------


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
    assert report.ok
    assert report.found == {"files": 4}
    for name in ("single_face.mp4", "no_face.mp4"):
        shutil.copy(samples / name, tmp_path)
    (tmp_path / "no_face.mp4").chmod(0o644)
    (tmp_path / "no_face.mp4").write_bytes(b"other")
    monkeypatch.setenv("DFECS_CLIPS", str(tmp_path))
    entry = load_manifest()["clips"]
    assert state(entry) is State.INCOMPLETE
    assert check(entry).found == {"files": 1}
    assert "no_face.mp4 is not the published file" in str(check(entry))
    monkeypatch.setenv("DFECS_CLIPS", str(tmp_path / "absent"))
    assert "Not on this machine. dfecs data fetch clips" in str(check(load_manifest()["clips"]))
    assert check(load_manifest()["sim-disfa"]).ok


def test_a_complete_dataset_passes(exemplars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DFECS_FACS_EXEMPLARS", str(exemplars))
    assert check(load_manifest()["facs-exemplars"]).ok
