"""Curves and codes that tell their values: the same data drawn still by matplotlib and live by plotly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfecs_lib.plotting.curves import draw_codes, draw_curves
from dfecs_lib.plotting.interactive import Interactive
from dfecs_lib.plotting.style import COLORS, WIDEST, curve_color, in_lines, new_figure

__all__ = ["HoverCodes", "HoverCurves"]

# The same order as the still curves' dashes and markers.
_DASHES = ("solid", "6px,3px", "2px,3px", "6px,3px,2px,3px", "10px,3px", "4px,2px")
_SYMBOLS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")
_SIZE = 1.55 * 72  # CSS pixels of a still figure's inch


class HoverCurves(Interactive):
    """Named curves over a common x; pointing at an x tells the value of every curve there, with its interval.

    Parameters
    ----------
    x : array-like of shape (n,)
    curves, xlabel, ylabel, bands, markers, colors
        As for `draw_curves`.
    alt, caption, data : str
        As for `Figure`.
    form : str
        Format of the told values.
    size : (width, height)
        Of the still figure, inches.

    Examples
    --------
    >>> page = HoverCurves([1, 2], {"DFECS": [60.0, 80.0]}, xlabel="units", ylabel="VE (%)", alt="One rising curve.")
    >>> "units 2: DFECS 80.0" in page.html
    True
    """

    def __init__(
        self,
        x: ArrayLike,
        curves: Mapping[str, ArrayLike],
        *,
        xlabel: str,
        ylabel: str,
        alt: str,
        caption: str = "",
        data: str = "",
        bands: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
        markers: bool = True,
        colors: Mapping[str, str] | None = None,
        form: str = ".1f",
        size: tuple[float, float] = (WIDEST, 3.0),
    ) -> None:
        still, (ax,) = new_figure(*size)
        draw_curves(ax, x, curves, xlabel=xlabel, ylabel=ylabel, bands=bands, markers=markers, colors=colors)
        places = _numbers(x)
        told = {name: _told(values, (bands or {}).get(name), form) for name, values in curves.items()}
        said = [
            f"{xlabel} {place:g}: " + ", ".join(f"{name} {texts[k]}" for name, texts in told.items())
            for k, place in enumerate(places)
        ]
        traces: list[dict[str, object]] = []
        for position, (name, values) in enumerate(curves.items()):
            color = (colors or {}).get(name) or curve_color(name, position)
            if bands and name in bands:
                low, high = (_numbers(edge) for edge in bands[name])
                traces.append(_band(places, low, high, color))
            traces.append(
                {
                    "type": "scatter",
                    "x": places.tolist(),
                    "y": [_json(v) for v in _numbers(values)],
                    "name": escape(name),
                    "mode": "lines+markers" if markers else "lines",
                    "line": {"color": color, "width": 2.6, "dash": _DASHES[position % len(_DASHES)]},
                    "marker": {"size": 8, "symbol": _SYMBOLS[position % len(_SYMBOLS)]},
                    "text": told[name],
                    "hovertemplate": "%{text}",
                }
            )
        heading = {"text": f"{escape(xlabel)}: %{{x}}"}
        layout = {
            "xaxis": {"title": {"text": escape(xlabel)}, "unifiedhovertitle": heading},
            "yaxis": {"title": {"text": escape(ylabel)}},
            "showlegend": len(curves) > 1,
        }
        super().__init__(
            still, traces, layout, said, alt=alt, caption=caption, data=data, height=round(size[1] * _SIZE)
        )


class HoverCodes(Interactive):
    """Activations over time, one strip a unit; pointing at a frame tells which units are active and how much.

    Parameters
    ----------
    x, codes, xlabel, names, color
        As for `draw_codes`.
    alt, caption, data : str
        As for `Figure`.
    ylabel : str
        What the strips are.
    form : str
        Format of the told activations.
    least : float
        Share of the largest activation that a unit must exceed to be told.
    """

    def __init__(
        self,
        x: ArrayLike,
        codes: ArrayLike,
        *,
        xlabel: str,
        alt: str,
        caption: str = "",
        data: str = "",
        ylabel: str = "unit",
        names: Sequence[str] | None = None,
        color: str = COLORS["blue"],
        form: str = ".0f",
        least: float = 0.01,
    ) -> None:
        values = np.asarray(codes, dtype=np.float64)
        count = values.shape[1]
        shown = [str(k + 1) for k in range(count)] if names is None else list(names)
        lines = [in_lines(name) for name in shown]
        tall = 0.9 + count * (0.38 if any("\n" in name for name in lines) else 0.28)
        still, (ax,) = new_figure(WIDEST, tall)
        draw_codes(ax, x, values, xlabel=xlabel, names=shown, color=color)
        ax.set_ylabel(ylabel)
        places = _numbers(x)
        top = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
        told = [_active(row, shown, least * top, ylabel, form) for row in values]
        said = [f"{xlabel} {place:g}: {', '.join(texts)}" for place, texts in zip(places, told, strict=True)]
        # One label a frame, on a trace of its own that is not seen.
        guide: dict[str, object] = {
            "type": "scatter",
            "x": places.tolist(),
            "y": [count / 2] * len(places),
            "mode": "markers",
            "marker": {"opacity": 0},
            "text": ["<br>".join(map(escape, texts)) for texts in told],
            "hovertemplate": f"<b>{escape(xlabel)} %{{x}}</b><br>%{{text}}<extra></extra>",
        }
        height = 0.45 if (values < 0).any() else 0.9
        traces: list[dict[str, object]] = [guide]
        for unit in range(count):
            base = float(count - 1 - unit)
            edge = base + height * np.nan_to_num(values[:, unit]) / top
            traces.append(
                {
                    "type": "scatter",
                    "x": [*places.tolist(), *places[::-1].tolist()],
                    "y": [*np.round(edge, 2).tolist(), *[base] * len(places)],
                    "fill": "toself",
                    "fillcolor": color,
                    "line": {"width": 0.5, "color": color},
                    "mode": "lines",
                    "hoverinfo": "skip",
                }
            )
        strips = {
            "title": {"text": escape(ylabel)},
            "tickvals": [count - 1 - k + (0.0 if height < 0.9 else 0.3) for k in range(count)],
            "ticktext": [escape(name).replace("\n", "<br>") for name in lines],
            "showgrid": False,
            "showline": False,
            "range": [-0.6 if height < 0.9 else -0.15, count],
        }
        frames = {"title": {"text": escape(xlabel)}, "showspikes": True, "spikemode": "across", "showgrid": False}
        frames |= {"spikesnap": "hovered data"}
        layout = {"xaxis": frames, "yaxis": strips, "hovermode": "x", "showlegend": False}
        super().__init__(
            still,
            traces,
            layout,
            said,
            alt=alt,
            caption=caption,
            data=data,
            height=round(tall * _SIZE),
        )


def _numbers(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _json(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 3)


def _told(values: ArrayLike, band: tuple[ArrayLike, ArrayLike] | None, form: str) -> list[str]:
    told = ["–" if np.isnan(v) else f"{v:{form}}" for v in _numbers(values)]
    if band is None:
        return told
    ends = zip(*(_numbers(edge) for edge in band), strict=True)
    return [
        text if np.isnan(low) else f"{text} ({low:{form}} to {high:{form}})"
        for text, (low, high) in zip(told, ends, strict=True)
    ]


def _active(row: NDArray[np.float64], names: Sequence[str], least: float, what: str, form: str) -> list[str]:
    if np.isnan(row).all():
        return ["no face"]
    active = [k for k in np.argsort(-np.abs(np.nan_to_num(row))) if abs(np.nan_to_num(row[k])) > least]
    return [f"{what} {names[k]}: {row[k]:{form}}" for k in active] or [f"no {what} active"]


def _band(x: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], color: str) -> dict[str, object]:
    from matplotlib.colors import to_rgb

    known = ~(np.isnan(low) | np.isnan(high))
    red, green, blue = (round(255 * channel) for channel in to_rgb(color))
    return {
        "type": "scatter",
        "x": [*x[known].tolist(), *x[known][::-1].tolist()],
        "y": [round(v, 3) for v in [*high[known].tolist(), *low[known][::-1].tolist()]],
        "fill": "toself",
        "fillcolor": f"rgba({red},{green},{blue},.18)",
        "line": {"width": 0},
        "mode": "lines",
        "hoverinfo": "skip",
        "showlegend": False,
    }
