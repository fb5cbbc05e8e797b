"""Compiled solver of the least-angle paths: many frames against one Gram matrix (see `encoding_paths`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

from dfecs_lib.coding.compiled import compiler

__all__ = ["METHODS", "path_codes", "path_residuals"]

METHODS = {"lar": 0, "lasso": 1, "nonnegative": 2}
_LAR, _NONNEGATIVE = 0, 2

#: A unit whose part orthogonal to the active ones is shorter than this (units have length one) never enters.
_DEGENERATE = 1e-7
#: A path ends when the largest correlation has fallen to this share of the first one.
_END = 1e-12
#: Frames a thread takes at a time; scratch memory is shared by them.
_BLOCK = 64

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

if TYPE_CHECKING:
    Function = TypeVar("Function")

    def _compiled(function: Function) -> Function: ...
    def _parallel(function: Function) -> Function: ...
else:
    _compiled = compiler(error_model="numpy")
    _parallel = compiler(parallel=True, error_model="numpy")


@_compiled
def _append(gram: Floats, active: Ints, n_active: int, factor: Floats, sign: Floats, forward: Floats) -> bool:
    """Extend the Cholesky factor by the last active unit, and the solution of L z = sign; False when degenerate."""
    j, k = active[n_active], n_active
    left = gram[j, j]
    value = sign[j]
    for row in range(k):
        s = gram[active[row], j]
        for col in range(row):
            s -= factor[row, col] * factor[k, col]
        s /= factor[row, row]
        factor[k, row] = s
        left -= s * s
        value -= s * forward[row]
    if not left > _DEGENERATE * _DEGENERATE:
        return False
    factor[k, k] = np.sqrt(left)
    forward[k] = value / factor[k, k]
    return True


@_compiled
def _walk(
    gram: Floats,
    start: Floats,
    total: float,
    max_active: int,
    method: int,
    w: Floats,
    at_n: Floats,
    n_really: Ints,
    scratch: Floats,
    flags: Ints,
    order: Ints,
) -> None:
    """Walk one frame's path; fill errors `at_n`, counts `n_really`, and the codes `w` at `max_active`."""
    m = gram.shape[0]
    corr, direction, slope, forward, sign, factor = (
        scratch[0],
        scratch[1],
        scratch[2],
        scratch[3],
        scratch[4],
        scratch[5:],
    )
    # flags: 0 may enter, 1 active, 2 never (degenerate), 3 has just left
    level, entering = 0.0, -1
    for j in range(m):
        w[j] = 0.0
        flags[j] = 0
        corr[j] = start[j]
        size = corr[j] if method == _NONNEGATIVE else abs(corr[j])
        if size > level:
            level, entering = size, j
    floor = _END * level
    error, n_active, filled = total, 0, 0
    for _ in range(16 * m + 16):
        if entering >= 0:
            if n_active > filled:
                for n in range(filled, n_active):
                    at_n[n], n_really[n] = error, n_active
                filled = n_active
            if n_active == max_active:
                break
            order[n_active] = entering
            sign[entering] = 1.0 if corr[entering] > 0 else -1.0
            if _append(gram, order, n_active, factor, sign, forward):
                flags[entering] = 1
                n_active += 1
            else:
                flags[entering] = 2
        if n_active == 0 or level <= floor:
            break
        for i in range(n_active - 1, -1, -1):
            s = forward[i]
            for row in range(i + 1, n_active):
                s -= factor[row, i] * direction[row]
            direction[i] = s / factor[i, i]
        step, entering, leaving = level, -1, -1
        for j in range(m):
            if flags[j] == 1 or flags[j] == 2:
                continue
            s = 0.0
            for i in range(n_active):
                s += gram[j, order[i]] * direction[i]
            slope[j] = s
            # A unit that has just left stands at the level itself; it can come back only from the other side.
            if 1.0 - s > 0.0 and not (flags[j] == 3 and sign[j] > 0.0):
                reach = max((level - corr[j]) / (1.0 - s), 0.0)
                if reach < step:
                    step, entering = reach, j
            if method != _NONNEGATIVE and 1.0 + s > 0.0 and not (flags[j] == 3 and sign[j] < 0.0):
                reach = max((level + corr[j]) / (1.0 + s), 0.0)
                if reach < step:
                    step, entering = reach, j
        if method != _LAR:
            for i in range(n_active):
                if w[order[i]] * direction[i] < 0.0:
                    reach = -w[order[i]] / direction[i]
                    if reach < step:
                        step, entering, leaving = reach, -1, i
        gain = 0.0
        for i in range(n_active):
            j = order[i]
            w[j] += step * direction[i]
            gain += sign[j] * direction[i]
        error = max(error - step * gain * (2.0 * level - step), 0.0)
        level -= step
        for j in range(m):
            if flags[j] == 1:
                corr[j] = sign[j] * level
            elif flags[j] != 2:
                corr[j] -= step * slope[j]
                flags[j] = 0
        if leaving >= 0:
            gone = order[leaving]
            w[gone] = 0.0
            flags[gone] = 3
            left = n_active - 1
            for i in range(leaving, left):
                order[i] = order[i + 1]
            n_active = 0
            while n_active < left:
                _append(gram, order, n_active, factor, sign, forward)
                n_active += 1
        elif entering < 0:
            break
    for n in range(filled, max_active):
        at_n[n], n_really[n] = error, n_active


@_parallel
def _residuals(
    gram: Floats, start: Floats, total: Floats, max_active: int, method: int, residual: Floats, active: Ints
) -> None:
    n_frames, m = start.shape
    for block in numba.prange((n_frames + _BLOCK - 1) // _BLOCK):
        scratch = np.empty((m + 5, m))
        w = np.empty(m)
        flags, order = np.empty(m, np.int64), np.empty(m + 1, np.int64)
        for i in range(block * _BLOCK, min((block + 1) * _BLOCK, n_frames)):
            _walk(gram, start[i], total[i], max_active, method, w, residual[i], active[i], scratch, flags, order)


@_parallel
def _codes(gram: Floats, start: Floats, max_active: int, method: int, codes: Floats) -> None:
    n_frames, m = start.shape
    for block in numba.prange((n_frames + _BLOCK - 1) // _BLOCK):
        scratch = np.empty((m + 5, m))
        at_n = np.empty(max_active)
        flags, order = np.empty(m, np.int64), np.empty(m + 1, np.int64)
        n_really = np.empty(max_active, np.int64)
        for i in range(block * _BLOCK, min((block + 1) * _BLOCK, n_frames)):
            _walk(gram, start[i], 0.0, max_active, method, codes[i], at_n, n_really, scratch, flags, order)


def path_residuals(
    gram: Floats,
    start: Floats,
    total: Floats,
    max_active: int,
    method: int,
) -> tuple[Floats, Ints]:
    """Squared errors and active counts, both (n_frames, max_active), from the Gram matrix and correlations."""
    residual = np.empty((len(start), max_active))
    active = np.empty((len(start), max_active), dtype=np.int64)
    _residuals(np.ascontiguousarray(gram), np.ascontiguousarray(start), total, max_active, method, residual, active)
    return residual, active


def path_codes(gram: Floats, start: Floats, max_active: int, method: int) -> Floats:
    """Codes (n_frames, n_units) at `max_active`."""
    codes = np.empty_like(start)
    _codes(np.ascontiguousarray(gram), np.ascontiguousarray(start), max_active, method, codes)
    return codes
