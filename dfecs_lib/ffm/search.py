"""The search of level 1: atoms 1, 2, 3, … and, for each, alpha 10, 9.5, … 0.5, until the variance is explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.coding.sparse_coding import Floats
from dfecs_lib.ffm.dictionary import Dictionary, best_start, learn_dictionary, residual_atom, svd_atoms

__all__ = ["ALPHAS", "Found", "Search", "search_part"]

Search = Literal["path", "paper"]

#: The paper's grid of penalties, in the order in which it is walked.
ALPHAS: tuple[float, ...] = tuple(np.arange(20, 0, -1) / 2)


@dataclass
class Found:
    """Outcome of a search: the dictionary taken, whether it reached the threshold, and every cell looked at."""

    best: Dictionary
    reached: bool
    cells: list[dict[str, float]] = field(default_factory=list)

    def path(self) -> pd.DataFrame:
        """Return one row a cell: n_atoms, alpha, variance_explained (percent), active (codes a frame), n_iter."""
        return pd.DataFrame(
            self.cells, columns=["n_atoms", "alpha", "variance_explained", "active", "objective", "n_iter"]
        ).astype({"n_atoms": int, "n_iter": int})


def _within_atoms(X: Floats, weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Variance that 1, 2, … atoms of any kind could explain at most: the uncentred principal components'."""
    rows = X.astype(np.float64)
    values = np.linalg.eigvalsh(rows.T @ (rows if weights is None else rows * weights[:, None]))[::-1]
    return np.asarray(np.cumsum(np.maximum(values, 0)) / max(values.sum(), np.finfo(float).tiny))


def _within_alpha(X: Floats, weights: NDArray[np.float64] | None, alpha: float) -> float:
    """Variance that any dictionary could explain at most at `alpha`.

    An active atom's correlation with the residual is alpha, and atoms lie in the unit ball, so that a frame keeps a
    residual of at least alpha, or all of itself.
    """
    energy = np.square(X, dtype=np.float64).sum(axis=1)
    w = np.ones(len(X)) if weights is None else weights
    return float(1 - w @ np.minimum(energy, alpha**2) / max(w @ energy, np.finfo(float).tiny))


@dataclass
class _Walk:
    """The cells looked at so far, and how to look at one more."""

    X: Floats
    weights: NDArray[np.float64] | None
    max_iter: int
    tol: float
    n_jobs: int | None
    best: Dictionary | None = None
    cells: list[dict[str, float]] = field(default_factory=list)

    def look(self, alpha: float, atoms: NDArray[np.float64], start: Floats | None = None) -> Dictionary:
        cell = learn_dictionary(
            self.X,
            alpha,
            atoms,
            start=start,
            weights=self.weights,
            max_iter=self.max_iter,
            tol=self.tol,
            n_jobs=self.n_jobs,
        )
        coding = cell.coding
        if self.best is None or coding.variance_explained > self.best.coding.variance_explained:
            self.best = cell
        self.cells.append(
            {
                "n_atoms": len(cell.atoms),
                "alpha": alpha,
                "variance_explained": 100 * coding.variance_explained,
                "active": float(np.count_nonzero(coding.codes) / len(self.X)),
                "objective": cell.objective,
                "n_iter": cell.n_iter,
            }
        )
        return cell

    def found(self, cell: Dictionary | None, reached: bool = True) -> Found:
        """Take `cell`; None: no cell reached the threshold, and the one that explains most is taken."""
        chosen = self.best if cell is None else cell
        assert chosen is not None
        ordered = sorted(self.cells, key=lambda one: (one["n_atoms"], -one["alpha"]))
        return Found(chosen, reached and cell is not None, ordered)


def search_part(
    X: Floats,
    *,
    variance: float,
    counts: Sequence[int],
    alphas: Sequence[float],
    search: Search,
    weights: NDArray[np.float64] | None = None,
    max_iter: int = 2000,
    tol: float = 1e-5,
    n_jobs: int | None = None,
) -> Found:
    """Walk the grid and stop at the first cell that explains `variance` (a share) of X.

    ``"paper"`` learns every cell, in order, afresh from the singular vectors. ``"path"`` finds the same cell (up to
    local minima) with less: it passes over numbers of atoms and penalties that cannot reach the threshold whatever
    the dictionary; asks of each number of atoms first whether the smallest penalty reaches it, carrying atoms and
    codes from number to number; and walks the penalties, from the largest, at the first number that does. Where no
    cell reaches the threshold, "paper" takes the one that explains most, and "path" the last one whose newest atom
    explains a further percent, at the smallest penalty: the rest is noise.
    """
    walk = _Walk(X, weights, max_iter, tol, n_jobs)
    if search == "paper":
        for n_atoms in counts:
            for alpha in alphas:
                cell = walk.look(alpha, svd_atoms(X, n_atoms, weights))
                if cell.coding.variance_explained >= variance:
                    return walk.found(cell)
        return walk.found(None)
    possible = [alpha for alpha in alphas if _within_alpha(X, weights, alpha) >= variance]
    if not possible:
        return _all_out_of_reach(walk, counts, min(alphas))
    bound = _within_atoms(X, weights)
    previous: Dictionary | None = None
    for n_atoms in counts:
        if n_atoms != counts[-1] and bound[min(n_atoms, len(bound)) - 1] < variance:
            continue
        lowest = previous = walk.look(possible[-1], *_grown(walk, possible[-1], previous, n_atoms))
        if lowest.coding.variance_explained < variance:
            continue
        atoms, codes = lowest.atoms, lowest.coding.codes
        for alpha in possible[:-1]:
            cell = walk.look(alpha, atoms, codes)
            if cell.coding.variance_explained >= variance:
                return walk.found(cell)
            atoms, codes = cell.atoms, cell.coding.codes
        return walk.found(lowest)
    return _all_out_of_reach(walk, counts, possible[-1])


def _grown(
    walk: _Walk, alpha: float, previous: Dictionary | None, n_atoms: int
) -> tuple[NDArray[np.float64], Floats | None]:
    """Atoms and codes to begin from: one atom more than before, from what was left unexplained."""
    if previous is None or len(previous.atoms) != n_atoms - 1:
        return best_start(walk.X, alpha, n_atoms, weights=walk.weights, tol=walk.tol, n_jobs=walk.n_jobs), None
    codes = previous.coding.codes
    atoms = np.concatenate([previous.atoms, residual_atom(walk.X, codes, previous.atoms, walk.weights)])
    return atoms, np.concatenate([codes, np.zeros((len(codes), 1), codes.dtype)], axis=1)


def _all_out_of_reach(walk: _Walk, counts: Sequence[int], alpha: float) -> Found:
    """Noise below the penalty: add atoms at the smallest penalty while one more explains a further percent."""
    previous: Dictionary | None = None
    for n_atoms in counts:
        cell = walk.look(alpha, *_grown(walk, alpha, previous, n_atoms))
        if previous and cell.coding.variance_explained - previous.coding.variance_explained < 0.01:
            return walk.found(previous, reached=False)
        previous = cell
    return walk.found(None)
