"""Real tracks for the preprocessing tests, read without the library's own readers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

COLUMNS = [f"{axis}_{k}" for axis in "xy" for k in range(68)]


@pytest.fixture(scope="session", params=["openface_sample.csv", "pyfeat_sample.csv"])
def tracks(request: pytest.FixtureRequest, samples: Path) -> np.ndarray:
    """Real iBUG-68 rows, px."""
    return pd.read_csv(samples / request.param, skipinitialspace=True)[COLUMNS].to_numpy(float)


@pytest.fixture(scope="session")
def published(samples: Path) -> Path:
    """The published linear frontalization weights."""
    return samples / "vonikakis_winkler_frontalization_weights.npy"
