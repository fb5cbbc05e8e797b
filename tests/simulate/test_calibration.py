"""Simulated motion must be as large and as varied as that of real tracks after the same preprocessing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import make_table
from dfecs_lib.preprocessing import make_preprocessor, motion_vectors
from dfecs_lib.simulate import REAL_RANGES, motion_figures, simulate


def figures(name: str, random_state: int) -> pd.DataFrame:
    data = simulate(name, random_state=random_state)
    preprocessor = make_preprocessor()
    motion = motion_vectors(preprocessor.fit_transform(data.keypoints), preprocessor.fit_transform(data.neutral))
    by = ("dataset", "subject") if name == "sim-ckplus" else ("dataset", "subject", "recording")
    return motion_figures(motion, by=by, least_frames=20)


@pytest.mark.parametrize("random_state", [0, 1])
def test_simulated_motion_has_the_size_and_the_dimension_of_real_motion(random_state: int) -> None:
    every = {name: figures(name, random_state) for name in ("sim-disfa", "sim-ckplus", "sim-bp4d")}
    for name, found in every.items():
        median = found.median()
        low, high = REAL_RANGES["rms"]
        assert low - 1 <= median["rms"] <= high + 1, (name, median["rms"])
        # A handful of subjects explains an unseen one a little less well than many do.
        for k in (8, 16):
            low, high = REAL_RANGES[f"unseen_{k}"]
            assert low - 3 <= median[f"unseen_{k}"] <= high + 0.5, (name, k, median[f"unseen_{k}"])
    spontaneous = pd.concat([every["sim-disfa"], every["sim-bp4d"]])
    assert REAL_RANGES["components_95"][0] <= spontaneous["components_95"].median() <= REAL_RANGES["components_95"][1]
    # Reaching the last per cents takes more frames than a short task has, and a film with many emotions.
    film = every["sim-disfa"].median()
    assert film["components_95"] <= REAL_RANGES["components_95"][1] + 1
    assert REAL_RANGES["components_99"][0] <= film["components_99"] <= REAL_RANGES["components_99"][1]


def test_figures_of_known_motion() -> None:
    """Three independent directions in every recording, of the same size: three components, all of an unseen one."""
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.normal(size=(136, 3)))[0].T
    tables = [
        make_table(rng.normal(size=(400, 3)) @ directions * 10, scheme="ibug68", frames=range(400), subject=s)
        for s in "ABC"
    ]
    found = motion_figures(pd.concat(tables))
    assert (found["components_99"] == 3).all()
    assert np.allclose(found["unseen_8"], 100)
    assert np.allclose(found["rms"], 10 * np.sqrt(3 / 136), rtol=0.1)
    assert list(found.index.names) == ["dataset", "subject", "recording"]


def test_figures_across_recordings_need_two() -> None:
    table = make_table(np.random.default_rng(0).normal(size=(60, 136)), scheme="ibug68", frames=range(60))
    with pytest.raises(DfecsError, match="need two"):
        motion_figures(table)
