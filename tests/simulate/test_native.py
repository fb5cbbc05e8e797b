"""Simulated datasets go out in the native layouts and come back through the licensed datasets' readers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from native_layouts import write_native

from dfecs_lib.data.readers import bp4d, ckplus, disfa
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints.known_neutral import RULES
from dfecs_lib.simulate import SimulatedDataset, simulate


def _some(data: SimulatedDataset, subjects: int, frames: int = 10**9) -> SimulatedDataset:
    index = data.keypoints.index
    kept = index.get_level_values("subject").isin(data.subjects[:subjects])
    kept &= index.get_level_values("frame") <= frames
    assert data.action_units is not None
    attrs = data.keypoints.attrs
    keypoints = data.keypoints[kept]
    keypoints.attrs = attrs
    return replace(data, keypoints=keypoints, action_units=data.action_units[kept])


def _same(read: pd.DataFrame, made: pd.DataFrame, tolerance: float) -> None:
    assert list(read.index.droplevel("dataset")) == list(made.index.droplevel("dataset"))
    assert list(read.columns) == list(made.columns)
    assert np.allclose(read.to_numpy(), made.to_numpy(), atol=tolerance, equal_nan=True)


def test_disfa(tmp_path: Path) -> None:
    data = simulate("sim-disfa")
    lost_subject = data.truth.lost.groupby(level="subject").sum().idxmax()
    part = _some(data, data.subjects.index(lost_subject) + 1)
    assert part.action_units is not None
    read = disfa.READER.read(write_native(part, tmp_path), name="disfa", skip=())
    seen = ~part.keypoints.isna().all(axis=1)
    assert (~seen).any()
    assert read.report.dropped == (~seen).sum()
    _same(read.keypoints, part.keypoints[seen], 1e-9)
    assert read.action_units is not None
    _same(read.action_units[part.action_units.columns], part.action_units[seen], 0)
    neutral, _ = RULES["frame"](read, neutral_frame=int(data.neutral.index.get_level_values("frame")[0]))
    _same(neutral, data.neutral[: len(neutral)], 1e-9)


def test_ckplus(tmp_path: Path) -> None:
    data = _some(simulate("sim-ckplus"), 4)
    assert data.action_units is not None
    read = ckplus.READER.read(write_native(data, tmp_path))
    _same(read.keypoints, data.keypoints, 1e-4)
    assert read.action_units is not None
    made = data.action_units[list(read.action_units.columns)]
    _same(read.action_units, made, 0)
    absent = data.action_units.drop(columns=made.columns)
    assert not (absent > 0).any(axis=None)
    neutral, _ = RULES["first-frame"](read)
    _same(neutral, data.neutral[: len(neutral)], 1e-4)


def test_bp4d(tmp_path: Path) -> None:
    data = _some(simulate("sim-bp4d"), 2)
    assert data.action_units is not None
    keypoints = data.keypoints.copy()
    keypoints.iloc[7] = np.nan  # at least one lost frame
    keypoints.attrs = data.keypoints.attrs
    data = replace(data, keypoints=keypoints)
    read = bp4d.READER.read(write_native(data, tmp_path))
    _same(read.keypoints, data.keypoints, 1e-5)
    assert read.occurrences is not None
    _same(read.occurrences, data.action_units, 0)
    neutral, _ = RULES["calmest-run"](read)
    assert len(neutral) == 2


def test_other_schemes_have_no_native_layout(tmp_path: Path) -> None:
    data = simulate("sim-ckplus")
    keypoints = data.keypoints.copy()
    keypoints.attrs = {"scheme": "mediapipe478", "history": []}
    with pytest.raises(DfecsError, match="mediapipe478"):
        write_native(replace(data, keypoints=keypoints), tmp_path)
