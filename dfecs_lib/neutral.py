"""Public name of `dfecs_lib.preprocessing.neutral`: neutral frames of recordings that nobody has labelled."""

from __future__ import annotations

from dfecs_lib.preprocessing.neutral import METHODS, choose_neutral, recordings_with_a_face

__all__ = ["METHODS", "choose_neutral", "recordings_with_a_face"]
