"""Alternating descent shared by both levels: codes of all frames, then atoms from their statistics, accelerated."""

# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.coding.anderson import Anderson
from dfecs_lib.coding.sparse_coding import Floats, code
from dfecs_lib.coding.unit_updates import update_atoms

__all__ = ["BALL", "NON_NEGATIVE", "SPHERE", "Rounds", "alternate", "residual_direction"]

#: What atoms are held to: the unit ball, non-negative entries, or the unit sphere.
BALL, NON_NEGATIVE, SPHERE = 1, 2, 3

#: Turns over the atoms within one round.
_TURNS = 5


@dataclass(frozen=True)
class Rounds:
    """Where alternating descent ended.

    Attributes
    ----------
    atoms : array of shape (n_atoms, n_features)
    codes : array of shape (n_frames, n_atoms), or None before the first round
    objective : float
    n_iter : int
    decrease : float
        Relative decrease of the objective in the last round.
    """

    atoms: NDArray[np.float64]
    codes: Floats | None
    objective: float
    n_iter: int
    decrease: float


def _project(V: NDArray[np.float64], constraint: int, mask: NDArray[np.bool_] | None) -> NDArray[np.float64]:
    V = V if mask is None else np.where(mask, V, 0.0)
    if constraint == NON_NEGATIVE:
        return np.maximum(V, 0.0)
    length = np.linalg.norm(V, axis=1, keepdims=True)
    return np.asarray(V / (np.where(length > 0, length, 1.0) if constraint == SPHERE else np.maximum(length, 1.0)))


def _lengths(V: NDArray[np.float64], groups: NDArray[np.intp]) -> float:
    """Sum of the lengths of all atoms' parts in all groups."""
    return float(sum(np.linalg.norm(V[:, groups == g], axis=1).sum() for g in np.unique(groups)))


def alternate(
    X: Floats,
    alpha: float,
    atoms: NDArray[np.float64],
    *,
    codes: Floats | None = None,
    weights: NDArray[np.float64] | None = None,
    constraint: int = BALL,
    mask: NDArray[np.bool_] | None = None,
    groups: NDArray[np.intp] | None = None,
    group_penalty: float = 0.0,
    max_iter: int = 2000,
    tol: float = 1e-5,
    n_jobs: int | None = None,
) -> Rounds:
    """Lower ½‖X − U·V‖² + alpha·ΣU + group_penalty·Σ‖V_kg‖ until two rounds gain less than `tol`.

    The last sum runs over the groups g of every atom's entries; the gain is relative, and the rounds follow each other.
    A step that raises the objective is taken back and the acceleration forgotten. Atoms that no frame uses are
    placed anew, on what is left unexplained.

    Parameters
    ----------
    X : array of shape (n_frames, n_features)
        Complete rows.
    alpha : float
        Penalty on the codes U ≥ 0.
    atoms : array of shape (n_atoms, n_features)
        V to begin from; left unchanged.
    codes : array of shape (n_frames, n_atoms), optional
        U to begin from.
    weights : array of shape (n_frames,), optional
    constraint : BALL, NON_NEGATIVE or SPHERE
    mask : array of bool, shape (n_atoms, n_features), optional
        Entries of V that may differ from zero.
    groups : array of int, shape (n_features,), optional
        Group of every column, from 0.
    group_penalty : float
        On the length of every atom's part in every group: groups that gain less become zero as a whole. With SPHERE,
        or an `alpha` above 0: else short atoms with large codes would not be penalized.
    max_iter, tol, n_jobs
        As in `dfecs_lib.ffm.PartFaceModel`.
    """
    V = _project(np.array(atoms, dtype=np.float64), constraint, mask)
    allowed = np.empty((0, 0), dtype=np.bool_) if mask is None else np.ascontiguousarray(mask)
    grouped = np.empty(0, dtype=np.intp) if groups is None else groups
    anderson = Anderson()
    best, kept, image, calm, revived, decrease, turn = np.inf, V, V, 0, 0, np.inf, 0
    while turn < max_iter:
        turn += 1
        coding = code(
            X,
            V,
            alpha,
            start=codes,
            weights=weights,
            statistics=True,
            n_jobs=n_jobs,
        )
        now = coding.objective(alpha) + group_penalty * _lengths(V, grouped)
        if now > best:  # the accelerated step failed: go on from the plain one
            if not anderson.active:
                break
            anderson.reset()
            V = image
            continue
        decrease = (best - now) / best if np.isfinite(best) and best > 0 else np.inf
        best, kept, codes = now, V.copy(), coding.codes
        calm = calm + 1 if decrease < tol else 0
        assert coding.UtU is not None
        assert coding.UtX is not None
        if calm >= 2 or now <= 0:
            if (
                mask is not None
                or revived >= len(V)
                or not _revive(X, codes, V, coding.UtU, alpha, weights, constraint)
            ):
                break
            revived, calm = revived + 1, 0
            anderson.reset()
        image = V.copy()
        update_atoms(image, coding.UtU, coding.UtX, _TURNS, 1e-9, constraint, allowed, grouped, group_penalty)
        proposed = anderson.propose(V, image)
        if grouped.size:
            proposed = np.where(image == 0, 0.0, proposed)  # groups that left stay away in the accelerated step too
        V = _project(proposed, constraint, mask)
    return Rounds(kept, codes, float(best), turn, float(decrease))


def residual_direction(
    left: Floats, weights: NDArray[np.float64] | None = None, constraint: int = BALL
) -> NDArray[np.float64]:
    """Unit vector, the side of the first principal direction of `left` on which more of its energy lies."""
    rows = left.astype(np.float64)
    w = np.ones(len(rows)) if weights is None else weights
    _, vectors = np.linalg.eigh(rows.T @ (rows * w[:, None]))
    first = vectors[:, -1]
    if constraint == NON_NEGATIVE:
        sides = [np.maximum(first, 0), np.maximum(-first, 0)]
        sides = [side / max(float(np.linalg.norm(side)), np.finfo(float).tiny) for side in sides]
    else:
        sides = [first, -first]
    energy = [float(w @ np.maximum(rows @ side, 0) ** 2) for side in sides]
    return np.asarray(sides[int(energy[1] > energy[0])])


def _revive(
    X: Floats,
    codes: Floats,
    V: NDArray[np.float64],
    UtU: NDArray[np.float64],
    alpha: float,
    weights: NDArray[np.float64] | None,
    constraint: int,
) -> bool:
    """Replace one atom that no frame uses by one that some frame would, in place; False where there is none."""
    dead = np.flatnonzero(np.diag(UtU) <= 0)
    if not dead.size:
        return False
    left = X - codes @ V.astype(X.dtype)
    candidate = residual_direction(left, weights, constraint)
    if not (left @ candidate > 1.01 * alpha + 1e-9).any():
        return False
    V[dead[0]] = candidate
    return True
