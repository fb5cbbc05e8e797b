"""How well codes tell labelled action units of people not learned from, representation by representation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.detection.fitting import coded_units, fit_probe
from dfecs_lib.evaluation.detection.folds import subject_folds
from dfecs_lib.evaluation.detection.probe import Kind
from dfecs_lib.evaluation.detection.zero_shot import match_units, zero_shot
from dfecs_lib.evaluation.frames import in_contract
from dfecs_lib.evaluation.subjects import sample_frames, subject_names
from dfecs_lib.keypoints import FrameOrArray, coordinates, in_order, in_time

__all__ = ["Makers", "RawMotion", "chance", "detect", "once"]


class Encoder(Protocol):
    """A fitted representation of motion."""

    def transform(self, X: FrameOrArray) -> FrameOrArray:
        """Return codes."""


#: Name -> function of training motion and its labels that returns a fitted representation.
Makers = Mapping[str, Callable[[pd.DataFrame, pd.DataFrame], Encoder]]


def once(make: Callable[[pd.DataFrame, pd.DataFrame], Encoder]) -> Callable[[pd.DataFrame, pd.DataFrame], Encoder]:
    """Return a maker that learns once from the same people, however often it is asked: for several kinds of probes.

    Only for the same table of motion and the same draw of frames.
    """
    known: dict[tuple[object, ...], Encoder] = {}

    def made(motion: pd.DataFrame, labels: pd.DataFrame) -> Encoder:
        people = (len(motion), *subject_names(motion).unique())
        if people not in known:
            known[people] = make(motion, labels)
        return known[people]

    return made


class RawMotion(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The motion itself: what a probe on all keypoints can tell, an upper bound for codes of the same motion."""

    def fit(self, X: FrameOrArray, y: object = None) -> Self:  # noqa: ARG002
        """Do nothing."""
        return self

    def transform(self, X: FrameOrArray) -> FrameOrArray:
        """Return the columns that have a value, as they are."""
        return in_order(X) if isinstance(X, pd.DataFrame) else coordinates(X)


def detect(
    makers: Makers,
    motion: pd.DataFrame,
    intensities: pd.DataFrame,
    *,
    n_splits: int | None = 3,
    kind: Kind = "linear",
    context: int = 0,
    unit_matching: Sequence[str] = (),
    n_frames: int | None = None,
    keypoints: bool = True,
    random_state: int = 0,
) -> dict[str, pd.DataFrame]:
    """Predict every frame's action units by representations and probes that never saw its subject.

    Parameters
    ----------
    makers : mapping of name -> function
        Each is called with the training motion and its labels, fold by fold; unsupervised ones ignore the labels.
    motion : KPM table
    intensities : AU table
        Labels of (some of) its frames, matched by index.
    n_splits : int, optional
        See `subject_folds`.
    kind, context, random_state
        See `fit_probe`.
    unit_matching : sequence of str
        Names of `makers` whose units are also taken as they are, each for the AU that it follows on training people:
        see `zero_shot`. They are called ``"NAME, no probe"``.
    n_frames : int, optional
        Frames to learn representations from at most, drawn at random.
    keypoints : bool
        False: `motion` holds codes already, whose columns are no keypoints.

    Returns
    -------
    dict of name -> DataFrame
        Predictions for `measure_table`. An AU that training people of a fold never show has none in that fold.

    Raises
    ------
    DfecsError
        If motion and labels share no frame, or people or AUs are too few.
    """
    table = in_contract(motion) if keypoints else in_time(motion)
    shared = table.index.intersection(intensities.index)
    if not len(shared):
        raise DfecsError("the motion and the labels share no frame; they are matched by index")
    labels = intensities.loc[shared]
    coded_units(labels)
    folds = subject_folds(table, n_splits)
    out: dict[str, list[pd.DataFrame]] = {}
    for fold in sorted(folds.unique()):
        inside = (folds != fold).to_numpy()
        learn, test = table[inside], table[~inside]
        learn.attrs = test.attrs = table.attrs
        mine = labels.loc[learn.index.intersection(labels.index)]
        for name, make in makers.items():
            encoder = make(sample_frames(learn, n_frames, random_state), mine)
            codes, unseen = (_codes(encoder, part) for part in (learn, test))
            probe = fit_probe(codes, mine, kind=kind, context=context, random_state=random_state)
            out.setdefault(name, []).append(probe.predict(unseen))
            if name in unit_matching:
                found = zero_shot(unseen, match_units(codes, mine))
                out.setdefault(f"{name}, no probe", []).append(found)
        out.setdefault("chance", []).append(chance(test.index, mine, random_state))
    return {name: pd.concat(parts) for name, parts in out.items()}


def _codes(encoder: Encoder, motion: pd.DataFrame) -> pd.DataFrame:
    codes = encoder.transform(motion)
    return codes if isinstance(codes, pd.DataFrame) else pd.DataFrame(codes, index=motion.index)


def chance(index: pd.Index, intensities: pd.DataFrame, random_state: int = 0) -> pd.DataFrame:
    """Predict without looking: every AU always there (the best F1 without a face), intensity 0, random scores.

    Parameters
    ----------
    index : Index
        Frames to predict.
    intensities : AU table
        Labels of training people.
    random_state : int
    """
    rng = np.random.default_rng(random_state)
    columns: dict[tuple[str, str], object] = {}
    for au in coded_units(intensities):
        columns[au, "decision"] = np.ones(len(index))
        columns[au, "score"] = rng.random(len(index))
        columns[au, "estimate"] = np.zeros(len(index))
    return pd.DataFrame(columns, index=index)
