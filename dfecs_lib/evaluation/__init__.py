"""Evaluation: scores, curves, tests, ablations and recovery of true action units, all as tidy tables.

Every score starts from the per-frame costs of `model_costs`; intervals draw subjects, not frames.
"""

from __future__ import annotations

from dfecs_lib.evaluation.ablation import Faces, Variant, ablate, published_weights, standard_variants, variant_motion
from dfecs_lib.evaluation.curves import (
    active_histogram,
    encoding_curves,
    path_study,
    still_share,
    trade_off,
    unit_curves,
)
from dfecs_lib.evaluation.few import FewUnits, LassoCoded, lasso_for_activity
from dfecs_lib.evaluation.frames import (
    UnitMeasures,
    UnitModel,
    convert_units,
    frame_costs,
    in_scheme_of,
    model_costs,
    score,
    score_by_subject,
    with_columns,
)
from dfecs_lib.evaluation.fronts import front_at, front_table, front_variants, pooled_front, recoded
from dfecs_lib.evaluation.recovery import au_recovery, cosines, intensity_correlations
from dfecs_lib.evaluation.searching import n_units_table, search_steps, search_surface
from dfecs_lib.evaluation.significance import (
    chunk_scores,
    chunk_tests,
    compare,
    compare_methods,
    compare_trains,
    subject_tests,
)
from dfecs_lib.evaluation.study import (
    StudySet,
    emotions_of,
    exemplar_units,
    labelled_units,
    neutral_in,
    set_table,
    study_sets,
    unit_agreement,
)
from dfecs_lib.evaluation.subjects import cross_costs, sample_frames, split_subjects, subject_names
from dfecs_lib.evaluation.tables import (
    POINTS,
    group_scores,
    motion_size,
    pair_costs,
    points_of,
    score_table,
    threshold_table,
)

__all__ = [
    "POINTS",
    "Faces",
    "FewUnits",
    "LassoCoded",
    "StudySet",
    "UnitMeasures",
    "UnitModel",
    "Variant",
    "ablate",
    "active_histogram",
    "au_recovery",
    "chunk_scores",
    "chunk_tests",
    "compare",
    "compare_methods",
    "compare_trains",
    "convert_units",
    "cosines",
    "cross_costs",
    "emotions_of",
    "encoding_curves",
    "exemplar_units",
    "frame_costs",
    "front_at",
    "front_table",
    "front_variants",
    "group_scores",
    "in_scheme_of",
    "intensity_correlations",
    "labelled_units",
    "lasso_for_activity",
    "model_costs",
    "motion_size",
    "n_units_table",
    "neutral_in",
    "pair_costs",
    "path_study",
    "points_of",
    "pooled_front",
    "published_weights",
    "recoded",
    "sample_frames",
    "score",
    "score_by_subject",
    "score_table",
    "search_steps",
    "search_surface",
    "set_table",
    "split_subjects",
    "standard_variants",
    "still_share",
    "study_sets",
    "subject_names",
    "subject_tests",
    "threshold_table",
    "trade_off",
    "unit_agreement",
    "unit_curves",
    "variant_motion",
    "with_columns",
]
