"""Compiled updates of atoms and units from the statistics of their codes, by block coordinate descent."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def"
from __future__ import annotations

import numpy as np

from dfecs_lib.coding.compiled import compiled

__all__ = ["update_atoms", "update_units"]


@compiled
def update_atoms(V, UtU, UtX, turns, tol, project, mask, group, threshold):
    """Block coordinate descent on the atoms, in place: V_k ← P(V_k + (UᵀX − UᵀU·V)_k / UᵀU_kk).

    P projects on the unit ball (`project` = 1), on the non-negative numbers (2), on the unit sphere (3), or does
    nothing (0). Where `mask` is not empty, entries outside it stay zero. Where `group`, a number for each column, is
    not empty, P first takes threshold / UᵀU_kk off the length of every group of entries: on the sphere that solves the
    atom's problem exactly, and an atom of which no group would remain keeps its longest. Returns the number of turns.
    """
    p, d = V.shape
    new = np.empty(d)
    size = np.zeros(group.max() + 1 if group.size else 0)
    for turn in range(turns):
        moved = 0.0
        for k in range(p):
            curvature = UtU[k, k]
            if not curvature > 0:
                continue
            for f in range(d):
                new[f] = UtX[k, f] / curvature + V[k, f]
            for j in range(p):
                share = UtU[k, j] / curvature
                if share != 0:
                    for f in range(d):
                        new[f] -= share * V[j, f]
            norm = 0.0
            if mask.size:
                for f in range(d):
                    if not mask[k, f]:
                        new[f] = 0.0
            if group.size:
                size[:] = 0
                for f in range(d):
                    size[group[f]] += new[f] * new[f]
                longest, remain = np.argmax(size), 0.0
                for g in range(len(size)):
                    size[g] = max(0.0, 1 - threshold / (curvature * np.sqrt(size[g]))) if size[g] > 0 else 0.0
                    remain += size[g]
                if project == 3 and remain == 0:
                    size[longest] = 1.0
                for f in range(d):
                    new[f] *= size[group[f]]
            for f in range(d):
                norm += new[f] * new[f]
            scale = 1.0 / np.sqrt(norm) if (project == 1 and norm > 1) or (project == 3 and norm > 0) else 1.0
            change = 0.0
            for f in range(d):
                value = new[f] * scale
                if project == 2 and value < 0:
                    value = 0.0
                change += (value - V[k, f]) ** 2
                V[k, f] = value
            moved = max(moved, change)
        if moved <= tol * tol:
            return turn + 1
    return turns


@compiled
def update_units(V, UtU, UtX, cancellation, turns, group, threshold):
    """Block coordinate descent on units of length one, in place, with what cancels out in the objective.

    A unit's entry solves its problem exactly: the pull of the residual, less `cancellation` times the motion that
    units at work beside it have at the same entry, by soft thresholding. Then threshold / UᵀU_kk comes off the length
    of every group of entries, as in `update_atoms`. A unit of which nothing would remain stays as it was.
    """
    p, d = V.shape
    new = np.empty(d)
    size = np.zeros(group.max() + 1)
    for _ in range(turns):
        moved = 0.0
        for k in range(p):
            curvature = UtU[k, k]
            if not curvature > 0:
                continue
            for f in range(d):
                pull, against = UtX[k, f], 0.0
                for j in range(p):
                    if j != k:
                        pull -= (1 - cancellation) * UtU[k, j] * V[j, f]
                        against += UtU[k, j] * abs(V[j, f])
                left = max(abs(pull) - cancellation * against, 0.0)
                new[f] = left / curvature if pull > 0 else -left / curvature
            if threshold > 0:
                size[:] = 0
                for f in range(d):
                    size[group[f]] += new[f] * new[f]
                for g in range(len(size)):
                    size[g] = max(0.0, 1 - threshold / (curvature * np.sqrt(size[g]))) if size[g] > 0 else 0.0
                for f in range(d):
                    new[f] *= size[group[f]]
            norm = 0.0
            for f in range(d):
                norm += new[f] * new[f]
            if not norm > 0:
                continue
            scale = 1.0 / np.sqrt(norm)
            for f in range(d):
                moved = max(moved, abs(new[f] * scale - V[k, f]))
                V[k, f] = new[f] * scale
        if moved <= 1e-6:
            return
