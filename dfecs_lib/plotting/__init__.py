"""Drawn faces, motion and curves in one visual language. Nothing is computed here: draw what you are given.

Needs matplotlib (the extra ``book``). Start with `use_style`, draw on an axes, and hand the figure to
`Figure` for a page that is light or dark, wide or narrow. `HoverCurves` and `HoverCodes` tell their values where one
points, `MovingFaces` move when asked to.
"""

from __future__ import annotations

from dfecs_lib.plotting.atlas import draw_pulls
from dfecs_lib.plotting.curves import draw_bars, draw_codes, draw_curves, draw_matrix
from dfecs_lib.plotting.faces import draw_face, draw_motion
from dfecs_lib.plotting.figure import Figure, Gallery
from dfecs_lib.plotting.fronts import (
    draw_front,
    draw_n_units,
    draw_search_alphas,
    draw_search_surface,
    draw_stability,
)
from dfecs_lib.plotting.hover import HoverCodes, HoverCurves
from dfecs_lib.plotting.interactive import Interactive, plotly_script
from dfecs_lib.plotting.moving import MovingFaces
from dfecs_lib.plotting.style import COLORS, METHOD_COLORS, PART_COLORS, new_figure, use_style
from dfecs_lib.plotting.table import Table

__all__ = [
    "COLORS",
    "METHOD_COLORS",
    "PART_COLORS",
    "Figure",
    "Gallery",
    "HoverCodes",
    "HoverCurves",
    "Interactive",
    "MovingFaces",
    "Table",
    "draw_bars",
    "draw_codes",
    "draw_curves",
    "draw_face",
    "draw_front",
    "draw_matrix",
    "draw_motion",
    "draw_n_units",
    "draw_pulls",
    "draw_search_alphas",
    "draw_search_surface",
    "draw_stability",
    "new_figure",
    "plotly_script",
    "use_style",
]
