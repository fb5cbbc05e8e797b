"""Figures of choosing: fronts of variance against active units, numbers of units, and the search's own path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from dfecs_lib.plotting.style import COLORS, INK, PART_COLORS, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_front", "draw_n_units", "draw_search_alphas", "draw_search_surface", "draw_stability"]

_ORDER = ("violet", "green", "blue", "red", "pink", "ochre", "grey", "orange")
_NARROW_NAME = 20  # letters: names up to here stand in two columns of a legend
_MARKERS = ("P", "s", "o", "D", "X", "v", "^", "*")


def _dashes(n: int) -> list[tuple[float, ...] | str]:
    kinds: list[tuple[float, ...] | str] = ["", (4, 1.5), (1, 1), (3, 1, 1, 1), (6, 1), (2, 1), (5, 1, 1, 1, 1, 1)]
    return [kinds[k % len(kinds)] for k in range(n)]


def draw_front(
    ax: Axes, table: pd.DataFrame, *, value: str = "ve_squared", bands: Sequence[str] = (), legend: bool = True
) -> None:
    """Draw variance explained, or cancellation, over active units: a curve a method, a mark where it has one setting.

    Parameters
    ----------
    ax : matplotlib Axes
    table : DataFrame
        As `evaluation.front_table` gives it, of one test set. Methods keep their colours and marks as long as their
        order stays.
    value : {"ve_squared", "cancellation"}
    bands : sequence of str
        Methods whose interval, columns ``low`` and ``high``, is drawn around their curve.
    legend : bool
    """
    import seaborn as sns
    from matplotlib.ticker import MaxNLocator

    methods = list(table["method"].unique())
    sns.lineplot(
        table,
        x="active",
        y=value,
        hue="method",
        style="method",
        hue_order=methods,
        style_order=methods,
        palette=[COLORS[_ORDER[k % len(_ORDER)]] for k in range(len(methods))],
        markers=[_MARKERS[k % len(_MARKERS)] for k in range(len(methods))],
        dashes=_dashes(len(methods)),
        markersize=7,
        markeredgewidth=0,
        estimator=None,
        errorbar=None,
        legend="full" if legend else False,
        ax=ax,
    )
    for name in bands:
        part = table[table["method"] == name].sort_values("active")
        color = COLORS[_ORDER[methods.index(name) % len(_ORDER)]]
        ax.fill_between(part["active"], part["low"], part["high"], color=color, alpha=0.15, linewidth=0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("active units in a frame, mean")
    ax.set_ylabel("VE, squared (%)" if value == "ve_squared" else "cancellation")
    if legend:
        place = (-0.1, 1.0)  # above the axes: the curves leave no corner free
        columns = 1 if max(map(len, methods)) > _NARROW_NAME else 2
        ax.legend(title=None, frameon=False, labelcolor=INK, loc="lower left", bbox_to_anchor=place, ncols=columns)


def draw_n_units(ax: Axes, table: pd.DataFrame, resamples: pd.DataFrame) -> None:
    """Draw variance explained in people left out over the number of units, one standard error around it.

    Parameters
    ----------
    ax : matplotlib Axes
    table : DataFrame
        As `evaluation.n_units_table` gives it.
    resamples : DataFrame
        ``n_units, variance_explained`` of every resample: the small marks.
    """
    import seaborn as sns

    sns.scatterplot(resamples, x="n_units", y="variance_explained", color=SOFT, s=14, linewidth=0, alpha=0.7, ax=ax)
    ax.fill_between(table["n_units"], table["low"], table["high"], color=COLORS["blue"], alpha=0.2, linewidth=0)
    sns.lineplot(table, x="n_units", y="variance_explained", color=COLORS["blue"], marker="o", markeredgewidth=0, ax=ax)
    _mark_picked(ax, table, "variance_explained")
    ax.set_xlabel("number of units")
    ax.set_ylabel("VE in people left out (%)")


def draw_stability(ax: Axes, table: pd.DataFrame) -> None:
    """Draw how alike the units of two resamples are (mean matched cosine), over the number of units."""
    import seaborn as sns

    sns.lineplot(table, x="n_units", y="stability", color=COLORS["orange"], marker="s", markeredgewidth=0, ax=ax)
    _mark_picked(ax, table, "stability")
    ax.set_ylim(min(0.5, float(table["stability"].min()) - 0.05), 1)
    ax.set_xlabel("number of units")
    ax.set_ylabel("matched cosine of units")


def _mark_picked(ax: Axes, table: pd.DataFrame, column: str) -> None:
    picked = table[table["picked"]]
    ax.axvline(picked["n_units"].iloc[0], color=INK, linewidth=1, linestyle=(0, (1, 2)))
    ax.plot(picked["n_units"], picked[column], "o", markersize=11, fillstyle="none", color=INK)


def draw_search_surface(ax: Axes, surface: pd.DataFrame, steps: pd.DataFrame, threshold: float) -> None:
    """Draw one part's variance explained over the number of atoms, a curve a penalty, and the cells that were tried.

    Parameters
    ----------
    ax : matplotlib Axes
    surface : DataFrame
        As `evaluation.search_surface` gives it.
    steps : DataFrame
        As `evaluation.search_steps` gives them: that part's cells are small black marks, the one taken is ringed.
    threshold : float
        Percent that a part's dictionary is to explain: the dashed line.
    """
    import seaborn as sns

    named = surface.assign(alpha=surface["alpha"].map("α = {:g} px".format))
    levels = list(named["alpha"].unique())
    sns.lineplot(
        named,
        x="n_atoms",
        y="variance_explained",
        hue="alpha",
        style="alpha",
        palette=[COLORS[_ORDER[k % len(_ORDER)]] for k in range(len(levels))],
        dashes=_dashes(len(levels)),
        estimator=None,
        errorbar=None,
        ax=ax,
    )
    seen = steps[steps["part"] == surface["part"].iloc[0]]
    ax.plot(seen["n_atoms"], seen["variance_explained"], "o", markersize=3, color=INK, label="seen by the search")
    _finish_search(ax, seen, "n_atoms", threshold)
    ax.legend(title=None, frameon=False, labelcolor=INK, loc="lower right")
    ax.set_xlabel(f"atoms of the part: {surface['part'].iloc[0].replace('_', ' ')}")


def draw_search_alphas(ax: Axes, steps: pd.DataFrame, threshold: float) -> None:
    """Draw the search over the penalty at the number of atoms taken, a curve a part; the cell taken is ringed.

    `steps` and `threshold` as for `draw_search_surface`.
    """
    import seaborn as sns

    taken = steps[steps["chosen"]].set_index("part")["n_atoms"]
    last = steps[steps["n_atoms"] == steps["part"].map(taken)]
    named = last.assign(part=last["part"].str.replace("_", " ") + last["n_atoms"].map(" ({})".format))
    parts = list(named["part"].unique())
    sns.lineplot(
        named,
        x="alpha",
        y="variance_explained",
        hue="part",
        style="part",
        hue_order=parts,
        style_order=parts,
        palette=[PART_COLORS.get(part, COLORS["grey"]) for part in last["part"].unique()],
        dashes=_dashes(len(parts)),
        markers=[_MARKERS[k % len(_MARKERS)] for k in range(len(parts))],
        markeredgewidth=0,
        estimator=None,
        errorbar=None,
        ax=ax,
    )
    _finish_search(ax, last, "alpha", threshold)
    place = (0.5, -0.28)  # under the axes: the curves leave no corner free
    ax.legend(
        title="part (atoms)",
        frameon=False,
        labelcolor=INK,
        loc="upper center",
        bbox_to_anchor=place,
        ncol=2,
    )
    ax.invert_xaxis()
    ax.set_xlabel("penalty α (px)")


def _finish_search(ax: Axes, cells: pd.DataFrame, x: str, threshold: float) -> None:
    taken = cells[cells["chosen"]]
    ax.plot(taken[x], taken["variance_explained"], "o", markersize=10, fillstyle="none", color=INK)
    ax.axhline(threshold, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    ax.set_ylabel("VE of the part (%)")
