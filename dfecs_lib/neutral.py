"""Public name of `dfecs_lib.preprocessing.neutral`: neutral frames of recordings that nobody has labelled."""

from __future__ import annotations

from dfecs_lib.preprocessing.neutral import DEFAULT_METHOD, METHODS, choose_neutral, recordings_with_a_face
from dfecs_lib.preprocessing.neutral_report import FAR_FROM_REST, neutral_report

__all__ = [
    "DEFAULT_METHOD",
    "FAR_FROM_REST",
    "METHODS",
    "choose_neutral",
    "neutral_report",
    "recordings_with_a_face",
]
