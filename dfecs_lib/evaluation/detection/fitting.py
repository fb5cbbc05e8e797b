"""Fitting probes with scikit-learn: linear and small non-linear ones, calibrated on people left out."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import precision_recall_curve
from sklearn.model_selection import GroupKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor

from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.detection.features import with_context
from dfecs_lib.evaluation.detection.measures import PRESENT
from dfecs_lib.evaluation.detection.probe import Array, Kind, Layers, Probe, through
from dfecs_lib.evaluation.subjects import subject_names
from dfecs_lib.models.checks import check_choice

__all__ = ["coded_units", "fit_probe"]

_RIDGE, _C, _HIDDEN, _DECAY = 10.0, 0.1, 16, 1.0
_INNER_FOLDS = 3
Bools = NDArray[np.bool_]


def coded_units(intensities: pd.DataFrame) -> list[str]:
    """Return the AUs that a probe can learn: present (intensity ≥ 2) in some frames of two people, absent in others.

    Raises
    ------
    DfecsError
        If there is none, or only one person: nothing could be said about others.
    """
    names = subject_names(intensities)
    if names.nunique() < 2:
        raise DfecsError("the labels are of one subject; a probe needs frames of two or more people")
    coded = intensities.notna()
    present = (intensities >= PRESENT) & coded
    people = present.groupby(names).any().sum()
    absent = (coded & ~present).any()
    chosen = [str(au) for au in intensities.columns if people[au] >= 2 and absent[au]]
    if not chosen:
        raise DfecsError(
            f"no action unit is present (intensity {PRESENT:g} or more) in frames of two people; there is nothing to "
            "learn"
        )
    return chosen


def _fit_linear(values: Array, labels: Array, occurs: bool) -> Layers:
    weights, intercepts = np.zeros((values.shape[1], labels.shape[1])), np.zeros(labels.shape[1])
    for k, label in enumerate(labels.T):
        seen = np.isfinite(label)
        if occurs:
            on = label[seen] >= PRESENT
            if on.all() or not on.any():  # of the people left in, nobody shows it
                continue
            model = LogisticRegression(C=_C, class_weight="balanced", solver="newton-cholesky")
            model.fit(values[seen], on)
            weights[:, k], intercepts[k] = model.coef_[0], model.intercept_[0]
        elif seen.any():
            fitted = Ridge(alpha=_RIDGE).fit(values[seen], label[seen])
            weights[:, k], intercepts[k] = fitted.coef_, fitted.intercept_
    return ((weights, intercepts),)


def _fit_small(values: Array, labels: Array, occurs: bool, random_state: int) -> Layers:
    seen = np.isfinite(labels).all(axis=1)
    if not seen.any():
        raise DfecsError("no frame has all its action units coded, as a probe of kind 'small' needs; use 'linear'")
    kind = MLPClassifier if occurs else MLPRegressor
    target = (labels[seen] >= PRESENT).astype(np.int64) if occurs else labels[seen]
    model = kind(hidden_layer_sizes=(_HIDDEN,), alpha=_DECAY, solver="lbfgs", max_iter=150, random_state=random_state)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopping early is part of its smallness
        model.fit(values[seen], target[:, 0] if target.shape[1] == 1 else target)
    return tuple((np.asarray(w), np.asarray(b)) for w, b in zip(model.coefs_, model.intercepts_, strict=True))


def fit_probe(
    codes: pd.DataFrame,
    intensities: pd.DataFrame,
    *,
    kind: Kind = "linear",
    context: int = 0,
    card: Mapping[str, object] | None = None,
    random_state: int = 0,
) -> Probe:
    """Learn to tell action units from codes.

    Occurrence (intensity ≥ 2): logistic regression with balanced classes. Intensity: ridge regression. Kind "small"
    puts one hidden layer of 16 units in front of each. Thresholds (best F1) and the calibration of intensities come
    from three inner folds of training people, each predicted by the others.

    Parameters
    ----------
    codes : DataFrame of shape (n_frames, n_units)
        As a model's ``transform`` gives them.
    intensities : AU table
        Labels 0–5 of (some of) the same frames, NaN = not coded; matched by index.
    kind : {"linear", "small"}
    context : int
        Frames on either side to look at, see `with_context`.
    card : mapping, optional
        What the model card should say; JSON values.
    random_state : int
        Of "small".

    Raises
    ------
    DfecsError
        If codes and labels share no frame, are of one subject, no AU is ever present, or the codes are constant.

    Examples
    --------
    >>> from dfecs_lib import load
    >>> from dfecs_lib.baselines import PCAUnits
    >>> from dfecs_lib.preprocessing import prepare
    >>> data = load("sim-ckplus")
    >>> motion = prepare(data)
    >>> probe = fit_probe(PCAUnits(8).fit(motion).transform(motion), data.truth.action_units)
    >>> "AU12" in probe.action_units
    True
    """
    check_choice("kind", kind, ("linear", "small"))
    features = with_context(codes, context)
    features = features[features.notna().all(axis=1)]
    shared = features.index.intersection(intensities.index)
    if not len(shared):
        raise DfecsError("the codes and the labels share no frame; they are matched by index")
    labels = intensities.loc[shared]
    labels = labels[labels.notna().any(axis=1)]
    if labels.empty:
        raise DfecsError("none of the frames that have codes is labelled")
    units = coded_units(labels)
    values = features.loc[labels.index].to_numpy(np.float64)
    mean, scale = values.mean(axis=0), values.std(axis=0)
    if not (scale > 1e-12).any():
        raise DfecsError("the codes are constant: they tell nothing about any action unit")
    scale = np.where(scale > 1e-12, scale, 1.0)
    values, truth = (values - mean) / scale, labels[units].to_numpy(np.float64)

    def fit(rows: Bools, occurs: bool) -> Layers:
        if kind == "linear":
            return _fit_linear(values[rows], truth[rows], occurs)
        return _fit_small(values[rows], truth[rows], occurs, random_state)

    people = subject_names(labels)
    score, raw = np.full(truth.shape, np.nan), np.full(truth.shape, np.nan)
    for train, test in GroupKFold(min(_INNER_FOLDS, people.nunique())).split(values, groups=people):
        inside = np.isin(np.arange(len(values)), train)
        score[test] = through(fit(inside, True), values[test])
        raw[test] = through(fit(inside, False), values[test])
    slope, intercept = _calibrated(raw, truth)
    every = np.ones(len(values), dtype=np.bool_)
    probe = Probe(
        tuple(units),
        tuple(map(str, codes.columns)),
        kind,
        context,
        mean,
        scale,
        fit(every, True),
        fit(every, False),
        _thresholds(score, truth),
        slope,
        intercept,
    )
    left_out = [str(au) for au in intensities.columns if au not in units]
    about = {
        "frames": len(labels),
        "people": int(people.nunique()),
        "action_units_left_out": left_out,
        "present": f"intensity {PRESENT:g} or more",
    }
    return replace(probe, card={**about, **(card or {})})


def _thresholds(score: Array, truth: Array) -> Array:
    """Return, AU by AU, the score from which on deciding for it has the best F1."""
    out = np.zeros(truth.shape[1])
    for k in range(truth.shape[1]):
        seen = np.isfinite(truth[:, k]) & np.isfinite(score[:, k])
        precision, recall, at = precision_recall_curve(truth[seen, k] >= PRESENT, score[seen, k])
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        out[k] = at[int(f1[:-1].argmax())]
    return out


def _calibrated(raw: Array, truth: Array) -> tuple[Array, Array]:
    """Return slopes and intercepts of true intensities on those of people left out; a slope is not negative."""
    slope, intercept = np.zeros(truth.shape[1]), np.zeros(truth.shape[1])
    for k in range(truth.shape[1]):
        seen = np.isfinite(truth[:, k]) & np.isfinite(raw[:, k])
        x, y = raw[seen, k], truth[seen, k]
        slope[k] = max(0.0, float(((x - x.mean()) * (y - y.mean())).sum() / max(((x - x.mean()) ** 2).sum(), 1e-12)))
        intercept[k] = y.mean() - slope[k] * x.mean()
    return slope, intercept
