"""A rater study anyone can run: build the page, let people judge, analyse what they say.

``build_study`` writes one self-contained page, ``analyse`` reads its exports. Raters are people; `simulate_raters`
only shows how the kit works, and marks all it writes as simulated.
"""

from __future__ import annotations

from dfecs_lib.rating.agreement import agreement_table, fleiss_kappa, gwet_ac, krippendorff_alpha
from dfecs_lib.rating.analyse import RaterRule, RatingReport, analyse
from dfecs_lib.rating.answers import read_answers
from dfecs_lib.rating.simulated import simulate_raters
from dfecs_lib.rating.study import build_study, load_study

__all__ = [
    "RaterRule",
    "RatingReport",
    "agreement_table",
    "analyse",
    "build_study",
    "fleiss_kappa",
    "gwet_ac",
    "krippendorff_alpha",
    "load_study",
    "read_answers",
    "simulate_raters",
]
