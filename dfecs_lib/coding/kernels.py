"""Compiled inner loops: non-negative lasso codes of many frames, and the statistics a dictionary update needs.

Frames are walked in blocks of fixed size, each block keeping its own sums, so that results are the same bytes
whatever the number of threads. The loops release the interpreter lock; threads are the caller's (joblib's).
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from dfecs_lib.coding.compiled import compiler

# numba's cache looks at this file alone: a change over there is not seen before this file changes too
from dfecs_lib.coding.pivot_kernels import begin, solve

__all__ = ["BLOCK", "code_blocks", "descend", "invert_diagonal", "update_atoms"]

#: Frames that share one set of partial sums.
BLOCK = 512
#: Frames whose products are taken together: so few that BLAS stays in the calling thread and its sums in one order.
_CHUNK = 64

if TYPE_CHECKING:
    Function = TypeVar("Function")

    def _compiled(function: Function) -> Function: ...
    def _short(function: Function) -> Function: ...
else:
    # Sums may be reordered for vector units; NaN and infinity keep their meaning.
    _compiled = compiler(nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
    # Loops of a few turns: vectorising their sums would cost more than it saves.
    _short = compiler(nogil=True, error_model="numpy", fastmath={"contract"})


@_short
def _factorize(gram, start, alpha, where, s, factor, solution):
    """Solve G_SS·solution = start_S − alpha by Cholesky; False where G_SS is singular.

    `factor` holds the triangle with its diagonal inverted: products are cheaper than quotients.
    """
    for i in range(s):
        here = where[i]
        for j in range(i):
            t = gram[here, where[j]]
            for m in range(j):
                t -= factor[i, m] * factor[j, m]
            factor[i, j] = t * factor[j, j]
        t = gram[here, here]
        least = 1e-10 * t
        r = start[here] - alpha
        for m in range(i):
            t -= factor[i, m] * factor[i, m]
            r -= factor[i, m] * solution[m]
        if not t > least:
            return False
        factor[i, i] = 1 / np.sqrt(t)
        solution[i] = r * factor[i, i]
    for i in range(s - 1, -1, -1):
        t = solution[i]
        for m in range(i + 1, s):
            t -= factor[m, i] * solution[m]
        solution[i] = t * factor[i, i]
    return True


@_short
def _polish(gram, start, alpha, u, q, where, factor, solution):
    """Minimise exactly on the active units, as Lawson and Hanson do; say whether the result is optimal over all.

    Where the minimiser has negative codes, `u` goes as far towards it as it can, what became zero leaves, and so on.
    """
    p = gram.shape[0]
    s = 0
    for k in range(p):
        if u[k] > 0:
            where[s] = k
            s += 1
    solved = True
    while s > 0:
        if not _factorize(gram, start, alpha, where, s, factor, solution):
            solved = False
            break
        reach = gram[0, 0] * 0 + 1
        for i in range(s):
            if not solution[i] > 0:
                reach = min(reach, u[where[i]] / (u[where[i]] - solution[i]))
        if reach >= 1:
            for i in range(s):
                u[where[i]] = solution[i]
            break
        left = 0
        for i in range(s):
            k = where[i]
            value = u[k] + reach * (solution[i] - u[k])
            if value > 0 and (solution[i] > 0 or u[k] / (u[k] - solution[i]) > reach):
                u[k] = value
                where[left] = k
                left += 1
            else:
                u[k] = 0
        s = left
    top = alpha
    for k in range(p):
        q[k] = alpha - start[k]
        top = max(top, abs(start[k]))
    for k in range(p):
        if u[k] != 0:
            for j in range(p):
                q[j] += u[k] * gram[k, j]
    lowest = -1e-12 * top
    optimal = solved
    for k in range(p):
        optimal &= u[k] > 0 or gram[k, k] <= 0 or q[k] >= lowest
    return optimal


@_short
def invert_diagonal(gram):
    """1 / G_kk; 0 for an atom of zeros, whose code then never moves from zero."""
    inverse = np.zeros(len(gram), gram.dtype)
    for k in range(len(gram)):
        if gram[k, k] > 0:
            inverse[k] = 1 / gram[k, k]
    return inverse


@_compiled
def descend(gram, inverse, start, alpha, energy, u, q, max_passes, tol, where, factor, solution):
    """Minimise ½uᵀGu − (start−alpha)ᵀu over u ≥ 0 from `u`, in place; return (passes, duality gap)."""
    p = gram.shape[0]
    warm = False
    for k in range(p):
        q[k] = alpha - start[k]
    for k in range(p):
        if u[k] != 0:
            warm = True
            for j in range(p):
                q[j] += u[k] * gram[k, j]
    zero = energy * 0
    if warm and _polish(gram, start, alpha, u, q, where, factor, solution):
        return 0, zero
    gap = energy
    done = 0
    for turn in range(max_passes):
        done = turn + 1
        moved = False
        for k in range(p):
            old = u[k]
            if old == 0 and q[k] >= 0:
                continue
            new = max(old - q[k] * inverse[k], zero)
            step = new - old
            if step != 0:
                moved = True
                u[k] = new
                for j in range(p):
                    q[j] += step * gram[k, j]
        if not moved:
            return done, zero
        if turn >= 1 and _polish(gram, start, alpha, u, q, where, factor, solution):
            return done, zero
        if turn % 8 < 7:
            continue
        # r = x − Vᵀu: xᵀr, rᵀr and max_k V_k·r from the Gram matrix alone
        mass, fit, slack, worst = zero, zero, zero, zero
        for k in range(p):
            mass += u[k]
            fit += u[k] * start[k]
            slack += u[k] * q[k]
            worst = max(worst, -q[k])
        if alpha > 0:
            xr = energy - fit
            rr = energy - fit - alpha * mass + slack
            scale = alpha / (alpha + worst)
            gap = 0.5 * rr + alpha * mass - scale * xr + 0.5 * scale * scale * rr
        else:
            # Frank-Wolfe gap with Σu* taken as 2Σu: a lasso dual point does not exist at alpha = 0
            gap = slack + worst * 2 * mass
            if mass == 0 and worst > 0:
                gap = energy
        if gap <= tol * energy:
            break
    return done, max(gap, zero)


@_compiled
def code_blocks(X, Vt, gram, alpha, U, weights, first, last, max_passes, tol, stats, UtU, UtX, sums):
    """Code the frames of blocks first … last−1 into U (where coordinate descent is needed, it starts from U itself).

    Where `stats`, UtU[b] (p, p) and UtX[b] (p, d) get the block's weighted sums. sums[b] gets the weighted sums of
    ‖x‖², ‖x−Vᵀu‖² and Σu, the sum of duality gaps, the largest number of passes.
    """
    n, d = X.shape
    p = Vt.shape[1]
    zero = Vt[0, 0] * 0
    q = np.empty(p, X.dtype)
    where = np.empty(p, np.uintp)
    factor = np.empty((p, p), X.dtype)
    solution = np.empty(p, X.dtype)
    inverse = invert_diagonal(gram)
    starts = np.empty((_CHUNK, p), X.dtype)
    weighted = np.empty((_CHUNK, p), X.dtype)
    table, side, worth = np.empty((p, p)), np.empty(p), np.empty(p)
    z, gradient, row = np.empty(p), np.empty(p), np.empty(p)
    for block in range(first, last):
        begin(gram, table, side, worth)
        for top in range(block * BLOCK, min((block + 1) * BLOCK, n), _CHUNK):
            end = min(top + _CHUNK, n)
            np.dot(X[top:end], Vt, starts[: end - top])
            for i in range(top, end):
                start = starts[i - top]
                u = U[i]
                energy = zero
                for f in range(d):
                    energy += X[i, f] * X[i, f]
                passes, gap = 0, zero
                if solve(gram, start, alpha, table, side, worth, z, gradient, row):
                    for k in range(p):
                        u[k] = z[k] if side[k] > 0 else 0.0
                        q[k] = gradient[k]
                else:
                    passes, gap = descend(
                        gram, inverse, start, alpha, energy, u, q, max_passes, tol, where, factor, solution
                    )
                    begin(gram, table, side, worth)
                w = weights[i] if weights.size else zero + 1
                mass = zero
                explained = zero
                for k in range(p):
                    mass += u[k]
                    explained += u[k] * (start[k] + alpha - q[k])  # 2uᵀVx − uᵀGu, as q = Gu − Vx + alpha
                    weighted[i - top, k] = w * u[k]
                sums[block, 0] += w * energy
                sums[block, 1] += w * max(energy - explained, zero)
                sums[block, 2] += w * mass
                sums[block, 3] += w * gap
                sums[block, 4] = max(sums[block, 4], passes)
            if stats:
                UtU[block] += np.dot(weighted[: end - top].T, U[top:end])
                UtX[block] += np.dot(weighted[: end - top].T, X[top:end])


@_compiled
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
