"""Level 1: the dictionary of one part."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from sklearn.decomposition import DictionaryLearning
from sklearn.exceptions import ConvergenceWarning

from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import PartFaceModel
from dfecs_lib.ffm.dictionary import learn_dictionary, signed_components, svd_atoms


def part(n: int = 400, p: int = 4, d: int = 12, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    atoms = rng.normal(size=(p, d))
    return rng.exponential(20, (n, p)) * (rng.random((n, p)) < 0.6) @ atoms + rng.normal(size=(n, d))


@pytest.mark.parametrize("alpha", [1.0, 10.0])
def test_objective_is_no_higher_than_that_of_scikit_learn(alpha: float) -> None:
    X = part()
    oracle = DictionaryLearning(
        4,
        alpha=alpha,
        fit_algorithm="cd",
        transform_algorithm="lasso_cd",
        transform_alpha=alpha,
        positive_code=True,
        max_iter=200,
        random_state=42,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        U = oracle.fit_transform(X)
    value = 0.5 * ((X - U @ oracle.components_) ** 2).sum() + alpha * U.sum()
    ours = PartFaceModel(n_atoms=4, alpha=alpha).fit(X)
    assert ours.objective_ <= value * 1.001


def test_objective_never_rises() -> None:
    X = part()
    atoms = svd_atoms(X, 5)
    values = [learn_dictionary(X, 2.0, atoms, max_iter=k, tol=0).objective for k in range(1, 12)]
    assert all(later <= earlier * (1 + 1e-9) for earlier, later in itertools.pairwise(values))


def test_constraints_hold() -> None:
    model = PartFaceModel(n_atoms=5, alpha=1.0).fit(part())
    assert (np.linalg.norm(model.components_, axis=1) <= 1 + 1e-9).all()
    assert (model.transform(part(seed=1)) >= 0).all()
    assert 0 <= model.dual_gap_ < 1e-6 * model.objective_


@pytest.mark.parametrize("search", ["path", "paper"])
def test_search_stops_at_the_first_cell_that_explains_enough(search: str) -> None:
    model = PartFaceModel(variance=0.97, search=search).fit(part())
    assert model.variance_explained_ >= 97
    path = model.path_
    fewer = path["n_atoms"] < model.n_atoms_
    stronger = (path["n_atoms"] == model.n_atoms_) & (path["alpha"] > model.alpha_)
    assert (path["variance_explained"][fewer | stronger] < 97).all()
    taken = path[(path["n_atoms"] == model.n_atoms_) & (path["alpha"] == model.alpha_)]
    assert taken["variance_explained"].item() == pytest.approx(model.variance_explained_)
    order = list(zip(path["n_atoms"], -path["alpha"], strict=True))
    assert order == sorted(order)


def test_both_searches_agree_on_the_number_of_atoms() -> None:
    X = part()
    assert PartFaceModel(search="path").fit(X).n_atoms_ == PartFaceModel(search="paper").fit(X).n_atoms_


def test_an_unreachable_threshold_is_said() -> None:
    with pytest.warns(ConvergenceWarning, match="best one explains"):
        PartFaceModel(variance=0.9999, max_atoms=2).fit(part())


def test_dead_atoms_are_seeded_again() -> None:
    X = part()
    useless = np.concatenate([signed_components(X, 3), np.zeros((1, X.shape[1]))])
    useless[2] = useless[1]
    learnt = learn_dictionary(X, 1.0, useless)
    assert (learnt.coding.codes.max(axis=0) > 0).all()


def test_a_table_that_repeats_twice_weighs_as_weights_two() -> None:
    X = part(n=100)
    weights = np.r_[np.full(50, 2.0), np.ones(50)]
    weighted = learn_dictionary(X, 1.0, svd_atoms(X, 3), weights=weights, tol=1e-9)
    repeated = learn_dictionary(np.concatenate([X[:50], X]), 1.0, svd_atoms(X, 3), tol=1e-9)
    assert np.allclose(weighted.atoms, repeated.atoms, atol=1e-3)
    assert weighted.objective == pytest.approx(repeated.objective)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"variance": 99}, "give 0.99 for 99 %"),
        ({"n_atoms": 0}, "at least 1"),
        ({"alpha": -1}, "negative"),
        ({"search": "fast"}, "known: 'path', 'paper'"),
    ],
)
def test_bad_parameters_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(DfecsError, match=message):
        PartFaceModel(**settings).fit(part())
