"""Faces that can be seen moving: from rest to a unit at full and back, when a reader asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.anatomy.contours import contours
from dfecs_lib.keypoints.schemes import Scheme
from dfecs_lib.plotting.faces import arrow_points, scaled_motion
from dfecs_lib.plotting.figure import Html, caption_html
from dfecs_lib.plotting.style import COLORS, SOFT

__all__ = ["MovingFaces"]

_WIDTH = 1000  # of a drawn face, in whole units of its drawing: about a seventh of a pixel on a page
_HEAD = (34.0, 15.0)  # length and half width of an arrow's head, in those units
_SCRIPT = Path(__file__).with_suffix(".js")
_LOOK = (
    ".dfecs-moving{cursor:pointer}"
    ".dfecs-moving path{fill:none;stroke-linejoin:round;stroke-linecap:round;vector-effect:non-scaling-stroke}"
    ".dfecs-plays .dfecs-arrows{opacity:0}"
    # Beside the chin, where nothing is drawn.
    ".dfecs-moving button{position:absolute;bottom:0;right:0;width:2rem;height:2rem;padding:0;"
    "font-size:.8rem;line-height:1;color:inherit;background:none;border:1px solid currentColor;border-radius:50%;"
    "opacity:.75;cursor:pointer}"
    ".dfecs-moving button[hidden]{display:none}.dfecs-moving button::before{content:'\\25B6\\FE0E'}"
    ".dfecs-plays button::before{content:'\\25A0\\FE0E'}"
    ".dfecs-moving button:focus-visible{outline:3px solid #b9770e;opacity:1}"
    "@media print{.dfecs-moving button{display:none}}"
)


class MovingFaces(Html):
    """Units side by side as `draw_motion` draws them, each of which a reader can set moving.

    Still, a drawing shows the face at rest, the face with the unit at full, and arrows. While a pointer is on it, or
    for five seconds after it is pressed (a button in its corner, which the keyboard reaches), the face goes from rest
    to full and back. Readers who asked their system for less motion see it at rest instead. One small script, no
    dependency; without scripts the still drawing remains.

    Parameters
    ----------
    neutral : Series or array of shape (2K,)
        The face to start from, pixels.
    units : sequence of (motion, alt text, label)
        Keypoint motion from neutral, pixels: rows of a model's ``components_``. The label stands under each face.
    scheme : str or Scheme, optional
        As for `draw_face`.
    scale : float, optional
        As for `draw_motion`: by default every unit's longest arrow is a sixth of the face's width long.
    color : str
        Of arrows and moved faces.
    caption, data : str
        As for `Figure`.
    smallest : int
        As for `Gallery`.

    Examples
    --------
    >>> import numpy as np
    >>> angle = np.linspace(0, 6.2, 68)
    >>> face = np.concatenate([100 * np.cos(angle), 150 * np.sin(angle)])
    >>> page = MovingFaces(face, [(0.1 * face, "All points move outwards.", "unit 1")], data="a drawing")
    >>> page.html.count("<svg"), page.html.count("<button")
    (1, 1)
    """

    def __init__(
        self,
        neutral: pd.Series | ArrayLike,
        units: Sequence[tuple[pd.Series | ArrayLike, str, str]],
        scheme: str | Scheme | None = None,
        *,
        scale: float | None = None,
        color: str = COLORS["blue"],
        caption: str = "",
        data: str = "",
        smallest: int = 150,
    ) -> None:
        items = []
        for motion, alt, label in units:
            start, step, found, _ = scaled_motion(neutral, motion, scheme, scale)
            name = escape(f"Move: {label}", quote=True)
            items.append(
                f'<div class="dfecs-moving"><div style="position:relative">{_drawing(start, step, found, color, alt)}'
                f'<button type="button" hidden aria-pressed="false" aria-label="{name}"></button></div>'
                f'<div style="text-align:center;font-size:.85em">{escape(label)}</div></div>'
            )
        grid = f"display:grid;gap:.8em;grid-template-columns:repeat(auto-fill,minmax({smallest}px,1fr))"
        self.html = (
            f'<figure class="dfecs-figure" style="margin:1.2em 0"><style>{_LOOK}</style>'
            f'<div style="{grid}">{"".join(items)}</div>{caption_html(caption, data)}'
            f"<script>{_SCRIPT.read_text(encoding='utf-8')}</script></figure>"
        )


def _drawing(start: NDArray[np.float64], step: NDArray[np.float64], scheme: Scheme, color: str, alt: str) -> str:
    cheeks = [scheme.parts[part] for part in ("right_cheek", "left_cheek") if part in scheme.parts]
    here = np.concatenate([scheme.source, *cheeks]).astype(np.intp)  # all arrows of a mesh would be a hedgehog
    both = np.concatenate([start[here], (start + step)[here]])
    both = both[~np.isnan(both).any(axis=1)]
    low, high = (both.min(axis=0), both.max(axis=0)) if len(both) else (np.zeros(2), np.ones(2))
    size = _WIDTH / float(high[0] - low[0] or 1.0)
    rest, moved = (start - low) * size, (start + step - low) * size
    lines = contours(scheme)
    chosen = arrow_points(start[here], step[here])
    arrows = "".join(_arrow(a, b) for a, b in zip(rest[here][chosen], moved[here][chosen], strict=True))
    box = f"-40 -40 {_WIDTH + 80} {round((high[1] - low[1]) * size) + 80}"
    return (
        f'<svg viewBox="{box}" role="img" aria-label="{escape(alt, quote=True)}" style="width:100%;display:block">'
        f'<path class="dfecs-rest" d="{_trace(rest, lines)}" stroke="{SOFT}" stroke-width="1.4" opacity=".65"/>'
        f'<path class="dfecs-moved" d="{_trace(moved, lines)}" stroke="{color}" stroke-width="2"/>'
        f'<path class="dfecs-arrows" d="{arrows}" stroke="{color}" stroke-width="1.6" style="fill:{color}"/></svg>'
    )


def _trace(points: NDArray[np.float64], lines: Sequence[NDArray[np.intp]]) -> str:
    """Return path data of whole numbers; a missing point leaves a gap."""
    out = []
    for line in lines:
        pen = "M"
        for x, y in points[line]:
            if np.isnan(x) or np.isnan(y):
                pen = "M"
                continue
            out.append(f"{pen}{x:.0f} {y:.0f}")
            pen = "L"
    return "".join(out)


def _arrow(tail: NDArray[np.float64], tip: NDArray[np.float64]) -> str:
    along = (tip - tail) / (float(np.linalg.norm(tip - tail)) or 1.0)
    across = np.array([-along[1], along[0]])
    left, right = (tip - _HEAD[0] * along + side * _HEAD[1] * across for side in (1, -1))
    corners = "L".join(f"{x:.0f} {y:.0f}" for x, y in (tip, left, right))
    return f"M{tail[0]:.0f} {tail[1]:.0f}L{tip[0]:.0f} {tip[1]:.0f}M{corners}Z"
