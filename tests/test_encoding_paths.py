"""Least-angle paths against scikit-learn, against a slow textbook version, and at their ends."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import nnls
from sklearn.decomposition import sparse_encode
from sklearn.linear_model import lars_path

from dfecs_lib import keypoints as kp
from dfecs_lib.coding.paths import encode_at_most, least_angle_path
from dfecs_lib.errors import DfecsError
from dfecs_lib.metrics import columns_of
from dfecs_lib.preprocessing import moving_points

N_UNITS = 12


@pytest.fixture(scope="module")
def units() -> np.ndarray:
    """Correlated units, as expressions have."""
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(N_UNITS, 136)) @ (rng.normal(size=(136, 136)) * np.geomspace(3, 0.02, 136))
    return mixed / np.linalg.norm(mixed, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def motion(units: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.normal(size=(40, N_UNITS)) @ units + 0.1 * rng.normal(size=(40, 136))


def at_most(coefs: np.ndarray, n: int) -> int:
    """The last knot of a path (n_units, n_knots) before more than n units are active."""
    active = (np.abs(coefs[:, 1:] + coefs[:, :-1]) > 1e-12).sum(axis=0)
    return int((np.maximum.accumulate(active) <= n).sum())


def textbook_lar(units: np.ndarray, x: np.ndarray, n: int) -> np.ndarray:
    """Efron et al. (2004), section 2, with a least-squares solve per step and every gamma tried."""
    w, active = np.zeros(len(units)), []
    for step in range(n):
        corr = units @ (x - w @ units)
        if step == 0:
            active.append(int(np.argmax(np.abs(corr))))
        level, signs = np.abs(corr[active]).max(), np.sign(corr[active])
        chosen = units[active]
        direction = np.linalg.solve(chosen @ chosen.T, signs)
        slope = units @ (direction @ chosen)
        candidates = [(level, -1)]
        for j in set(range(len(units))) - set(active):
            for gamma in ((level - corr[j]) / (1 - slope[j]), (level + corr[j]) / (1 + slope[j])):
                if 1e-12 < gamma <= level:
                    candidates.append((gamma, j))
        gamma, j = min(candidates)
        w[active] += gamma * direction
        active.append(j)
    return w


@pytest.mark.parametrize(("ours", "theirs", "positive"), [("lasso", "lasso", False), ("nonnegative", "lasso", True)])
def test_path_is_scikit_learns_up_to_its_last_knot(units, motion, ours, theirs, positive) -> None:
    """scikit-learn cuts its last knot short (its documentation says so of the positive path); all others agree."""
    compared = 0
    for x in motion:
        _, _, coefs = lars_path(units.T, x, method=theirs, positive=positive)
        for n in range(1, N_UNITS):
            knot = at_most(coefs, n)
            if knot < coefs.shape[1] - 2:
                mine = encode_at_most(x[None], units, n, method=ours)[0]
                np.testing.assert_allclose(mine, coefs[:, knot], atol=1e-10)
                compared += 1
    assert compared > 100


def test_lar_is_scikit_learns_where_no_code_changes_sign(units, motion) -> None:
    """scikit-learn's least-angle regression turns a unit's sign when its code crosses zero; the algorithm does not."""
    compared = 0
    for x in motion:
        _, _, coefs = lars_path(units.T, x, method="lar")
        crossed = np.flatnonzero(((coefs[:, 1:] * coefs[:, :-1]) < 0).any(axis=0))
        last = crossed[0] if crossed.size else N_UNITS
        for n in range(1, last + 1):
            np.testing.assert_allclose(encode_at_most(x[None], units, n)[0], coefs[:, n], atol=1e-10)
            compared += 1
    assert compared > 200
    few = sparse_encode(motion, units, algorithm="lars", n_nonzero_coefs=3)
    np.testing.assert_allclose(encode_at_most(motion, units, 3), few, atol=1e-10)


def test_lar_is_the_textbook_algorithm_also_where_a_code_changes_sign(units, motion) -> None:
    crossings = 0
    for x in motion:
        path = np.array([encode_at_most(x[None], units, n)[0] for n in range(1, N_UNITS + 1)])
        crossings += bool(((path[1:] * path[:-1]) < 0).any())
        for n in range(1, N_UNITS + 1):
            np.testing.assert_allclose(path[n - 1], textbook_lar(units, x, n), atol=1e-8)
    assert crossings


def test_ends_are_least_squares_and_nonnegative_least_squares(units, motion) -> None:
    free = np.linalg.lstsq(units.T, motion.T)[0].T
    for method in ("lar", "lasso"):
        np.testing.assert_allclose(encode_at_most(motion, units, N_UNITS, method=method), free, atol=1e-9)
    held = np.array([nnls(units.T, x)[0] for x in motion])
    np.testing.assert_allclose(encode_at_most(motion, units, N_UNITS, method="nonnegative"), held, atol=1e-9)


@pytest.mark.parametrize("method", ["lar", "lasso", "nonnegative"])
def test_errors_fall_with_n_and_are_those_of_the_codes(units, motion, method) -> None:
    path = least_angle_path(motion, units, method=method)
    assert (np.diff(path.residual, axis=1) <= 1e-9).all()
    assert (path.active <= np.arange(1, N_UNITS + 1)).all()
    for n in (1, 4, N_UNITS):
        codes = encode_at_most(motion, units, n, method=method)
        error = ((motion - codes @ units) ** 2).sum(axis=1)
        np.testing.assert_allclose(path.residual[:, n - 1], error, rtol=1e-8)
        np.testing.assert_array_equal((np.abs(codes) > 0).sum(axis=1), path.active[:, n - 1])
        squared = 100 * (1 - error.sum() / (motion**2).sum())
        norm = 100 * (1 - np.sqrt(error).sum() / np.linalg.norm(motion, axis=1).sum())
        assert path.variance_explained()[n - 1] == pytest.approx(squared)
        assert path.variance_explained("ve_norm")[n - 1] == pytest.approx(norm)


def test_length_of_units_and_offset_do_not_matter_when_taken_into_account(units, motion) -> None:
    longer = units * np.linspace(0.1, 9, N_UNITS)[:, None]
    reference = encode_at_most(motion, units, 4)
    np.testing.assert_allclose(encode_at_most(motion, longer, 4) @ longer, reference @ units, atol=1e-9)
    np.testing.assert_allclose(encode_at_most(motion + 7.0, units, 4, offset=np.full(136, 7.0)), reference, atol=1e-9)


def test_missing_points_are_left_out_frame_by_frame(units, motion) -> None:
    holed = motion.copy()
    holed[3, [5, 73]] = np.nan
    holed[7] = np.nan
    path, whole = least_angle_path(holed, units), least_angle_path(motion, units)
    same = np.delete(np.arange(len(motion)), [3, 7])
    np.testing.assert_allclose(path.residual[same], whole.residual[same])
    seen = np.isfinite(holed[3])
    np.testing.assert_allclose(
        encode_at_most(holed, units, N_UNITS)[3], np.linalg.lstsq(units[:, seen].T, motion[3, seen])[0], atol=1e-9
    )
    assert np.isnan(path.residual[7]).all()
    assert np.isnan(encode_at_most(holed, units, 2)[7]).all()
    assert np.isfinite(path.variance_explained()).all()


def test_anchors_can_be_left_out(units, motion) -> None:
    points = moving_points("ibug68")
    columns = columns_of(np.empty((0, 136)), points)
    assert set(range(68)) - set(points) == {0, 16, 27, 33, 36, 39, 42, 45}
    path = least_angle_path(motion, units, keypoints=points)
    np.testing.assert_allclose(path.total, (motion[:, columns] ** 2).sum(axis=1))
    moved = motion.copy()
    moved[:, np.setdiff1d(np.arange(136), columns)] += 100
    np.testing.assert_allclose(least_angle_path(moved, units, keypoints=points).residual, path.residual)


def test_a_repeated_or_empty_unit_never_enters_beside_its_twin(units, motion) -> None:
    doubled = np.vstack([units[:4], units[:2], np.zeros((1, 136))])
    codes = encode_at_most(motion, doubled, len(doubled))
    assert np.isfinite(codes).all()
    assert ((codes[:, :2] != 0) + (codes[:, 4:6] != 0) <= 1).all()
    np.testing.assert_allclose(codes @ doubled, encode_at_most(motion, units[:4], 4) @ units[:4], atol=1e-8)


def test_table_in_table_out(units, motion) -> None:
    table = kp.make_table(motion, scheme="ibug68", frames=np.arange(len(motion)), subject="S1")
    codes = encode_at_most(table, units, 2)
    assert isinstance(codes, pd.DataFrame)
    assert codes.index.equals(table.index)
    assert codes.columns.tolist() == [f"unit_{k}" for k in range(N_UNITS)]
    np.testing.assert_array_equal(codes.to_numpy(), encode_at_most(motion, units, 2))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"max_active": 0}, "max_active is 0"),
        ({"max_active": N_UNITS + 1}, "1 … 12"),
        ({"units": np.ones((2, 98))}, "98"),
        ({"units": np.full((2, 136), np.nan)}, "missing values"),
        ({"method": "omp"}, "unknown path 'omp'"),
        ({"keypoints": [99]}, "none of the keypoints"),
    ],
)
def test_bad_input_is_named(units, motion, change, words) -> None:
    given = {"units": units, **change}
    with pytest.raises(DfecsError, match=words):
        least_angle_path(motion, **given)
    with pytest.raises(DfecsError, match="unknown metric"):
        least_angle_path(motion, units).variance_explained("r2")
