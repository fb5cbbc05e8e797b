r"""Measures of AU detection, defined once, per AU, with bootstrap intervals over subjects; NaN where undefined.

With true intensity x, estimate y, occurrence o = [x ≥ 2] and decision d, over all frames that have both:

========================  ==========================================================================  ===============
``f1``                    2 TP / (2 TP + FP + FN), of the frames with the AU                          no frame has it
``auc``                   share of (with, without) pairs whose scores are in order, ties half         one class only
``balanced_accuracy``     mean of the shares of frames with and without the AU that are decided so    one class only
``icc``                   ICC(3,1), consistency: 2 s_xy / (s_x² + s_y²)                               x or y constant
``pcc``                   Pearson correlation, s_xy / (s_x s_y)                                       x or y constant
``ccc``                   Lin's concordance, 2 s_xy / (s_x² + s_y² + (x̄ − ȳ)²), moments over n        x or y constant
``mae``                   mean of \|x − y\|, in steps of intensity                                    no frame
========================  ==========================================================================  ===============

The last column says when a measure is undefined (NaN). ICC(3,1) is a consistency: it forgives an offset; CCC does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.errors import DfecsError
from dfecs_lib.evaluation.subjects import subject_names

__all__ = ["DISFA8", "MEASURES", "PRESENT", "measure", "measure_table"]

#: From this intensity on, an AU counts as present.
PRESENT = 2.0
#: The eight AUs that figures on DISFA are averaged over.
DISFA8 = ("AU01", "AU02", "AU04", "AU06", "AU09", "AU12", "AU25", "AU26")
Array = NDArray[np.float64]


def _ratio(above: Array, below: Array) -> Array:
    out: Array = np.full(np.broadcast(above, below).shape, np.nan)
    np.divide(above, below, out=out, where=below > 0)
    return out


def _sums(subject: NDArray[np.intp], n: int, *columns: Array) -> Array:
    """Sum columns within subjects: shape (n_subjects, n_columns)."""
    return np.stack([np.bincount(subject, weights=column, minlength=n) for column in columns], axis=1)


def _occurrence(on: Array, decision: Array, subject: NDArray[np.intp], w: Array) -> dict[str, Array]:
    counts = _sums(
        subject, w.shape[1], on * decision, (1 - on) * decision, on * (1 - decision), (1 - on) * (1 - decision)
    )
    tp, fp, fn, tn = (w @ counts).T
    f1 = np.where(tp + fn > 0, _ratio(2 * tp, 2 * tp + fp + fn), np.nan)
    return {"f1": f1, "balanced_accuracy": (_ratio(tp, tp + fn) + _ratio(tn, tn + fp)) / 2}


def _auc(on: Array, score: Array, subject: NDArray[np.intp], w: Array) -> Array:
    """AUC of resampled subjects, from the pairs in order of every two of them (one with the AU, the other without)."""
    n = w.shape[1]
    with_, without = ([np.sort(score[(subject == s) & (on == value)]) for s in range(n)] for value in (1, 0))
    ordered = np.zeros((n, n))
    for s, high in enumerate(with_):
        for t, low in enumerate(without):
            if len(high) and len(low):
                below = np.searchsorted(low, high, "left") + np.searchsorted(low, high, "right")
                ordered[s, t] = below.sum() / 2
    pairs = (w @ [len(v) for v in with_]) * (w @ [len(v) for v in without])
    return _ratio(np.einsum("bs,st,bt->b", w, ordered, w), pairs)


def _intensity(x: Array, y: Array, subject: NDArray[np.intp], w: Array) -> dict[str, Array]:
    x0, y0 = x - x.mean(), y - y.mean()  # moments about fixed points, for the sake of digits
    sums = _sums(subject, w.shape[1], np.ones(len(x)), x0, y0, x0 * x0, y0 * y0, x0 * y0, np.abs(x - y))
    n, sx, sy, sxx, syy, sxy, off = (w @ sums).T
    n = np.where(n > 0, n, np.nan)
    vx, vy, cov = sxx / n - (sx / n) ** 2, syy / n - (sy / n) ** 2, sxy / n - sx * sy / n**2
    varies = (vx > 1e-12) & (vy > 1e-12)  # False where there is no frame
    apart = (x.mean() + sx / n - y.mean() - sy / n) ** 2
    values = {"icc": 2 * cov / np.where(varies, vx + vy, 1), "ccc": 2 * cov / np.where(varies, vx + vy + apart, 1)}
    values["pcc"] = cov / np.sqrt(np.where(varies, vx * vy, 1))
    return {**{name: np.where(varies, value, np.nan) for name, value in values.items()}, "mae": off / n}


#: Measures in the order of tables.
MEASURES = ("f1", "auc", "balanced_accuracy", "icc", "pcc", "ccc", "mae")


def measure(
    truth: ArrayLike,
    *,
    decision: ArrayLike,
    score: ArrayLike,
    estimate: ArrayLike,
    subject: ArrayLike,
    n_resamples: int = 1000,
    random_state: int = 0,
) -> pd.DataFrame:
    """Measure one AU's detection.

    Parameters
    ----------
    truth : array of shape (n_frames,)
        True intensity, 0–5; NaN: not coded.
    decision, score, estimate : array of shape (n_frames,)
        Whether the AU is said to be there; what that was decided by (more: rather there); the estimated intensity.
        NaN: no estimate, as where a frame shows no face.
    subject : array of shape (n_frames,)
        Whom each frame shows; intervals draw these anew.
    n_resamples, random_state
        Of the bootstrap.

    Returns
    -------
    DataFrame
        Index: `MEASURES`; ``value, low, high`` (95 %, percentile; NaN with fewer than two subjects).

    Examples
    --------
    >>> x = [0, 0, 3, 4]
    >>> measure(x, decision=[0, 0, 1, 1], score=x, estimate=x, subject=list("abab")).value.round(3).to_list()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]
    """
    codes, known = pd.factorize(np.asarray(subject))
    weights = _weights(len(known), n_resamples, random_state)
    draws = _draws(truth, decision, score, estimate, codes, weights)
    rows = {name: (draws[name][0], *_bounds(draws[name][1:])) for name in MEASURES}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])


def _weights(n: int, n_resamples: int, random_state: int) -> Array:
    """How often each of n subjects counts: once in the first row, as drawn with replacement in the others."""
    drawn = np.random.default_rng(random_state).integers(n, size=(n_resamples if n > 1 else 0, n))
    return np.array([np.ones(n), *(np.bincount(row, minlength=n) for row in drawn)], dtype=np.float64)


def _draws(
    truth: ArrayLike,
    decision: ArrayLike,
    score: ArrayLike,
    estimate: ArrayLike,
    subject: NDArray[np.intp],
    weights: Array,
) -> dict[str, Array]:
    """Every measure under every row of weights of subjects."""
    x, d, s, y = (np.asarray(v, dtype=np.float64) for v in (truth, decision, score, estimate))
    seen = np.isfinite(x) & np.isfinite(d) & np.isfinite(s) & np.isfinite(y)
    if not seen.any():
        return {name: np.full(len(weights), np.nan) for name in MEASURES}
    x, d, s, y, subject = x[seen], d[seen], s[seen], y[seen], subject[seen]
    on = (x >= PRESENT).astype(np.float64)
    occurrence = {**_occurrence(on, d, subject, weights), "auc": _auc(on, s, subject, weights)}
    return {**occurrence, **_intensity(x, y, subject, weights)}


def _bounds(draws: Array) -> tuple[float, float]:
    """Return the interval; NaN where half of the resamples or more leave the measure undefined."""
    known = draws[np.isfinite(draws)]
    if not len(draws) or len(known) <= len(draws) / 2:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def measure_table(
    predictions: Mapping[str, pd.DataFrame],
    intensities: pd.DataFrame,
    *,
    subset: Sequence[str] | None = None,
    n_resamples: int = 1000,
    random_state: int = 0,
) -> pd.DataFrame:
    """Measure every AU under every method, and the mean over AUs.

    Parameters
    ----------
    predictions : mapping of method -> DataFrame
        Columns ``(AU, "decision" | "score" | "estimate")``, rows by the labels' index.
    intensities : AU table
    subset : sequence of str, optional
        AUs that the mean goes over, such as `DISFA8`; all by default.

    Returns
    -------
    DataFrame
        Tidy: ``method, au, measure, value, low, high, n_frames, n_present``. ``au == "macro"``: the mean over AUs that
        all methods predict and where the measure is defined, in every draw of subjects too; ``n_frames`` then says over
        how many AUs.

    Raises
    ------
    DfecsError
        If predictions and labels share no frame.
    """
    rows: list[tuple[object, ...]] = []
    codes, known = pd.factorize(subject_names(intensities))
    weights = _weights(len(known), n_resamples, random_state)
    everywhere = set.intersection(*(set(table.columns.get_level_values(0)) for table in predictions.values()))
    for method, table in predictions.items():
        if not len(intensities.index.intersection(table.index)):
            raise DfecsError(f"{method}: the predictions and the labels share no frame; they are matched by index")
        whole = table.reindex(intensities.index)
        each: list[dict[str, Array]] = []
        for au in (au for au in intensities.columns if (au, "score") in whole.columns):
            truth = intensities[au].to_numpy(np.float64)
            decision, score, estimate = (whole[au, k].to_numpy(np.float64) for k in ("decision", "score", "estimate"))
            draws = _draws(truth, decision, score, estimate, codes, weights)
            seen = np.isfinite(truth) & np.isfinite(score)
            counts = (int(seen.sum()), int((truth[seen] >= PRESENT).sum()))
            rows += [(method, au, name, draws[name][0], *_bounds(draws[name][1:]), *counts) for name in MEASURES]
            if au in everywhere and (subset is None or au in subset):
                each.append(draws)
        for name in MEASURES if each else ():
            stacked = np.stack([draws[name] for draws in each])
            defined = np.isfinite(stacked[:, 0])
            mean = np.full(len(weights), np.nan)
            if defined.any():
                mean = _ratio(np.nansum(stacked[defined], axis=0), np.isfinite(stacked[defined]).sum(axis=0))
            rows.append((method, "macro", name, mean[0], *_bounds(mean[1:]), int(defined.sum()), 0))
    names = ["method", "au", "measure", "value", "low", "high", "n_frames", "n_present"]
    return pd.DataFrame(rows, columns=names)
