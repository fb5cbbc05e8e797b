"""Level 1 over all parts: one dictionary a part, learnt in parallel, placed side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from dfecs_lib.coding.sparse_coding import Floats
from dfecs_lib.ffm.part_model import fit_part
from dfecs_lib.ffm.search import Found, Search

__all__ = ["LevelOne", "atoms_by_part", "learn_parts"]

# A table with more columns than WFLW's 98 points have is a mesh; what share of its energy a direction must hold.
# Without it, 99 % of a forehead that hardly moves would be 99 % of its tremble: as many atoms as it has columns.
_WIDE, _NOTHING = 200, 1e-5


@dataclass(frozen=True)
class LevelOne:
    """The parts' dictionaries.

    Attributes
    ----------
    atoms : array of shape (n_all_atoms, n_features)
        Each atom is zero outside its part.
    codes : array of shape (n_frames, n_all_atoms)
        Of the training frames.
    parts : list of str
        Part of every atom.
    alphas : dict of str to float
    path : DataFrame
        Every cell looked at, with its part.
    """

    atoms: NDArray[np.float64]
    codes: Floats
    parts: list[str]
    alphas: dict[str, float]
    path: pd.DataFrame


def learn_parts(
    rows: Floats,
    columns: Mapping[str, NDArray[np.intp]],
    *,
    n_atoms: int | None,
    alpha: float | None,
    variance: float,
    max_atoms: int | None,
    search: Search,
    weights: NDArray[np.float64] | None,
    max_iter: int,
    tol: float,
    n_jobs: int | None,
    progress: bool,
) -> LevelOne:
    """Search every part's dictionary; joblib spreads the parts, over threads unless a backend is set.

    A mesh's part has many columns, and few that differ: its rows are searched in an orthonormal basis of the directions
    that matter to the whole face, in which atoms' lengths and codes are the same (`_in_basis`).
    """
    least = _NOTHING * float(np.square(rows, dtype=np.float64).sum()) if rows.shape[1] > _WIDE else 0.0
    few = [_in_basis(rows[:, where], 0.0 if search == "paper" else least) for where in columns.values()]
    jobs = [
        joblib.delayed(fit_part)(
            part,
            n_atoms=n_atoms,
            alpha=alpha,
            variance=variance,
            max_atoms=max_atoms,
            search=search,
            weights=weights,
            max_iter=max_iter,
            tol=tol,
        )
        for part, _ in few
    ]
    if progress:
        done = joblib.Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(jobs)
        found: list[Found] = list(tqdm(done, total=len(jobs), desc="parts", unit="part"))
    else:
        found = joblib.Parallel(n_jobs=n_jobs, prefer="threads")(jobs)
    found = [
        one if basis is None else replace(one, best=replace(one.best, atoms=one.best.atoms @ basis))
        for one, (_, basis) in zip(found, few, strict=True)
    ]
    by_part = dict(zip(columns, found, strict=True))
    parts = [part for part, one in by_part.items() for _ in one.best.atoms]
    atoms = np.zeros((len(parts), rows.shape[1]))
    for part, one in by_part.items():
        mine = np.array([k for k, name in enumerate(parts) if name == part])
        atoms[np.ix_(mine, columns[part])] = one.best.atoms
    return LevelOne(
        atoms=atoms,
        codes=np.concatenate([one.best.coding.codes for one in found], axis=1),
        parts=parts,
        alphas={part: float(one.best.alpha) for part, one in by_part.items()},
        path=pd.concat([one.path().assign(part=part) for part, one in by_part.items()], ignore_index=True),
    )


def _in_basis(rows: Floats, least: float) -> tuple[Floats, Floats | None]:
    """Return a part's rows in the directions that hold more than the `least` energy, and these directions.

    There is always one. With nothing to leave out, rows come back as they are.
    """
    rows = np.ascontiguousarray(rows)
    if not least > 0:
        return rows, None
    energy, directions = np.linalg.eigh(rows.T.astype(np.float64) @ rows)
    kept = energy > least
    kept[-1] = True
    basis = directions[:, kept]
    return np.ascontiguousarray((rows @ basis).astype(rows.dtype)), np.ascontiguousarray(basis.T.astype(rows.dtype))


def atoms_by_part(
    atoms: NDArray[np.float64],
    parts: Sequence[str],
    columns: Mapping[str, Sequence[int]],
    alphas: Mapping[str, float],
) -> list[tuple[NDArray[np.intp], NDArray[np.float64], float]]:
    """Take `LevelOne` apart again: (columns, atoms on those columns, alpha) of every part."""
    name = np.array(parts)
    return [
        (np.array(where), atoms[np.ix_(np.flatnonzero(name == part), np.array(where))], alphas[part])
        for part, where in columns.items()
    ]
