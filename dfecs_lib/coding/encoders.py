"""How a frame becomes codes, given units: non-negative least squares, and lasso selection with a refit.

Frames with missing points are coded from the points they have, grouped by which those are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.coding.sparse_coding import Floats, code, code_selected

__all__ = ["by_pattern", "direct", "hierarchical", "sparse"]


def by_pattern(X: Floats, n_codes: int, encode: Callable[[Floats, NDArray[np.bool_]], Floats]) -> Floats:
    """Apply ``encode(rows, observed)`` to the rows of every missing-point pattern; rows without a point get NaN.

    `rows` holds the observed columns only.
    """
    observed = np.isfinite(X)
    if observed.all():
        return encode(X, np.ones(X.shape[1], dtype=np.bool_))
    out = np.full((len(X), n_codes), np.nan, dtype=X.dtype)
    patterns, which = np.unique(observed, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        if pattern.any():
            rows = np.flatnonzero(which.ravel() == number)
            out[rows] = encode(np.ascontiguousarray(X[rows][:, pattern]), pattern)
    return out


def direct(X: Floats, units: Floats, *, n_jobs: int | None = None) -> Floats:
    """Non-negative least squares on the units."""
    return by_pattern(X, len(units), lambda rows, seen: code(rows, units[:, seen], 0.0, n_jobs=n_jobs).codes)


def hierarchical(
    X: Floats,
    atoms: list[tuple[NDArray[np.intp], NDArray[np.float64], float]],
    mixing: NDArray[np.float64],
    *,
    n_jobs: int | None = None,
) -> Floats:
    """Code every part, then project the part codes on `mixing`, both non-negative: the paper's encoding.

    Parameters
    ----------
    X : array of shape (n_frames, n_features)
    atoms : list of (columns, atoms, alpha)
        One entry a part.
    mixing : array of shape (n_units, n_atoms)
        A, over the parts' atoms side by side.
    n_jobs : int, optional
        Threads.
    """

    def encode(rows: Floats, seen: NDArray[np.bool_]) -> Floats:
        place = np.cumsum(seen) - 1  # where a column of X stands among the observed ones
        codes: list[Floats] = []
        kept: list[int] = []
        first = 0
        for columns, part_atoms, alpha in atoms:
            here = seen[columns]
            if here.any():
                motion = np.ascontiguousarray(rows[:, place[columns[here]]])
                codes.append(code(motion, part_atoms[:, here], alpha, n_jobs=n_jobs).codes)
                kept.extend(range(first, first + len(part_atoms)))
            first += len(part_atoms)
        return code(np.concatenate(codes, axis=1), mixing[:, np.array(kept)], 0.0, n_jobs=n_jobs).codes

    return by_pattern(X, len(mixing), encode)


def sparse(
    X: Floats,
    units: Floats,
    *,
    alpha: float | None = None,
    max_active: int | None = None,
    n_jobs: int | None = None,
) -> Floats:
    """Codes on few units a frame, fitted without penalty; see `code_selected`.

    Where `alpha` and `max_active` are both None, eight units may be active.
    """
    most = 8 if alpha is None and max_active is None else max_active

    def encode(rows: Floats, seen: NDArray[np.bool_]) -> Floats:
        return code_selected(rows, units[:, seen], alpha=alpha, max_active=most, n_jobs=n_jobs)

    return by_pattern(X, len(units), encode)
