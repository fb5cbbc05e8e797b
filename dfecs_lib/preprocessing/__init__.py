"""Preprocessing: from tracked keypoints to registered faces and their motion.

Frontalization removes head pose, affine registration size and place, part registration the place of each face part;
`motion_vectors` then takes off the subject's neutral face. `prepare` does it all, and is the way that everything here
takes from faces to motion.
"""

from __future__ import annotations

from dfecs_lib.preprocessing.anchors import moving_points
from dfecs_lib.preprocessing.exemplars import register_exemplars
from dfecs_lib.preprocessing.frontalization import Frontalizer
from dfecs_lib.preprocessing.motion import KeypointMotion, motion_vectors
from dfecs_lib.preprocessing.pipeline import from_settings, make_preprocessor, settings_from_history, settings_of
from dfecs_lib.preprocessing.prepare import Preparation, preparation, prepare
from dfecs_lib.preprocessing.registration import AffineRegistration, PartRegistration
from dfecs_lib.preprocessing.smoothing import Smoothing

__all__ = [
    "AffineRegistration",
    "Frontalizer",
    "KeypointMotion",
    "PartRegistration",
    "Preparation",
    "Smoothing",
    "from_settings",
    "make_preprocessor",
    "motion_vectors",
    "moving_points",
    "preparation",
    "prepare",
    "register_exemplars",
    "settings_from_history",
    "settings_of",
]
