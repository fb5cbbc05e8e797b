"""Curves, bars, activations over time and matrices, with units on their axes: seaborn's, in the book's colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dfecs_lib.plotting.style import COLORS, INK, SOFT, curve_color, in_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_bars", "draw_codes", "draw_curves", "draw_matrix"]

_TOGETHER = 0.6  # of the greatest value: where the least is above, points show differences and bars do not
_NARROW_NAME = 20  # letters: names up to here stand in two columns of a legend
_BESIDE = 4  # curves whose names have room between the axes
# Curves differ by dash and marker too, so that colour is never the only difference.
_DASHES: tuple[str | tuple[float, ...], ...] = ("", (5, 2), (1, 1.5), (5, 1.5, 1, 1.5), (8, 2), (3, 1))
_MARKERS = ("o", "s", "^", "D", "v", "P")


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
    import seaborn as sns
    from matplotlib.ticker import MaxNLocator

    names = list(curves)
    palette = {name: (colors or {}).get(name) or curve_color(name, k) for k, name in enumerate(names)}
    # A missing value ends a line and the next value begins another: nothing is drawn across a gap.
    lines = [pd.DataFrame({"x": x, "y": np.asarray(curves[name], dtype=np.float64), "curve": name}) for name in names]
    tidy = pd.concat([line.assign(piece=line["y"].isna().cumsum()) for line in lines], ignore_index=True)
    sns.lineplot(
        tidy,
        x="x",
        y="y",
        hue="curve",
        style="curve",
        units="piece",
        estimator=None,
        sort=False,
        palette=palette,
        dashes={name: _DASHES[k % len(_DASHES)] for k, name in enumerate(names)},
        markers={name: _MARKERS[k % len(_MARKERS)] for k, name in enumerate(names)} if markers else False,
        markersize=5,
        markeredgewidth=0,
        legend="full" if legend and len(names) > 1 else False,
        ax=ax,
    )
    for name, (low, high) in (bands or {}).items():
        if name in palette:
            low, high = np.asarray(low), np.asarray(high)
            ax.fill_between(np.asarray(x), low, high, color=palette[name], alpha=0.18, linewidth=0)
    if np.issubdtype(np.asarray(x).dtype, np.integer):
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))  # no half units
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    if legend and len(names) > _BESIDE:  # many names would cover curves: above the axes
        columns = 1 if max(map(len, names)) > _NARROW_NAME else 2
        ax.legend(frameon=False, labelcolor=INK, loc="lower left", bbox_to_anchor=(-0.1, 1.0), ncols=columns)
    elif legend and len(names) > 1:
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

    Where all values lie together far from zero (the least above six tenths of the greatest), bars would all look
    alike: then each is a point, and the axis is cut to where the points and their intervals lie.

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
    import seaborn as sns

    names = list(values)
    palette = {name: (colors or {}).get(name) or curve_color(name, 0) for name in names}
    lengths = [float(values[name]) for name in names]
    ends = [end for name, v in zip(names, lengths, strict=True) for end in (v, *(intervals or {}).get(name, ()))]
    least, most = np.nanmin([*ends, np.inf]), np.nanmax([*ends, -np.inf])
    apart = len(names) > 1 and not np.isnan(lengths).any() and most > 0 and least > _TOGETHER * most
    if apart:
        sns.scatterplot(x=lengths, y=range(len(names)), hue=names, palette=palette, s=70, legend=False, ax=ax, zorder=3)
        ax.set_xlim(least - 0.08 * (most - least) - 1e-3 * most, most + 0.22 * (most - least) + 4e-3 * most)
    else:
        sns.barplot(
            x=lengths, y=names, hue=names, palette=palette, orient="h", width=0.62, saturation=1, legend=False, ax=ax
        )
    for position, (name, value) in enumerate(zip(names, lengths, strict=True)):
        low, high = (intervals or {}).get(name, (value, value))
        if np.isnan(value):
            ax.text(0, position, " not defined", va="center")
            continue
        if high > low:
            ax.plot([low, high], [position, position], color=INK, linewidth=1.4)
        ax.annotate(
            form.format(value), (max(value, high, 0), position), (7, 0), textcoords="offset points", va="center"
        )
    ax.set_yticks(range(len(names)), [in_lines(name) for name in names])
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    if not apart:
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
    ax.set_yticks(
        [values.shape[1] - 1 - k + (0.0 if signed else 0.3) for k in range(values.shape[1])], map(in_lines, shown)
    )
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
    import seaborn as sns
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    cells = np.asarray(values, dtype=np.float64)
    known = cells[~np.isnan(cells)]
    bottom = low if low is not None else float(known.min())
    top = high if high is not None else float(known.max())
    blue = to_rgba(COLORS["blue"])[:3]
    # See-through, so that the numbers keep their contrast on light and on dark pages.
    shades = LinearSegmentedColormap.from_list("cells", [(*blue, 0.06), (*blue, 0.5)])
    sns.heatmap(
        cells,
        mask=np.isnan(cells),
        vmin=bottom,
        vmax=top if top > bottom else bottom + 1,
        cmap=shades,
        annot=np.array([[form.format(value) for value in row] for row in cells]),
        fmt="",
        annot_kws={"color": INK},
        cbar=False,
        xticklabels=list(columns),
        yticklabels=list(rows),
        ax=ax,
    )
    ax.tick_params(length=0, rotation=0)
    ax.grid(visible=False)
