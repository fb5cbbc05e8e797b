"""CK+ and BP4D in their own layouts, with the defects that real discs have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import face, frames_of, tag

from dfecs_lib import keypoints


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
