"""Compiled updates of atoms and units against the same formulas in plain NumPy, one atom and one turn at a time."""

from __future__ import annotations

import numpy as np
import pytest

from dfecs_lib.coding.unit_updates import update_atoms, update_units

BALL, NONNEGATIVE, SPHERE = 1, 2, 3
GROUPS = np.repeat(np.arange(3), 4)
NO_MASK, NO_GROUPS = np.empty((0, 0), dtype=bool), np.empty(0, dtype=np.intp)


def statistics(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Atoms of length one, and whole-numbered UᵀU and UᵀX of codes: one atom's are zero, two atoms' the same."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, size=(30, 6)).astype(float)
    codes[:, 3], codes[:, 5] = 0.0, codes[:, 4]
    X = rng.normal(size=(30, 12)) * np.repeat([3.0, 1.0, 0.1], 4)
    atoms = rng.normal(size=(6, 12))
    return atoms / np.linalg.norm(atoms, axis=1, keepdims=True), codes.T @ codes, codes.T @ X


def shrunk(new: np.ndarray, groups: np.ndarray, by: float, keep_longest: bool) -> np.ndarray:
    lengths = np.array([np.linalg.norm(new[groups == g]) for g in range(groups.max() + 1)])
    left = np.array([max(0.0, 1 - by / length) if length else 0.0 for length in lengths])
    if keep_longest and not left.any():
        left[lengths.argmax()] = 1.0
    return new * left[groups]


def projected(new: np.ndarray, project: int) -> np.ndarray:
    length = np.linalg.norm(new)
    if project == NONNEGATIVE:
        return np.maximum(new, 0)
    if (project == BALL and length > 1) or (project == SPHERE and length > 0):
        return new / length
    return new


def atoms_after_one_turn(
    V: np.ndarray,
    UtU: np.ndarray,
    UtX: np.ndarray,
    project: int,
    mask: np.ndarray,
    groups: np.ndarray,
    threshold: float,
) -> np.ndarray:
    V = V.copy()
    for k in range(len(V)):
        if UtU[k, k] == 0:
            continue
        new = V[k] + (UtX[k] - UtU[k] @ V) / UtU[k, k]
        if mask.size:
            new = new * mask[k]
        if groups.size:
            new = shrunk(new, groups, threshold / UtU[k, k], project == SPHERE)
        V[k] = projected(new, project)
    return V


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("threshold", [None, 0.0, 20.0, 60.0, 1e4])
@pytest.mark.parametrize("project", [0, BALL, NONNEGATIVE, SPHERE])
def test_atoms_move_as_the_formula_says(project: int, threshold: float | None, masked: bool, seed: int) -> None:
    V, UtU, UtX = statistics(seed)
    mask = np.random.default_rng(seed).random(V.shape) < 0.8 if masked else NO_MASK
    groups = NO_GROUPS if threshold is None else GROUPS
    expected, found = V, V.copy()
    for _ in range(3):
        expected = atoms_after_one_turn(expected, UtU, UtX, project, mask, groups, threshold or 0.0)
    update_atoms(found, UtU, UtX, 3, 0.0, project, mask, groups, threshold or 0.0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(found[3], V[3])  # no codes: left alone


def test_atoms_end_at_the_first_turn_that_moves_none_as_far_as_the_tolerance() -> None:
    V, UtU, UtX = statistics(0)
    far = []
    after = V
    for _ in range(6):
        before, after = after, atoms_after_one_turn(after, UtU, UtX, BALL, NO_MASK, NO_GROUPS, 0.0)
        far.append(np.linalg.norm(after - before, axis=1).max())
    assert sorted(far, reverse=True) == far
    for turn in (2, 4):
        found = V.copy()
        assert update_atoms(found, UtU, UtX, 50, far[turn - 1] * (1 + 1e-9), BALL, NO_MASK, NO_GROUPS, 0.0) == turn
    assert update_atoms(V.copy(), UtU, UtX, 50, far[0] * (1 + 1e-9), BALL, NO_MASK, NO_GROUPS, 0.0) == 1
    assert update_atoms(V.copy(), UtU, UtX, 3, 0.0, BALL, NO_MASK, NO_GROUPS, 0.0) == 3  # as many as are allowed


def units_after_one_turn(
    V: np.ndarray, UtU: np.ndarray, UtX: np.ndarray, cancellation: float, threshold: float
) -> np.ndarray:
    V = V.copy()
    for k in range(len(V)):
        if UtU[k, k] == 0:
            continue
        beside = np.delete(UtU[k], k), np.delete(V, k, axis=0)
        pull = UtX[k] - (1 - cancellation) * beside[0] @ beside[1]
        new = np.sign(pull) * np.maximum(np.abs(pull) - cancellation * beside[0] @ np.abs(beside[1]), 0) / UtU[k, k]
        new = shrunk(new, GROUPS, threshold / UtU[k, k], keep_longest=False)
        if new.any():
            V[k] = new / np.linalg.norm(new)
    return V


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("threshold", [0.0, 0.5, 20.0, 60.0, 1e4])
@pytest.mark.parametrize("cancellation", [0.0, 0.1, 0.5, 1.0])
def test_units_move_as_the_formula_says(cancellation: float, threshold: float, seed: int) -> None:
    V, UtU, UtX = statistics(seed)
    expected, found = V, V.copy()
    for _ in range(3):
        expected = units_after_one_turn(expected, UtU, UtX, cancellation, threshold)
    update_units(found, UtU, UtX, cancellation, 3, GROUPS, threshold)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(found[3], V[3])
    if threshold == 1e4:  # nothing would remain of any unit
        np.testing.assert_array_equal(found, V)


@pytest.mark.parametrize("size", [1e-3, 1e3])
def test_the_size_of_codes_does_not_matter(size: float) -> None:
    """Codes of another unit of length: UᵀU, UᵀX and the penalty grow with them, atoms and units do not."""
    V, UtU, UtX = statistics(2)
    whole, sized = V.copy(), V.copy()
    update_atoms(whole, UtU, UtX, 2, 0.0, SPHERE, NO_MASK, GROUPS, 20.0)
    update_atoms(sized, UtU * size, UtX * size, 2, 0.0, SPHERE, NO_MASK, GROUPS, 20.0 * size)
    np.testing.assert_allclose(sized, whole, rtol=0, atol=1e-12)
    whole, sized = V.copy(), V.copy()
    update_units(whole, UtU, UtX, 0.1, 2, GROUPS, 20.0)
    update_units(sized, UtU * size, UtX * size, 0.1, 2, GROUPS, 20.0 * size)
    np.testing.assert_allclose(sized, whole, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(whole[3], V[3])


def test_units_stay_where_they_have_arrived() -> None:
    V, UtU, UtX = statistics(1)
    arrived = V.copy()
    update_units(arrived, UtU, UtX, 0.1, 500, GROUPS, 20.0)
    np.testing.assert_allclose(units_after_one_turn(arrived, UtU, UtX, 0.1, 20.0), arrived, rtol=0, atol=1e-5)
    again = arrived.copy()
    update_units(again, UtU, UtX, 0.1, 500, GROUPS, 20.0)
    np.testing.assert_allclose(again, arrived, rtol=0, atol=1e-5)
