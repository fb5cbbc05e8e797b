"""One recording to look at: a single page that loads nothing from anywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfecs_lib.anatomy.contours import contours
from dfecs_lib.evaluation.quality import quality, quality_sentence
from dfecs_lib.keypoints import coordinates, scheme_of, to_points
from dfecs_lib.models.base import UnitsBase
from dfecs_lib.models.naming import part_of_units, unit_names
from dfecs_lib.models.sides import asymmetry, side_codes, split_units
from dfecs_lib.plotting import Figure, HoverCodes, Table, draw_face, new_figure, plotly_script
from dfecs_lib.preprocessing import Preparation

__all__ = ["report_page", "summary_of_codes"]

_MOST = 600  # frames of a page; of longer recordings every n-th is shown
_LONGEST = 16  # letters of a unit's name beside its curve
_ACTIVE = 0.1  # of a unit's largest activation: below, it rests
_PLAYER = Path(__file__).with_name("report.js")
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;color:#1c2126;background:#fff;max-width:56rem;margin:0 auto;padding:1rem}"
    "h1{font-size:1.5rem;overflow-wrap:anywhere}h2{font-size:1.15rem;margin:2rem 0 .3rem}"
    ".faces{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:.8rem}.faces svg{width:100%;display:block}"
    ".faces path{fill:none;stroke:currentColor;stroke-width:2;vector-effect:non-scaling-stroke}"
    ".faces figure{margin:0;text-align:center;font-size:.9rem}.bar{display:flex;gap:.6rem;align-items:center}"
    ".bar input{flex:1;min-width:0}button{font:inherit;min-width:2.75rem;min-height:2.75rem}"
    ".dfecs-table{overflow-x:auto}table{border-collapse:collapse}td,th{padding:.2rem .6rem;text-align:right;"
    "border-bottom:1px solid #d5dade;font-variant-numeric:tabular-nums}.left{text-align:left}"
    ".dfecs-said{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}"
    "figure.dfecs-figure{margin:.6rem 0!important}.dfecs-figure svg{max-width:100%}"
    "@media(prefers-color-scheme:dark){body{color:#e4e7ea;background:#16191c}td,th{border-color:#3a4046}}"
)


def _sides(model: UnitsBase, motion: pd.DataFrame | None) -> NDArray[np.float64]:
    """Return of each unit how much more the left half of the face takes part than the right one, from -1 to 1."""
    if motion is not None:
        names = np.array([str(k) for k in range(len(model.components_))])
        return np.asarray(
            -asymmetry(side_codes(model.components_, motion, model.scheme_, names))[names], dtype=np.float64
        )
    right, left = (np.square(half).sum(axis=1) for half in split_units(model.components_, model.scheme_))
    return np.asarray((left - right) / np.maximum(left + right, 1e-12), dtype=np.float64)


def summary_of_codes(
    codes: pd.DataFrame,
    model: UnitsBase,
    seconds: pd.Series[float] | None = None,
    motion: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return a row a unit: how much, how high, how long, and on which side.

    Parameters
    ----------
    codes : DataFrame
        Activations of one recording, one column a unit; NaN rows show no face.
    model : estimator
        The units.
    seconds : Series, optional
        Of the same rows; without them the time active is a share of the frames alone.
    motion : DataFrame, optional
        What was encoded. With it, ``left_right`` is of what the person did (`dfecs_lib.models.sides`); without, of the
        units as they are.

    Returns
    -------
    DataFrame
        ``unit`` (its name), ``part``, ``mean`` and ``peak`` activation (registered pixels), ``active`` (percent of the
        frames with a face in which it exceeds a tenth of its peak), ``active_s`` (seconds), and ``left_right``: how
        much more the person's left half takes part than the right, from −1 (right alone) to 1 (left alone); NaN for a
        unit that is hardly ever at work.
    """
    values = codes.to_numpy(np.float64)
    seen = np.isfinite(values).all(axis=1)
    if not seen.any():
        values, seen = np.zeros_like(values[:1]), np.ones(1, dtype=np.bool_)
    shown = values[seen]
    peak = shown.max(axis=0)
    active = (shown > _ACTIVE * np.maximum(peak, 1e-12)).mean(axis=0)
    times = np.full(1, np.nan) if seconds is None else np.sort(seconds.to_numpy(np.float64))
    step = float(np.nanmedian(np.diff(times))) if np.isfinite(times).sum() > 1 else float("nan")
    return pd.DataFrame(
        {
            "unit": unit_names(model),
            "part": part_of_units(model.components_, model.scheme_),
            "mean": shown.mean(axis=0),
            "peak": peak,
            "active": 100 * active,
            "active_s": active * len(shown) * step,
            "left_right": _sides(model, motion),
        }
    )


def _distrust(row: pd.Series[float], explained: float | None, tracker: str | None, notes: Sequence[str]) -> list[str]:
    """Say what in this recording is not to be believed."""
    said = list(notes)
    limits = (  # name, sign of what is too much, from where on, and in words
        ("face", -1, 90, "{:.0f} % of the frames show a face; the others tell nothing"),
        ("covered", 1, 0, "in {:.0f} % of the frames the face is covered; they are left out"),
        ("several_faces", 1, 0, "{:.0f} % of the frames show several faces; one was followed"),
        ("jumps", 1, 0, "the face jumps {:.0f} times: a cut, or another face"),
        ("size_px", -1, 40, "the eyes are only {:.0f} px apart: small motions drown in the points' noise"),
        ("yaw", 1, 30, "the head turns up to {:.0f}°; beyond 30° the far half of the face is guessed"),
        ("pitch", 1, 25, "the head nods up to {:.0f}°; brows and lids then seem to move"),
        ("tremble", 1, 1.5, "the points tremble by {:.1f} % of the eye distance"),
    )
    said += [text.format(row[name]) for name, sign, limit, text in limits if sign * row[name] > sign * limit]
    if explained is not None and explained < 80:
        said.append(f"the units explain only {explained:.0f} % of the motion; what they miss is not in the curves")
    if tracker is None:
        said.append("the table does not say which tracker made it")
    return said or ["nothing stands out; activations are still estimates from tracked points, not a coder's judgement"]


def _times(index: pd.Index, seconds: pd.Series[float] | None) -> tuple[NDArray[np.float64], str]:
    number = index.get_level_values("frame").to_numpy(np.float64)
    if seconds is None:
        return number, "frame"
    times = seconds.reindex(index).to_numpy(np.float64)
    known = bool(np.isfinite(times).all())
    return np.asarray(times.round(3) if known else number), "seconds" if known else "frame"


def _player(faces: pd.DataFrame, others: pd.DataFrame | None, times: NDArray[np.float64], unit: str) -> str:
    scheme = scheme_of(faces)
    shown = to_points(coordinates(faces))
    low, high = np.nanmin(shown, axis=(0, 1)), np.nanmax(shown, axis=(0, 1))
    data: dict[str, object] = {
        "lines": [line.tolist() for line in contours(scheme)],
        "times": times.tolist(),
        "unit": unit,
        "faces": [_whole(points) for points in shown],
        "others": [] if others is None else [_whole(points) for points in to_points(coordinates(others))],
    }
    box = f"{low[0] - 20:.0f} {low[1] - 20:.0f} {high[0] - low[0] + 40:.0f} {high[1] - low[1] + 40:.0f}"
    names = ["as tracked, seen from the front"] + ([] if others is None else ["as the units rebuild it"])
    drawn = "".join(
        f'<figure><svg viewBox="{box}" role="img" aria-label="The face {name}"><path/></svg>{name}</figure>'
        for name in names
    )
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("</", "<\\/")
    return (
        f'<div id="player"><div class="faces">{drawn}</div><div class="bar"><button type="button">play</button>'
        f'<input type="range" min="0" max="{len(shown) - 1}" value="0" aria-label="moment"><output></output></div>'
        f'</div><script type="application/json" id="moments">{text}</script>'
        f"<script>{_PLAYER.read_text(encoding='utf-8')}</script>"
    )


def _short(name: str) -> str:
    """Return a name that leaves a phone's width room for a curve; the table has the whole one."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1].rstrip(' ,')}…"


def _whole(points: NDArray[np.float64]) -> list[int | None]:
    return [round(float(v)) if np.isfinite(v) else None for v in points.ravel()]


def report_page(
    name: str,
    table: pd.DataFrame,
    prepared: Preparation,
    *,
    frames: pd.DataFrame | None = None,
    seconds: pd.Series[float] | None = None,
    model: UnitsBase | None = None,
    codes: pd.DataFrame | None = None,
    tracker: str | None = None,
) -> str:
    """Return the page of one recording as text.

    Parameters
    ----------
    name : str
        What the page is called.
    table : keypoint table
        One recording as tracked or read.
    prepared : Preparation
        Its registered faces, neutral frame and motion.
    frames : DataFrame, optional
        What `track_many` tells of the same rows.
    seconds : Series, optional
        Time of each row.
    model, codes : optional
        Units, and the recording's activations of them.
    tracker : str, optional
        Which made the points.
    """
    row = quality(table, frames).iloc[0]
    registered = prepared.registered[prepared.registered.notna().all(axis=1)].sort_index()
    registered.attrs = prepared.registered.attrs
    shown = registered.iloc[:: -(-len(registered) // _MOST)]
    shown.attrs = registered.attrs
    times, unit = _times(shown.index, seconds)
    neutral = prepared.neutral.iloc[0]
    others, explained, unit_parts = None, None, ""
    if model is not None and codes is not None:
        own = codes.reindex(shown.index).fillna(0.0)
        rebuilt = np.asarray(model.inverse_transform(own.to_numpy(np.float64)))
        others = shown.copy()
        others[:] = rebuilt + neutral.to_numpy(np.float64)
        moved = shown.to_numpy() - neutral.to_numpy(np.float64)
        explained = 100 * (1 - float(((moved - rebuilt) ** 2).sum() / max((moved**2).sum(), 1e-12)))
        motion = registered - neutral.to_numpy(np.float64)
        summary = summary_of_codes(codes, model, seconds, motion)
        order = np.argsort(-summary["mean"].to_numpy())[:12]
        # Every moment of the recording, those without a face too: a gap must not look like a slow movement.
        every = codes.sort_index().iloc[:: -(-len(codes) // _MOST)]
        moments, unit_of_all = _times(every.index, seconds)
        live = HoverCodes(
            moments,
            every.to_numpy(np.float64)[:, order],
            xlabel=unit_of_all,
            names=[_short(summary["unit"].iloc[k]) for k in order],
            alt=f"Activations of the {len(order)} most active units over time.",
        )
        heads = {"active": "active (% of frames)", "active_s": "active (s)", "left_right": "left − right side"}
        worded = summary.assign(part=summary["part"].str.replace("_", " ")).sort_values("mean", ascending=False)
        table_html = Table(worded, form="{:.2f}", names=heads).html
        unit_parts = (
            f"<h2>Units over time</h2><p>In registered pixels; the units explain {explained:.0f} % of the motion.</p>"
            f"<script>{plotly_script().read_text(encoding='utf-8').replace('</script', '<' + chr(92) + '/script')}"
            f"</script>{live.html}<h2>Summary</h2>{table_html}"
        )
    else:
        unit_parts = "<h2>Units</h2><p>None were named: <code>--units FILE</code> adds their activations.</p>"
    figure, (ax,) = new_figure(2.2, 2.6)
    draw_face(ax, neutral, scheme_of(prepared.neutral))
    at = prepared.neutral.index[0]
    rest = Figure(figure, alt="The neutral face.").html
    doubts = "".join(f"<li>{escape(text)}</li>" for text in _distrust(row, explained, tracker, prepared.notes))
    facts = row.to_frame().T.dropna(axis=1)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(name)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head><body><main>'
        f"<h1>{escape(name)}</h1><p>{escape(quality_sentence(row))}."
        f"{' Tracked by ' + escape(tracker) + '.' if tracker else ''}</p>"
        f"<h2>What to distrust</h2><ul>{doubts}</ul>"
        f"<h2>The moving face</h2>{_player(shown, others, times, unit)}{unit_parts}"
        f"<h2>Neutral face</h2><p>Frame {at[3]} of {escape(str(at[2]))}: motion is measured from it.</p>{rest}"
        f"<h2>Quality</h2>{Table(facts, form='{:.1f}').html}</main></body></html>"
    )
