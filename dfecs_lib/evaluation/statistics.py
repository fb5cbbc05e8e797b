"""Effect sizes, intervals and corrections, on top of SciPy and statsmodels.

What SciPy or statsmodels has is called; only the two standardised mean differences are written out here.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from dfecs_lib.errors import DfecsError

__all__ = ["cohen_d", "compare_means", "holm", "paired_dz", "ratio_interval"]

Alternative = Literal["two-sided", "greater", "less"]


def cohen_d(a: ArrayLike, b: ArrayLike) -> float:
    r"""Cohen's d of two independent samples: difference of means over the pooled standard deviation.

    NaN where the pooled deviation is zero or a sample has fewer than two values.

    Examples
    --------
    >>> cohen_d([1.0, 2.0, 3.0], [0.0, 1.0, 2.0])
    1.0
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if min(len(x), len(y)) < 2:
        return float("nan")
    pooled = ((len(x) - 1) * x.var(ddof=1) + (len(y) - 1) * y.var(ddof=1)) / (len(x) + len(y) - 2)
    return float((x.mean() - y.mean()) / np.sqrt(pooled)) if pooled > 0 else float("nan")


def paired_dz(a: ArrayLike, b: ArrayLike) -> float:
    """Paired effect size d_z: mean of the differences over their standard deviation; NaN where that is zero.

    Examples
    --------
    >>> paired_dz([1.0, 2.0, 4.0], [0.0, 0.0, 1.0])
    2.0
    """
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    spread = difference.std(ddof=1) if len(difference) > 1 else 0.0
    return float(difference.mean() / spread) if spread > 0 else float("nan")


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Correct p values for multiple comparisons by Holm's step-down method (statsmodels); NaN stays NaN.

    Raises
    ------
    DfecsError
        If statsmodels is not installed.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    try:
        from statsmodels.stats.multitest import multipletests
    except ImportError:
        raise DfecsError(
            "Holm's correction needs statsmodels; install it with pip install 'dfecs_lib[raters]'"
        ) from None
    values = np.asarray(p, dtype=np.float64)
    out = np.full(values.shape, np.nan)
    known = np.isfinite(values)
    if known.any():
        out[known] = multipletests(values[known], method="holm")[1]
    return out


def compare_means(a: ArrayLike, b: ArrayLike, *, paired: bool, alternative: Alternative = "two-sided") -> pd.Series:
    """t-test of two samples with its effect size.

    Parameters
    ----------
    a, b : array-like of shape (n,)
        For a paired test, values of the same n things.
    paired : bool
        `scipy.stats.ttest_rel` and d_z, else `scipy.stats.ttest_ind` (pooled variance) and Cohen's d.
    alternative : {"two-sided", "greater", "less"}
        "greater": the mean of `a` is the greater.

    Returns
    -------
    Series
        ``mean_a, mean_b, difference, low, high`` (95 % confidence interval of the difference, two-sided, from the
        same t distribution), ``t, df, p, effect``, and for a paired test ``wilcoxon_p``.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if paired and len(x) != len(y):
        raise DfecsError(f"a paired test needs as many values on both sides, not {len(x)} and {len(y)}")
    out = {"mean_a": x.mean(), "mean_b": y.mean(), "difference": x.mean() - y.mean()}
    if min(len(x), len(y)) < 2 or np.ptp(np.concatenate([x - x.mean(), y - y.mean()])) == 0:
        return pd.Series({**out, **dict.fromkeys(("low", "high", "t", "df", "p", "effect", "wilcoxon_p"), np.nan)})
    if paired:
        result = stats.ttest_rel(x, y, alternative=alternative)
        interval = stats.ttest_rel(x, y).confidence_interval(0.95)
    else:
        result = stats.ttest_ind(x, y, alternative=alternative)
        interval = stats.ttest_ind(x, y).confidence_interval(0.95)
    out |= {"low": interval.low, "high": interval.high, "t": result.statistic, "df": result.df, "p": result.pvalue}
    out["effect"] = paired_dz(x, y) if paired else cohen_d(x, y)
    out["wilcoxon_p"] = stats.wilcoxon(x, y, alternative=alternative).pvalue if paired and (x != y).any() else np.nan
    return pd.Series({name: float(value) for name, value in out.items()})


def ratio_interval(
    numerator: ArrayLike,
    denominator: ArrayLike,
    *,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    random_state: int = 0,
) -> tuple[float, float]:
    """Bootstrap interval of Σ numerator / Σ denominator, whole subjects drawn with replacement.

    Parameters
    ----------
    numerator, denominator : array-like of shape (n_subjects,)
        Each subject's sums.
    confidence : float
    n_resamples : int
    random_state : int

    Returns
    -------
    (float, float)
        Percentile interval (`scipy.stats.bootstrap`); (NaN, NaN) for fewer than two subjects.
    """
    top, bottom = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    if len(top) < 2:
        return float("nan"), float("nan")
    interval = stats.bootstrap(
        (top, bottom),
        lambda n, d, axis: n.sum(axis=axis) / d.sum(axis=axis),
        paired=True,
        vectorized=True,
        confidence_level=confidence,
        n_resamples=n_resamples,
        method="percentile",
        rng=np.random.default_rng(random_state),
    ).confidence_interval
    return float(interval.low), float(interval.high)
