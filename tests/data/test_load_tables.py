"""What `load` makes of a user's tables: meshes become the points that faces are registered by, notes are said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfecs_lib.data.load import load
from dfecs_lib.head3d import load_head
from dfecs_lib.keypoints import IBUG68, MEDIAPIPE478, from_points, make_table, to_points

FACES = np.repeat(load_head().mean[None, :, :2] + 300, 6, axis=0)


@pytest.mark.parametrize("count", [468, 478])
def test_a_mesh_is_loaded_as_the_points_that_it_shares_with_ibug(tmp_path: Path, count: int) -> None:
    mesh = np.full((6, 478, 2), 300.0)
    mesh[:, MEDIAPIPE478.positions(range(68))] = FACES
    columns = [f"{axis}_{k}" for axis in "xy" for k in range(count)]
    pd.DataFrame(from_points(mesh[:, :count]), columns=columns).to_csv(tmp_path / "a.csv", index=False)
    data = load(tmp_path / "a.csv")
    assert data.keypoints.attrs["scheme"] == IBUG68.name
    np.testing.assert_allclose(to_points(data.keypoints), FACES)


def test_what_was_put_right_is_said(tmp_path: Path) -> None:
    table = make_table(FACES * [1, -1], scheme="ibug68", frames=range(6))
    table.to_csv(tmp_path / "a.csv", index=False)
    with pytest.warns(UserWarning, match=r"a\.csv: y pointed up; the table was put right"):
        data = load(tmp_path / "a.csv")
    assert data.keypoints["y_8"].mean() > data.keypoints["y_27"].mean()
