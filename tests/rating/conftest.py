"""A small study of five units: three that muscles make, one that none makes, and one with a signed code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dfecs_lib.interpretability import load_atlas
from dfecs_lib.keypoints import from_points
from dfecs_lib.rating import build_study


def muscle_unit(*names: str) -> np.ndarray:
    atlas = load_atlas()
    return sum(atlas.fields[i] for i, (muscle, _) in enumerate(atlas.actions) if muscle in names)


@pytest.fixture(scope="session")
def units() -> np.ndarray:
    impossible = np.zeros((68, 2))
    impossible[[3, 4, 5, 11, 12, 13], 1] = -1
    impossible[27:30, 0] = 1
    made = [
        muscle_unit("zygomaticus_major"),
        muscle_unit("frontalis_medial"),
        muscle_unit("jaw_depressors"),
        impossible,
    ]
    return from_points(np.stack(made))


@pytest.fixture(scope="session")
def study(units, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    build_study(units, folder, signed=False, title="A <small> study", n_catch=4, n_repeats=2)
    return folder
