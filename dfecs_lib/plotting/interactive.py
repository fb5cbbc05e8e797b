"""Figures that tell their values where a reader points: drawn still, and brought to life by plotly.js where it is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from dfecs_lib.errors import DfecsError
from dfecs_lib.plotting.figure import Html, caption_html, svg_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MplFigure

__all__ = ["Interactive", "plotly_script"]

#: Set to "page" where the page that a figure ends up on brings plotly.js itself.
_VARIABLE = "DFECS_PLOTLY"
_SCRIPT = Path(__file__).with_suffix(".js")
# Plotly writes colours into every element: text is made to follow the page, and a finger to scroll it.
_LOOK = (
    ".dfecs-live,.dfecs-hovers .dfecs-still{display:none}.dfecs-hovers .dfecs-live{display:block}"
    ".dfecs-live :is(.cartesianlayer,.infolayer) text{fill:currentColor!important;font-family:inherit!important}"
    # Behind its line that marks an x, plotly puts a white one.
    ".dfecs-live .hoverlayer>.spikeline:first-child{display:none}"
    ".dfecs-live .drag{touch-action:pan-y!important}"
    ".dfecs-live:focus-visible{outline:3px solid #b9770e;outline-offset:2px}"
    ".dfecs-said{position:absolute;width:1px;height:1px;margin:0;overflow:hidden;clip-path:inset(50%);white-space:nowrap}"
    # Room for the live one, so that nothing moves on the page when it comes.
    "@media screen and (scripting:enabled){.dfecs-still{min-height:var(--live)}}"
    "@media print{.dfecs-hovers .dfecs-still{display:block}.dfecs-hovers .dfecs-live{display:none}}"
)
_given = False  # whether a figure of this process has carried plotly.js already


def plotly_script() -> Path:
    """Return where plotly.js lies: inside the plotly package.

    Raises
    ------
    DfecsError
        If the package is not installed.
    """
    try:
        import plotly
    except ImportError:
        raise DfecsError("figures that answer need the package 'plotly': pip install 'dfecs_lib[book]'") from None
    return Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


class Interactive(Html):
    """A still figure and its live twin.

    A page shows the still one, which is what is printed and what readers without scripts see, until plotly.js draws
    the live one in its place. The arrow keys go from point to point of a live figure, and what they reach is said to
    screen readers. A notebook that is opened alone carries plotly.js in its first such figure; the notebooks of a book
    leave it to the page (environment variable ``DFECS_PLOTLY=page``, which the runner sets).

    Parameters
    ----------
    still : matplotlib Figure
    traces : sequence of dict
        Plotly's traces. Those that do not skip hovering have a point for every entry of `said`: the arrow keys go
        along them.
    layout : mapping
        Plotly's layout; size, ink and grid are set here.
    said : sequence of str
        What is told at each point.
    alt, caption, data : str
        As for `Figure`.
    height : int
        Of the live figure, CSS pixels.

    Raises
    ------
    DfecsError
        If `alt` is empty.
    """

    def __init__(
        self,
        still: MplFigure,
        traces: Sequence[Mapping[str, object]],
        layout: Mapping[str, object],
        said: Sequence[str],
        *,
        alt: str,
        caption: str = "",
        data: str = "",
        height: int = 340,
    ) -> None:
        if not alt.strip():
            raise DfecsError("a figure needs alt text: one sentence that says what it shows")
        graph = json.dumps(
            {"data": list(traces), "layout": _with(_layout(height), layout), "said": list(said)},
            separators=(",", ":"),
            allow_nan=False,
        ).replace("</", "<\\/")
        name = "h" + hashlib.sha256(f"{alt}|{caption}|{data}|{graph}".encode()).hexdigest()[:8]
        svg, width = svg_of(still, alt, name)
        label = escape(f"{alt} Arrow keys tell the values.", quote=True)
        self.html = (
            f'<figure class="dfecs-figure" style="margin:1.2em 0;max-width:{width:.0f}px;position:relative">'
            f'<style>{_LOOK}</style><div class="dfecs-still" style="--live:{height}px">{svg}</div>'
            f'<div class="dfecs-live" id="{name}" tabindex="0" role="group" aria-label="{label}" '
            f'style="height:{height}px"></div><p class="dfecs-said" aria-live="polite"></p>'
            f"{caption_html(caption, data)}<script>{_SCRIPT.read_text(encoding='utf-8')}"
            # Where the page loads plotly.js, it does so after its text; a notebook has it by now.
            f'(function(){{const draw=()=>dfecsHover("{name}",{graph});draw();'
            'document.addEventListener("DOMContentLoaded",draw);})();</script></figure>'
        )

    def _repr_html_(self) -> str:
        global _given
        if _given or os.environ.get(_VARIABLE) == "page":
            return self.html
        _given = True
        # Inside a function, so that plotly.js finds the page's window and none of a notebook's module loaders.
        script = plotly_script().read_text(encoding="utf-8").replace("</script", "<\\/script")
        return f"<script>(function(module,define){{{script}}}).call(window);</script>{self.html}"


def _with(settings: Mapping[str, object], more: Mapping[str, object]) -> dict[str, object]:
    """Return nested settings with more of them set."""
    merged = dict(settings)
    for name, value in more.items():
        old = merged.get(name)
        merged[name] = _with(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _layout(height: int) -> dict[str, object]:
    """Return what all live figures share; the page's style sheet turns the ink into its own."""
    axis = {
        "fixedrange": True,
        "showline": True,
        "linecolor": "#7a7a7a",
        "zeroline": False,
        "gridcolor": "rgba(122,122,122,.25)",
        "automargin": True,
        "title": {"standoff": 8},
        "spikecolor": "#7a7a7a",
        "spikethickness": 1,
        "spikedash": "solid",
    }
    return {
        "height": height,
        "autosize": True,
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "dragmode": False,
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": "#22262b", "bordercolor": "#7a7a7a", "font": {"color": "#ffffff", "size": 13}},
        "font": {"size": 14},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"},
        "xaxis": axis,
        "yaxis": {**axis, "showspikes": False},
    }
