"""From a mixing of atoms to units: refinement on the motion itself, length one, order by explained variance."""

# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.coding.alternate import SPHERE, alternate
from dfecs_lib.coding.sparse_coding import Floats, code, code_selected, opposites, thin
from dfecs_lib.coding.unit_updates import update_atoms
from dfecs_lib.errors import DfecsError
from dfecs_lib.metrics import SHARE, cancellation

__all__ = [
    "OrderedUnits",
    "alpha_for_activity",
    "groups_of_columns",
    "order_units",
    "parts_of_units",
    "refine_units",
    "working_together",
]


#: Units at work on average in the last fit of units for sparse codes.
_AT_WORK = 8.0


@dataclass(frozen=True)
class OrderedUnits:
    """Units of length one, largest share first, and how the training frames use them.

    Attributes
    ----------
    units : array of shape (n_units, n_features)
    order : array of int, shape (n_units,)
        Where each unit stood before.
    length : array of shape (n_units,)
        What each was divided by.
    shares : array of shape (n_units,)
        ⟨w_k d_k, X⟩ / ‖X‖², in percent; they add up to `variance_explained`. A unit that only corrects others may
        have a share a little below zero.
    activity : array of shape (n_units,)
        Percent of frames of whose motion the unit makes up a twentieth at least (`dfecs_lib.metrics.SHARE`).
    variance_explained : float
        Percent.
    active_units, cancellation : float
        Of the codes; see `dfecs_lib.metrics`.
    """

    units: NDArray[np.float64]
    order: NDArray[np.intp]
    length: NDArray[np.float64]
    shares: NDArray[np.float64]
    activity: NDArray[np.float64]
    variance_explained: float
    active_units: float
    cancellation: float


def refine_units(
    X: Floats,
    units: NDArray[np.float64],
    columns: Mapping[str, Sequence[int] | NDArray[np.intp]],
    *,
    alpha: float,
    locality: float,
    sparse: bool = False,
    weights: NDArray[np.float64] | None = None,
    tol: float = 1e-5,
    n_jobs: int | None = None,
) -> NDArray[np.float64]:
    r"""Improve units on the motion itself, from the units given, held to few face parts each.

    .. math:: \min_{W \ge 0,\ \lVert D_k \rVert = 1} \tfrac12 \lVert X - W D \rVert_F^2 + \alpha \sum W
              + \lambda \frac{\lVert X \rVert_F^2}{K} \sum_{k, p} \lVert D_{kp} \rVert

    :math:`D_{kp}` is the part p of unit k, :math:`\lambda` the `locality`, K the number of units: for a unit with an
    average share of the motion, a part of length :math:`\lambda` or less is not worth its keep. A unit of which nothing
    would remain keeps the part that it moves most: there are as many units as before.

    Where the units begin decides where they end, the less so the larger alpha is. So the penalty starts at ten times
    alpha, and at one pixel at least, and falls to alpha, tenfold at most at a time. At 0 nothing holds the codes: units
    end as near opposites, with codes of a thousand times the motion.

    Parameters
    ----------
    X : array of shape (n_frames, n_features)
    units : array of shape (n_units, n_features)
    columns : mapping of part to positions
        Columns of each face part; the others make one more group.
    alpha, locality : float
    sparse : bool
        Whether to end with one fit of the units to the codes of the sparse encoder, eight units at work on average,
        which no penalty shrinks.
    weights, tol, n_jobs
        As in `dfecs_lib.ffm.FullFaceModel`.

    Raises
    ------
    DfecsError
        For a negative alpha or locality.
    """
    if alpha < 0 or locality < 0:
        raise DfecsError(f"alpha is {alpha} and locality {locality}, but penalties cannot be negative")
    groups = groups_of_columns(columns, X.shape[1])
    sizes = np.square(X, dtype=np.float64).sum(axis=1)
    energy = float(sizes.sum() if weights is None else weights @ sizes)
    grouped = groups if locality > 0 else np.empty(0, dtype=np.intp)
    penalty = locality * energy / len(units)
    for price in _falling(alpha):
        units = alternate(
            X,
            price,
            units,
            weights=weights,
            constraint=SPHERE,
            groups=grouped if grouped.size else None,
            group_penalty=penalty,
            tol=tol if price == alpha else 10 * tol,
            n_jobs=n_jobs,
        ).atoms
    if not sparse:
        return units
    few = alpha_for_activity(X, units, _AT_WORK)
    codes = code_selected(X, units, alpha=few, n_jobs=n_jobs).astype(np.float64)
    weighted = codes if weights is None else codes * weights[:, None]
    better = units.copy()
    no_mask = np.empty((0, 0), dtype=np.bool_)
    update_atoms(
        better, weighted.T @ codes, weighted.T @ X.astype(np.float64), 5, 1e-9, SPHERE, no_mask, grouped, penalty
    )
    return better


def groups_of_columns(columns: Mapping[str, Sequence[int] | NDArray[np.intp]], width: int) -> NDArray[np.intp]:
    """Number of the face part of every column; columns of no part make one more group."""
    groups = np.full(width, len(columns), dtype=np.intp)
    for number, where in enumerate(columns.values()):
        groups[np.asarray(where)] = number
    return groups


def _falling(alpha: float) -> list[float]:
    """Return the penalties to go through: ten times `alpha`, or 1, and down to it in two steps or more."""
    if alpha == 0:
        return [0.0]
    start = max(10 * alpha, 1.0)
    steps = max(2, math.ceil(math.log10(start / alpha) - 1e-9))
    return [*(start * (alpha / start) ** (k / steps) for k in range(steps)), alpha]


def parts_of_units(
    units: NDArray[np.float64], columns: Mapping[str, Sequence[int] | NDArray[np.intp]]
) -> NDArray[np.bool_]:
    """Say, for every number of every unit, whether the unit moves that face part at all."""
    moves: NDArray[np.bool_] = np.asarray(units != 0)
    for where in columns.values():
        inside = np.asarray(where)
        moves[:, inside] = moves[:, inside].any(axis=1, keepdims=True)
    return moves


def order_units(
    X: Floats,
    units: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
    encode: Callable[[NDArray[np.float64]], Floats] | None = None,
) -> OrderedUnits:
    """Scale units to length one and sort them by the variance they explain; units without motion are left out.

    `encode` returns the codes of X on units; by default non-negative least squares.
    """
    length = np.linalg.norm(units, axis=1)
    moving = np.flatnonzero(length > 0)
    scaled = units[moving] / length[moving, None]
    codes = (code(X, scaled, 0.0).codes if encode is None else encode(scaled)).astype(np.float64)
    w = np.ones(len(X)) if weights is None else weights
    energy = float(w @ np.square(X, dtype=np.float64).sum(axis=1))
    # a code shares what the sum explains: least-squares codes are orthogonal to the residual, others need not be
    along = X @ scaled.T if encode is None else 2 * (X @ scaled.T) - codes @ (scaled @ scaled.T)
    shares = w @ (codes * along) / energy
    active = _at_work(codes, scaled)
    order = np.argsort(-shares, kind="stable")
    return OrderedUnits(
        units=scaled[order],
        order=moving[order],
        length=length[moving][order],
        shares=100 * shares[order],
        activity=100 * (w @ active)[order] / w.sum(),
        variance_explained=float(100 * shares.sum()),
        active_units=float(w @ active.sum(axis=1) / w.sum()),
        cancellation=cancellation(codes, scaled),
    )


def _at_work(codes: NDArray[np.float64], units: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which units of length one make up a twentieth of a frame's motion at least."""
    return np.asarray((codes > 0) & (codes >= SHARE * np.linalg.norm(codes @ units, axis=1, keepdims=True)))


def working_together(
    codes: Floats, units: NDArray[np.float64], weights: NDArray[np.float64] | None
) -> tuple[float, float]:
    """Return how many units of length one are at work in a frame on average, and how much of their motion cancels."""
    own = codes.astype(np.float64, copy=False)
    w = np.ones(len(own)) if weights is None else weights
    return float(w @ _at_work(own, units).sum(axis=1) / w.sum()), cancellation(own, units)


def alpha_for_activity(
    X: Floats,
    units: Floats,
    mean_active: float,
    *,
    cancellation: float = 0.0,
    apart: float | None = None,
    max_active: int | None = None,
    n_frames: int = 16_384,
    exact: bool = True,
) -> float:
    """Penalty, in pixels, at which `thin` keeps `mean_active` units a frame on average; 0 where it never keeps more.

    A strided sample of `n_frames` complete rows decides. Where not `exact`, a tenth of a unit is near enough.
    """
    rows = X[np.isfinite(X).all(axis=1)]
    if not len(rows):
        return 0.0
    ban = None if apart is None else opposites(units, apart)
    size = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1).max())
    low, high, near = 0.0, float(size) + 1e-6, 0.0
    first = 1024
    stages = [(n_frames, 0.002 if exact else 0.1)]
    if len(rows) > first < n_frames:
        stages.insert(0, (first, 0.1))
    for most, close in stages:
        some = np.ascontiguousarray(rows[:: max(1, len(rows) // most)])

        def excess(alpha: float, some: Floats = some) -> float:
            codes = thin(some, units, alpha=alpha, cancellation=cancellation, apart=ban, max_active=max_active)
            return float(np.count_nonzero(codes) / len(some)) - mean_active

        if near == 0.0:
            if excess(0.0) <= 0:
                return 0.0
            low = 1e-6 * high
        else:
            low, high = near / 2, near * 2
        best = np.inf
        for _ in range(30):
            middle = float(np.sqrt(low * high))
            over = excess(middle)
            if abs(over) < best:
                best, near = abs(over), middle
            if abs(over) <= close or high < low * 1.0005:
                break
            low, high = (middle, high) if over > 0 else (low, middle)
    return near
