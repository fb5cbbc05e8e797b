"""Compiled inner loops of coding: exact non-negative codes, few units a frame, and the statistics of both.

All of them stand in one file: numba's cache looks at the file of the function called alone, and would not see a change
in another. What changes units is in `dfecs_lib.coding.unit_updates`. Frames are walked in blocks of fixed size, each
block keeping its own sums, so that results are the same bytes whatever the number of threads. The loops release the
interpreter lock; threads are the caller's (joblib's).

**Pivoting.** Frames that follow one another use nearly the same atoms. The tableau of the active set S,

    [  G_SS⁻¹        G_SS⁻¹·G_SN              ]
    [ −G_NS·G_SS⁻¹   G_NN − G_NS·G_SS⁻¹·G_SN  ],

gives a frame's codes and gradient by one product, and one exchange of an atom costs p² products, so that a frame
costs little more than the atoms by which it differs from the frame before. It is the simplex method's tableau for the
linear complementarity problem that the optimality conditions are; the atom that gains most goes first.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numpy as np

from dfecs_lib.coding.compiled import compiled, compiled_short

__all__ = ["BLOCK", "code_blocks", "refit_rows", "thin_rows"]

#: Frames that share one set of partial sums.
BLOCK = 512
#: Frames whose products are taken together: so few that BLAS stays in the calling thread and its sums in one order.
_CHUNK = 64
#: Share of the largest correlation below which a gradient counts as zero: when pivoting, and of the result.
_ZERO, _CHECKED = 1e-12, 1e-10
#: A unit enters beside others only if this share of it, squared, is not a combination of theirs.
_OWN = 1e-8


@compiled_short
def begin(gram, table, side, worth):
    """Set the tableau to that of no active atom: the Gram matrix. `side` is 1 for active atoms and −1 for others."""
    p = len(side)
    for k in range(p):
        side[k] = -1.0
        worth[k] = 1 / gram[k, k] if gram[k, k] > 0 else 0.0
        for j in range(p):
            table[k, j] = gram[k, j]


@compiled_short
def _exchange(table, side, worth, k, z, row):
    """Let atom k enter or leave the active set, in the tableau and in the frame's solution z, in place."""
    p = len(z)
    inverse = 1 / table[k, k]
    for j in range(p):
        row[j] = table[k, j] * inverse
    row[k] = inverse
    step = z[k] * inverse
    for i in range(p):
        share = table[i, k]
        for j in range(p):
            table[i, j] -= share * row[j]
        # after the row, not before: the processor would wait for a lone number on its way to memory
        table[i, k] = -share * inverse
        z[i] -= share * step
    for j in range(p):
        table[k, j] = row[j]
    z[k] = step
    side[k] = -side[k]
    worth[k] = 1 / worth[k]


@compiled_short
def _attempt(gram, start, alpha, table, side, worth, z, q, row):
    """Do the work of `solve` once. 0: no checked end, 1: solved, 2: solved, but other codes may be as good."""
    p = len(z)
    top = alpha + 0.0
    for k in range(p):
        q[k] = alpha - start[k]
        z[k] = 0.0
        top = max(top, abs(start[k]))
    for k in range(p):
        if side[k] > 0:
            for j in range(p):
                z[j] -= q[k] * table[k, j]
    for k in range(p):
        if side[k] < 0:
            z[k] = -q[k] - z[k]
    least = _ZERO * top
    for _ in range(4 * p):
        gain, best = 0.0, -1
        for k in range(p):
            wrong = -side[k] * z[k]
            if wrong > least and wrong * wrong * worth[k] > gain:
                gain, best = wrong * wrong * worth[k], k
        if best < 0:
            break
        if side[best] < 0 and not table[best, best] * worth[best] > _CHECKED:
            return 0  # a combination of active atoms
        _exchange(table, side, worth, best, z, row)
    for k in range(p):
        if side[k] > 0:
            z[k] = max(z[k], 0.0)
            for j in range(p):
                q[j] += z[k] * gram[k, j]
    optimal, unique = True, True
    for k in range(p):
        slack = abs(q[k]) if side[k] > 0 else -q[k]
        optimal &= slack <= _CHECKED * top
        unique &= side[k] > 0 or q[k] > _CHECKED * top or gram[k, k] <= 0
    return (1 if unique else 2) if optimal else 0


@compiled_short
def solve(gram, start, alpha, table, side, worth, z, q, row):
    """Minimise ½uᵀGu − (start−alpha)ᵀu over u ≥ 0; False where pivoting does not come to a checked end.

    `table`, `side` and `worth` are those of the frame before, and become this frame's. On success, z holds codes
    where `side` is 1, and q = Gu − start + alpha. Where several codes are optimal, the frame starts from no active
    atom, so that its codes do not depend on the frames around it.
    """
    state = _attempt(gram, start, alpha, table, side, worth, z, q, row)
    if state != 1:
        begin(gram, table, side, worth)
        state = _attempt(gram, start, alpha, table, side, worth, z, q, row)
    return state > 0


@compiled_short
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


@compiled_short
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


@compiled_short
def invert_diagonal(gram):
    """1 / G_kk; 0 for an atom of zeros, whose code then never moves from zero."""
    inverse = np.zeros(len(gram), gram.dtype)
    for k in range(len(gram)):
        if gram[k, k] > 0:
            inverse[k] = 1 / gram[k, k]
    return inverse


@compiled
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


@compiled
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


@compiled_short
def refit_rows(gram, start, U, first, last):
    """Refit codes by non-negative least squares on each row's own active units, in place."""
    p = gram.shape[0]
    where = np.empty(p, np.uintp)
    factor = np.empty((p, p))
    solution, q = np.empty(p), np.empty(p)
    for row in range(first, last):
        s = 0
        for k in range(p):
            if U[row, k] > 0:
                where[s] = k
                s += 1
        small, side = np.empty((s, s)), np.empty(s)
        for i in range(s):
            side[i] = start[row, where[i]]
            for j in range(s):
                small[i, j] = gram[where[i], where[j]]
        u = np.zeros(s)
        inverse = invert_diagonal(small)
        energy = 0.0
        for i in range(s):
            energy += side[i] * side[i] * inverse[i]
        descend(small, inverse, side, 0.0, energy, u, q[:s], 1000, 1e-10, np.empty(s, np.uintp), factor, solution)
        for i in range(s):
            U[row, where[i]] = u[i]


@compiled_short
def _barred(ban, side, j, but):
    """Whether an active unit other than `but` may not work together with unit j."""
    barred = False
    for k in range(len(side)):
        barred |= k != but and side[k] > 0 and ban[j, k]
    return barred


@compiled_short
def _best_move(gram, table, side, z, floor, most, count, ban):
    """Return the unit whose loss or addition gains most, −1 where none gains.

    Dropping an active unit raises the squared residual by z²/T_kk, and adding another lowers it by as much.
    """
    p = len(side)
    gain, out = 0.0, -1
    for k in range(p):
        if side[k] > 0:
            saved = floor - z[k] * z[k] / table[k, k]
            if saved > gain:
                gain, out = saved, k
        elif count < most and z[k] > 0 and table[k, k] > _OWN * gram[k, k]:
            saved = z[k] * z[k] / table[k, k] - floor
            if saved > gain and not _barred(ban, side, k, -1):
                gain, out = saved, k
    return out


@compiled_short
def _best_exchange(gram, table, side, z, ban):
    """Return the active unit, and the one to take its place, whose exchange lowers the squared residual most; −1, −1.

    Without unit k, unit j would find the correlation z_j + T_kj/T_kk·z_k, and T_jj + T_kj²/T_kk of it would be its own.
    """
    p = len(side)
    gain, out, follows = 0.0, -1, -1
    for k in range(p):
        if side[k] < 0:
            continue
        loss = z[k] * z[k] / table[k, k]
        for j in range(p):
            if side[j] > 0:
                continue
            share = table[k, j] / table[k, k]
            pull, own = z[j] + share * z[k], table[j, j] + share * table[k, j]
            better = pull > 0 and own > _OWN * gram[j, j] and pull * pull > (loss * (1 + 1e-9) + gain) * own
            if better and not _barred(ban, side, j, k):
                gain, out, follows = pull * pull / own - loss, k, j
    return out, follows


@compiled_short
def thin_rows(gram, start, floor, most, ban, U, first, last):
    """Fill rows first … last−1 of U: few units a frame, each worth `floor` of squared residual at least.

    A frame starts from non-negative least squares. Of units that may not work together (`ban`), and of more than
    `most`, the one that matters least goes. Then units are dropped and added, one at a time, or exchanged where no
    more may be added, as long as uᵀGu − 2uᵀstart + floor·(number of units) falls. Codes are least squares on those
    that stay.
    """
    p = gram.shape[0]
    table, side, worth = np.empty((p, p)), np.empty(p), np.empty(p)
    z, q, row = np.empty(p), np.empty(p), np.empty(p)
    own, on, value, code = np.empty((p, p)), np.empty(p), np.empty(p), np.empty(p)
    for i in range(first, last):
        b = start[i]
        if i % BLOCK == 0 or i == first:
            begin(gram, table, side, worth)
        if not solve(gram, b, 0.0, table, side, worth, z, q, row):
            begin(gram, table, side, worth)
            for k in range(p):
                z[k] = b[k]
        for k in range(p):
            on[k], value[k], code[k] = side[k], worth[k], z[k]
            U[i, k] = 0.0
            for j in range(p):
                own[k, j] = table[k, j]
        best, found = 0.0, False
        for _ in range(8 * p + 8):
            count, lowest, least, weakest = 0, -1, -1, 0.0
            for k in range(p):
                if on[k] > 0:
                    count += 1
                    if code[k] <= 0 and (lowest < 0 or code[k] < code[lowest]):
                        lowest = k
            if lowest >= 0:
                _exchange(own, on, value, lowest, code, row)
                continue
            for k in range(p):
                if on[k] > 0 and (count > most or _barred(ban, on, k, k)):
                    loss = code[k] * code[k] / own[k, k]
                    if least < 0 or loss < weakest:
                        least, weakest = k, loss
            if least >= 0:
                _exchange(own, on, value, least, code, row)
                continue
            now = 0.0
            for k in range(p):
                if on[k] > 0:
                    now += floor - code[k] * b[k]
            if found and not now < best - 1e-10 * abs(best):
                break
            best, found = now, True
            for k in range(p):
                U[i, k] = code[k] if on[k] > 0 else 0.0
            move, follows = _best_move(gram, own, on, code, floor, most, count, ban), -1
            if move < 0 and count == most:
                move, follows = _best_exchange(gram, own, on, code, ban)
            if move < 0:
                break
            _exchange(own, on, value, move, code, row)
            if follows >= 0:
                _exchange(own, on, value, follows, code, row)
