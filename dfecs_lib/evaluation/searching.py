"""How many units, and how the search for part dictionaries went, as tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dfecs_lib.errors import DfecsError
from dfecs_lib.ffm import FullFaceModel, PartFaceModel
from dfecs_lib.ffm.selection import UnitSelection
from dfecs_lib.keypoints import coordinates
from dfecs_lib.models.parts import columns_of_parts

__all__ = ["n_units_table", "search_steps", "search_surface"]


def n_units_table(chosen: UnitSelection) -> pd.DataFrame:
    """The table of `select_n_units`, a row a number of units, with the one-standard-error rule spelled out.

    Returns
    -------
    DataFrame
        Columns ``n_units, variance_explained, low, high, stability, active_units, within_one_error, picked``; `low` and
        `high` lie one standard error off; a number within one standard error of the best could serve as well, and the
        smallest of those is picked.
    """
    table = chosen.table.reset_index()
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
            "picked": table["n_units"] == chosen.n_units,
        }
    )


def search_surface(learn: pd.DataFrame, part: str, n_atoms: Sequence[int], alphas: Sequence[float]) -> pd.DataFrame:
    """What one face part's dictionary explains, for every number of atoms and penalty.

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
    motion = coordinates(learn)[:, columns[part]]
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
