"""Motion tables of a few invented subjects whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfecs_lib import keypoints as kp

N_TRUE = 4


def true_units() -> np.ndarray:
    """Four separate movements, each of one face part, of unit length."""
    rng = np.random.default_rng(5)
    units = np.zeros((N_TRUE, 136))
    for unit, points in zip(units, (range(17, 27), range(36, 48), range(48, 60), range(4, 13)), strict=True):
        columns = np.r_[list(points), np.array(points) + 68]
        unit[columns] = rng.normal(size=len(columns))
    return units / np.linalg.norm(units, axis=1, keepdims=True)


def motion(dataset: str, n_subjects: int = 6, n_frames: int = 40, seed: int = 0, noise: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    tables = []
    for subject in range(n_subjects):
        codes = rng.exponential(30, size=(n_frames, N_TRUE)) * (rng.random((n_frames, N_TRUE)) < 0.6)
        rows = codes @ true_units() + noise * rng.normal(size=(n_frames, 136))
        tables.append(
            kp.make_table(
                rows, scheme="ibug68", frames=np.arange(n_frames), dataset=dataset, subject=f"S{subject}", recording="r"
            )
        )
    table = pd.concat(tables).sort_index()
    table.attrs = tables[0].attrs
    return table


@pytest.fixture(scope="session")
def learn() -> pd.DataFrame:
    return motion("one", seed=1)


@pytest.fixture(scope="session")
def other() -> pd.DataFrame:
    return motion("two", seed=2, n_subjects=5)
