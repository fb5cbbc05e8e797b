"""Interpretability, measured: a muscle atlas, scores per unit with nulls, and a rule fixed beforehand.

>>> from dfecs_lib.interpretability import load_atlas, score_units
>>> import numpy as np
>>> unit = np.zeros((1, 136))
>>> unit[0, 68 + 21] = unit[0, 68 + 22] = -5.0          # both inner brows, 5 px up (y points down)
>>> score_units(unit, signed=False, n_null=50).table.muscles.iloc[0]
'Frontalis, medial part (both sides)'
"""

from __future__ import annotations

from dfecs_lib.anatomy.atlas import Atlas, Muscle, Pull, load_atlas
from dfecs_lib.interpretability.actions import Actions, facs_actions, facs_motion
from dfecs_lib.interpretability.calibration import calibrate, lowest_share
from dfecs_lib.interpretability.comparison import (
    ablation_scores,
    random_units,
    score_methods,
    truth_table,
    truth_trend,
    unit_measures,
)
from dfecs_lib.interpretability.naming import name_muscles
from dfecs_lib.interpretability.rule import Rule, Share, interpretable_share, wilson
from dfecs_lib.interpretability.scores import (
    coherence,
    compliance,
    cosine_match,
    locality,
    muscle_fit,
    symmetry,
    unidirectionality,
)
from dfecs_lib.interpretability.stability import matched_cosine, recovery, stability
from dfecs_lib.interpretability.table import UnitScores, score_units, summary_table, unit_table
from dfecs_lib.interpretability.units import Units, as_units

__all__ = [
    "Actions",
    "Atlas",
    "Muscle",
    "Pull",
    "Rule",
    "Share",
    "UnitScores",
    "Units",
    "ablation_scores",
    "as_units",
    "calibrate",
    "coherence",
    "compliance",
    "cosine_match",
    "facs_actions",
    "facs_motion",
    "interpretable_share",
    "load_atlas",
    "locality",
    "lowest_share",
    "matched_cosine",
    "muscle_fit",
    "name_muscles",
    "random_units",
    "recovery",
    "score_methods",
    "score_units",
    "stability",
    "summary_table",
    "symmetry",
    "truth_table",
    "truth_trend",
    "unidirectionality",
    "unit_measures",
    "unit_table",
    "wilson",
]
