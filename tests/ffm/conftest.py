"""Motion with a known structure: local, non-negative, and noisy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfecs_lib import keypoints
from dfecs_lib.keypoints import IBUG68


def motion_of(n: int, *, n_units: int = 6, noise: float = 0.5, seed: int = 0) -> pd.DataFrame:
    """A KPM table of n frames: units that move two parts each, switched on now and then."""
    rng = np.random.default_rng(seed)
    units = np.zeros((n_units, 136))
    for k, unit in enumerate(units):
        for part in rng.choice(list(IBUG68.parts), 2, replace=False):
            where = IBUG68.parts[part]
            unit[where] = rng.normal(scale=1 + k % 3, size=len(where))
            unit[where + 68] = rng.normal(scale=1 + k % 3, size=len(where))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    codes = rng.exponential(60, (n, n_units)) * (rng.random((n, n_units)) < 0.5)
    values = codes @ units + rng.normal(scale=noise, size=(n, 136))
    table = keypoints.make_table(values, scheme="ibug68", frames=range(n), dataset="d", subject="s", recording="r")
    return keypoints.record(table, "motion_vectors")


@pytest.fixture(scope="session")
def motion() -> pd.DataFrame:
    return motion_of(240)
