"""DFECS models: part dictionaries (level 1), the full face model (level 2), encoders, files.

Everything here works on keypoint motion (KPM) in pixels, tables or arrays of shape (n_frames, 2K).
"""

from __future__ import annotations

from dfecs_lib.coding.sparse_coding import sparse_encode
from dfecs_lib.ffm.full_model import FullFaceModel
from dfecs_lib.ffm.part_model import PartFaceModel
from dfecs_lib.models.loading import load_model

__all__ = ["FullFaceModel", "PartFaceModel", "load_model", "sparse_encode"]
