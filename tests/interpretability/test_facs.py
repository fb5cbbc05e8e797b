"""FACS units move as the manual says; the direction facts are written out here, apart from the library's own table."""

from __future__ import annotations

import numpy as np
import pytest

from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation import exemplar_units
from dfecs_lib.interpretability import as_units
from dfecs_lib.interpretability.actions import facs_actions, facs_motion
from dfecs_lib.interpretability.calibration import draw_face
from dfecs_lib.interpretability.facs import FACS, facs_table
from dfecs_lib.preprocessing import make_preprocessor, register_exemplars
from dfecs_lib.simulate import ACTION_UNITS, exemplar_table

RIGHT = {
    "inner brow": [20, 21],
    "outer brow": [17, 18],
    "upper lid": [37, 38],
    "lower lid": [40, 41],
    "nose": [31, 32, 33],
    "corner": [48],
    "upper lip": [50, 51],
    "lower lip": [57, 58],
    "chin": [7, 8],
}


@pytest.fixture(scope="module", params=["mean head", 3, 8])
def move(request):
    """(action unit, place) -> how far up and out it goes on the right, px; on the mean head and on two other people."""
    face = None if request.param == "mean head" else draw_face(np.random.default_rng(request.param))
    motion = facs_motion(face)

    def of(au: int, place: str) -> tuple[float, float]:
        dx, dy = motion[f"AU{au:02d}"][RIGHT[place]].mean(axis=0)
        return -float(dy), -float(dx)

    return of


def test_brows(move) -> None:
    assert move(1, "inner brow")[0] > 30
    assert move(1, "inner brow")[0] > 2 * move(1, "outer brow")[0]
    assert move(2, "outer brow")[0] > 30
    assert move(2, "outer brow")[0] > move(2, "inner brow")[0]
    up, out = move(4, "inner brow")
    assert up < -20  # down
    assert out < -10  # and together
    for au in (1, 2, 4):
        assert np.abs([move(au, place) for place in ("upper lid", "nose", "corner", "chin")]).max() < 5


def test_eyes(move) -> None:
    def narrower(au: int) -> float:
        return move(au, "lower lid")[0] - move(au, "upper lid")[0]

    assert move(5, "upper lid")[0] > 20
    assert abs(move(5, "lower lid")[0]) < 3
    for au in (6, 7):
        assert move(au, "lower lid")[0] > 15
        assert narrower(au) > 15
        assert move(au, "lower lid")[0] > abs(move(au, "upper lid")[0])
    assert narrower(43) > 1.5 * max(narrower(6), narrower(7))
    assert move(43, "upper lid")[0] < -40
    assert abs(move(43, "lower lid")[0]) < 10


def test_a_raised_lid_is_no_spike() -> None:
    lid = facs_motion()["AU05"][[37, 38], 1]
    assert lid.max() < 0.8 * lid.min() < 0  # both points go up, about as far


def test_nose_and_lips(move) -> None:
    for place in ("nose", "upper lip"):
        assert move(9, place)[0] > 15
    assert move(9, "inner brow")[0] < -5
    assert np.abs([move(au, "chin") for au in (9, 10, 12, 15, 20, 25)]).max() < 3  # the jaw is still
    assert move(10, "upper lip")[0] > max(25, move(10, "corner")[0])
    up, out = move(12, "corner")
    assert min(up, out) > 20
    assert move(15, "corner")[0] < -25
    assert move(18, "corner")[1] < -25
    up, out = move(20, "corner")
    assert out > 25 > up
    for au in (23, 24, 28):
        assert move(au, "upper lip")[0] < -10
        assert move(au, "lower lip")[0] > 10
    assert abs(move(24, "corner")[1]) < abs(move(23, "corner")[1])


def test_mouth_and_jaw(move) -> None:
    assert move(17, "chin")[0] > 2
    assert move(17, "lower lip")[0] > 15
    for au in (25, 26, 27):
        assert move(au, "lower lip")[0] < -20  # the lips part
        assert move(au, "lower lip")[0] < move(au, "upper lip")[0] - 20
    assert move(26, "chin")[0] < -40
    assert move(27, "chin")[0] < 1.5 * move(26, "chin")[0]


def test_registered_as_faces_are_a_wrinkled_nose_drops_the_jaw() -> None:
    """Why exemplars have a registration of their own: the base of the nose is one of the recipe's anchors."""
    table = exemplar_table(combinations=False)
    names = list(table.index.get_level_values("recording"))

    def nose_wrinkler(faces) -> np.ndarray:
        rows = faces.to_numpy()
        return rows[names.index("AU09")] - rows[names.index("neutral")]

    assert nose_wrinkler(make_preprocessor().fit_transform(table))[68 + 8] > 50
    assert abs(nose_wrinkler(register_exemplars(table))[68 + 8]) < 5


def test_the_face_at_rest_is_registered_exactly_as_every_face_is() -> None:
    table = exemplar_table(combinations=False)
    rest = table.xs("neutral", level="recording", drop_level=False)
    ours = register_exemplars(table).loc[rest.index]
    np.testing.assert_allclose(ours, make_preprocessor().fit_transform(rest), atol=1e-8)


def test_exemplars_may_be_photographed_turned_larger_and_elsewhere() -> None:
    table = exemplar_table(combinations=False)
    turned, k = table.copy(), 68
    angle = np.radians(np.linspace(-8, 8, len(table)))[:, None]
    size = np.linspace(0.7, 1.4, len(table))[:, None]
    x, y = table.to_numpy()[:, :k], table.to_numpy()[:, k:]
    turned.iloc[:, :k] = size * (np.cos(angle) * x - np.sin(angle) * y) + 40
    turned.iloc[:, k:] = size * (np.sin(angle) * x + np.cos(angle) * y) - 25
    rest = table.index.get_level_values("recording") == "neutral"
    turned[rest] = table[rest]  # the neutral face decides the frame
    np.testing.assert_allclose(
        register_exemplars(turned, frontalize=False), register_exemplars(table, frontalize=False), atol=2.5
    )


def test_exemplars_need_one_face_at_rest() -> None:
    table = exemplar_table(combinations=False)
    with pytest.raises(DfecsError, match="exactly one exemplar"):
        register_exemplars(table[table.index.get_level_values("recording") != "neutral"])


def test_the_table_covers_every_action_unit_and_agrees() -> None:
    table = facs_table()
    assert list(table.index) == [f"AU{au:02d}" for au in ACTION_UNITS] == [f"AU{au:02d}" for au in FACS]
    assert table["agrees"].all(), table.loc[~table["agrees"], "fails"].to_dict()
    pure = exemplar_units()[0]["FACS pure"]
    motion = dict(zip(pure.unit_names_, as_units(pure, signed=False).motion, strict=True))
    assert facs_table(motion)["agrees"].all()  # what the comparisons use


def test_the_table_says_where_a_unit_is_wrong() -> None:
    motion = facs_motion(one_sided=False)
    swapped = {**motion, "AU12": motion["AU15"], "AU05": -motion["AU05"]}
    table = facs_table(swapped)
    assert list(table.index[~table["agrees"]]) == ["AU05", "AU12"]
    assert "lip corners up" in table.loc["AU12", "fails"]
    with pytest.raises(DfecsError, match="name them"):
        facs_table({"1": motion["AU01"]})


def test_the_likeness_is_a_nonnegative_fit() -> None:
    from scipy.optimize import nnls

    rng = np.random.default_rng(0)
    actions = facs_actions()
    units = np.stack(list(facs_motion(combinations=True).values()))[::4]
    units = units + 0.3 * np.abs(units).max() * rng.normal(size=units.shape) * rng.uniform(0, 1, (len(units), 1, 1))
    ours, _ = actions.fit(units)
    owner = np.array([int(name[2:4]) for name in actions.names])
    for unit, mine in zip(units.reshape(len(units), -1), ours, strict=True):
        best = max(
            1 - (nnls(actions.fields[np.isin(owner, c)].reshape(-1, 136).T, unit)[1] / np.linalg.norm(unit)) ** 2
            for c in actions.companies
        )
        assert mine == pytest.approx(best, abs=1e-6)


def test_movements_are_named_plainly() -> None:
    motion = facs_motion(combinations=True)
    for name in ("AU12", "AU04", "AU01+AU02", "AU06+AU12", "AU12L", "AU43"):
        likeness, found = facs_actions().fit(motion[name])
        assert likeness[0] > 0.97
        assert found == [name]
    likeness, found = facs_actions().fit(np.zeros((1, 68, 2)))
    assert np.isnan(likeness[0])
    assert found == ["none"]
