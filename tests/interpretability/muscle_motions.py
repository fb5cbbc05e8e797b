"""Motion of muscles, straight from the atlas."""

from __future__ import annotations

import numpy as np

from dfecs_lib.interpretability import load_atlas


def action(*names: str) -> np.ndarray:
    """Motion (68, 2) of the named muscles, both sides, straight from the atlas."""
    atlas = load_atlas()
    return sum(atlas.fields[i] for i, (muscle, _) in enumerate(atlas.actions) if muscle in names)
