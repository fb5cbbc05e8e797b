"""People never seen: units learned from some, tested on others, at every number of units that a frame may use."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from dfecs_lib.data.load import describe, load, split_names
from dfecs_lib.errors import AbsentDataError, DfecsError
from dfecs_lib.evaluation.few import FewUnits
from dfecs_lib.evaluation.frames import UnitModel, in_scheme_of, model_costs
from dfecs_lib.evaluation.fronts import pooled_front
from dfecs_lib.evaluation.study import StudySet
from dfecs_lib.evaluation.subjects import sample_frames, subject_names
from dfecs_lib.models.encoded import EncodedUnits
from dfecs_lib.preprocessing import preparation

__all__ = ["Contender", "models_by_fold", "people_sets", "unseen_people"]


@dataclass(frozen=True)
class Contender:
    """A kind of units, and how a frame is coded with few of them.

    Parameters
    ----------
    make : function without arguments
        Returns a fresh, unfitted model; or a fitted one whose ``fit`` is not called, with `fixed`.
    few : {"own", "added", "signed", "first"}
        "own": as the model codes by itself, set to so many units at work by its ``calibrate``. The others: see
        `dfecs_lib.evaluation.few.FewUnits`.
    fixed : bool
        Whether the units are given, not learned.
    """

    make: Callable[[], UnitModel]
    few: Literal["own", "added", "signed", "first"] = "added"
    fixed: bool = False

    def fitted(self, K: pd.DataFrame) -> UnitModel:
        """Return the model, fitted to motion where units are learned."""
        return self.make() if self.fixed else self.make().fit(K)

    def coded(self, model: UnitModel, learn: pd.DataFrame, n_active: Sequence[int]) -> dict[int, UnitModel]:
        """Return the fitted model with so many units at work on average of the frames `learn`, for each number."""
        table = in_scheme_of(model, learn)
        most = len(model.components_)
        numbers = [n for n in n_active if n <= most]
        if self.few != "own":
            return {n: FewUnits(model, table, n, self.few) for n in numbers}
        if not isinstance(model, EncodedUnits):
            raise DfecsError(f"{type(model).__name__} has no coding of its own to set; use few='added'")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # fewer than so many are ever at work: the curve ends there
            return {n: copy(model).calibrate(table, n) for n in numbers}


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
        Of `pooled_front`: ``method, most, active, ve_squared, low, high, cancellation``.
    costs : dict of name -> DataFrame
        `model_costs` of the models' own coding, every frame by a model that never saw its person.

    Raises
    ------
    DfecsError
        If there are fewer than two people.
    """
    tested = sample_frames(K, n_test, random_state).index
    own: dict[str, list[pd.DataFrame]] = {}

    def folds() -> Iterator[tuple[Mapping[str, Mapping[int, UnitModel]], pd.DataFrame]]:
        for train, test in _folds(K, n_splits):
            learn = sample_frames(K.iloc[train], n_frames, random_state)
            unseen = K.iloc[test]
            unseen = unseen[unseen.index.isin(tested)]
            unseen.attrs = dict(K.attrs)
            coded = {}
            for name, contender in contenders.items():
                model = contender.fitted(learn)
                own.setdefault(name, []).append(model_costs(model, unseen))
                coded[name] = contender.coded(model, learn, n_active)
            yield coded, unseen

    curves = pooled_front(folds())
    return curves, {name: pd.concat(parts).loc[tested] for name, parts in own.items()}


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
