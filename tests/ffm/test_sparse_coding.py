"""Codes: optimal, the same as scikit-learn's, and the same bytes for any number of threads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls
from sklearn.decomposition import SparseCoder

from dfecs_lib.coding.sparse_coding import code, code_selected, sparse_encode
from dfecs_lib.errors import DfecsError


def problem(n: int = 300, p: int = 8, d: int = 30, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    atoms = rng.normal(size=(p, d))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    return rng.exponential(20, (n, p)) * (rng.random((n, p)) < 0.5) @ atoms + rng.normal(size=(n, d)), atoms


@pytest.mark.parametrize("alpha", [0.5, 5.0, 20.0])
def test_codes_are_those_of_scikit_learn(alpha: float) -> None:
    X, atoms = problem()
    oracle = SparseCoder(
        atoms,
        transform_algorithm="lasso_cd",
        transform_alpha=alpha,
        positive_code=True,
        transform_max_iter=100_000,
    )
    ours = sparse_encode(X, atoms, alpha)
    theirs = oracle.transform(X)
    assert np.abs(ours.codes - theirs).max() < 1e-2  # its tolerance, not ours
    value = 0.5 * ((X - theirs @ atoms) ** 2).sum() + alpha * theirs.sum()
    assert ours.objective(alpha) <= value * (1 + 1e-12)


def test_without_penalty_codes_are_least_squares() -> None:
    X, atoms = problem()
    ours = sparse_encode(X, atoms).codes
    assert np.allclose(ours, [nnls(atoms.T, x)[0] for x in X], atol=1e-7)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 20), st.floats(0, 10), st.integers(0, 10_000))
def test_optimality_conditions_hold(p: int, d: int, alpha: float, seed: int) -> None:
    """KKT: the gradient is zero at active codes and not negative elsewhere; atoms may repeat or vanish."""
    rng = np.random.default_rng(seed)
    atoms = rng.normal(size=(p, d)) * rng.integers(0, 2, size=(p, 1))
    if p > 2:
        atoms[0] = atoms[1]
    X = rng.normal(scale=10, size=(7, d))
    result = sparse_encode(X, atoms, alpha, tol=1e-12, max_passes=20_000)
    gradient = result.codes @ atoms @ atoms.T - X @ atoms.T + alpha
    scale = np.linalg.norm(X, axis=1, keepdims=True) * max(1, np.linalg.norm(atoms, axis=1).max())
    alive = np.linalg.norm(atoms, axis=1) > 0
    assert (result.codes >= 0).all()
    assert not result.codes[:, ~alive].any()
    assert (gradient[:, alive] >= -1e-4 * scale).all()
    assert (np.abs(gradient * (result.codes > 0)) <= 1e-4 * scale).all()


def test_what_is_reported_is_what_the_codes_give() -> None:
    X, atoms = problem()
    result = sparse_encode(X, atoms, 2.0)
    left = ((X - result.codes @ atoms) ** 2).sum()
    assert result.residual == pytest.approx(left)
    assert result.mass == pytest.approx(result.codes.sum())
    assert result.variance_explained == pytest.approx(1 - left / (X**2).sum())
    assert 0 <= result.gap <= 1e-8 * 0.5 * (X**2).sum()


def test_motion_of_nothing_is_explained_whole() -> None:
    nothing = sparse_encode(np.zeros((3, 4)), np.eye(2, 4))
    assert nothing.variance_explained == 1
    assert not nothing.codes.any()


def test_statistics_are_those_of_the_codes() -> None:
    X, atoms = problem(n=1500)
    weights = np.random.default_rng(1).random(len(X))
    result = code(X, atoms, 1.0, weights=weights, statistics=True)
    assert result.UtU is not None
    assert result.UtX is not None
    assert np.allclose(result.UtU, result.codes.T @ (weights[:, None] * result.codes))
    assert np.allclose(result.UtX, result.codes.T @ (weights[:, None] * X))


def test_single_precision_agrees_with_double() -> None:
    X, atoms = problem()
    single = sparse_encode(X.astype(np.float32), atoms.astype(np.float32), 1.0)
    assert single.codes.dtype == np.float32
    assert np.allclose(single.codes, sparse_encode(X, atoms, 1.0).codes, atol=2e-3)


def test_same_bytes_for_any_number_of_threads() -> None:
    X, atoms = problem(n=20_000)
    one, three = (code(X, atoms, 1.0, statistics=True, n_jobs=n) for n in (1, 3))
    assert one.codes.tobytes() == three.codes.tobytes()
    assert one.UtX is not None
    assert three.UtX is not None
    assert one.UtX.tobytes() == three.UtX.tobytes()
    assert (one.residual, one.gap) == (three.residual, three.gap)
    a, b = (code_selected(X, atoms, max_active=3, n_jobs=n) for n in (1, 2))
    assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_codes_do_not_depend_on_the_frames_around(alpha: float) -> None:
    """Also where more atoms than numbers leave many codes equally good."""
    order = np.random.default_rng(0).permutation(700)
    for p, d in ((8, 30), (5, 3)):
        X, atoms = problem(n=700, p=p, d=d)
        assert np.allclose(code(X, atoms, alpha).codes[order], code(X[order], atoms, alpha).codes, rtol=1e-7, atol=1e-9)


def test_repeated_atoms_are_left_to_coordinate_descent() -> None:
    X, atoms = problem()
    repeated = np.concatenate([atoms, atoms[:3], np.zeros((1, atoms.shape[1]))])
    once, twice = sparse_encode(X, atoms, 1.0), sparse_encode(X, repeated, 1.0)
    assert once.passes == 0
    assert twice.objective(1.0) == pytest.approx(once.objective(1.0), rel=1e-9)


def test_warm_start_changes_nothing_but_the_work() -> None:
    X, atoms = problem()
    cold = sparse_encode(X, atoms, 1.0)
    warm = sparse_encode(X, atoms, 1.0, start=cold.codes)
    assert np.allclose(cold.codes, warm.codes)
    assert warm.passes <= cold.passes


@pytest.mark.parametrize("selection", ["elimination", "lasso"])
@pytest.mark.parametrize("most", [1, 2, 3, 5, 8])
def test_selection_keeps_to_its_limit_and_refits(most: int, selection: str) -> None:
    X, atoms = problem()
    codes = code_selected(X, atoms, max_active=most, selection=selection)
    assert (codes >= 0).all()
    assert (codes > 0).sum(axis=1).max() <= most
    for x, u in zip(X[:40], codes[:40], strict=True):
        chosen = u > 0
        assert np.allclose(nnls(atoms[chosen].T, x)[0], u[chosen], atol=1e-6)


@pytest.mark.parametrize("selection", ["elimination", "lasso"])
def test_all_units_allowed_is_least_squares(selection: str) -> None:
    X, atoms = problem()
    codes = code_selected(X, atoms, max_active=8, selection=selection)
    assert np.allclose(codes, sparse_encode(X, atoms).codes, atol=1e-6)


def test_elimination_drops_what_is_worth_little() -> None:
    """Every unit that is left is worth alpha² of squared residual; one more loss is counted by hand."""
    X, atoms = problem()
    codes = code_selected(X, atoms, alpha=15.0)
    for x, u in zip(X[:40], codes[:40], strict=True):
        chosen = np.flatnonzero(u)
        now = ((x - u @ atoms) ** 2).sum()
        for k in chosen:
            rest = atoms[np.setdiff1d(chosen, [k])]
            without = x - np.linalg.lstsq(rest.T, x, rcond=None)[0] @ rest if len(rest) else x
            assert (without**2).sum() - now >= 15.0**2 * (1 - 1e-6)
    fewer = code_selected(X, atoms, alpha=30.0)
    assert (fewer > 0).sum() < (codes > 0).sum()


def test_selection_by_penalty_uses_the_lasso_support() -> None:
    X, atoms = problem()
    lasso = sparse_encode(X, atoms, 8.0).codes
    refitted = code_selected(X, atoms, alpha=8.0, selection="lasso")
    assert not refitted[lasso == 0].any()
    assert ((X - refitted @ atoms) ** 2).sum() < ((X - lasso @ atoms) ** 2).sum()


def test_arguments_are_left_alone() -> None:
    X, atoms = problem()
    start = np.ones((len(X), len(atoms)))
    before = X.copy(), atoms.copy(), start.copy()
    sparse_encode(X, atoms, 1.0, start=start)
    assert all(np.array_equal(a, b) for a, b in zip((X, atoms, start), before, strict=True))


@pytest.mark.parametrize(
    ("X", "atoms", "alpha", "message"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), 0.0, "do not fit"),
        (np.ones((2, 3)), np.ones((2, 3)), -1.0, "negative"),
        (np.full((2, 3), np.nan), np.ones((2, 3)), 0.0, "missing"),
    ],
)
def test_bad_arguments_are_named(X: np.ndarray, atoms: np.ndarray, alpha: float, message: str) -> None:
    with pytest.raises(DfecsError, match=message):
        sparse_encode(X, atoms, alpha)
