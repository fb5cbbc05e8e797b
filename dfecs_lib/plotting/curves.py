"""Curves, bars, activations over time and matrices, with units on their axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from dfecs_lib.plotting.style import COLORS, INK, METHOD_COLORS, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Rectangle

__all__ = ["draw_bars", "draw_codes", "draw_curves", "draw_matrix"]

# Curves differ by dash and marker too, so that colour is never the only difference.
_DASHES = ("solid", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2)), (0, (3, 1)))
_MARKERS = ("o", "s", "^", "D", "v", "P")
_ORDER = ("blue", "orange", "green", "pink", "ochre", "violet", "red")


def _color(name: str, position: int) -> str:
    for method, color in METHOD_COLORS.items():
        if name.split(" ")[0].split(",")[0] == method:
            return color
    return COLORS[_ORDER[position % len(_ORDER)]]


def draw_curves(
    ax: Axes,
    x: ArrayLike,
    curves: Mapping[str, ArrayLike],
    *,
    xlabel: str,
    ylabel: str,
    bands: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
    markers: bool = True,
    colors: Mapping[str, str] | None = None,
    legend: bool = True,
) -> None:
    """Draw named curves over a common x.

    Parameters
    ----------
    ax : matplotlib Axes
    x : array-like of shape (n,)
    curves : mapping of name -> array-like of shape (n,)
        A name that begins with a method (``"DFECS"``, ``"PCA"``, ``"FACS"``, ``"published"``, ``"truth"``) is drawn in
        that method's colour.
    xlabel, ylabel : str
        With units.
    bands : mapping of name -> (low, high), optional
        A shaded interval around a curve.
    markers : bool
        Mark the single values; sensible up to some thirty.
    colors : mapping of name -> colour, optional
    legend : bool
    """
    for position, (name, values) in enumerate(curves.items()):
        color = (colors or {}).get(name) or _color(name, position)
        dash = _DASHES[position % len(_DASHES)]
        marker = _MARKERS[position % len(_MARKERS)] if markers else None
        ax.plot(x, np.asarray(values), label=name, color=color, linestyle=dash, marker=marker, markersize=5)
        if bands and name in bands:
            low, high = bands[name]
            ax.fill_between(np.asarray(x), np.asarray(low), np.asarray(high), color=color, alpha=0.18, linewidth=0)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    if legend and len(curves) > 1:
        ax.legend(frameon=False, labelcolor=INK)


def draw_bars(
    ax: Axes,
    values: Mapping[str, float],
    *,
    xlabel: str,
    colors: Mapping[str, str] | None = None,
    form: str = "{:.1f}",
    intervals: Mapping[str, tuple[float, float]] | None = None,
) -> None:
    """Draw lying bars, top to bottom, each with its value written at its end.

    Parameters
    ----------
    ax : matplotlib Axes
    values : mapping of name -> number
        NaN is written as "not defined" and gets no bar.
    xlabel : str
        With units.
    colors : mapping of name -> colour, optional
    form : str
        Format of the written value.
    intervals : mapping of name -> (low, high), optional
        Drawn as a line over the bar.
    """
    names = list(values)
    for position, name in enumerate(names):
        value = float(values[name])
        color = (colors or {}).get(name) or _color(name, 0)
        low, high = (intervals or {}).get(name, (value, value))
        if np.isnan(value):
            ax.text(0, position, " not defined", va="center")
            continue
        ax.barh(position, value, height=0.62, color=color)
        if high > low:
            ax.plot([low, high], [position, position], color=INK, linewidth=1.4)
        ax.annotate(
            form.format(value), (max(value, high, 0), position), (4, 0), textcoords="offset points", va="center"
        )
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    ax.margins(x=0.12)
    ax.set_xlabel(xlabel)


def draw_codes(
    ax: Axes,
    x: ArrayLike,
    codes: ArrayLike,
    *,
    xlabel: str,
    names: Sequence[str] | None = None,
    color: str = COLORS["blue"],
) -> None:
    """Draw activations over time, one strip a unit, all to the scale of the largest.

    Parameters
    ----------
    ax : matplotlib Axes
    x : array-like of shape (n_frames,)
        Frame numbers or seconds.
    codes : array-like of shape (n_frames, n_units)
        Activations; signed ones are drawn up and down from each strip's line. NaN leaves a gap.
    xlabel : str
        With units.
    names : sequence of str, optional
        One a unit; by default 1 … n.
    color : str
    """
    values = np.asarray(codes, dtype=np.float64)
    shown = [str(k + 1) for k in range(values.shape[1])] if names is None else list(names)
    finite = np.abs(values[~np.isnan(values)])
    top = float(finite.max()) if finite.size and finite.max() > 0 else 1.0
    signed = bool((values < 0).any())
    height = 0.45 if signed else 0.9
    for unit in range(values.shape[1]):
        base = float(values.shape[1] - 1 - unit)
        ax.fill_between(
            np.asarray(x), base, base + height * values[:, unit] / top, color=color, alpha=0.85, linewidth=0
        )
        ax.axhline(base, color=SOFT, linewidth=0.5, alpha=0.6)
    ax.set_yticks([values.shape[1] - 1 - k + (0.0 if signed else 0.3) for k in range(values.shape[1])], shown)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.6 if signed else -0.1, values.shape[1])
    ax.grid(visible=False)
    ax.set_xlabel(xlabel)


def draw_matrix(
    ax: Axes,
    values: ArrayLike,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    form: str = "{:.1f}",
    low: float | None = None,
    high: float | None = None,
) -> None:
    """Draw a small matrix as shaded cells with the numbers written in them; NaN cells stay empty."""
    cells = np.asarray(values, dtype=np.float64)
    known = cells[~np.isnan(cells)]
    bottom = low if low is not None else float(known.min())
    top = high if high is not None else float(known.max())
    for i, j in np.ndindex(*cells.shape):
        if np.isnan(cells[i, j]):
            continue
        share = float(np.clip((cells[i, j] - bottom) / (top - bottom or 1.0), 0, 1))
        ax.add_patch(_cell(j, i, 0.06 + 0.44 * share))
        ax.text(j, i, form.format(cells[i, j]), ha="center", va="center")
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(rows)), rows)
    ax.set_xlim(-0.5, len(columns) - 0.5)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.tick_params(length=0)
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _cell(column: int, row: int, alpha: float) -> Rectangle:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.48, row - 0.48), 0.96, 0.96, color=COLORS["blue"], alpha=alpha, linewidth=0)
