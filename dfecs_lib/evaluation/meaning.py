"""Do measures of a face tell what was meant? Recordings compared in pairs, and told apart with people left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.frames import UnitModel
from dfecs_lib.evaluation.statistics import compare_means, ratio_interval
from dfecs_lib.keypoints import coordinates, scheme_of

__all__ = [
    "accuracy",
    "brow_height",
    "brow_motion",
    "brow_units",
    "by_pair",
    "code_features",
    "measure_features",
    "of_recordings",
    "own_features",
    "paired_contrasts",
    "tell_apart",
    "told_apart",
    "without_linear",
]

_BROWS, _EYES = tuple(range(17, 27)), tuple(range(36, 48))
_RECORDING = ["dataset", "subject", "recording"]
Floats = NDArray[np.float64]
#: Features of the recordings at these positions: those that teach, and those that are tested.
Features = Callable[[NDArray[np.intp], NDArray[np.intp]], tuple[Floats, Floats]]


def brow_height(K: pd.DataFrame, *, relative: bool = False) -> pd.Series[float]:
    """Mean height of the brows above the eyes, frame by frame; in the table's pixels, or in distances of the eyes.

    Parameters
    ----------
    K : keypoint table
        With brows and eyes, y down.
    relative : bool
        Divide by the distance between the outer corners of the eyes.
    """
    x, y = np.split(coordinates(K), 2, axis=1)
    scheme = scheme_of(K)
    height = y[:, scheme.positions(_EYES)].mean(axis=1) - y[:, scheme.positions(_BROWS)].mean(axis=1)
    if relative:
        a, b = scheme.positions([36, 45])
        height = height / np.hypot(x[:, a] - x[:, b], y[:, a] - y[:, b])
    return pd.Series(height, index=K.index, name="brow height")


def brow_units(model: UnitModel, least: float = 0.5) -> NDArray[np.intp]:
    """Return which units move mainly the brows: at least the share `least` of their energy is in brow points."""
    units = np.nan_to_num(np.asarray(model.components_, dtype=np.float64))
    energy = np.square(units).reshape(len(units), 2, -1).sum(axis=1)
    share = energy[:, scheme_of(units).positions(_BROWS)].sum(axis=1) / energy.sum(axis=1)
    return np.flatnonzero(share >= least)


def brow_motion(model: UnitModel, K: pd.DataFrame, least: float = 0.5) -> pd.Series[float]:
    """How far up the units of the brows say that the brows are, px: their codes times their motion, mean over points.

    The sum does not depend on how many units share the brows' motion among them. NaN where a frame has no codes.
    """
    which = brow_units(model, least)
    codes = np.asarray(model.transform(K), dtype=np.float64)[:, which]
    moved = codes @ np.nan_to_num(np.asarray(model.components_, dtype=np.float64)[which])
    y = np.split(moved, 2, axis=1)[1]
    return pd.Series(-y[:, scheme_of(K).positions(_BROWS)].mean(axis=1), index=K.index, name="brow units")


def of_recordings(values: pd.DataFrame, peak: float | None = None) -> pd.DataFrame:
    """Return one row a recording: each column's mean over its frames, or the quantile `peak`."""
    grouped = values.groupby(level=_RECORDING)
    return grouped.mean() if peak is None else grouped.quantile(peak)


def without_linear(values: pd.Series[float], confounder: pd.Series[float]) -> pd.Series[float]:
    """Return values without what follows linearly from a confounder, within each person, frame by frame."""
    both = pd.DataFrame({"y": values, "x": confounder.reindex(values.index)}).dropna()
    centred = both - both.groupby(level=["dataset", "subject"]).transform("mean")
    slope = float((centred["x"] * centred["y"]).sum() / np.square(centred["x"]).sum())
    return (values - slope * (confounder.reindex(values.index) - confounder.mean())).rename(str(values.name))


def paired_contrasts(values: pd.DataFrame, kinds: pd.Series, contrasts: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """Compare kinds of recordings in pairs of the same person and item.

    Parameters
    ----------
    values : DataFrame
        One row a recording, index ``(subject, item, …)``: rows of the same subject and item make a pair. One column a
        measure.
    kinds : Series
        Of every row.
    contrasts : mapping of name -> (kind, kind)
        The second is subtracted from the first.

    Returns
    -------
    DataFrame
        Tidy: ``contrast, measure, pairs, people, difference, low, high, t, p`` (over pairs, as if independent),
        ``t_people, p_people`` (over the people's means), ``people_up``: how many people's mean difference is positive.
    """
    rows = []
    for contrast, (a, b) in contrasts.items():
        first, second = (
            values[(kinds == kind).to_numpy()].groupby(level=["subject", "item"]).mean() for kind in (a, b)
        )
        pairs = first.index.intersection(second.index)
        for measure in map(str, values):
            one, two = (part.loc[pairs, measure] for part in (first, second))
            known = (one.notna() & two.notna()).to_numpy()
            one, two = one[known], two[known]
            over_pairs = compare_means(one, two, paired=True)
            people = pd.DataFrame({"a": one, "b": two}).groupby(level="subject").mean()
            over_people = compare_means(people["a"], people["b"], paired=True)
            rows.append(
                {
                    "contrast": contrast,
                    "measure": measure,
                    "pairs": len(one),
                    "people": len(people),
                    **over_pairs[["difference", "low", "high", "t", "p"]].to_dict(),
                    "t_people": over_people["t"],
                    "p_people": over_people["p"],
                    "people_up": int((people["a"] > people["b"]).sum()),
                }
            )
    return pd.DataFrame(rows)


def tell_apart(
    features: Features,
    labels: pd.Series,
    people: pd.Series,
    *,
    weights: pd.Series | None = None,
    n_splits: int | None = None,
) -> pd.DataFrame:
    """Guess labels of recordings by people whose labels were never seen (logistic regression on scaled features).

    Parameters
    ----------
    features : function (train, test) -> (array, array)
        Of the recordings at these positions: one row each. What is learned for them may be learned from `train` only.
    labels, people : Series
        Of every recording.
    weights : Series, optional
        Of every recording, by which groups of people are balanced: numbers of frames make the same groups as
        `dfecs_lib.evaluation.people.models_by_fold` makes of the frames.
    n_splits : int, optional
        Groups of people left out; by default one person at a time.

    Returns
    -------
    DataFrame
        ``label, guess, person``, one row a recording, in the order of `labels`.
    """
    groups = people.to_numpy()
    folds = len(np.unique(groups)) if n_splits is None else min(n_splits, len(np.unique(groups)))
    if folds < 2:
        raise DfecsError("leaving people out needs two people or more")
    guess = np.empty(len(labels), dtype=object)
    rows = np.repeat(np.arange(len(labels)), 1 if weights is None else weights.to_numpy())
    for left, out in GroupKFold(folds).split(rows, groups=groups[rows]):
        train, test = np.unique(rows[left]), np.unique(rows[out])
        seen, unseen = features(train, test)
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
        guess[test] = model.fit(seen, labels.iloc[train]).predict(unseen)
    return pd.DataFrame({"label": labels.to_numpy(), "guess": guess, "person": groups}, index=labels.index)


def by_pair(frames: pd.DataFrame, peak: float | None = None) -> tuple[pd.DataFrame, pd.Series]:
    """`of_recordings` named ``KIND_ITEM``, by subject and item as `paired_contrasts` takes them; and their kinds."""
    values = of_recordings(frames, peak)
    names = [str(name).split("_", 1) for name in values.index.get_level_values("recording")]
    items = pd.Index([item for _, item in names])
    values.index = pd.MultiIndex.from_arrays(
        [values.index.get_level_values("subject"), items], names=["subject", "item"]
    )
    return values, pd.Series([kind for kind, _ in names], index=values.index)


def own_features(values: pd.DataFrame, peak: float = 0.9) -> pd.DataFrame:
    """Mean and peak of every recording, less the average over the person's recordings, which needs no labels."""
    both = pd.concat(
        [of_recordings(values).add_suffix(", mean"), of_recordings(values, peak).add_suffix(", peak")], axis=1
    )
    return both - both.groupby(level=["dataset", "subject"]).transform("mean")


def code_features(folds: Sequence[tuple[UnitModel, pd.MultiIndex]], K: pd.DataFrame, peak: float = 0.9) -> Features:
    """Features for `tell_apart` out of codes of units that were learned from the very people who teach the classifier.

    Parameters
    ----------
    folds : sequence of (model, index)
        From `dfecs_lib.evaluation.people.models_by_fold` on `K`.
    K : KPM table
    peak : float
        A recording's peak is this quantile over its frames.
    """
    coded = []
    for model, left_out in folds:
        codes = pd.DataFrame(np.asarray(model.transform(K)), index=K.index).add_prefix("U")
        coded.append((own_features(codes, peak), set(left_out.droplevel(["recording", "frame"]))))

    def features(train: NDArray[np.intp], test: NDArray[np.intp]) -> tuple[Floats, Floats]:
        unseen = set(cast("pd.MultiIndex", coded[0][0].index[test]).droplevel("recording"))
        found = [table for table, left_out in coded if left_out == unseen]
        if not found:
            raise DfecsError("the people left out are not those of any model; give both the same numbers of splits")
        values = found[0].to_numpy(dtype=np.float64)
        return values[train], values[test]

    return features


def measure_features(values: pd.DataFrame, peak: float = 0.9) -> Features:
    """Features for `tell_apart` out of measures for which nothing is learned."""
    table = own_features(values, peak).to_numpy(dtype=np.float64)
    return lambda train, test: (table[train], table[test])


def told_apart(
    methods: Mapping[str, Features], K: pd.DataFrame, label_of: Callable[[str], str], *, n_splits: int = 5
) -> pd.DataFrame:
    """How many recordings of people left out get their right label, by every kind of features?

    Parameters
    ----------
    methods : mapping of name -> features
    K : KPM table
        Its recordings are told apart, and its frames make the groups of people.
    label_of : function
        Of a recording's name.
    n_splits : int

    Returns
    -------
    DataFrame
        ``method, right (%), low, high, chance (%)``: percent right with its 95 % interval over people, and what the
        commonest answer gets.
    """
    weights = K.groupby(level=_RECORDING).size()
    recordings = weights.index
    labels = pd.Series([label_of(str(name)) for name in recordings.get_level_values("recording")], index=recordings)
    keys = recordings.to_frame(index=False)
    people = pd.Series((keys["dataset"] + "/" + keys["subject"]).to_numpy(), index=recordings)
    chance = 100 * float(labels.value_counts(normalize=True).max())
    rows = []
    for method, features in methods.items():
        found = tell_apart(features, labels, people, weights=weights, n_splits=n_splits)
        value, low, high = accuracy(found)
        rows.append({"method": method, "right (%)": value, "low": low, "high": high, "chance (%)": chance})
    return pd.DataFrame(rows)


def accuracy(found: pd.DataFrame) -> tuple[float, float, float]:
    """Percent of labels guessed, with its 95 % bootstrap interval over people; `found` from `tell_apart`."""
    right = (found["label"] == found["guess"]).groupby(found["person"])
    low, high = ratio_interval(right.sum(), right.count())
    return 100 * float((found["label"] == found["guess"]).mean()), 100 * low, 100 * high
