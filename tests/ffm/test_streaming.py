"""Learning from files that are larger than memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dfecs_lib import keypoints
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.metrics import variance_explained
from dfecs_lib.models.streaming import Statistics, parquet_batches

from .conftest import motion_of


def test_batches_hold_the_table(tmp_path: Path) -> None:
    motion = motion_of(250)
    keypoints.save(motion, tmp_path / "a.parquet")
    batches = list(parquet_batches(tmp_path / "a.parquet", rows=100, dtype=np.float64))
    assert [len(batch) for batch in batches] == [100, 100, 50]
    assert np.array_equal(np.concatenate(batches), motion.to_numpy())
    keypoints.save(motion, tmp_path / "b.parquet")
    assert sum(len(batch) for batch in parquet_batches(tmp_path)) == 500
    assert next(parquet_batches(tmp_path)).dtype == np.float32


def test_a_model_learns_from_a_file(tmp_path: Path) -> None:
    motion = motion_of(1200)
    keypoints.save(motion, tmp_path / "a.parquet")
    streamed = FullFaceModel(n_units=6, part_variance=0.97, encoder="direct")
    for batch in parquet_batches(tmp_path / "a.parquet", rows=200):
        streamed.partial_fit(batch)
    whole = FullFaceModel(n_units=6, part_variance=0.97, encoder="direct").fit(motion)

    def score(model: FullFaceModel) -> float:
        values = motion.to_numpy()
        return variance_explained(values, model.inverse_transform(model.transform(values)))

    assert score(streamed) > score(whole) - 0.5


def test_rows_with_missing_points_are_left_out_and_counted(motion: pd.DataFrame) -> None:
    model = FullFaceModel(n_units=3, n_atoms=2, alpha=1.0, encoder="direct").fit(motion)
    holes = motion.copy()
    holes.iloc[0, 0] = np.nan
    before = holes.copy()
    model.partial_fit(holes)
    assert model.n_rows_dropped_ == 1
    assert np.isfinite(model.components_).all()
    pd.testing.assert_frame_equal(holes, before)
    same = model.components_.copy()
    model.partial_fit(holes.iloc[:1])
    assert np.array_equal(model.components_, same)


def test_the_past_fades_but_counts() -> None:
    rng = np.random.default_rng(0)
    X = np.abs(rng.normal(size=(300, 3))) @ np.eye(3, 8)
    statistics = Statistics(3, 8)
    atoms = np.eye(3, 8) + 0.1
    for batch in (X[:100], X[100:200], X[200:]):
        atoms = statistics.learn(batch, atoms / np.linalg.norm(atoms, axis=1, keepdims=True), 0.0)
    assert statistics.n_frames == 300
    assert np.trace(statistics.UtU) > 100


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "noise.parquet").write_bytes(b"no parquet")
    with pytest.raises(DfecsError, match="not a readable Parquet file"):
        list(parquet_batches(tmp_path / "noise.parquet"))
    pd.DataFrame({"a": [1.0]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(DfecsError, match="no keypoint columns"):
        list(parquet_batches(tmp_path / "other.parquet"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DfecsError, match="holds no"):
        list(parquet_batches(tmp_path / "empty"))


def test_memory_holds_one_row_group_not_the_file(tmp_path: Path) -> None:
    columns = [f"{axis}_{k}" for axis in "xy" for k in range(68)]
    schema = pa.schema([(name, pa.float32()) for name in columns])
    path = tmp_path / "long.parquet"
    group = 4096
    with pq.ParquetWriter(path, schema, compression="none") as writer:
        for seed in range(20):
            values = np.random.default_rng(seed).normal(size=(136, group)).astype(np.float32)
            writer.write_table(pa.Table.from_arrays([pa.array(column) for column in values], schema=schema))
    before = pa.total_allocated_bytes()
    most = 0
    for _ in parquet_batches(path, rows=group):
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < path.stat().st_size / 4
