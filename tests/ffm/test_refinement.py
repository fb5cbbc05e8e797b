"""Refined units: a lower objective, few parts each, the same bytes for any number of threads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.ffm.alternate import alternate
from dfecs_lib.ffm.units import refine_units
from dfecs_lib.keypoints import IBUG68

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


def test_objective_never_rises(motion: pd.DataFrame, unrefined: np.ndarray) -> None:
    values = [
        alternate(rows(motion), 0.5, unrefined, groups=GROUPS, group_penalty=1e5, max_iter=rounds, tol=0).objective
        for rounds in range(1, 12)
    ]
    assert (np.diff(values) <= 1e-9 * values[0]).all()


def test_objective_is_the_one_that_is_stated(motion: pd.DataFrame, unrefined: np.ndarray) -> None:
    X = rows(motion)
    found = alternate(X, 0.5, unrefined, groups=GROUPS, group_penalty=1e5)
    lengths = sum(np.linalg.norm(found.atoms[:, columns], axis=1).sum() for columns in COLUMNS.values())
    stated = 0.5 * ((X - found.codes @ found.atoms) ** 2).sum() + 0.5 * found.codes.sum() + 1e5 * lengths
    assert found.objective == pytest.approx(stated)
    assert (found.codes >= 0).all()
    assert (np.linalg.norm(found.atoms, axis=1) <= 1 + 1e-12).all()


def test_a_greater_locality_leaves_fewer_parts(motion: pd.DataFrame, unrefined: np.ndarray) -> None:
    moved = [
        parts_moved(refine_units(rows(motion), unrefined, COLUMNS, alpha=0.5, locality=held))
        for held in (0.0, 0.02, 0.05)
    ]
    assert moved[0] == 6 * len(COLUMNS)
    assert moved[0] > moved[1] >= moved[2] > 0


def test_as_many_units_as_asked_for_however_strict(motion: pd.DataFrame, unrefined: np.ndarray) -> None:
    np.testing.assert_array_equal(refine_units(rows(motion), unrefined, COLUMNS, alpha=0.5, locality=100), unrefined)
    for held in (0.02, 0.5):
        assert len(FullFaceModel(n_units=6, encoder="direct", refine_locality=held).fit(motion).components_) == 6


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
    for settings in ({"refine_alpha": -1.0}, {"refine_locality": -1.0}):
        with pytest.raises(DfecsError, match="cannot be negative"):
            FullFaceModel(n_units=3, n_atoms=2, alpha=1.0, encoder="direct", **settings).fit(motion)
