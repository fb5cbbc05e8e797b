"""People never seen: units learned from some, tested on others, at every number of units that a frame may use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import orthogonal_mp
from sklearn.model_selection import GroupKFold

from dfecs_lib.coding.encoders import by_pattern, sparse
from dfecs_lib.coding.sparse_coding import Floats as AnyFloats
from dfecs_lib.data.load import describe, load, split_names
from dfecs_lib.errors import AbsentDataError, DfecsError
from dfecs_lib.evaluation.frames import UnitModel, frame_costs, in_scheme_of, model_costs, score
from dfecs_lib.evaluation.study import StudySet
from dfecs_lib.evaluation.subjects import sample_frames, subject_names
from dfecs_lib.keypoints import coordinates
from dfecs_lib.preprocessing import preparation

__all__ = ["Contender", "at_most", "cancellation_of", "models_by_fold", "people_sets", "unseen_people"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Contender:
    """A kind of units, and how a frame is coded with few of them.

    Parameters
    ----------
    make : function without arguments
        Returns a fresh, unfitted model; or a fitted one whose ``fit`` is not called, with `fixed`.
    few : {"added", "signed", "first"}
        "added": codes at or above zero, on the units that serve the frame best, one by one dropped from all of them
        (`dfecs_lib.coding.encoders.sparse`). "signed": codes of either sign, by orthogonal matching pursuit. "first":
        the first units, all of them on, as PCA with so many components.
    fixed : bool
        Whether the units are given, not learned.
    """

    make: Callable[[], UnitModel]
    few: Literal["added", "signed", "first"] = "added"
    fixed: bool = False

    def fitted(self, K: pd.DataFrame) -> UnitModel:
        """Return the model, fitted to motion where units are learned."""
        return self.make() if self.fixed else self.make().fit(K)


def at_most(model: UnitModel, K: pd.DataFrame, n_active: int, few: str = "added") -> pd.DataFrame:
    """Reconstruct motion with at most `n_active` units a frame.

    Parameters
    ----------
    model : fitted model
    K : KPM table
        In the model's scheme.
    n_active : int
    few : {"added", "signed", "first"}
        See `Contender`.

    Returns
    -------
    DataFrame
        Like `K`.
    """
    units = np.asarray(model.components_, dtype=np.float64)
    n = min(n_active, len(units))
    offset = np.asarray(model.inverse_transform(np.zeros((1, len(units)))), dtype=np.float64)[0]
    rows = np.ascontiguousarray(coordinates(K) - offset)
    if few == "added":
        codes = np.asarray(sparse(rows, units, max_active=n))
    elif few == "signed":
        codes = by_pattern(rows, len(units), lambda seen_rows, seen: _pursuit(seen_rows, units[:, seen], n))
    else:
        codes = by_pattern(rows, n, lambda seen_rows, seen: _all_on(seen_rows, units[:n, seen]))
        units = units[:n]
    guess = pd.DataFrame(codes @ units + offset, index=K.index, columns=K.columns)
    guess.attrs = dict(K.attrs)
    return guess


def _pursuit(rows: AnyFloats, units: Floats, n: int) -> Floats:
    return np.asarray(orthogonal_mp(units.T, rows.T, n_nonzero_coefs=n), dtype=np.float64).T.reshape(len(rows), -1)


def _all_on(rows: AnyFloats, units: Floats) -> Floats:
    return np.asarray(np.linalg.lstsq(units.T, rows.T, rcond=None)[0], dtype=np.float64).T


def models_by_fold(
    make: Callable[[], UnitModel],
    K: pd.DataFrame,
    *,
    n_splits: int = 5,
    n_frames: int | None = None,
    random_state: int = 17,
) -> list[tuple[UnitModel, pd.MultiIndex]]:
    """Fit a model for every group of people left out.

    Parameters
    ----------
    make : function without arguments
        Returns a fresh, unfitted model.
    K : KPM table
    n_splits, n_frames, random_state
        See `unseen_people`.

    Returns
    -------
    list of (model, index)
        Each fitted model with the rows of the people that it never saw.
    """
    return [
        (make().fit(sample_frames(K.iloc[train], n_frames, random_state)), cast("pd.MultiIndex", K.index[test]))
        for train, test in _folds(K, n_splits)
    ]


def _folds(K: pd.DataFrame, n_splits: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows to learn from and rows of the people left out, group by group; the same for the same people and frames."""
    names = subject_names(K).to_numpy()
    folds = min(n_splits, len(np.unique(names)))
    if folds < 2:
        raise DfecsError("leaving people out needs two people or more")
    yield from GroupKFold(folds).split(K, groups=names)


def unseen_people(
    contenders: Mapping[str, Contender],
    K: pd.DataFrame,
    n_active: Sequence[int],
    *,
    n_splits: int = 5,
    n_frames: int | None = None,
    n_test: int | None = None,
    random_state: int = 17,
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Test every kind of units on people that it was not learned from.

    Parameters
    ----------
    contenders : mapping of name -> Contender
    K : KPM table
        Of several people.
    n_active : sequence of int
        Numbers of units that a frame may use.
    n_splits : int
        Groups of people, each left out once; as many as there are people at most.
    n_frames : int, optional
        Frames to learn from at most, drawn at random.
    n_test : int, optional
        Frames to test on at most, over all groups; drawn at random.
    random_state : int
        Of these draws.

    Returns
    -------
    curves : DataFrame
        Tidy: ``method, n_active, value, low, high``: variance explained (squared, percent), with its 95 % bootstrap
        interval over people.
    costs : dict of name -> DataFrame
        `model_costs` of the models' own coding, every frame by a model that never saw its person, with the columns
        ``fold`` and ``cancellation``: that of the fold, see `cancellation_of`.

    Raises
    ------
    DfecsError
        If there are fewer than two people.
    """
    tested = sample_frames(K, n_test, random_state).index
    few: dict[tuple[str, int], list[pd.DataFrame]] = {}
    own: dict[str, list[pd.DataFrame]] = {}
    for fold, (train, test) in enumerate(_folds(K, n_splits)):
        learn = sample_frames(K.iloc[train], n_frames, random_state)
        unseen = K.iloc[test]
        unseen = unseen[unseen.index.isin(tested)]
        unseen.attrs = dict(K.attrs)
        for name, contender in contenders.items():
            model = contender.fitted(learn)
            table = in_scheme_of(model, unseen)
            added_up = cancellation_of(model, table)
            own.setdefault(name, []).append(model_costs(model, table).assign(fold=fold, cancellation=added_up))
            for n in n_active:
                few.setdefault((name, n), []).append(frame_costs(table, at_most(model, table, n, contender.few)))
    rows = [(name, n, *score(pd.concat(parts), interval=True)) for (name, n), parts in few.items()]
    curves = pd.DataFrame(rows, columns=["method", "n_active", "value", "low", "high"])
    return curves, {name: pd.concat(parts).loc[tested] for name, parts in own.items()}


def cancellation_of(model: UnitModel, K: pd.DataFrame) -> float:
    """How far a model's units work against each other on motion: ``‖|E|·|V|‖_F / ‖E·V‖_F``; 1 where nothing cancels."""
    codes = np.asarray(model.transform(K), dtype=np.float64)
    codes = codes[np.isfinite(codes).all(axis=1)]
    units = np.asarray(model.components_, dtype=np.float64)
    total = np.linalg.norm(codes @ units)
    return float(np.linalg.norm(np.abs(codes) @ np.abs(units)) / total) if total else float("nan")


def people_sets(sources: str | Sequence[str], **options: object) -> tuple[dict[str, StudySet], dict[str, str]]:
    """Load the data sets of people that are on this machine, each whole; and say of the others how to get them.

    Parameters
    ----------
    sources : str or sequence of str
        As `dfecs_lib.load` takes them.
    **options
        Of `dfecs_lib.load`.

    Returns
    -------
    sets : dict of name -> StudySet
    absent : dict of name -> str
        A sentence for each that is not here.

    Raises
    ------
    AbsentDataError
        If none is here.
    """
    sets: dict[str, StudySet] = {}
    absent: dict[str, str] = {}
    for name in split_names(sources):
        try:
            data = load(name, **options)  # type: ignore[arg-type]  # its own options
        except AbsentDataError as error:
            absent[name] = str(error)
            continue
        prepared = preparation(data)
        sets[name] = StudySet(name, describe(name), prepared.motion, prepared.mean_neutral, data)
    if not sets:
        raise AbsentDataError(" ".join(absent.values()))
    return sets, absent
