from __future__ import annotations

import json

import numpy as np
import pytest
from build_head import head_file

from dfecs_lib.anatomy.head import load_head
from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import IBUG68
from dfecs_lib.simulate.action_units import ACTION_UNITS, CHANNELS, SIDED, Face, channel_of

HEAD = load_head()
FACE = Face(HEAD.mean)


def moved(side: str = "", **units: float) -> np.ndarray:
    """Motion (68, 3) of the mean face for e.g. ``AU12=5``."""
    intensities = {int(name[2:]): value for name, value in units.items()}
    return FACE.express(channel_of(intensities, side)[None])[0] - HEAD.mean


def test_at_rest_nothing_moves() -> None:
    assert np.allclose(FACE.express(np.zeros((2, len(CHANNELS)))), HEAD.mean)


@pytest.mark.parametrize("au", ACTION_UNITS)
def test_both_sides_together_are_symmetric_and_of_human_size(au: int) -> None:
    motion = moved(**{f"AU{au}": 5.0})
    assert np.allclose(motion[IBUG68.mirror] * [-1, 1, 1], motion, atol=1e-9)
    assert 2.0 < np.linalg.norm(motion[:, :2], axis=1).max() < 35.0


@pytest.mark.parametrize("au", SIDED)
def test_one_side_alone_leaves_the_other_side_at_rest(au: int) -> None:
    right, left = moved("R", **{f"AU{au}": 5.0}), moved("L", **{f"AU{au}": 5.0})
    subjects_left = HEAD.mean[:, 0] > 1.0  # on the right of the picture
    assert np.allclose(right[subjects_left], 0.0)
    assert np.abs(right[~subjects_left]).max() > 1.5
    assert np.allclose(left[IBUG68.mirror] * [-1, 1, 1], right, atol=1e-9)


def test_units_move_the_face_as_facs_says() -> None:
    up, down = -1.0, 1.0
    for units, point, axis, sign, least in (
        ({"AU1": 5}, 21, 1, up, 4),  # inner brow raised
        ({"AU2": 5}, 18, 1, up, 4),  # outer brow raised
        ({"AU4": 5}, 21, 1, down, 3),  # brows lowered …
        ({"AU4": 5}, 21, 0, 1, 1.5),  # … and drawn together (right brow goes to the midline)
        ({"AU5": 5}, 38, 1, up, 1.5),
        ({"AU7": 5}, 41, 1, up, 1),
        ({"AU9": 5}, 31, 1, up, 2),
        ({"AU10": 5}, 50, 1, up, 4),
        ({"AU12": 5}, 48, 1, up, 4),  # right corner up …
        ({"AU12": 5}, 48, 0, -1, 4),  # … and out
        ({"AU15": 5}, 48, 1, down, 4),
        ({"AU17": 5}, 57, 1, up, 3),
        ({"AU18": 5}, 48, 0, 1, 5),  # corners together
        ({"AU20": 5}, 48, 0, -1, 5),
        ({"AU26": 5}, 8, 1, down, 8),
        ({"AU27": 5}, 8, 1, down, 20),
        ({"AU43": 5}, 37, 1, down, 5),
    ):
        motion = moved(**{k: float(v) for k, v in units.items()})[point, axis]
        assert sign * motion > least, (units, point, axis, motion)


def test_eyes_close_and_mouths_open() -> None:
    def opening(upper: int, lower: int, **units: float) -> float:
        face = HEAD.mean + moved(**units)
        return float(face[lower, 1] - face[upper, 1])

    assert opening(37, 41, AU43=5.0) < 0.1 * opening(37, 41)
    openings = [opening(62, 66, **u) for u in ({}, {"AU25": 5.0}, {"AU26": 5.0}, {"AU27": 5.0})]
    assert np.all(np.diff(openings) > 3.0)
    assert opening(51, 57, AU28=5.0) < 0.6 * opening(51, 57)  # lips sucked in


def test_lids_and_lips_never_cross() -> None:
    rng = np.random.default_rng(0)
    shape = FACE.express(rng.uniform(0, 5, (500, len(CHANNELS))))
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46), (61, 67), (62, 66), (63, 65), (51, 62), (66, 57)):
        assert (shape[:, upper, 1] <= shape[:, lower, 1] + 1e-9).all(), (upper, lower)


def test_stronger_means_further() -> None:
    for au in ACTION_UNITS:
        size = [np.linalg.norm(moved(**{f"AU{au}": v})) for v in (1.0, 3.0, 5.0)]
        assert size[0] < size[1] < size[2]


def test_wrong_units_are_named() -> None:
    with pytest.raises(DfecsError, match="no action unit 3"):
        channel_of({3: 1.0})
    with pytest.raises(DfecsError, match="from 0 to 5"):
        channel_of({12: 6.0})
    with pytest.raises(DfecsError, match="shape"):
        FACE.express(np.zeros((2, 3)))


def test_the_shared_head_is_the_one_that_the_muscles_make() -> None:
    made = json.loads(head_file(HEAD.mean))
    for name, mode in zip(HEAD.expression_names, HEAD.expression, strict=True):
        assert np.allclose(np.reshape(made["expression"][name], (68, 3)), mode, atol=0.011), name
    for name, mode in zip(HEAD.identity_names, HEAD.identity, strict=True):
        assert np.allclose(np.reshape(made["identity"][name], (68, 3)), mode, atol=0.011), name
