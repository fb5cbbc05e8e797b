"""Simulated motion must be as large and as varied as that of real tracks after the same preprocessing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import make_table, to_points
from dfecs_lib.preprocessing import preparation
from dfecs_lib.simulate import COUNTERPARTS, DESIGNS, REAL_RANGES, motion_figures, simulate


def medians(name: str, size: str, random_state: int) -> pd.Series[float]:
    motion = preparation(simulate(name, size, random_state)).motion
    return motion_figures(motion, by=COUNTERPARTS[name].by, least_frames=20).median()


@pytest.mark.parametrize(("size", "random_state"), [("small", 0), ("small", 1), ("medium", 0), ("medium", 1)])
@pytest.mark.parametrize("name", list(COUNTERPARTS))
def test_simulated_motion_has_the_size_and_the_dimension_of_real_motion(
    name: str, size: str, random_state: int
) -> None:
    found = medians(name, size, random_state)
    for figure in COUNTERPARTS[name].figures:
        low, high = REAL_RANGES[figure]
        assert low <= found[figure] <= high, (figure, found[figure])


def test_every_dataset_says_what_its_counterpart_is() -> None:
    assert set(COUNTERPARTS) == set(DESIGNS) - {"sim-subtle"}  # which no real dataset is like
    for counterpart in COUNTERPARTS.values():
        assert set(REAL_RANGES) - set(counterpart.figures) <= {"components_99"}


def test_tracked_eyes_keep_half_of_their_opening_in_a_blink() -> None:
    """Real tracks: between 0.36 and 0.65 of the median opening; the truth is closed."""
    data = simulate("sim-disfa", "medium")
    closed = (data.truth.right["AU43"] > 4.5) & ~data.truth.lost & ~data.truth.frozen
    assert closed.sum() > 20

    def opening(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.linalg.norm(points[:, 37] - points[:, 41], axis=1)

    for table, low, high in ((data.keypoints, 0.36, 0.65), (data.truth.frontal, 0.0, 0.2)):
        found = pd.Series(opening(to_points(table)), table.index)
        usual = found.groupby(level="subject").transform("median")
        assert low <= (found / usual)[closed].median() <= high


def test_units_are_about_as_frequent_as_coders_found_them() -> None:
    """Within a factor of two of what is published, for all that are common."""
    film = simulate("sim-disfa", "medium").action_units
    assert film is not None
    smiles = (film["AU12"] > 0).mean()
    assert 0.235 / 2 < smiles < 0.235 * 2  # DISFA: 30,792 of 130,788 frames
    posed = simulate("sim-ckplus", "medium").action_units
    assert posed is not None
    coded = (posed.dropna() > 0).mean()
    # Of 593 sequences of CK+ (Lucey et al., 2010).
    published = {
        1: 173,
        2: 116,
        4: 191,
        5: 102,
        6: 122,
        7: 119,
        9: 74,
        12: 111,
        15: 89,
        17: 196,
        20: 77,
        25: 287,
        27: 81,
    }
    for au, count in published.items():
        assert 0.5 < coded[f"AU{au:02d}"] / (count / 593) < 2.0, au


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
