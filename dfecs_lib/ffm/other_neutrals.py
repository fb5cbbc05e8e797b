"""Training motion as it would be had another resting frame of the same person been taken for neutral."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.coding.sparse_coding import Floats

__all__ = ["people_of", "with_other_neutrals"]

#: Share of a person's frames, those of least motion, that count as resting.
_RESTING = 0.25
#: Frames that are added, at most.
_MOST = 4096


def people_of(X: object, complete: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Number of the person of every complete row; all one where X has no subjects."""
    if isinstance(X, pd.DataFrame) and "subject" in X.index.names:
        names = [name for name in ("dataset", "subject") if name in X.index.names]
        numbers = X.groupby(level=names, sort=True).ngroup().to_numpy()
        return np.asarray(numbers[complete], dtype=np.intp)
    return np.zeros(int(complete.sum()), dtype=np.intp)


def with_other_neutrals(
    rows: Floats, people: NDArray[np.intp], weights: NDArray[np.float64] | None, random_state: int
) -> tuple[Floats, NDArray[np.float64] | None]:
    r"""Return the rows and, after them, :math:`x_i - x_j` for resting frames j of the same person, with weights.

    The neutral frame of a person is a choice: of an unseen one it may be a little off, so that the motion seen holds
    the way back from it. Units that may only be added need that way among what they are learned from. The rows added
    weigh as much as the others together; there are 4,096 at most, spread over all.

    Parameters
    ----------
    rows : array of shape (n_frames, n_features)
        Complete rows of motion.
    people : array of int, shape (n_frames,)
        Whose each row is. A frame rests that is among the quarter of least motion of its person.
    weights : array of shape (n_frames,), optional
    random_state : int
        Of the draw of j.

    Examples
    --------
    >>> rows, weights = with_other_neutrals(np.array([[1.0], [2.0], [9.0]]), np.zeros(3, dtype=int), None, 0)
    >>> rows.ravel().tolist()
    [1.0, 2.0, 9.0, 0.0, 1.0, 8.0]
    """
    chosen = np.arange(0, len(rows), -(-len(rows) // _MOST))
    size = np.einsum("ij,ij->i", rows, rows)
    partner = np.empty(len(chosen), dtype=np.intp)
    generator = np.random.default_rng(random_state)
    for person in np.unique(people):
        own = np.flatnonzero(people == person)
        resting = own[np.argsort(size[own], kind="stable")[: max(1, int(_RESTING * len(own)))]]
        where = np.flatnonzero(people[chosen] == person)
        partner[where] = resting[generator.integers(len(resting), size=len(where))]
    more = np.concatenate([rows, rows[chosen] - rows[partner]])
    if weights is None and len(chosen) == len(rows):
        return more, None
    w = np.ones(len(rows)) if weights is None else weights
    return more, np.concatenate([w, w[chosen] * (w.sum() / w[chosen].sum())])
