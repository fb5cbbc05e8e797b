"""The noise ceiling is what it says on tracks whose noise is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.noise import noise_ceiling
from dfecs_lib.keypoints import make_table


def motion(sigma: float, seed: int = 0, name: str = "r") -> tuple[pd.DataFrame, float]:
    """Smiles with rests between them, measured from a noisy neutral frame; and the ceiling that they really have."""
    rng = np.random.default_rng(seed)
    smile = 30 * np.clip(np.sin(np.arange(600) / 25), 0, None) ** 2
    true = smile[:, None] * rng.normal(size=136)
    noisy = true + sigma * rng.normal(size=true.shape)
    noisy -= noisy[-30] - true[-30]
    ceiling = 100 * (1 - ((noisy - true) ** 2).sum() / (noisy**2).sum())
    return make_table(noisy, scheme="ibug68", frames=range(600), subject="S1", recording=name), float(ceiling)


@pytest.mark.parametrize("sigma", [0.5, 2.0, 5.0])
def test_it_tells_the_ceiling_of_known_noise(sigma: float) -> None:
    table, ceiling = motion(sigma)
    assert noise_ceiling(table)["ceiling"].item() == pytest.approx(ceiling, abs=0.1 * (100 - ceiling) + 0.1)


def test_every_recording_has_its_own_and_order_does_not_matter() -> None:
    quiet, loud = motion(0.5, name="a")[0], motion(5.0, name="b")[0]
    both = pd.concat([quiet, loud])
    both.attrs = quiet.attrs
    found = noise_ceiling(both)
    assert found.index.get_level_values("recording").tolist() == ["a", "b"]
    assert found["ceiling"].iloc[0] > found["ceiling"].iloc[1]
    mixed = both.sample(frac=1, random_state=0).sort_index(axis=1)
    mixed.attrs = both.attrs
    pd.testing.assert_frame_equal(noise_ceiling(mixed), found)


def test_where_it_cannot_be_told() -> None:
    table, _ = motion(1.0)
    for other in (table.iloc[:10], table.iloc[::3], table * 0):
        other.attrs = table.attrs
        assert np.isnan(noise_ceiling(other)["ceiling"].item())
    with pytest.raises(DfecsError, match="row index"):
        noise_ceiling(table.reset_index(drop=True))
