r"""Dictionary learning with non-negative sparse codes: level 1 of DFECS.

.. math:: \min_{U \ge 0,\ \lVert V_k \rVert \le 1} \tfrac12 \lVert X - U V \rVert_F^2 + \alpha \lVert U \rVert_1

Codes and atoms are improved in turn. The atoms' step needs UᵀU and UᵀX alone, so that it costs the same for any
number of frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.coding.alternate import alternate, residual_direction
from dfecs_lib.coding.sparse_coding import Coding, Floats, code

__all__ = [
    "Dictionary",
    "best_start",
    "learn_dictionary",
    "residual_atom",
    "seed_frames",
    "signed_components",
    "svd_atoms",
]

#: Frames in the samples on which a cold start begins, and how much looser its tolerance is there.
_SAMPLES, _EARLY = (1024, 4096), 10.0


@dataclass(frozen=True)
class Dictionary:
    """Atoms learnt at one number of atoms and one alpha.

    Attributes
    ----------
    atoms : array of shape (n_atoms, n_features)
        V, rows in the unit ball.
    coding : Coding
        Exact codes of the training frames on these atoms, with objective parts and duality gap.
    alpha : float
    n_iter : int
        Rounds of codes and atoms over all frames.
    n_early : int
        Rounds over samples of the frames before those.
    decrease : float
        Relative decrease of the objective in the last round; above the tolerance when rounds ran out.
    """

    atoms: NDArray[np.float64]
    coding: Coding
    alpha: float
    n_iter: int
    n_early: int
    decrease: float

    @property
    def objective(self) -> float:
        """½‖X − U·V‖² + α‖U‖₁ at the exact codes."""
        return self.coding.objective(self.alpha)


def _eigen(X: Floats, weights: NDArray[np.float64] | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues (largest first) and eigenvectors (rows) of XᵀX."""
    rows = X.astype(np.float64)
    weighted = rows if weights is None else rows * weights[:, None]
    values, vectors = np.linalg.eigh(weighted.T @ rows)
    return values[::-1], np.ascontiguousarray(vectors[:, ::-1].T)


def svd_atoms(X: Floats, n_atoms: int, weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """First right singular vectors of X, signed as scikit-learn does (largest score positive); the paper's start.

    Where X has fewer directions than atoms, the rest are the directions' negatives.
    """
    _, vectors = _eigen(X, weights)
    scores = X @ vectors.T.astype(X.dtype)
    sign = np.sign(scores[np.abs(scores).argmax(axis=0), np.arange(len(vectors))])
    vectors = vectors * np.where(sign == 0, 1, sign)[:, None]
    return np.concatenate([vectors, -vectors])[:n_atoms].copy()


def signed_components(X: Floats, n_atoms: int, weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Atoms ±v for the principal directions v, those whose one-sided scores carry most energy first."""
    _, vectors = _eigen(X, weights)
    scores = X @ vectors.T.astype(X.dtype)
    w = np.ones(len(X)) if weights is None else weights
    up = w @ np.square(np.maximum(scores, 0), dtype=np.float64)
    down = w @ np.square(np.minimum(scores, 0), dtype=np.float64)
    both = np.concatenate([vectors, -vectors])
    return both[np.argsort(-np.concatenate([up, down]), kind="stable")[:n_atoms]].copy()


def seed_frames(X: Floats, n_atoms: int, seed: int) -> NDArray[np.float64]:
    """Directions of frames drawn as k-means++ draws its centres: far from those that are there, by chance."""
    rng = np.random.default_rng(seed)
    size = np.linalg.norm(X, axis=1)
    rows = (X[size > 0] / size[size > 0, None]).astype(np.float64)
    energy = np.square(size[size > 0], dtype=np.float64)
    far = np.ones(len(rows))
    atoms = []
    for _ in range(n_atoms):
        chance = energy * far
        total = chance.sum()
        pick = rng.choice(len(rows), p=chance / total) if total > 0 else rng.integers(len(rows))
        atoms.append(rows[pick])
        far = np.minimum(far, 1 - np.clip(rows @ rows[pick], 0, 1) ** 2)
    return np.array(atoms)


def residual_atom(
    X: Floats, codes: Floats, atoms: NDArray[np.float64], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """One further atom, of shape (1, n_features): where most of the residual lies."""
    return residual_direction(X - codes @ atoms.astype(X.dtype), weights)[None]


def learn_dictionary(
    X: Floats,
    alpha: float,
    atoms: NDArray[np.float64],
    *,
    start: Floats | None = None,
    weights: NDArray[np.float64] | None = None,
    max_iter: int = 2000,
    tol: float = 1e-5,
    n_jobs: int | None = None,
) -> Dictionary:
    """Improve `atoms` until two rounds running lower the objective by less than `tol`, relatively.

    A round finds the codes, then the atoms; rounds are accelerated (see `alternate`), and a step that raises the
    objective is taken back. Without codes to begin from, the first rounds use a sample of the frames.

    Parameters
    ----------
    X : array of shape (n_frames, n_features)
        Complete rows.
    alpha : float
        Penalty on the codes.
    atoms : array of shape (n_atoms, n_features)
        Where to begin; left unchanged.
    start : array of shape (n_frames, n_atoms), optional
        Codes to begin from.
    weights : array of shape (n_frames,), optional
        Weight of every frame in the objective.
    max_iter, tol
        When to stop.
    n_jobs : int, optional
        Threads; the result does not depend on them.
    """
    V = np.array(atoms, dtype=np.float64)
    early = 0
    for some, w in _samples(X, weights) if start is None else ():
        rounds = alternate(some, alpha, V, weights=w, max_iter=max_iter, tol=_EARLY * tol)
        V, early = rounds.atoms, early + rounds.n_iter
    rounds = alternate(X, alpha, V, codes=start, weights=weights, max_iter=max_iter, tol=tol, n_jobs=n_jobs)
    final = code(X, rounds.atoms, alpha, start=rounds.codes, weights=weights, n_jobs=n_jobs)
    return Dictionary(rounds.atoms, final, alpha, rounds.n_iter, early, rounds.decrease)


def _samples(X: Floats, weights: NDArray[np.float64] | None) -> Iterator[tuple[Floats, NDArray[np.float64] | None]]:
    for size in _SAMPLES:
        if len(X) >= 2 * size:
            step = len(X) // size
            yield np.ascontiguousarray(X[::step]), None if weights is None else weights[::step]


def best_start(
    X: Floats,
    alpha: float,
    n_atoms: int,
    *,
    weights: NDArray[np.float64] | None = None,
    tol: float = 1e-5,
    n_jobs: int | None = None,
) -> NDArray[np.float64]:
    """Atoms from the best of several starts, each run for a while on a sample of the frames.

    The problem has local minima that differ by percents, the more of them the more atoms there are, and how deep one
    is does not show early. Starts are the singular vectors, the signed principal directions, and frames drawn with
    fixed seeds: as many as there are atoms, but no fewer than four and no more than eight.
    """
    some, w = next(_samples(X, weights), (X, weights))
    starts = [svd_atoms(some, n_atoms, w), signed_components(some, n_atoms, w)]
    starts += [seed_frames(some, n_atoms, seed) for seed in range(min(max(n_atoms, 4), 8) - len(starts))]
    runs = [alternate(some, alpha, V, weights=w, tol=_EARLY * tol, n_jobs=n_jobs) for V in starts]
    return min(runs, key=lambda run: run.objective).atoms
