"""Seconds of frames, frames a second, and which tracker points come from."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.append(str(Path(__file__).parents[1] / "readers"))
from tracker_tables import faces, openface_frame, plain_frame, pyfeat_frame

from dfecs_lib import load
from dfecs_lib.errors import DfecsError
from dfecs_lib.tracking import openface_columns, tracker_of
from dfecs_lib.workflow import encode, train

FACES = faces(30)


def write(path: Path, table: pd.DataFrame) -> Path:
    table.to_csv(path, index=False)
    return path


def test_frames_a_second_of_files_that_do_not_tell(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", plain_frame(FACES).assign(frame=np.arange(10, 40)))
    assert load(path).time is None
    data = load(path, fps=20)
    assert data.time is not None
    np.testing.assert_allclose(data.time, np.arange(30) / 20)
    assert data.keypoints.attrs["frames_per_second"] == pytest.approx(20)
    with pytest.raises(DfecsError, match="frames a second above 0"):
        load(path, fps=0)


def test_what_the_file_tells_goes_before_what_is_said(tmp_path: Path) -> None:
    data = load(write(tmp_path / "a.csv", openface_frame(FACES)), fps=5)
    assert data.time is not None
    np.testing.assert_allclose(data.time, np.arange(30) / 25, atol=1e-3)
    assert data.keypoints.attrs["frames_per_second"] == pytest.approx(25, rel=1e-3)


@pytest.mark.parametrize(
    ("table", "tracker"),
    [
        (openface_frame(FACES), "OpenFace"),
        (pyfeat_frame(FACES), "Py-Feat"),
        (plain_frame(FACES), None),
        (openface_columns(load("sim-ckplus").keypoints.dropna().iloc[:30]), None),  # ours, under OpenFace's names
    ],
    ids=["OpenFace", "Py-Feat", "plain", "exported"],
)
def test_which_tracker_a_file_comes_from(tmp_path: Path, table: pd.DataFrame, tracker: str | None) -> None:
    table = table.drop(columns=["subject", "recording"], errors="ignore").assign(frame=range(len(table)))
    assert tracker_of(load(write(tmp_path / "a.csv", table)).keypoints) == tracker


def test_units_of_one_tracker_on_another(tmp_path: Path) -> None:
    ours = write(tmp_path / "openface.csv", openface_frame(FACES))
    theirs = write(tmp_path / "pyfeat.csv", pyfeat_frame(FACES))
    nobodys = write(tmp_path / "plain.csv", plain_frame(FACES))
    model = train(ours, n_units=2)
    with pytest.warns(UserWarning, match="tracked by Py-Feat, the units were learnt on OpenFace"):
        encode(model, theirs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encode(model, ours)
        encode(model, nobodys)
        encode(train(nobodys, n_units=2), theirs)
        encode(train([ours, nobodys], n_units=2), theirs)  # what is not known may be the same
        encode(train([ours, theirs], n_units=2), theirs)
