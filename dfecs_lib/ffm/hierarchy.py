r"""Level 2 of DFECS: part codes U are factored as W·A, both non-negative, which ties parts into units.

.. math:: \min_{W \ge 0,\ A \ge 0} \tfrac12 \lVert U - W A \rVert_F^2
          + \alpha_W m \lVert W \rVert_1 + \alpha_H n \lVert A \rVert_1

with n frames and m atoms, scikit-learn's scaling of the penalties.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

from dfecs_lib.ffm.sparse_coding import Floats

__all__ = ["Hierarchy", "search_units"]


@dataclass(frozen=True)
class Hierarchy:
    """Mixing of part atoms into units.

    Attributes
    ----------
    mixing : array of shape (n_units, n_atoms)
        A.
    codes : array of shape (n_frames, n_units)
        W of the training frames.
    variance_explained : float
        Share of the training motion that W·A·V explains.
    reached : bool
    path : DataFrame
        n_units, variance_explained (percent) of every number of units tried.
    """

    mixing: NDArray[np.float64]
    codes: NDArray[np.float64]
    variance_explained: float
    reached: bool
    path: pd.DataFrame


def _factor(
    U: NDArray[np.float64], n_units: int, alpha_W: float, alpha_H: float, random_state: int, max_iter: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    model = NMF(
        n_units,
        init="random",
        max_iter=max_iter,
        random_state=random_state,
        alpha_W=alpha_W,
        alpha_H=alpha_H,
        l1_ratio=1.0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the paper's cap of rounds, taken as it is
        W = model.fit_transform(U)
    return W, model.components_


def search_units(
    U: Floats,
    atoms: NDArray[np.float64],
    X: Floats,
    *,
    n_units: int | None,
    max_units: int | None,
    variance: float,
    alpha_W: float,
    alpha_H: float,
    random_state: int,
    max_iter: int,
) -> Hierarchy:
    """Smallest number of units whose W·A·V explains `variance` of X; exactly `n_units` when that is given."""
    motion = X.astype(np.float64)
    energy = float((motion**2).sum())
    codes = U.astype(np.float64)
    last = min(len(atoms), len(atoms) if max_units is None else max_units)
    counts = range(1, last + 1) if n_units is None else range(n_units, n_units + 1)
    rows = []
    for count in counts:
        W, A = _factor(codes, count, alpha_W, alpha_H, random_state, max_iter)
        left = motion - W @ (A @ atoms)
        explained = 1 - float((left**2).sum()) / energy if energy > 0 else 1.0
        rows.append({"n_units": count, "variance_explained": 100 * explained})
        if explained >= variance:
            break
    return Hierarchy(A, W, explained, explained >= variance, pd.DataFrame(rows))
