"""Units on few and on many points of the same motion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.interpretability.keypoint_counts import common_points, compare_counts, mesh_sets, on_points
from dfecs_lib.keypoints import coordinates, get_scheme
from dfecs_lib.preprocessing import prepare
from dfecs_lib.simulate import simulate


@pytest.fixture(scope="module")
def faces() -> tuple[pd.DataFrame, pd.DataFrame]:
    data = simulate("sim-ckplus", scheme="mediapipe478")
    motion = prepare(data)
    some = motion[motion.index.get_level_values("subject").isin(data.subjects[:6])]
    some.attrs = motion.attrs
    return some, data.truth.action_units.loc[some.index]


def test_all_counts_hold_the_same_motion_at_the_points_that_they_share(
    faces: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    tables = on_points(faces[0])
    first = None
    for name, table in tables.items():
        scheme = get_scheme(name)
        where = scheme.positions(list(common_points()))
        values = coordinates(table)[:, np.r_[where, scheme.n_points + where]]
        assert np.isfinite(table.to_numpy()).all()
        first = values if first is None else first
        np.testing.assert_allclose(values, first)


def test_the_comparison_is_of_people_left_out(faces: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    motion, intensities = faces
    clean = prepare(simulate("sim-ckplus", scheme="mediapipe478", noise=0.0))
    table, recovery = compare_counts(
        motion, intensities, clean=clean, schemes=("ibug68", "mediapipe478"), n_units=8, n_splits=2
    )
    assert table["points"].tolist() == [68, 478]
    assert (table["ve_common"] > 70).all()
    assert (table["low"] <= table["ve_common"]).all()
    assert table["stability"].between(0, 1).all()
    assert table["interpretable"].between(0, 100).all()
    for what in ("interpretable", "compliance"):
        assert table[f"{what}_own"].between(0, 100).all()
        assert table.loc["ibug68", f"{what}_own"] == table.loc["ibug68", f"{what}_68"]
    # The points that all share are the same numbers, and so is what of them is no error.
    assert table["true_ceiling"].between(80, 100).all()
    assert np.ptp(table["true_ceiling"]) < 1e-6
    np.testing.assert_allclose(table["share_of_ceiling"], 100 * table["ve_common"] / table["true_ceiling"])
    # A smile is read off any number of points; more of the cheek tells more of what moves the cheek.
    assert (recovery.loc["AU12"] > 0.6).all()
    assert recovery.loc["AU06", "raw mediapipe478"] > recovery.loc["AU06", "raw ibug68"] - 0.05
    with pytest.raises(DfecsError, match="two people"):
        compare_counts(motion[motion.index.get_level_values("subject") == "S001"])


def test_data_sets_come_on_a_mesh_and_what_is_absent_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DFECS_CLIPS", "DFECS_DISFA"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    found, absent = mesh_sets(["sim-ckplus", "disfa"])
    assert set(found) == {"sim-ckplus"}
    assert found["sim-ckplus"].motion.shape[1] == found["sim-ckplus"].rest.size == 956
    assert "simulated" in found["sim-ckplus"].about
    assert found["sim-ckplus"].clean.index.equals(found["sim-ckplus"].motion.index)
    assert set(absent) == {"disfa"}


def test_a_wide_part_is_learned_in_the_directions_that_it_has(faces: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Searched in a basis, a mesh's dictionaries are still atoms on its columns, of length one, that explain it."""
    model = FullFaceModel(n_units=8).fit(faces[0])
    assert model.atoms_.shape[1] == 956
    length = np.linalg.norm(model.atoms_, axis=1)
    assert (length < 1 + 1e-9).all()
    last = model.part_path_.groupby("part")["variance_explained"].max()
    assert (last > 98.9).all()
    for part, columns in model.part_columns_.items():
        mine = [k for k, name in enumerate(model.atom_parts_) if name == part]
        outside = np.setdiff1d(np.arange(956), columns)
        assert not model.atoms_[np.ix_(mine, outside)].any()
    assert model.variance_explained_ > 85
