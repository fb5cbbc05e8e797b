"""Names of units: the plain motion that a unit is nearest to, on the subject's own side."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from dfecs_lib.baselines import FACSUnits, PCAUnits
from dfecs_lib.keypoints import BP4D49, IBUG68, make_table
from dfecs_lib.models.naming import name_units, part_of_units, unit_names
from dfecs_lib.preprocessing import motion_vectors


def unit(points: list[int], x: float = 0.0, y: float = 0.0) -> np.ndarray:
    motion = np.zeros((2, 68))
    motion[0, points], motion[1, points] = x, y
    return motion.ravel()


@pytest.mark.parametrize(
    ("motion", "name"),
    [
        (unit([48, 54, 60, 64], y=-1), "lip corners up"),
        (unit([48, 60], y=-1), "right lip corner up"),
        (unit([22, 23], y=-2), "left inner brow up"),
        (unit(list(range(17, 27)), y=1), "brows down"),
        (unit([37, 38, 43, 44], y=1) + unit([40, 41, 46, 47], y=-1), "eyes close"),
        (unit(list(range(48, 68)), x=1), "mouth to the left"),
        (unit([31, 32], x=-1) + unit([34, 35], x=1), "nostrils out"),
        (unit([0]) * 0, "no motion"),
    ],
)
def test_plain_motions_have_their_names(motion: np.ndarray, name: str) -> None:
    assert name_units([motion], "ibug68") == [name]


def test_size_and_noise_do_not_change_a_name() -> None:
    motion = unit([48, 54, 60, 64], y=-1)
    noisy = 40 * (motion + np.random.default_rng(0).normal(scale=0.02, size=136))
    assert name_units([noisy], "ibug68")[0].startswith("lip corners up")


def test_mirrored_units_have_mirrored_names() -> None:
    motion = unit([48, 60], y=-1).reshape(2, 68)
    mirrored = (motion * np.array([[-1.0], [1.0]]))[:, IBUG68.mirror]
    assert name_units([mirrored.ravel()], "ibug68") == ["left lip corner up"]


def test_a_scheme_without_a_jaw_has_names_too() -> None:
    points = IBUG68.positions([22, 23]) - 17
    motion = np.zeros((2, 49))
    motion[1, points] = -1
    assert name_units([motion.ravel()], BP4D49) == ["left inner brow up"]
    assert part_of_units([motion.ravel()], BP4D49) == ["left_eyebrow"]


def test_parts_are_named_by_their_share() -> None:
    both = unit([48, 54], y=-1) + unit([8], y=1.2)
    assert part_of_units([both, both * 0], "ibug68") == ["lips + jaw", "none"]


def named(*units: np.ndarray) -> list[str]:
    return unit_names(SimpleNamespace(components_=np.stack(units), scheme_="ibug68"))


def test_units_of_a_model_have_names_of_their_own() -> None:
    lips = unit([48, 54, 60, 64], y=-1)
    leaning = unit([48, 60], y=-1) + unit([54, 64], y=-0.62)
    assert named(lips, leaning, lips + unit([7, 8, 9], y=0.5), lips, lips) == [
        "lip corners up",
        "lip corners up on the right",
        "lip corners up, with chin down",
        "lip corners up (2)",
        "lip corners up (3)",
    ]
    rng = np.random.default_rng(0)
    many = named(*(rng.normal(size=(40, 136)) + 6 * unit(list(range(17, 27)), y=1)))
    assert len(set(many)) == 40


def test_the_first_of_those_alike_keeps_its_name() -> None:
    brows = unit(list(range(17, 27)), y=1)
    assert named(brows, unit([48, 54], y=1), brows + unit([37, 38, 43, 44], y=0.4))[0] == "brows down"


def test_models_that_name_their_units_are_believed() -> None:
    smile = unit([48, 54], y=-3)
    assert unit_names(FACSUnits({"0": smile * 0, "12": smile}).fit()) == ["AU12"]
    assert unit_names(SimpleNamespace(components_=np.ones((2, 7)))) == ["unit 1", "unit 2"]


def test_codes_say_what_their_columns_mean() -> None:
    rest = IBUG68.positions(range(68)) * 3.0
    faces = np.tile(np.r_[rest, rest[::-1]], (4, 1))
    faces += np.outer([0.0, 3.0, 2.0, 5.0], unit(list(range(17, 27)), y=1))
    table = make_table(faces, scheme="ibug68", frames=range(4))
    motion = motion_vectors(table, table.iloc[[0]])
    codes = PCAUnits(1).fit(motion).transform(motion)
    assert codes.attrs["columns"] == {"PC01": "brows down"}
