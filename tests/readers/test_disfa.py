"""DISFA in its own layout, with the defects that real discs have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import disfa_labels, face, frames_of, write_mat, write_xlsx

from dfecs_lib import keypoints
from dfecs_lib.data.readers import validate_action_units
from dfecs_lib.errors import DfecsError


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
