"""Solid landmarks of OpenFace files, brought to the front and turned anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.frontality import frontal_error, rivals
from dfecs_lib.evaluation.unrelated_heads import read_solids, turned_solids


@pytest.fixture
def head() -> np.ndarray:
    """A face as OpenFace stores it from the front: millimetres, y down, z away from the camera."""
    mean = load_head().mean
    return (mean - mean.mean(axis=0)) * [1, 1, -1 if mean[30, 2] > mean[36, 2] else 1]


def write(path: Path, faces: np.ndarray, angles: np.ndarray) -> None:
    turned = np.einsum("nij,nkj->nki", Rotation.from_euler("XYZ", angles).as_matrix(), faces) + np.array([10, -20, 600])
    columns = [f" {axis}_{k}" for axis in "XYZ" for k in range(68)]
    table = pd.DataFrame(turned.swapaxes(1, 2).reshape(len(faces), -1), columns=columns)
    table[[" pose_Rx", " pose_Ry", " pose_Rz"]] = angles
    table[" success"] = 1
    table.loc[0, " success"] = 0
    table.to_csv(path, index=False)


def test_the_pose_in_the_file_is_undone(tmp_path: Path, head: np.ndarray) -> None:
    angles = np.random.default_rng(0).uniform(-0.4, 0.4, (12, 3))
    write(tmp_path / "a.csv", np.tile(head, (12, 1, 1)), angles)
    (faces,) = read_solids([tmp_path / "a.csv"], per_file=5).values()
    assert faces.shape == (5, 68, 3)
    np.testing.assert_allclose(faces, np.tile(head, (5, 1, 1)), atol=1e-6)


def test_heads_that_do_not_turn_are_seen_as_they_are_but_for_the_camera(head: np.ndarray) -> None:
    still, front = turned_solids({"a": np.tile(head, (3, 1, 1))}, yaw=0, pitch=0)
    assert frontal_error(still, front).max() < 2
    strong, front = turned_solids({"a": np.tile(head, (40, 1, 1))}, yaw=30, pitch=20)
    error = {way: frontal_error(p.fit_transform(strong), front).mean() for way, p in rivals(register=False).items()}
    assert error["3-D head"] < 0.5 * error["none"]


def test_files_without_solid_landmarks_are_refused(tmp_path: Path) -> None:
    (tmp_path / "flat.csv").write_text("frame,x_0\n1,2\n")
    with pytest.raises(DfecsError, match=r"flat\.csv has no column X_0"):
        read_solids([tmp_path / "flat.csv"])
