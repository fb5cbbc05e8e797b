"""Compiled: pick a frame's few units, by backward elimination or along the lasso path, and refit those alone."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from dfecs_lib.coding.compiled import compiler
from dfecs_lib.coding.kernels import descend, invert_diagonal

__all__ = ["eliminate_rows", "select_rows"]

if TYPE_CHECKING:
    Function = TypeVar("Function")

    def _compiled(function: Function) -> Function: ...
else:
    _compiled = compiler(nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})


@_compiled
def _solve_two(gram, start, where, s, factor, a, b):
    """Solve G_SS a = start_S and G_SS b = 1 on the first `s` of `where`; False where G_SS is singular."""
    for i in range(s):
        for j in range(i + 1):
            t = gram[where[i], where[j]]
            for m in range(j):
                t -= factor[i, m] * factor[j, m]
            if i == j:
                if not t > 1e-6 * gram[where[i], where[i]]:
                    return False
                factor[i, i] = np.sqrt(t)
            else:
                factor[i, j] = t / factor[j, j]
        t = start[where[i]]
        r = t * 0 + 1
        for m in range(i):
            t -= factor[i, m] * a[m]
            r -= factor[i, m] * b[m]
        a[i] = t / factor[i, i]
        b[i] = r / factor[i, i]
    for i in range(s - 1, -1, -1):
        for m in range(i + 1, s):
            a[i] -= factor[m, i] * a[m]
            b[i] -= factor[m, i] * b[m]
        a[i] /= factor[i, i]
        b[i] /= factor[i, i]
    return True


@_compiled
def _walk(gram, start, most, where, barred, factor, a, b):
    """Return how many units are active just before one more than `most` would be, and which, in `where`.

    Between events the codes are u_S(level) = a − level·b; a unit enters when its correlation with the residual
    reaches the level, and leaves when its code reaches zero.
    """
    p = gram.shape[0]
    level = start[0] * 0
    first = -1
    for k in range(p):
        barred[k] = False
        if gram[k, k] > 0 and start[k] > level:
            level, first = start[k], k
    if first < 0:
        return 0
    where[0] = first
    s = 1
    for _ in range(8 * p + 8):
        if not _solve_two(gram, start, where, s, factor, a, b):
            s -= 1  # the newcomer repeats what is there
            barred[where[s]] = True
            if s == 0:
                return 0
            _solve_two(gram, start, where, s, factor, a, b)
        following, entering, leaving = level * 0, -1, -1
        for i in range(s):
            if b[i] < 0 and a[i] < 0:
                event = a[i] / b[i]
                if event < level and event > following:
                    following, entering, leaving = event, -1, i
        for k in range(p):
            if barred[k] or gram[k, k] <= 0:
                continue
            inside = False
            left = start[k]
            slope = 1 + 0 * left
            for i in range(s):
                inside |= where[i] == k
                left -= gram[k, where[i]] * a[i]
                slope -= gram[k, where[i]] * b[i]
            if inside or slope <= 0 or left <= 0:
                continue
            event = min(left / slope, level)
            if event > following:
                following, entering, leaving = event, k, -1
        if leaving >= 0:
            gone = where[leaving]
            for i in range(leaving, s - 1):
                where[i] = where[i + 1]
            s -= 1
            if s == 0:
                return 0
            for k in range(p):
                barred[k] = False
            barred[gone] = True  # it may come back after the next event, not at this one
        elif entering >= 0:
            if s == most:
                return s
            where[s] = entering
            s += 1
            for k in range(p):
                barred[k] = False
        else:
            return s
        level = following
    return s


@_compiled
def select_rows(X, V, gram, alpha, most, U, first, last):
    """Fill U for rows first … last−1: units picked by the lasso at `alpha` (most = 0), or at most `most` units."""
    d = X.shape[1]
    p = V.shape[0]
    zero = V[0, 0] * 0
    start = np.empty(p, X.dtype)
    q = np.empty(p, X.dtype)
    where = np.empty(p, np.int64)
    scratch = np.empty(p, np.uintp)
    inverse = invert_diagonal(gram)
    barred = np.zeros(p, np.bool_)
    factor = np.empty((p, p), X.dtype)
    a = np.empty(p, X.dtype)
    b = np.empty(p, X.dtype)
    for i in range(first, last):
        energy = zero
        for f in range(d):
            energy += X[i, f] * X[i, f]
        for k in range(p):
            t = zero
            for f in range(d):
                t += V[k, f] * X[i, f]
            start[k] = t
            U[i, k] = 0
        if most > 0:
            s = _walk(gram, start, most, where, barred, factor, a, b)
        else:
            descend(gram, inverse, start, alpha, energy, U[i], q, 1000, zero + 1e-8, scratch, factor, a)
            s = 0
            for k in range(p):
                if U[i, k] > 0:
                    where[s] = k
                    s += 1
                U[i, k] = 0
        if s == 0:
            continue
        small = np.empty((s, s), X.dtype)
        for m in range(s):
            a[m] = start[where[m]]
            b[m] = 0
            for j in range(s):
                small[m, j] = gram[where[m], where[j]]
        descend(
            small,
            invert_diagonal(small),
            a[:s],
            zero,
            energy,
            b[:s],
            q[:s],
            1000,
            zero + 1e-8,
            scratch,
            factor,
            start,
        )
        for m in range(s):
            U[i, where[m]] = b[m]


@_compiled
def _drop(u, inverse, where, s, k):
    """Take the k-th active unit out of a least-squares solution; the inverse Gram matrix shrinks along."""
    pivot = inverse[k, k]
    for i in range(s):
        if i != k:
            share = inverse[i, k] / pivot
            u[i] -= share * u[k]
            for j in range(s):
                if j != k:
                    inverse[i, j] -= share * inverse[k, j]
    last = s - 1
    if k != last:
        u[k] = u[last]
        where[k] = where[last]
        for j in range(s):
            inverse[k, j] = inverse[last, j]
        for i in range(s):
            inverse[i, k] = inverse[i, last]
        inverse[k, k] = inverse[last, last]


@_compiled
def eliminate_rows(gram, floor, most, U, first, last):
    """Thin the least-squares codes U of rows first … last−1, in place.

    The unit whose loss raises the squared residual least goes first; until at most `most` (0: any number) are left
    and each of them is worth `floor` at least. Codes are refitted after every loss; none becomes negative.
    """
    p = gram.shape[0]
    u = np.empty(p, U.dtype)
    where = np.empty(p, np.int64)
    inverse = np.empty((p, p), U.dtype)
    for row in range(first, last):
        s = 0
        for k in range(p):
            if U[row, k] > 0:
                where[s] = k
                u[s] = U[row, k]
                s += 1
        for i in range(s):  # Gauss-Jordan on the active units, in place
            for j in range(s):
                inverse[i, j] = gram[where[i], where[j]]
        for k in range(s):
            pivot = inverse[k, k]
            for j in range(s):
                if j != k:
                    inverse[k, j] /= pivot
            for i in range(s):
                if i != k:
                    factor = inverse[i, k]
                    for j in range(s):
                        if j != k:
                            inverse[i, j] -= factor * inverse[k, j]
                    inverse[i, k] = -factor / pivot
            inverse[k, k] = 1 / pivot
        while s > 0:
            least, lowest = -1, -1
            for i in range(s):
                if u[i] <= 0 and (lowest < 0 or u[i] < u[lowest]):
                    lowest = i
                if least < 0 or u[i] * u[i] * inverse[least, least] < u[least] * u[least] * inverse[i, i]:
                    least = i
            if lowest >= 0:
                least = lowest
            elif (most == 0 or s <= most) and u[least] * u[least] >= floor * inverse[least, least]:
                break
            _drop(u, inverse, where, s, least)
            s -= 1
        for k in range(p):
            U[row, k] = 0
        for i in range(s):
            U[row, where[i]] = u[i]
