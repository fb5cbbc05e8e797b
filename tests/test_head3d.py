from __future__ import annotations

import numpy as np
import pytest

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import IBUG68

HEAD = load_head()


def test_mean_is_a_symmetric_face_of_human_size() -> None:
    mean = HEAD.mean
    assert np.allclose(mean[IBUG68.mirror] * [-1, 1, 1], mean)
    width, length = mean[16, 0] - mean[0, 0], mean[8, 1] - mean[27, 1]
    assert 135 < width < 165
    assert 110 < length < 130
    assert mean[19, 1] < mean[37, 1] < mean[41, 1] < mean[30, 1] < mean[51, 1] < mean[57, 1] < mean[8, 1]
    assert mean[30, 2] == mean[:, 2].min()  # nose nearest to the camera
    assert mean[[0, 16], 2].min() > mean[17:, 2].max()  # ears behind


def test_each_mode_changes_what_its_name_says() -> None:
    def change(name: str, a: int, b: int, axis: int) -> float:
        mode = HEAD.identity[HEAD.identity_names.index(name)]
        return float(mode[b, axis] - mode[a, axis])

    assert change("face length", 27, 8, 1) == pytest.approx(6.5, abs=0.1)
    assert change("face width", 0, 16, 0) == pytest.approx(6.0, abs=0.1)
    assert change("nose length", 27, 33, 1) == pytest.approx(3.1, abs=0.1)
    assert change("nose width", 31, 35, 0) == pytest.approx(3.7, abs=0.1)
    assert change("eye distance", 39, 42, 0) == pytest.approx(2.8, abs=0.1)
    assert change("mouth width", 48, 54, 0) == pytest.approx(3.8, abs=0.1)


def test_only_asymmetries_break_the_symmetry() -> None:
    for name, mode in zip(HEAD.identity_names, HEAD.identity, strict=True):
        symmetric = np.allclose(mode[IBUG68.mirror] * [-1, 1, 1], mode)
        assert symmetric != name.endswith("asymmetry"), name


def test_identities_are_linear_and_checked() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3, len(HEAD.identity)))
    assert np.allclose(HEAD.identities(a + b) - HEAD.mean, HEAD.identities(a) + HEAD.identities(b) - 2 * HEAD.mean)
    with pytest.raises(DfecsError, match=r"shape \(n, 27\)"):
        HEAD.identities(np.zeros((2, 3)))


def test_the_shared_head_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        HEAD.mean[0] = 0
