"""Detection of labelled action units: probes on codes, folds by subject, exactly defined measures, chance beside them.

Units are learned without labels: whatever is said here about an AU needs the stated mapping, learned on training
people. `detect` predicts frames of people left out, `measure_table` scores the predictions, `fit_probe` makes a probe
for a user's own recordings.
"""

from __future__ import annotations

from dfecs_lib.evaluation.detection.compare import RawMotion, chance, detect, once
from dfecs_lib.evaluation.detection.features import with_context
from dfecs_lib.evaluation.detection.fitting import coded_units, fit_probe
from dfecs_lib.evaluation.detection.folds import DISFA_FOLDS, subject_folds
from dfecs_lib.evaluation.detection.measures import DISFA8, MEASURES, PRESENT, measure, measure_table
from dfecs_lib.evaluation.detection.probe import Probe, load_probe
from dfecs_lib.evaluation.detection.zero_shot import match_units, zero_shot

__all__ = [
    "DISFA8",
    "DISFA_FOLDS",
    "MEASURES",
    "PRESENT",
    "Probe",
    "RawMotion",
    "chance",
    "coded_units",
    "detect",
    "fit_probe",
    "load_probe",
    "match_units",
    "measure",
    "measure_table",
    "once",
    "subject_folds",
    "with_context",
    "zero_shot",
]
