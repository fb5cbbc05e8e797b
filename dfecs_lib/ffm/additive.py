r"""Units for sums: refined so that few of them, added without cancelling out, explain a frame.

.. math:: \min_{E \ge 0,\ V} \lVert X - E V \rVert_F^2
          + \gamma \left(\lVert E |V| \rVert_F^2 - \lVert E V \rVert_F^2\right) + \alpha^2 \lVert E \rVert_0

with |V| elementwise. The middle term is what units at work together take from each other: it is zero where nothing
cancels, grows with the square of what does, and leaves coding a convex problem (`gram_of`). Scaling a unit and its
codes changes none of the terms, so that units need no price for their size. :math:`\alpha` is what a unit must be worth
in a frame; it follows from the mean number of units that are to be at work.
"""

# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfecs_lib.coding.sparse_coding import Floats, gram_of, opposites, thin
from dfecs_lib.coding.unit_updates import update_units
from dfecs_lib.ffm.dictionary import seed_frames
from dfecs_lib.models.units import alpha_for_activity

__all__ = ["Additive", "refine_additive"]

#: Frames that the search for units looks at; all frames are used in the end.
_SAMPLE = 2048
#: Units beyond those wanted, from frames, that compete at first; the least useful are dropped.
_EXTRA = 8
#: Rounds of codes and units: with all candidates, after each dropping, at the end on the sample, on all frames.
_FIRST, _BETWEEN, _LAST, _ALL = 15, 3, 60, 12
#: How much of its last step a unit goes further, and by what share the objective may rise before it does not.
_MOMENTUM, _SLACK = 0.9, 0.003
#: Rounds end early where that many in a row have not lowered the objective by this share.
_PATIENCE, _GAIN = 8, 1e-3


@dataclass(frozen=True)
class Additive:
    """What units are refined for.

    Attributes
    ----------
    active : float
        Units at work a frame, on average.
    cancellation : float
        γ.
    locality : float
        Price of a face part, as in `dfecs_lib.models.units.refine_units`.
    apart : float
        Units whose cosine is below this never work together.
    """

    active: float = 5.5
    cancellation: float = 0.005
    locality: float = 0.003
    apart: float = -0.7


@dataclass
class _Data:
    """Frames with their weights, and what is asked of units."""

    X: Floats
    weights: NDArray[np.float64] | None
    groups: NDArray[np.intp]
    goal: Additive
    n_jobs: int | None

    def __post_init__(self) -> None:
        size = np.square(self.X, dtype=np.float64).sum(axis=1)
        self.energy = float(size.sum() if self.weights is None else self.weights @ size)

    def alpha(self, units: NDArray[np.float64]) -> float:
        goal = self.goal
        return alpha_for_activity(
            self.X, units, goal.active, cancellation=goal.cancellation, apart=goal.apart, n_frames=1024, exact=False
        )

    def code(self, units: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
        goal = self.goal
        return thin(
            self.X,
            units,
            alpha=alpha,
            cancellation=goal.cancellation,
            apart=opposites(units, goal.apart),
            n_jobs=self.n_jobs,
        )

    def rounds(self, units: NDArray[np.float64], alpha: float, turns: int) -> NDArray[np.float64]:
        """Codes and units in turn, with momentum; the units of the lowest objective."""
        V, before, last, best, kept, found = units.copy(), None, np.inf, np.inf, units, 0
        threshold = self.goal.locality * self.energy / len(units)
        for turn in range(turns):
            E = self.code(V, alpha)
            weighted = E if self.weights is None else E * self.weights[:, None]
            UtU, UtX = weighted.T @ E, weighted.T @ self.X.astype(np.float64, copy=False)
            explained = 2 * float((UtX * V).sum()) - float((gram_of(V, self.goal.cancellation) * UtU).sum())
            used = np.count_nonzero(E) if self.weights is None else float(self.weights @ (E > 0).sum(axis=1))
            now = self.energy - explained + alpha**2 * used
            if now < best:
                found = turn if now < best * (1 - _GAIN) else found
                best, kept = now, V
            if turn - found >= _PATIENCE:
                break
            image = V.copy()
            update_units(image, UtU, UtX, self.goal.cancellation, 5, self.groups, threshold)
            idle = np.flatnonzero(np.diag(UtU) <= 0)
            if idle.size:
                left = np.square(self.X - E @ V).sum(axis=1)
                worst = np.argsort(-left, kind="stable")[: idle.size]  # fewer, where there are fewer frames than units
                image[idle[: worst.size]] = _directions(self.X[worst])
                before = None
            if before is not None and now < last * (1 + _SLACK):
                V = _directions(np.where(image == 0, 0.0, image + _MOMENTUM * (image - before)))
            else:
                V = image
            before, last = image, now
        return kept

    def worth(self, units: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
        """By how much the objective rises without each unit."""
        gram, start = gram_of(units, self.goal.cancellation), self.X @ units.T
        E = self.code(units, alpha)
        w = np.ones(len(E)) if self.weights is None else self.weights

        def costs(codes: NDArray[np.float64], rows: NDArray[np.bool_], keep: NDArray[np.bool_]) -> NDArray[np.float64]:
            fitted = np.einsum("ij,ij->i", codes @ gram[np.ix_(keep, keep)] - 2 * start[np.ix_(rows, keep)], codes)
            return np.asarray(fitted + alpha**2 * (codes > 0).sum(axis=1))

        whole = costs(E, np.ones(len(E), dtype=bool), np.ones(len(units), dtype=bool))
        worth = np.zeros(len(units))
        for k in range(len(units)):
            rows, keep = E[:, k] > 0, np.arange(len(units)) != k
            if rows.any():
                some = _Data(np.ascontiguousarray(self.X[rows]), None, self.groups, self.goal, self.n_jobs)
                worth[k] = w[rows] @ (costs(some.code(units[keep], alpha), rows, keep) - whole[rows])
        return worth


def _directions(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1.0), dtype=np.float64)


def refine_additive(
    X: Floats,
    units: NDArray[np.float64],
    groups: NDArray[np.intp],
    goal: Additive,
    *,
    n_units: int | None = None,
    weights: NDArray[np.float64] | None = None,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> NDArray[np.float64]:
    """Improve units on the motion itself, for sums of few.

    The problem has local minima. So a few more candidates, directions of frames, compete with the units given, and
    those that are least worth are dropped while codes and units are improved in turn; first on a sample of the
    frames, at last on all.

    Parameters
    ----------
    X : array of shape (n_frames, n_features)
        Complete rows.
    units : array of shape (n_start, n_features)
        Where to begin.
    groups : array of int, shape (n_features,)
        Face part of every column.
    goal : Additive
    n_units : int, optional
        Units to end with; as many as given by default.
    weights, random_state, n_jobs
        As in `dfecs_lib.ffm.FullFaceModel`; the seed is that of the candidates.

    Returns
    -------
    array of shape (n_units, n_features)
        Of length one.
    """
    wanted = len(units) if n_units is None else n_units
    step = max(1, len(X) // _SAMPLE)
    some = np.ascontiguousarray(X[::step])
    sample = _Data(some, None if weights is None else weights[::step], groups, goal, n_jobs)
    extra = max(wanted + _EXTRA - len(units), 0)
    V = _directions(np.concatenate([units, seed_frames(some, extra, random_state)]) if extra else units)
    V = sample.rounds(V, sample.alpha(V), _FIRST)
    while len(V) > wanted:
        worth = sample.worth(V, sample.alpha(V))
        dropped = max(1, (len(V) - wanted) // 4)
        V = np.ascontiguousarray(V[np.sort(np.argsort(worth, kind="stable")[dropped:])])
        V = sample.rounds(V, sample.alpha(V), _BETWEEN)
    for turns in (_LAST // 3, 2 * _LAST // 3):
        V = sample.rounds(V, sample.alpha(V), turns)
    if step > 1:
        whole = _Data(X, weights, groups, goal, n_jobs)
        V = whole.rounds(V, whole.alpha(V), _ALL)
    return V
