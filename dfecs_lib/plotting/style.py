"""Colours and sizes shared by all figures.

The colours are those of Okabe and Ito's colour-blind-safe palette, two of them darkened, so that every one keeps a
contrast of at least 3:1 on a white and on a near-black page. Text and axes are drawn in `INK`, which
`dfecs_lib.plotting.Figure` turns into the page's own text colour.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MplFigure

__all__ = [
    "COLORS",
    "INK",
    "METHOD_COLORS",
    "PART_COLORS",
    "SOFT",
    "WIDEST",
    "curve_color",
    "in_lines",
    "new_figure",
    "use_style",
]

#: Colour of text, ticks and axes. Not quite black, so that it can be told from a black that a caller chose.
INK = "#010203"
#: Colour of what should stand back: neutral faces, grids, other people's figures.
SOFT = "#7a7a7a"

#: Inches: the widest figure that a phone's column of 342 CSS pixels shows whole with its smallest text (10 points)
#: at 11 pixels.
WIDEST = 4.3

#: The palette, by plain name.
COLORS: Mapping[str, str] = MappingProxyType(
    {
        "blue": "#2b83ba",
        "orange": "#d55e00",
        "green": "#009e73",
        "pink": "#b8609a",
        "ochre": "#b9770e",
        "violet": "#8f63c9",
        "red": "#c2504f",
        "grey": SOFT,
    }
)

#: One colour a method, the same in every figure of the book.
METHOD_COLORS: Mapping[str, str] = MappingProxyType(
    {
        "DFECS": COLORS["blue"],
        "DFECS (paper)": COLORS["violet"],
        "PCA": COLORS["orange"],
        "FACS": COLORS["green"],
        "published": COLORS["grey"],
        "truth": COLORS["pink"],
    }
)

#: One colour a face part.
PART_COLORS: Mapping[str, str] = MappingProxyType(
    {
        "jaw": COLORS["grey"],
        "right_eyebrow": COLORS["orange"],
        "left_eyebrow": COLORS["ochre"],
        "nose": COLORS["green"],
        "right_eye": COLORS["blue"],
        "left_eye": COLORS["violet"],
        "lips": COLORS["pink"],
    }
)

_ORDER = ("blue", "orange", "green", "pink", "ochre", "violet", "red")


def curve_color(name: str, position: int) -> str:
    """Return the colour of a curve: its method's where its name is or begins with one, else the next of the palette."""
    if name in METHOD_COLORS:
        return METHOD_COLORS[name]
    for method, color in METHOD_COLORS.items():
        if name.split(" ")[0].split(",")[0] == method:
            return color
    return COLORS[_ORDER[position % len(_ORDER)]]


_STYLE = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelsize": 11,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": SOFT,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 10,
    "font.size": 11,
    "lines.linewidth": 2.0,
    "svg.fonttype": "none",
}


def in_lines(name: str, most: int = 24) -> str:
    r"""Break a name that stands beside a bar or a strip into lines of about so many letters; no word is cut.

    Examples
    --------
    >>> in_lines("chin to the right, right lip corner up")
    'chin to the right, right\nlip corner up'
    """
    return "\n".join(textwrap.wrap(name, most, break_long_words=False, break_on_hyphens=False)) or name


@contextmanager
def use_style() -> Iterator[None]:
    """Draw in the book's style within a ``with`` block; matplotlib's settings outside it are left alone."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):  # type: ignore[arg-type]  # the stubs list every setting as a literal
        yield


def new_figure(
    width: float = WIDEST, height: float = 3.0, n_rows: int = 1, n_columns: int = 1
) -> tuple[MplFigure, list[Axes]]:
    """Return a figure in the book's style and its axes, row by row.

    Sizes in inches; a figure wider than `WIDEST` scrolls on a phone.

    The figure belongs to nobody's window list, so that a notebook shows it only where it is asked to.

    Examples
    --------
    >>> figure, (left, right) = new_figure(n_columns=2)
    """
    from matplotlib.figure import Figure as MplFigure

    with use_style():
        figure = MplFigure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
    return figure, list(axes.ravel())
