r"""Level 2 of DFECS: part codes U are factored as W·A, both non-negative, which ties parts into units.

.. math:: \min_{W \ge 0,\ A \ge 0} \tfrac12 \lVert U - W A \rVert_F^2
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

from dfecs_lib.coding.alternate import NON_NEGATIVE, alternate, residual_direction
from dfecs_lib.coding.sparse_coding import Floats
from dfecs_lib.ffm.search import Search

__all__ = ["Hierarchy", "factorizations", "search_units"]


@dataclass(frozen=True)
class Hierarchy:
    """Mixing of part atoms into units.

    Attributes
    ----------
    mixing : array of shape (n_units, n_atoms)
        A.
    codes : array of shape (n_frames, n_units)
        W of the training frames.
    variance_explained : float
        Share of the training motion that W·A·V explains.
    reached : bool
    path : DataFrame
        n_units, variance_explained (percent) of every number of units tried.
    """

    mixing: NDArray[np.float64]
    codes: Floats
    variance_explained: float
    reached: bool
    path: pd.DataFrame


def _factor_as_paper(
    U: NDArray[np.float64], n_units: int, random_state: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    model = NMF(
        n_units,
        init="random",
        max_iter=1000,
        random_state=random_state,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the paper's cap of rounds, taken as it is
        W = model.fit_transform(U)
    return W, model.components_


def _grow(
    U: Floats,
    A: NDArray[np.float64],
    W: Floats | None,
    weights: NDArray[np.float64] | None,
) -> tuple[NDArray[np.float64], Floats]:
    """One row of A more, from what is left, and a column of codes for it."""
    codes = np.zeros((len(U), 0), U.dtype) if W is None else W
    row = residual_direction(U - codes @ A.astype(U.dtype), weights, NON_NEGATIVE)
    return np.concatenate([A, row[None]]), np.concatenate([codes, np.zeros((len(U), 1), U.dtype)], axis=1)


def factorizations(
    U: Floats,
    counts: Sequence[int],
    *,
    search: Search,
    random_state: int,
    weights: NDArray[np.float64] | None = None,
    tol: float = 1e-5,
    n_jobs: int | None = None,
) -> Iterator[tuple[int, NDArray[np.float64], Floats]]:
    """Yield (number of units, A, W) for each of `counts`, in rising order.

    ``"paper"`` factors every number of units afresh with scikit-learn, from random numbers. ``"path"`` adds units one
    by one, each from what the others leave, and needs no random numbers.
    """
    if search == "paper":
        for count in counts:
            W, A = _factor_as_paper(U.astype(np.float64), count, random_state)
            yield count, A, W
        return
    A = np.zeros((0, U.shape[1]))
    codes: Floats | None = None
    for count in range(1, max(counts) + 1):
        A, start = _grow(U, A, codes, weights)
        rounds = alternate(
            U,
            0.0,
            A,
            codes=start,
            weights=weights,
            constraint=NON_NEGATIVE,
            max_iter=1000,
            tol=tol,
            n_jobs=n_jobs,
        )
        assert rounds.codes is not None
        A, codes = rounds.atoms, rounds.codes
        if count in counts:
            yield count, A, codes


def search_units(
    U: Floats,
    atoms: NDArray[np.float64],
    X: Floats,
    *,
    n_units: int | None,
    max_units: int | None,
    variance: float,
    search: Search,
    random_state: int,
    weights: NDArray[np.float64] | None = None,
    tol: float = 1e-5,
    n_jobs: int | None = None,
) -> Hierarchy:
    """Smallest number of units whose W·A·V explains `variance` of X; exactly `n_units` when that is given."""
    w = np.ones(len(X)) if weights is None else weights
    energy = float(w @ np.square(X, dtype=np.float64).sum(axis=1))
    last = min(len(atoms), len(atoms) if max_units is None else max_units)
    rows: list[dict[str, float]] = []
    for count, A, W in factorizations(
        U,
        range(1, last + 1) if n_units is None else [n_units],
        search=search,
        random_state=random_state,
        weights=weights,
        tol=tol,
        n_jobs=n_jobs,
    ):
        left = X - W @ (A @ atoms).astype(X.dtype)
        explained = 1 - float(w @ np.square(left, dtype=np.float64).sum(axis=1)) / energy if energy > 0 else 1.0
        rows.append({"n_units": count, "variance_explained": 100 * explained})
        if n_units is None and explained >= variance:
            break
    return Hierarchy(A, W, explained, explained >= variance, pd.DataFrame(rows))
