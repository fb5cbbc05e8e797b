"""Part Face Model: a sparse dictionary of one face part's motion (level 1 of DFECS)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from dfecs_lib.coding.encoders import by_pattern
from dfecs_lib.coding.sparse_coding import Floats, code
from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm.search import ALPHAS, Found, Search, search_part
from dfecs_lib.models.base import FrameOrFloats
from dfecs_lib.models.checks import (
    Check,
    check_choice,
    check_count,
    check_each,
    check_jobs,
    check_penalty,
    check_share,
    is_number,
    is_whole,
)
from dfecs_lib.models.streaming import LearnsInBatches

__all__ = ["PartFaceModel", "fit_part"]


def fit_part(
    X: Floats,
    *,
    n_atoms: int | None,
    alpha: float | None,
    variance: float,
    max_atoms: int | None,
    search: Search,
    weights: NDArray[np.float64] | None,
    max_iter: int,
    tol: float,
    n_jobs: int | None = None,
) -> Found:
    """Search one part's dictionary; what is fixed (`n_atoms`, `alpha`) is not searched."""
    limit = X.shape[1] + 1 if max_atoms is None else max_atoms
    return search_part(
        X,
        variance=variance,
        counts=range(1, limit + 1) if n_atoms is None else [n_atoms],
        alphas=ALPHAS if alpha is None else [alpha],
        search=search,
        weights=weights,
        max_iter=max_iter,
        tol=tol,
        n_jobs=n_jobs,
    )


class PartFaceModel(LearnsInBatches):
    r"""Sparse, non-negative dictionary of one face part's motion.

    .. math:: \min_{U \ge 0,\ \lVert V_k \rVert \le 1}
              \tfrac12 \lVert X - U V \rVert_F^2 + \alpha \lVert U \rVert_1

    Parameters
    ----------
    n_atoms : int, optional
        Number of atoms; searched from 1 upwards when None.
    alpha : float, optional
        Penalty in pixels; searched from 10 down to 0.5 in steps of 0.5 when None.
    variance : float
        Share of the training motion to explain (uncentred); the first cell that reaches it is taken.
    max_atoms : int, optional
        Where the search over atoms ends; one more than the number of columns by default.
    search : {"path", "paper"}
        "paper" learns every cell afresh; "path", far faster, carries atoms and codes from cell to cell.
    max_iter, tol : int, float
        A cell ends when two rounds running lower the objective by less than `tol`, relatively, or after `max_iter`.
    n_jobs : int, optional
        Threads. The result does not depend on them.

    Attributes
    ----------
    components_ : array of shape (n_atoms_, n_features)
        Atoms, rows in the unit ball.
    n_atoms_, alpha_ : int, float
        What was found or given.
    variance_explained_ : float
        Percent of the training motion explained.
    objective_, dual_gap_ : float
        Objective at the exact codes, and how far those may be from optimal for these atoms.
    path_ : DataFrame
        Every cell looked at: n_atoms, alpha, variance_explained (percent), active, objective, n_iter.
    n_rows_dropped_ : int
        Training rows left out because a point was missing (or their weight zero).

    Raises
    ------
    DfecsError
        For parameters out of range, or training data without a complete row.

    Warns
    -----
    ConvergenceWarning
        When no cell reaches `variance`; the one that explains most is kept.

    References
    ----------
    DFECS, arXiv 2406.05434.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.exponential(20, (200, 2)) @ rng.normal(size=(2, 10))
    >>> model = PartFaceModel(variance=0.99).fit(X)
    >>> model.components_.shape, bool((model.transform(X) >= 0).all())
    ((2, 10), True)
    """

    _prefix: ClassVar[str] = "atom"
    _values: ClassVar[Mapping[str, Check]] = {
        "alpha_": is_number,
        "n_atoms_": is_whole,
        "variance_explained_": is_number,
        "objective_": is_number,
        "dual_gap_": is_number,
        "n_iter_": is_whole,
        "n_rows_dropped_": is_whole,
    }
    _frames: ClassVar[tuple[str, ...]] = ("path_",)

    def __init__(
        self,
        n_atoms: int | None = None,
        alpha: float | None = None,
        variance: float = 0.99,
        *,
        max_atoms: int | None = None,
        search: Search = "path",
        max_iter: int = 2000,
        tol: float = 1e-5,
        n_jobs: int | None = None,
    ) -> None:
        self.n_atoms = n_atoms
        self.alpha = alpha
        self.variance = variance
        self.max_atoms = max_atoms
        self.search = search
        self.max_iter = max_iter
        self.tol = tol
        self.n_jobs = n_jobs

    def _check_settings(self) -> None:
        check_each(self, check_count, "n_atoms", "max_atoms", "max_iter")
        check_each(self, check_penalty, "alpha", "tol")
        check_share("variance", self.variance)
        check_choice("search", self.search, ("path", "paper"))
        check_jobs("n_jobs", self.n_jobs)

    def _check_loaded(self, sizes: Mapping[str, int]) -> None:
        if self.n_atoms_ != sizes["units"] or self.alpha_ < 0:
            raise DfecsError(f"n_atoms_ is {self.n_atoms_} and alpha_ {self.alpha_} of {sizes['units']} atoms")

    def fit(
        self,
        X: FrameOrFloats | ArrayLike,
        y: object = None,  # noqa: ARG002 (scikit-learn's signature)
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn the atoms from X of shape (n_frames, n_features); `y` is ignored."""
        self._check_settings()
        rows, weights, _ = self._read_training(X, sample_weight)
        found = fit_part(
            rows,
            n_atoms=self.n_atoms,
            alpha=self.alpha,
            variance=self.variance,
            max_atoms=self.max_atoms,
            search=self.search,
            weights=weights,
            max_iter=self.max_iter,
            tol=self.tol,
            n_jobs=self.n_jobs,
        )
        searched = self.n_atoms is None or self.alpha is None
        if searched and not found.reached:
            warnings.warn(
                f"no cell explains {100 * self.variance:g} % of the motion; the best one explains "
                f"{100 * found.best.coding.variance_explained:.2f} % (see path_)",
                ConvergenceWarning,
                stacklevel=2,
            )
        best = found.best
        self.components_ = best.atoms
        self.alpha_ = float(best.alpha)
        self.n_atoms_ = len(best.atoms)
        self.variance_explained_ = 100 * best.coding.variance_explained
        self.objective_ = best.objective
        self.dual_gap_ = best.coding.gap
        self.n_iter_ = best.n_iter
        self.path_: pd.DataFrame = found.path()
        self._statistics = None
        return self

    def _batch_alpha(self) -> float:
        return getattr(self, "alpha_", 0.0)

    def transform(self, X: FrameOrFloats | ArrayLike) -> FrameOrFloats:
        """Return codes (n_frames, n_atoms) at ``alpha_``; rows with missing points use the points they have."""
        check_is_fitted(self)
        values = self._read(X, reset=False)
        codes = by_pattern(
            values,
            len(self.components_),
            lambda rows, seen: code(rows, self.components_[:, seen], self.alpha_, n_jobs=self.n_jobs).codes,
        )
        return self._codes_like(codes, X)
