"""Which side of a face is at work."""

from __future__ import annotations

import numpy as np
import pytest

from dfecs_lib.errors import DfecsError
from dfecs_lib.keypoints import IBUG68, from_points
from dfecs_lib.models.sides import asymmetry, side_codes, split_units
from dfecs_lib.preprocessing import make_preprocessor
from dfecs_lib.simulate.action_units import channel_of
from dfecs_lib.simulate.people import draw_person


def smiles(side: str) -> np.ndarray:
    """Registered motion of a person who smiles with one side, or with both, from a little to a lot."""
    face = draw_person("P1", 0, "sides").face
    codes = np.stack([channel_of({12: k}, side) for k in np.linspace(0, 4, 20)])
    rows = make_preprocessor(frontalize=False).fit_transform(from_points(face.express(codes)[:, :, :2]))
    return rows - rows[0]


def mirrored(motion: np.ndarray) -> np.ndarray:
    points = motion.reshape(len(motion), 2, 68)[:, :, IBUG68.mirror] * np.array([-1.0, 1.0])[:, None]
    return points.reshape(len(motion), 136)


@pytest.fixture(scope="module")
def units() -> np.ndarray:
    both = smiles("")[-1]
    return np.stack([both + mirrored(both[None])[0], np.r_[np.zeros(68 + 17), -np.ones(10), np.zeros(41)] * 5.0])


def test_halves_make_the_whole_and_mirror_each_other(units) -> None:
    right, left = split_units(units, IBUG68)
    np.testing.assert_allclose(right + left, units)
    np.testing.assert_allclose(mirrored(right), left, atol=1e-9)


def test_a_one_sided_smile_is_told_from_a_whole_one_and_from_its_mirror_image(units) -> None:
    found = {side or "both": asymmetry(side_codes(units, smiles(side), "ibug68"))["U01"] for side in ("", "R", "L")}
    assert abs(found["both"]) < 0.15
    assert found["R"] > 0.6
    assert found["L"] < -0.6
    turned = asymmetry(side_codes(units, mirrored(smiles("R")), "ibug68"))["U01"]
    assert turned == pytest.approx(-found["R"], abs=1e-6)


def test_a_still_unit_has_no_side_and_wrong_widths_are_refused(units) -> None:
    assert np.isnan(asymmetry(side_codes(units, smiles(""), "ibug68"))["U02"])
    with pytest.raises(DfecsError, match="columns"):
        side_codes(units, np.ones((3, 98)), "ibug68")
