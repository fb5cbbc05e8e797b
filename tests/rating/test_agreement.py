"""Agreement coefficients against published examples, hand sums and simple truths."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from dfecs_lib.errors import DfecsError
from dfecs_lib.rating import agreement_table, fleiss_kappa, gwet_ac, krippendorff_alpha
from dfecs_lib.rating.agreement import bootstrap_interval

NAN = np.nan
#: Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", example C: 4 observers, 12 units, 5 values.
#: The same table is the example "cac.raw4raters" of Gwet's handbook and R package irrCAC.
FOUR = np.array(
    [
        [1, 1, NAN, 1],
        [2, 2, 3, 2],
        [3, 3, 3, 3],
        [3, 3, 3, 3],
        [2, 2, 2, 2],
        [1, 2, 3, 4],
        [4, 4, 4, 4],
        [1, 1, 2, 1],
        [2, 2, 2, 2],
        [NAN, 5, 5, 5],
        [NAN, NAN, 1, 1],
        [NAN, NAN, 3, NAN],
    ]
)
#: Two abstractors, 100 patients, three diagnoses; irrCAC's "cont3x3abstractors".
ABSTRACTORS = np.array([[13, 0, 0], [0, 20, 7], [0, 4, 56]])


def pairs(table: np.ndarray) -> np.ndarray:
    return np.array([(i, j) for i in range(3) for j in range(3) for _ in range(table[i, j])], dtype=float)


def test_published_values_of_four_raters():
    assert gwet_ac(FOUR, (1, 2, 3, 4, 5)) == pytest.approx(0.77544, abs=5e-6)
    assert krippendorff_alpha(FOUR) == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(FOUR, level="ordinal") == pytest.approx(0.815, abs=5e-4)


def test_published_values_of_two_abstractors():
    ratings = pairs(ABSTRACTORS)
    assert gwet_ac(ratings, (0, 1, 2)) == pytest.approx(0.8493305, abs=5e-8)
    assert krippendorff_alpha(ratings) == pytest.approx(0.7972585, abs=5e-8)
    assert fleiss_kappa(ratings, (0, 1, 2)) == pytest.approx(0.7962397, abs=5e-8)  # two raters: Scott's pi


def test_ac1_by_hand():
    # Ten items, two raters, yes/no: nine agree on yes, one is split. p_a = 0.9, pi_yes = 0.95, p_e = 2·0.95·0.05.
    ratings = np.array([[1, 1]] * 9 + [[1, 0]], dtype=float)
    assert gwet_ac(ratings, (0, 1)) == pytest.approx((0.9 - 0.095) / (1 - 0.095))
    # Where nearly all say yes, kappa falls below nothing and AC1 does not: the reason for giving both.
    assert fleiss_kappa(ratings, (0, 1)) < 0


def test_ac2_by_hand():
    # Three items on 1–3, quadratic weights 1, 3/4, 0: (1,1), (1,2), (3,3).
    ratings = np.array([[1, 1], [1, 2], [3, 3]], dtype=float)
    agreeing = (1 + 0.75 + 1) / 3
    share = np.array([0.5, 1 / 6, 1 / 3])
    by_chance = (3 + 4 * 0.75) / (3 * 2) * (share * (1 - share)).sum()
    assert gwet_ac(ratings, (1, 2, 3), weights="quadratic") == pytest.approx((agreeing - by_chance) / (1 - by_chance))


def test_perfect_and_chance_agreement():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 300).astype(float)
    alike = np.column_stack([truth] * 3)
    random = rng.integers(0, 2, (300, 3)).astype(float)
    for coefficient in (krippendorff_alpha, lambda v: fleiss_kappa(v, (0, 1)), lambda v: gwet_ac(v, (0, 1))):
        assert coefficient(alike) == pytest.approx(1)
        assert abs(coefficient(random)) < 0.1


def test_fleiss_of_two_raters_is_near_cohens():
    rng = np.random.default_rng(1)
    a = rng.integers(0, 3, 200)
    b = np.where(rng.random(200) < 0.7, a, rng.integers(0, 3, 200))
    ours = fleiss_kappa(np.column_stack([a, b]), (0, 1, 2))
    assert ours == pytest.approx(cohen_kappa_score(a, b), abs=0.01)


def test_what_is_undefined_is_nan():
    same = np.ones((5, 3))
    assert np.isnan(krippendorff_alpha(same))
    assert np.isnan(fleiss_kappa(same, (0, 1)))
    assert gwet_ac(same, (0, 1)) == 1
    alone = np.array([[1.0, NAN], [0.0, NAN]])
    assert np.isnan(gwet_ac(alone, (0, 1)))
    assert np.isnan(krippendorff_alpha(alone))
    with pytest.raises(DfecsError, match="n_items, n_raters"):
        gwet_ac(np.ones(3), (0, 1))


def test_intervals_hold_the_value_and_shrink_with_items():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 400)
    ratings = np.column_stack([np.where(rng.random(400) < 0.85, truth, 1 - truth) for _ in range(4)]).astype(float)

    def statistic(v):
        return gwet_ac(v, (0, 1))

    wide = bootstrap_interval(statistic, ratings[:40], n_bootstraps=200)
    narrow = bootstrap_interval(statistic, ratings, n_bootstraps=200)
    assert narrow[0] < statistic(ratings) < narrow[1]
    assert narrow[1] - narrow[0] < wide[1] - wide[0]
    table = agreement_table(ratings, 1 + 4 * ratings, n_bootstraps=50)
    assert set(table.coefficient) == {"Krippendorff's alpha", "Fleiss' kappa", "Gwet's AC1", "Gwet's AC2"}
    assert (table.low <= table.value).all()
    assert (table.value <= table.high).all()
