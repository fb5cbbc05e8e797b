r"""Agreement between raters: Krippendorff's alpha, Fleiss' kappa, Gwet's AC1 and AC2, with bootstrap intervals.

Alpha comes from the package ``krippendorff``, kappa from ``statsmodels``. For Gwet's coefficient there is no package
for current NumPy; it is a few lines (Gwet, Br J Math Stat Psychol 61, 29–48, 2008, and Handbook of Inter-Rater
Reliability, 2014):

.. math:: AC = \frac{p_a - p_e}{1 - p_e}, \quad
          p_a = \frac1{n'} \sum_{i: r_i \ge 2} \sum_k \frac{r_{ik} (r^*_{ik} - 1)}{r_i (r_i - 1)}, \quad
          p_e = \frac{\sum_{kl} w_{kl}}{q (q - 1)} \sum_k \pi_k (1 - \pi_k)

with :math:`r_{ik}` raters giving item i category k, :math:`r^*_{ik} = \sum_l w_{kl} r_{il}`, and :math:`\pi_k` the mean
over items of :math:`r_{ik} / r_i`. AC1: identity weights; AC2: any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.errors import DfecsError

__all__ = ["agreement_table", "bootstrap_interval", "counts_of", "fleiss_kappa", "gwet_ac", "krippendorff_alpha"]

Ratings = NDArray[np.float64]
Level = Literal["nominal", "ordinal"]


def _as_ratings(ratings: ArrayLike) -> Ratings:
    values = np.asarray(ratings, dtype=np.float64)
    if values.ndim != 2:
        raise DfecsError(f"ratings must have the shape (n_items, n_raters), not {values.shape}")
    return values


def counts_of(ratings: ArrayLike, categories: Sequence[float]) -> NDArray[np.int64]:
    """Return how many raters gave each item each category, shape (n_items, n_categories); NaN is no rating."""
    values = _as_ratings(ratings)
    return np.stack([(values == c).sum(axis=1) for c in categories], axis=1)


def gwet_ac(
    ratings: ArrayLike, categories: Sequence[float], *, weights: Literal["identity", "quadratic"] = "identity"
) -> float:
    """Gwet's AC1 (identity weights) or AC2 (quadratic weights).

    Parameters
    ----------
    ratings : array of shape (n_items, n_raters)
        NaN where a rater did not rate an item.
    categories : sequence of float
        Every category that could be chosen, chosen or not: the coefficient depends on their number.
    weights : {"identity", "quadratic"}

    Returns
    -------
    float
        NaN when no item has two ratings, or with fewer than two categories.

    Examples
    --------
    >>> import numpy as np
    >>> gwet_ac(np.array([[1, 1], [0, 0], [1, 1]]), (0, 1))
    1.0
    """
    counts = counts_of(ratings, categories).astype(np.float64)
    q = counts.shape[1]
    r = counts.sum(axis=1)
    counts, r = counts[r > 0], r[r > 0]
    pairs = r >= 2
    if q < 2 or not pairs.any():
        return float("nan")
    scale = np.asarray(categories, dtype=np.float64)
    if weights == "quadratic":
        w = 1.0 - ((scale[:, None] - scale[None]) / (scale.max() - scale.min())) ** 2
    else:
        w = np.eye(q)
    star = counts @ w
    agreeing = (counts * (star - 1.0)).sum(axis=1)[pairs] / (r * (r - 1.0))[pairs]
    share = (counts / r[:, None]).mean(axis=0)
    by_chance = w.sum() / (q * (q - 1.0)) * float((share * (1.0 - share)).sum())
    return float((agreeing.mean() - by_chance) / (1.0 - by_chance))


def krippendorff_alpha(ratings: ArrayLike, *, level: Level = "nominal") -> float:
    """Krippendorff's alpha of ratings (n_items, n_raters), NaN for none; NaN when all ratings are the same."""
    try:
        import krippendorff
    except ImportError as error:
        raise DfecsError(
            "Krippendorff's alpha needs the package krippendorff: pip install 'dfecs_lib[raters]'"
        ) from error
    values = _as_ratings(ratings)
    seen = values[(np.isfinite(values).sum(axis=1) >= 2)]
    if len(np.unique(seen[np.isfinite(seen)])) < 2:
        return float("nan")
    return float(krippendorff.alpha(reliability_data=values.T, level_of_measurement=level))


def fleiss_kappa(ratings: ArrayLike, categories: Sequence[float]) -> float:
    """Fleiss' kappa over the items that every rater rated; NaN when there is none or all ratings are the same."""
    try:
        from statsmodels.stats.inter_rater import fleiss_kappa as fleiss
    except ImportError as error:
        raise DfecsError("Fleiss' kappa needs the package statsmodels: pip install 'dfecs_lib[raters]'") from error
    values = _as_ratings(ratings)
    counts = counts_of(values[np.isfinite(values).all(axis=1)], categories)
    if not len(counts) or values.shape[1] < 2 or (counts.sum(axis=0) > 0).sum() < 2:
        return float("nan")
    return float(fleiss(counts))


def bootstrap_interval(
    statistic: Callable[[Ratings], float],
    ratings: ArrayLike,
    *,
    n_bootstraps: int = 500,
    confidence: float = 0.95,
    random_state: int = 0,
) -> tuple[float, float]:
    """Percentile interval of a coefficient over items drawn anew; draws in which it is undefined are left out."""
    values = _as_ratings(ratings)
    rng = np.random.default_rng(random_state)
    draws = np.array([statistic(values[rng.integers(len(values), size=len(values))]) for _ in range(n_bootstraps)])
    draws = draws[np.isfinite(draws)]
    if len(draws) < 0.5 * n_bootstraps:
        return float("nan"), float("nan")
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def agreement_table(
    complies: ArrayLike, ratings: ArrayLike, *, n_bootstraps: int = 500, random_state: int = 0
) -> pd.DataFrame:
    """Every coefficient on both questions, with its interval over items.

    Parameters
    ----------
    complies : array of shape (n_items, n_raters)
        1: the rater found no keypoint against the muscles; 0: at least one; NaN: not rated.
    ratings : array of shape (n_items, n_raters)
        1 to 5.

    Returns
    -------
    DataFrame
        Columns question, coefficient, value, low, high, n_items (with at least two ratings).
    """
    yes_no, scale = (0.0, 1.0), (1.0, 2.0, 3.0, 4.0, 5.0)
    asked: list[tuple[str, str, Ratings, Callable[[Ratings], float]]] = [
        ("complies", "Krippendorff's alpha", _as_ratings(complies), krippendorff_alpha),
        ("complies", "Fleiss' kappa", _as_ratings(complies), lambda v: fleiss_kappa(v, yes_no)),
        ("complies", "Gwet's AC1", _as_ratings(complies), lambda v: gwet_ac(v, yes_no)),
        ("rating", "Krippendorff's alpha", _as_ratings(ratings), lambda v: krippendorff_alpha(v, level="ordinal")),
        ("rating", "Fleiss' kappa", _as_ratings(ratings), lambda v: fleiss_kappa(v, scale)),
        ("rating", "Gwet's AC2", _as_ratings(ratings), lambda v: gwet_ac(v, scale, weights="quadratic")),
    ]
    rows = []
    for question, name, values, statistic in asked:
        low, high = bootstrap_interval(statistic, values, n_bootstraps=n_bootstraps, random_state=random_state)
        paired = int((np.isfinite(values).sum(axis=1) >= 2).sum())
        rows.append((question, name, statistic(values), low, high, paired))
    return pd.DataFrame(rows, columns=["question", "coefficient", "value", "low", "high", "n_items"])
