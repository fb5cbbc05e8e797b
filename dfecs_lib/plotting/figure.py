"""Figures for a page: inline vector graphics in the page's own ink, with alt text and a caption that names the data."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from dfecs_lib.errors import DfecsError
from dfecs_lib.plotting.style import INK, use_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MplFigure

__all__ = ["Figure", "Gallery", "Html", "caption_html", "svg_of"]

# Fill: text and shapes that matplotlib leaves black follow the page too.
_STYLE = "fill:currentColor;stroke-linejoin:round;stroke-linecap:butt;width:100%;height:auto;display:block"
_LEAST_TEXT = (
    11.0  # CSS pixels: smaller text cannot be read on a phone, so that a figure scrolls before it shrinks further
)
_NARROW = 115.0  # CSS pixels that the narrowest place for a figure has, a cell of a gallery


def svg_of(figure: MplFigure, alt: str, prefix: str) -> tuple[str, float]:
    """Return the figure as an ``<svg>`` element, in a box that scrolls if it has text, and its width in CSS pixels."""
    target = io.StringIO()
    import matplotlib as mpl

    with use_style(), mpl.rc_context({"svg.hashsalt": prefix}):
        empty = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(target, format="svg", transparent=True, metadata=empty)
    text = target.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    # An id must be unique on its page: those that nothing refers to go, the others get this figure's prefix.
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    text = re.sub(r' id="([^"]+)"', lambda m: f' id="{prefix}-{m[1]}"' if m[1] in used else "", text)
    text = re.sub(r"url\(#", f"url(#{prefix}-", text)
    text = re.sub(r'xlink:href="#', f'href="#{prefix}-', text)
    text = re.sub(r"font: ((?:bold |italic )*)([\d.]+)px [^;\"]*", _font, text)
    text = text.replace(INK, "currentColor")
    text = re.sub(r"\n\s*", "\n", text)
    box = re.search(r'viewBox="([\d.\- ]+)"', text)
    if box is None:
        raise DfecsError("the figure could not be written as a vector graphic")
    width = float(box[1].split()[2]) * 1.55  # points to CSS pixels, a little enlarged: 11 points read as body text
    sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", text)]
    least = min(width, float(box[1].split()[2]) * _LEAST_TEXT / min(sizes)) if sizes else 0.0
    style = f"{_STYLE};min-width:{least:.0f}px" if sizes else _STYLE
    head = f'<svg viewBox="{box[1]}" role="img" aria-label="{escape(alt, quote=True)}" style="{style}"'
    svg = re.sub(r"<svg[^>]*", head, text, count=1).strip()
    if least > _NARROW:
        box_style = 'style="overflow-x:auto" tabindex="0" role="group" aria-label="figure"'
        svg = f'<div class="dfecs-scroll" {box_style}>{svg}</div>'
    return svg, width


def _font(match: re.Match[str]) -> str:
    weight = "font-weight: bold; " if "bold" in match[1] else ""
    slant = "font-style: italic; " if "italic" in match[1] else ""
    return f"{weight}{slant}font-size: {match[2]}px"


class Html:
    """What Jupyter shows as HTML."""

    html: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.html)} characters of HTML)"


class Figure(Html):
    """One figure of a page.

    Parameters
    ----------
    figure : matplotlib Figure
    alt : str
        What the figure shows, for readers who cannot see it. Not empty.
    caption : str, optional
        What to look at. HTML is escaped.
    data : str, optional
        Which data the figure shows; stands at the caption's end. Say "simulated" where faces are simulated.

    Attributes
    ----------
    html : str
        A ``<figure>`` element: vector, transparent, text in the page's colour, as wide as the page allows.

    Raises
    ------
    DfecsError
        If `alt` is empty.

    Examples
    --------
    >>> from dfecs_lib.plotting import Figure, new_figure
    >>> figure, (ax,) = new_figure()
    >>> page = Figure(figure, alt="Empty axes.", caption="Nothing yet.", data="none")
    >>> page.html.startswith("<figure")
    True
    """

    def __init__(self, figure: MplFigure, *, alt: str, caption: str = "", data: str = "") -> None:
        if not alt.strip():
            raise DfecsError("a figure needs alt text: one sentence that says what it shows")
        salt = hashlib.sha256(f"{alt}|{caption}|{data}".encode()).hexdigest()[:8]
        svg, width = svg_of(figure, alt, f"f{salt}")
        self.html = (
            f'<figure class="dfecs-figure" style="margin:1.2em 0;max-width:{width:.0f}px">'
            f"{svg}{caption_html(caption, data)}</figure>"
        )


class Gallery(Html):
    """Small figures side by side that wrap on a narrow screen, under one caption.

    Parameters
    ----------
    figures : sequence of (matplotlib Figure, alt text, label)
        The label, HTML-escaped, stands under each.
    caption, data : str
        As for `Figure`.
    smallest : int
        Width in CSS pixels under which a figure moves to the next line instead of shrinking.
    """

    def __init__(
        self,
        figures: Sequence[tuple[MplFigure, str, str]],
        *,
        caption: str = "",
        data: str = "",
        smallest: int = 150,
    ) -> None:
        items = []
        for position, (figure, alt, label) in enumerate(figures):
            salt = hashlib.sha256(f"{position}|{alt}|{caption}|{data}".encode()).hexdigest()[:8]
            svg, _ = svg_of(figure, alt, f"g{salt}")
            items.append(f'<div>{svg}<div style="text-align:center;font-size:.85em">{escape(label)}</div></div>')
        grid = f"display:grid;gap:.8em;grid-template-columns:repeat(auto-fill,minmax({smallest}px,1fr))"
        self.html = (
            f'<figure class="dfecs-figure" style="margin:1.2em 0"><div style="{grid}">{"".join(items)}</div>'
            f"{caption_html(caption, data)}</figure>"
        )


def caption_html(caption: str, data: str) -> str:
    """Return the ``<figcaption>``, or nothing where there is nothing to say."""
    if not caption and not data:
        return ""
    source = (
        f' <span class="dfecs-data" style="white-space:normal"><em>Data: {escape(data)}.</em></span>' if data else ""
    )
    return f'<figcaption style="font-size:.9em;margin-top:.4em;text-align:left">{escape(caption)}{source}</figcaption>'
