"""The RAVDESS tracks and folders of FACS exemplars, in their own layouts."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dfecs_lib import read_keypoints
from dfecs_lib.data.readers import parse_name
from dfecs_lib.errors import DfecsError
from dfecs_lib.preprocessing import preparation


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
    assert not data.report.unreadable
    assert "01-01-05-01-01-01-12.csv: lines cut off at the end, set aside: 1." in data.report.notes
    assert data.neutral is None
    prepared = preparation(data)
    assert "actor_05/01-02-04-01-02-01-05: no frame shows a face" in prepared.notes[0]
    assert [entry[1:3] for entry in prepared.neutral.index] == [
        ("actor_05", "01-02-01-01-02-01-05"),
        ("actor_12", "01-01-03-02-01-01-12"),
        ("actor_12", "01-01-05-01-01-01-12"),
    ]
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
