"""Public name of `dfecs_lib.anatomy.head`: the 3-D head."""

from __future__ import annotations

from dfecs_lib.anatomy.head import Head3D, load_head

__all__ = ["Head3D", "load_head"]
