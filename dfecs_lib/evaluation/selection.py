"""How many units, and how many at a time: every way of coding on one front, model selection, the search's own path."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.baselines import PCAUnits
from dfecs_lib.coding.encoders import by_pattern
from dfecs_lib.coding.sparse_coding import code
from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.curves import recoded
from dfecs_lib.evaluation.frames import UnitModel
from dfecs_lib.ffm import FullFaceModel, PartFaceModel
from dfecs_lib.ffm.selection import UnitSelection
from dfecs_lib.keypoints import FrameOrArray
from dfecs_lib.models.parts import columns_of_parts

__all__ = [
    "LassoCoded",
    "front_at",
    "front_variants",
    "lasso_for_activity",
    "search_steps",
    "search_surface",
    "selection_table",
]

#: The front's variants, as they are named in tables and figures.
PAPER, DIRECT, SPARSE = "paper, hierarchical", "unrefined, direct", "unrefined, sparse"
REFINED, ELIMINATION = "refined, direct", "refined, sparse by elimination"
REFIT, SHRUNK, PCA = "refined, sparse by lasso", "refined, lasso without refit", "PCA, as many components"


class LassoCoded:
    """A fitted model's units with the codes of the non-negative lasso as they are: shrunk by the penalty.

    What a refit on the units chosen is worth is seen beside it; nobody should code like this.

    Parameters
    ----------
    model : FullFaceModel
    alpha : float
        Penalty in pixels.
    """

    def __init__(self, model: FullFaceModel, alpha: float) -> None:
        self.model = model
        self.alpha = alpha
        self.components_ = model.components_

    def fit(self, X: FrameOrArray) -> Self:
        """Refit the model."""
        self.components_ = self.model.fit(X).components_
        return self

    def transform(self, X: FrameOrArray) -> FrameOrArray:
        """Return codes (n_frames, n_units), pixels; NaN where a row has no point."""
        values = np.ascontiguousarray(np.asarray(X, dtype=np.float64))
        codes: NDArray[np.float64] = by_pattern(
            values,
            len(self.components_),
            lambda rows, seen: code(rows, self.components_[:, seen], self.alpha).codes,
        ).astype(np.float64, copy=False)
        if not isinstance(X, pd.DataFrame):
            return codes
        return pd.DataFrame(codes, index=X.index, columns=self.model.get_feature_names_out())

    def inverse_transform(self, X: FrameOrArray) -> FrameOrArray:
        """Return the motion that codes stand for."""
        motion = self.model.inverse_transform(X)
        return motion if isinstance(motion, pd.DataFrame) else motion.astype(np.float64, copy=False)


def lasso_for_activity(K: FrameOrArray, units: NDArray[np.float64], mean_active: float) -> float:
    """Smallest penalty, in pixels, at which the non-negative lasso uses at most `mean_active` units a frame on average.

    Examples
    --------
    >>> import numpy as np
    >>> round(lasso_for_activity(np.diag([4.0, 2.0]), np.eye(2), 0.5), 1)
    2.0
    """
    rows = np.asarray(K, dtype=np.float64)
    rows = np.ascontiguousarray(rows[np.isfinite(rows).all(axis=1)])
    if not len(rows):
        raise DfecsError("no frame has all its points")

    def active(alpha: float) -> float:
        return float(np.count_nonzero(code(rows, units, alpha).codes) / len(rows))

    if active(0.0) <= mean_active:
        return 0.0
    low, high = 1e-3, float(np.abs(rows @ units.T).max()) + 1e-3
    while high > 1.05 * low:
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if active(middle) > mean_active else (low, middle)
    return high


def front_variants(
    learn: pd.DataFrame,
    n_units: int,
    max_active: Sequence[int],
    *,
    part_variance: float = 0.99,
    random_state: int = 0,
) -> dict[str, dict[int, UnitModel]]:
    """Every way to code with units learned on the same frames, for `front_table`.

    Parameters
    ----------
    learn : KPM table
    n_units : int
        Units of the models.
    max_active : sequence of int
        Units a frame uses on average, for the sparse ways: penalties are set to that on the frames learned on.
        Components, for PCA. Numbers above `n_units` are left out.
    part_variance : float
    random_state : int

    Returns
    -------
    dict of variant -> dict of most units a frame -> fitted model
        The paper's hierarchical coding; its units coded directly and sparsely; units refined for direct coding and
        coded so; units refined for sparse coding and coded by elimination, by the lasso with a refit, and by the lasso
        without one, at the same penalties; PCA with as many components.
    """
    limits = sorted({int(n) for n in max_active if 0 < n <= n_units})
    if not limits:
        raise DfecsError(f"max_active holds no number from 1 to n_units ({n_units})")
    made = {
        encoder: FullFaceModel(n_units, part_variance=part_variance, encoder=encoder, random_state=random_state)
        for encoder in ("hierarchical", "direct", "sparse")
    }
    paper, for_direct, for_sparse = (model.fit(learn) for model in made.values())
    whole = len(for_sparse.components_)

    def eliminated(model: FullFaceModel) -> dict[int, UnitModel]:
        coder = recoded(model, encoder="sparse", refine=model.refined_)
        return {n: copy(coder).calibrate(learn, n) for n in limits}

    penalties = {n: lasso_for_activity(learn, for_sparse.components_, n) for n in limits}
    return {
        PAPER: {whole: paper},
        DIRECT: {whole: recoded(paper, encoder="direct", refine=False)},
        SPARSE: eliminated(paper),
        REFINED: {whole: for_direct},
        ELIMINATION: eliminated(for_sparse),
        REFIT: {
            n: recoded(for_sparse, encoder="sparse", selection="lasso", encoder_alpha=alpha)
            for n, alpha in penalties.items()
        },
        SHRUNK: {n: LassoCoded(for_sparse, alpha) for n, alpha in penalties.items()},
        PCA: {n: PCAUnits(n).fit(learn) for n in sorted({*limits, n_units})},
    }


def front_at(front: pd.DataFrame, active: Sequence[float]) -> pd.DataFrame:
    """Variance explained at exactly these numbers of active units, read off the front's curves, mean over test sets.

    Parameters
    ----------
    front : DataFrame
        Of `front_table`.
    active : sequence of float

    Returns
    -------
    DataFrame
        Index: methods. Columns: `active`. NaN where a method's curve does not reach, in any test set.
    """
    rows: dict[str, list[float]] = {}
    for method, table in front.groupby("method", sort=False):
        curves = [part.sort_values("active") for _, part in table.groupby("test", sort=False)]
        read = [np.interp(active, c["active"], c["ve_squared"], left=np.nan, right=np.nan) for c in curves]
        rows[str(method)] = list(np.mean(read, axis=0))
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(active)).rename_axis("method")


def selection_table(found: UnitSelection) -> pd.DataFrame:
    """What `select_n_units` found, a row a number of units, with the one-standard-error rule spelled out.

    Returns
    -------
    DataFrame
        Columns ``n_units, variance_explained, low, high, stability, active_units, within_one_error, picked``; `low` and
        `high` lie one standard error off; a number within one standard error of the best could serve as well, and the
        smallest of those is picked.
    """
    table = found.table.reset_index()
    error = table["standard_error"].fillna(0.0)
    best = int(table["variance_explained"].to_numpy().argmax())
    least = table["variance_explained"].iloc[best] - error.iloc[best]
    return pd.DataFrame(
        {
            "n_units": table["n_units"],
            "variance_explained": table["variance_explained"],
            "low": table["variance_explained"] - error,
            "high": table["variance_explained"] + error,
            "stability": table["stability"],
            "active_units": table["active_units"],
            "within_one_error": table["variance_explained"] >= least,
            "picked": table["n_units"] == found.n_units,
        }
    )


def search_surface(learn: pd.DataFrame, part: str, n_atoms: Sequence[int], alphas: Sequence[float]) -> pd.DataFrame:
    """What one face part's dictionary explains, for every number of atoms and penalty: the ground that a search walks.

    Parameters
    ----------
    learn : KPM table
        In a scheme whose parts are known. Rows with missing points are left out.
    part : str
        Such as ``"lips"``.
    n_atoms : sequence of int
    alphas : sequence of float
        Pixels.

    Returns
    -------
    DataFrame
        Columns ``part, n_atoms, alpha, variance_explained, active``.
    """
    _, columns = columns_of_parts(learn, "scheme", learn.shape[1])
    if part not in columns:
        raise DfecsError(f"no face part {part!r}; known: {', '.join(columns)}")
    motion = learn.to_numpy(np.float64)[:, columns[part]]
    motion = np.ascontiguousarray(motion[np.isfinite(motion).all(axis=1)])
    rows = []
    for count in n_atoms:
        for alpha in alphas:
            cell = PartFaceModel(count, alpha).fit(motion).path_.iloc[-1]
            rows.append((part, count, alpha, cell["variance_explained"], cell["active"]))
    return pd.DataFrame(rows, columns=["part", "n_atoms", "alpha", "variance_explained", "active"])


def search_steps(model: FullFaceModel) -> pd.DataFrame:
    """The cells that level 1 looked at, part by part, and which of them it took.

    Parameters
    ----------
    model : FullFaceModel
        Fitted.

    Returns
    -------
    DataFrame
        Columns ``part, n_atoms, alpha, variance_explained, chosen``, in the order of the grid: atoms upwards, penalties
        downwards.
    """
    # A part that misses its threshold has cells that were looked at twice, from different starts.
    table = model.part_path_.drop_duplicates(["part", "n_atoms", "alpha"], keep="last")
    taken = pd.Series(model.atom_parts_).value_counts()
    chosen = (table["n_atoms"] == table["part"].map(taken)) & (table["alpha"] == table["part"].map(model.part_alphas_))
    columns = ["part", "n_atoms", "alpha", "variance_explained"]
    return table[columns].assign(chosen=chosen).reset_index(drop=True)
