"""Compiled: exact non-negative codes by pivoting from the last frame's active atoms to this frame's.

Frames that follow one another use nearly the same atoms. The tableau of the active set S,

    [  G_SS⁻¹        G_SS⁻¹·G_SN              ]
    [ −G_NS·G_SS⁻¹   G_NN − G_NS·G_SS⁻¹·G_SN  ],

gives a frame's codes and gradient by one product, and one exchange of an atom costs p² products, so that a frame
costs little more than the atoms by which it differs from the frame before. It is the simplex method's tableau for the
linear complementarity problem that the optimality conditions are; the atom that gains most goes first.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from dfecs_lib.coding.compiled import compiler

__all__ = ["begin", "solve"]

#: Share of the largest correlation below which a gradient counts as zero: when pivoting, and of the result.
_ZERO, _CHECKED = 1e-12, 1e-10

if TYPE_CHECKING:
    Function = TypeVar("Function")

    def _compiled(function: Function) -> Function: ...
else:
    _compiled = compiler(nogil=True, error_model="numpy", fastmath={"contract"})


@_compiled
def begin(gram, table, side, worth):
    """Set the tableau to that of no active atom: the Gram matrix. `side` is 1 for active atoms and −1 for others."""
    p = len(side)
    for k in range(p):
        side[k] = -1.0
        worth[k] = 1 / gram[k, k] if gram[k, k] > 0 else 0.0
        for j in range(p):
            table[k, j] = gram[k, j]


@_compiled
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


@_compiled
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


@_compiled
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
