r"""Dictionary learning with non-negative sparse codes: level 1 of DFECS.

.. math:: \min_{U \ge 0,\ \lVert V_k \rVert \le 1} \tfrac12 \lVert X - U V \rVert_F^2 + \alpha \lVert U \rVert_1

Codes and atoms are improved in turn. The atoms' step needs UᵀU and UᵀX alone, so that it costs the same for any
number of frames.
"""

# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.ffm._kernels import update_atoms
from dfecs_lib.ffm.sparse_coding import Coding, Floats, code

__all__ = ["Dictionary", "learn_dictionary", "residual_atom", "signed_components", "svd_atoms"]


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
        Rounds of codes and atoms.
    decrease : float
        Relative decrease of the objective in the last round; above the tolerance when rounds ran out.
    """

    atoms: NDArray[np.float64]
    coding: Coding
    alpha: float
    n_iter: int
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


def residual_atom(
    X: Floats, codes: Floats, atoms: NDArray[np.float64], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """One further atom: the side of the residual's first principal direction that carries more energy."""
    left = X - codes @ atoms.astype(X.dtype)
    return signed_components(left, 1, weights)


def learn_dictionary(
    X: Floats,
    alpha: float,
    atoms: NDArray[np.float64],
    *,
    start: Floats | None = None,
    weights: NDArray[np.float64] | None = None,
    max_iter: int = 2000,
    tol: float = 1e-6,
    n_jobs: int | None = None,
) -> Dictionary:
    """Improve `atoms` until a round lowers the objective by less than `tol`, relatively.

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
    V /= np.maximum(np.linalg.norm(V, axis=1, keepdims=True), 1.0)
    codes, before, decrease, turn, revived = start, np.inf, np.inf, 0, 0
    while turn < max_iter:
        turn += 1
        coding = code(
            X, V, alpha, start=codes, weights=weights, max_passes=2, exact=False, statistics=True, n_jobs=n_jobs
        )
        codes, now = coding.codes, coding.objective(alpha)
        assert coding.UtU is not None
        assert coding.UtX is not None
        decrease = (before - now) / before if np.isfinite(before) and before > 0 else np.inf
        settled = 0 <= decrease < tol or now <= 0
        if settled:
            if revived >= len(V) or not _revive(X, codes, V, coding.UtU, alpha, weights):
                break
            revived += 1
        before = now
        update_atoms(V, coding.UtU, coding.UtX, 5, 1e-6, 1)
    final = code(X, V, alpha, start=codes, weights=weights, n_jobs=n_jobs)
    return Dictionary(V, final, alpha, turn, float(decrease))


def _revive(
    X: Floats,
    codes: Floats,
    V: NDArray[np.float64],
    UtU: NDArray[np.float64],
    alpha: float,
    weights: NDArray[np.float64] | None,
) -> bool:
    """Replace one atom that no frame uses by one that some frame would, in place; False where there is none."""
    dead = np.flatnonzero(np.diag(UtU) <= 0)
    if not dead.size:
        return False
    candidate = residual_atom(X, codes, V, weights)
    left = X - codes @ V.astype(X.dtype)
    if not (left @ candidate[0] > 1.01 * alpha + 1e-9).any():
        return False
    V[dead[0]] = candidate[0]
    return True
