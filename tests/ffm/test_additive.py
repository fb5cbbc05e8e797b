"""Units for sums: what cancels out is priced, opposites never work together, codes are as good as a search finds."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from dfecs_lib.coding.sparse_coding import gram_of, opposites, thin
from dfecs_lib.coding.unit_updates import update_units
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import FullFaceModel
from dfecs_lib.metrics import active_units, cancellation
from dfecs_lib.preprocessing import preparation
from dfecs_lib.simulate import simulate

RNG = np.random.default_rng(0)


def objective(X: np.ndarray, E: np.ndarray, V: np.ndarray, price: float, alpha: float) -> np.ndarray:
    """The stated objective of every row."""
    taken = np.square(E @ np.abs(V)).sum(axis=1) - np.square(E @ V).sum(axis=1)
    return np.square(X - E @ V).sum(axis=1) + price * taken + alpha**2 * (E > 0).sum(axis=1)


@pytest.fixture(scope="module")
def faces() -> pd.DataFrame:
    return preparation(simulate("sim-ckplus")).motion.dropna()


def test_the_price_of_what_cancels_out_is_in_the_gram_matrix() -> None:
    V, E, X = RNG.normal(size=(5, 12)), RNG.exponential(size=(4, 5)), RNG.normal(size=(4, 12))
    for price in (0.0, 0.3, 1.0):
        quadratic = np.einsum("ij,ij->i", E @ gram_of(V, price) - 2 * X @ V.T, E) + np.square(X).sum(axis=1)
        np.testing.assert_allclose(quadratic, objective(X, E, V, price, 0.0))
        assert np.linalg.eigvalsh(gram_of(V, price)).min() > -1e-9


@pytest.mark.parametrize("price", [0.0, 0.1])
def test_codes_against_every_set_of_units(price: float) -> None:
    """An oracle: least squares on each of the 2⁶ sets of units; the search must come within 1 % in the mean."""
    rng = np.random.default_rng(1)
    V = rng.normal(size=(6, 20))
    V /= np.linalg.norm(V, axis=1, keepdims=True)
    X = rng.exponential(3, (60, 6)) * (rng.random((60, 6)) < 0.4) @ V + 0.3 * rng.normal(size=(60, 20))
    alpha, ban, gram = 1.0, opposites(V, -0.3), gram_of(V, price)
    assert ban.any()
    best = np.square(X).sum(axis=1)
    for size in range(1, 7):
        for some in map(list, itertools.combinations(range(6), size)):
            if ban[np.ix_(some, some)].any():
                continue
            E = np.zeros((60, 6))
            E[:, some] = np.linalg.solve(gram[np.ix_(some, some)], V[some] @ X.T).T
            good = (E[:, some] > 0).all(axis=1)
            best[good] = np.minimum(best[good], objective(X, E, V, price, alpha)[good])
    E = thin(X, V, alpha=alpha, cancellation=price, apart=ban)
    found = objective(X, E, V, price, alpha)
    assert (found >= best - 1e-9).all()
    assert found.sum() <= 1.01 * best.sum()
    together = (E > 0).T.astype(int) @ (E > 0)
    assert not together[ban].any()


def test_an_updated_unit_is_the_best_of_its_length() -> None:
    """With all other units still, no other direction of the unit (at its best length) lowers the objective."""
    V, E, X = RNG.normal(size=(4, 10)), RNG.exponential(size=(50, 4)), RNG.normal(size=(50, 10))
    V /= np.linalg.norm(V, axis=1, keepdims=True)
    only = np.zeros((4, 4))
    only[2] = (E.T @ E)[2]

    def value(unit: np.ndarray) -> float:
        other = V.copy()
        other[2] = unit
        return float(objective(X, E, other, 0.2, 0.0).sum())

    moved = V.copy()
    update_units(moved, only, E.T @ X, 0.2, 1, np.zeros(10, dtype=np.intp), 0.0)
    assert np.allclose(moved[[0, 1, 3]], V[[0, 1, 3]])
    lengths = np.linspace(0.0, 1.0, 400)[:, None]
    reached = min(value(unit) for unit in lengths * moved[2])
    for _ in range(300):
        assert value(RNG.uniform(0, 1) * (moved[2] + RNG.choice([0.01, 0.3]) * RNG.normal(size=10))) >= reached - 1e-3


def test_sums_of_few_units_that_do_not_cancel(faces: pd.DataFrame) -> None:
    model, direct = FullFaceModel(16).fit(faces), FullFaceModel(16, encoder="direct").fit(faces)
    codes, others = model.transform(faces), direct.transform(faces)
    assert active_units(codes) == pytest.approx(5.5, rel=0.03)
    assert cancellation(codes, model.components_) < 1.5 < cancellation(others, direct.components_)
    assert cancellation(codes, model.components_) == pytest.approx(model.cancellation_)
    assert active_units(codes, units=model.components_) == pytest.approx(model.active_units_)
    assert 100 * model.score(faces) == pytest.approx(model.variance_explained_)
    assert model.unit_shares_.sum() == pytest.approx(model.variance_explained_)
    assert model.summary().attrs["cancellation"] == model.cancellation_
    pairs = opposites(model.components_)
    together = (codes.to_numpy() > 0).T.astype(int) @ (codes.to_numpy() > 0)
    assert not together[pairs].any()


def test_a_higher_price_leaves_less_that_cancels_out(faces: pd.DataFrame) -> None:
    taken = [
        cancellation(model.transform(faces), model.components_)
        for price in (0.0, 0.005, 0.3)
        for model in [FullFaceModel(12, refine={"cancellation": price}).fit(faces)]
    ]
    assert taken[0] > taken[1] > taken[2] >= 1


def test_at_most_so_many(faces: pd.DataFrame) -> None:
    codes = FullFaceModel(12, max_active=2).fit(faces).transform(faces)
    assert (codes > 0).sum(axis=1).max() == 2


def test_the_papers_recipe_has_a_name(faces: pd.DataFrame) -> None:
    a, b = FullFaceModel.paper(4).fit(faces), FullFaceModel(4, encoder="hierarchical").fit(faces)
    assert a.components_.tobytes() == b.components_.tobytes()
    assert not a.refined_
    with pytest.raises(DfecsError, match="active belongs to"):
        FullFaceModel.paper(4, active=3).fit(faces)


def test_fewer_frames_than_units_to_choose_from(faces: pd.DataFrame) -> None:
    few = faces.iloc[[5, 40, 80, 120]]
    model = FullFaceModel(encoder="additive", random_state=0).fit(few)
    assert np.isfinite(model.components_).all()
    assert len(model.components_) <= len(few) + 1


def test_a_single_unit_may_be_at_work_in_every_frame() -> None:
    rng = np.random.default_rng(0)
    smile = rng.uniform(2, 30, (200, 1)) * rng.normal(size=136) / 10  # one movement, more or less of it, in all frames
    model = FullFaceModel(1, n_atoms=1).fit(smile + rng.normal(scale=0.1, size=smile.shape))
    assert model.variance_explained_ > 95
    assert model.unit_activity_[0] > 95
