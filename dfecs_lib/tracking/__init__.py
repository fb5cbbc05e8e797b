"""Tracking: a video or a folder of images becomes a keypoint table.

Nothing heavy is imported here: a backend's package is loaded when that backend is first opened.
"""

from __future__ import annotations

from dfecs_lib.tracking.backends import BACKENDS, Backend, Detection, backend_of, open_backend, register_backend
from dfecs_lib.tracking.exports import openface_columns, write_overlay
from dfecs_lib.tracking.media import Media, expand_sources, open_media
from dfecs_lib.tracking.tracker import default_cache, track, track_many, tracker_of

__all__ = [
    "BACKENDS",
    "Backend",
    "Detection",
    "Media",
    "backend_of",
    "default_cache",
    "expand_sources",
    "open_backend",
    "open_media",
    "openface_columns",
    "register_backend",
    "track",
    "track_many",
    "tracker_of",
    "write_overlay",
]
