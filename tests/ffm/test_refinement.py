"""Refined units: a lower objective, few parts each, the same bytes for any number of threads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfecs_lib.coding.alternate import NON_NEGATIVE, SPHERE, alternate, residual_direction
from dfecs_lib.coding.sparse_coding import code
from dfecs_lib.coding.unit_updates import update_atoms
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.keypoints import IBUG68
from dfecs_lib.models.units import refine_units
from dfecs_lib.preprocessing import preparation
from dfecs_lib.simulate import simulate

COLUMNS = {part: np.r_[where, where + 68] for part, where in IBUG68.parts.items()}
GROUPS = np.zeros(136, dtype=np.intp)
for number, columns in enumerate(COLUMNS.values()):
    GROUPS[columns] = number


@pytest.fixture(scope="module")
def unrefined(motion: pd.DataFrame) -> np.ndarray:
    return FullFaceModel(n_units=6, encoder="direct", refine=False).fit(motion).components_


def rows(motion: pd.DataFrame) -> np.ndarray:
    return np.ascontiguousarray(motion.to_numpy())


def parts_moved(units: np.ndarray) -> int:
    return sum(int((units[:, columns] != 0).any(axis=1).sum()) for columns in COLUMNS.values())


def objective(X: np.ndarray, codes: np.ndarray, units: np.ndarray, alpha: float, penalty: float) -> float:
    lengths = sum(np.linalg.norm(units[:, columns], axis=1).sum() for columns in COLUMNS.values())
    return float(0.5 * ((X - codes @ units) ** 2).sum() + alpha * codes.sum() + penalty * lengths)


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_objective_never_rises(motion: pd.DataFrame, unrefined: np.ndarray, alpha: float) -> None:
    settings = {"constraint": SPHERE, "groups": GROUPS, "group_penalty": 1e5, "tol": 0}
    values = [
        alternate(rows(motion), alpha, unrefined, max_iter=rounds, **settings).objective for rounds in range(1, 12)
    ]
    assert (np.diff(values) <= 1e-9 * values[0]).all()


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_objective_is_the_one_that_is_stated(motion: pd.DataFrame, unrefined: np.ndarray, alpha: float) -> None:
    X = rows(motion)
    found = alternate(X, alpha, unrefined, constraint=SPHERE, groups=GROUPS, group_penalty=1e5)
    assert found.objective == pytest.approx(objective(X, found.codes, found.atoms, alpha, 1e5))
    assert (found.codes >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(found.atoms, axis=1), 1)


@pytest.mark.parametrize("penalty", [0.0, 3e4, 1e6, 1e9])
def test_no_other_unit_of_length_one_is_better(motion: pd.DataFrame, unrefined: np.ndarray, penalty: float) -> None:
    X, k = rows(motion), 2
    codes = code(X, unrefined, 0.0, statistics=True)
    units = unrefined.copy()
    UtU = np.zeros_like(codes.UtU)
    UtU[k] = codes.UtU[k]  # a unit without codes is left alone: only unit k moves
    update_atoms(units, UtU, codes.UtX, 1, 0.0, SPHERE, np.empty((0, 0), dtype=bool), GROUPS, penalty)
    best = objective(X, codes.codes, units, 0.0, penalty)
    rng = np.random.default_rng(0)
    inside = [np.isin(np.arange(136), columns) for columns in COLUMNS.values()]
    for spread in (1e-3, 1e-1, 10.0):
        for kept in (np.ones(136, dtype=bool), units[k] != 0, *inside):
            other = units.copy()
            other[k] = (units[k] + spread * rng.normal(size=136)) * kept
            other[k] /= np.linalg.norm(other[k])
            assert objective(X, codes.codes, other, 0.0, penalty) >= best * (1 - 1e-12)


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_a_greater_locality_leaves_fewer_parts(motion: pd.DataFrame, unrefined: np.ndarray, alpha: float) -> None:
    moved = [
        parts_moved(refine_units(rows(motion), unrefined, COLUMNS, alpha=alpha, locality=held))
        for held in (0.0, 0.02, 100.0)
    ]
    assert moved == [6 * len(COLUMNS), 6 * 2, 6]  # the true units move two parts each


def test_as_many_units_as_asked_for_however_strict(motion: pd.DataFrame) -> None:
    for held in (0.02, 0.5, 100.0):
        units = FullFaceModel(n_units=6, encoder="direct", refine={"locality": held}).fit(motion).components_
        assert len(units) == 6
    assert parts_moved(units) == 6


def test_units_are_refined_for_the_codes_that_they_get(motion: pd.DataFrame) -> None:
    X = rows(motion)
    direct, sparse = (
        code(X, FullFaceModel(n_units=6, encoder=name).fit(motion).components_, 0.0) for name in ("direct", "sparse")
    )
    assert direct.variance_explained > sparse.variance_explained
    assert direct.codes.sum() > sparse.codes.sum()


def test_codes_stay_of_the_size_of_the_motion() -> None:
    """Units that are opposites to the last digit would explain a little more, with codes 500 times the motion."""
    faces = preparation(simulate("sim-ckplus")).motion.dropna()
    longest = np.linalg.norm(faces.to_numpy(), axis=1).max()
    assert FullFaceModel(n_units=12, encoder="direct").fit(faces).transform(faces).to_numpy().max() < 20 * longest


def test_same_bytes_for_any_number_of_threads(motion: pd.DataFrame, unrefined: np.ndarray) -> None:
    many = np.tile(rows(motion), (40, 1))
    one, two = (refine_units(many, unrefined, COLUMNS, alpha=0.5, locality=0.02, n_jobs=n) for n in (1, 2))
    assert one.tobytes() == two.tobytes()


def test_batches_keep_units_in_their_parts(motion: pd.DataFrame) -> None:
    model = FullFaceModel(n_units=5, encoder="direct").partial_fit(motion.iloc[:120])
    before = parts_moved(model.components_)
    assert before < 5 * len(COLUMNS)
    assert parts_moved(model.partial_fit(motion.iloc[120:]).components_) <= before


def test_penalties_cannot_be_negative(motion: pd.DataFrame) -> None:
    for settings in ({"alpha": -1.0}, {"locality": -1.0}):
        with pytest.raises(DfecsError, match="cannot be negative"):
            FullFaceModel(n_units=3, n_atoms=2, alpha=1.0, encoder="direct", refine=settings).fit(motion)


def test_the_direction_of_what_is_left_points_where_more_of_its_energy_lies() -> None:
    along = np.array([0.6, -0.8, 0.0])
    left = np.array([1.0, 1.0, 1.0, -3.0])[:, None] * along  # three frames one way, one farther the other way
    np.testing.assert_allclose(residual_direction(left), -along, atol=1e-12)
    np.testing.assert_allclose(residual_direction(-left), along, atol=1e-12)
    # Weighed four times, the three outweigh the one.
    np.testing.assert_allclose(residual_direction(left, np.array([4.0, 4.0, 4.0, 1.0])), along, atol=1e-12)
    np.testing.assert_allclose(residual_direction(left, None, NON_NEGATIVE), [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(residual_direction(-left, None, NON_NEGATIVE), [1, 0, 0], atol=1e-12)


def test_an_atom_that_no_frame_uses_is_placed_where_some_frame_would_use_it() -> None:
    rng = np.random.default_rng(0)
    truth = np.eye(3, 6)
    X = rng.exponential(1, size=(80, 3)) @ truth
    begin = np.vstack([truth[:2], -np.ones(6) / np.sqrt(6)])  # the third atom is of no use to any frame
    found = alternate(X, 0.1, begin)
    assert (found.codes > 0).any(axis=0).all()
    assert found.objective < alternate(X, 0.1, truth[:2]).objective
    # Where no frame would gain more than its price, it stays as it is.
    small = 0.4 * X / X.max()
    np.testing.assert_allclose(alternate(small, 0.5, begin).atoms, begin)
