"""The figure page of a rater study: one HTML file with drawings in it, and nothing loaded from anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from dfecs_lib.plotting import COLORS, Figure, Gallery, Table, draw_bars, draw_motion, new_figure
from dfecs_lib.rating.study import template

if TYPE_CHECKING:
    from dfecs_lib.rating.outcome import RatingReport

__all__ = ["report_page"]

_UNITS = {
    "unit": "unit",
    "raters": "raters",
    "complies": "find it compliant",
    "interpretable": "interpretable",
    "rating": "rating",
    "keypoints": "keypoints marked by a third or more",
}
_RATERS = {
    "rater": "rater",
    "answers": "answers",
    "catch_passed": "catch trials passed",
    "catch_trials": "of",
    "kept": "kept",
    "retests": "retests",
    "retest_same_verdict": "same verdict",
    "retest_rating_apart": "rating apart",
    "retest_keypoints_jaccard": "same keypoints (Jaccard)",
    "median_seconds": "seconds a movement",
}
_AGREEMENT = {
    "question": "question",
    "coefficient": "coefficient",
    "value": "value",
    "low": "low",
    "high": "high",
    "n_items": "movements",
}


def _bars(
    names: Sequence[str],
    values: pd.Series,
    intervals: Sequence[tuple[float, float]] | None,
    xlabel: str,
    alt: str,
    *,
    limit: float | None = None,
    solid: Sequence[bool] | None = None,
) -> str:
    """Draw a bar a row, grey where it does not count, with intervals and a dashed limit."""
    figure, (ax,) = new_figure(height=0.7 + 0.34 * len(names))
    grey = {name: COLORS["grey"] for name, counts in zip(names, solid or [], strict=False) if not counts}
    bounds = None if intervals is None else dict(zip(names, intervals, strict=True))
    draw_bars(ax, dict(zip(names, values, strict=True)), xlabel=xlabel, colors=grey, form="{:.2f}", intervals=bounds)
    if limit is not None:
        ax.axvline(limit, color=COLORS["red"], linestyle="--", linewidth=1)
    return Figure(figure, alt=alt).html


def _table(table: pd.DataFrame, names: Mapping[str, str]) -> str:
    shown = table[list(names)]
    words = {str(c): shown[c].map({True: "yes", False: "no"}) for c in shown if shown[c].dtype == bool}
    return Table(shown.assign(**words), form="{:.2f}", names=names).html


def _faces(report: RatingReport, study: Mapping[str, object]) -> str:
    rest = np.full((68, 2), np.nan)
    present = cast("list[int]", study["present"])
    rest[present] = np.asarray(study["neutral"], dtype=np.float64)[present]
    from matplotlib.colors import to_rgba

    names, drawn = cast("list[str]", study["names"]), []
    for trial in cast("list[dict[str, object]]", study["trials"]):
        if trial["kind"] != "unit":
            continue
        marked = report.points[report.points["trial"] == trial["id"]]
        figure, (ax,) = new_figure(1.6, 1.9)
        draw_motion(ax, rest, np.asarray(trial["motion"], dtype=np.float64), "ibug68", scale=1.0, face=False)
        at, share = rest[marked["keypoint"].to_numpy(dtype=np.intp)], marked["share"].to_numpy(dtype=np.float64)
        red = [to_rgba(COLORS["red"], 0.25 + 0.5 * s) for s in share]
        ax.scatter(at[:, 0], at[:, 1], 10 + 60 * share, red, linewidths=0, zorder=2.5)
        marks = "; ".join(f"{names[int(k)]} {s:.0%}" for k, s in zip(marked["keypoint"], share, strict=True))
        what = f"Unit {trial['unit']}" + (", reversed" if trial["sign"] == -1 else "")
        drawn.append((figure, f"{what}: marked {marks or 'nowhere'}", what))
    return (
        "<h2>Which keypoints were marked</h2><p>Arrows: the unit's motion. Discs: share of raters who judged that the "
        f"keypoint moves against every muscle.</p>{Gallery(drawn).html}"
    )


def _rule_in_words(report: RatingReport) -> str:
    rule = report.rule
    marks = f"at most {rule.tolerance} keypoints" if rule.tolerance else "no keypoint"
    return (
        f"a rater finds a movement compliant who marks {marks}; a unit is interpretable when more than "
        f"{rule.majority:.0%} of the raters kept find every movement it stands for compliant. Raters who passed fewer "
        f"than {rule.catch_share:.0%} of the catch trials are left out."
    )


def report_page(report: RatingReport, study: Mapping[str, object] | None = None) -> str:
    """Return the page as text; `study` adds the faces."""
    share, agreement = report.share, report.agreement
    units, raters = report.units.reset_index(), report.raters.reset_index()
    low, high = report.share_over_raters
    parts = []
    if report.simulated:
        parts.append(
            '<p class="simulated">Simulated raters. These answers were made by a program to show how the analysis '
            "works. They say nothing about people and must not be quoted as a result.</p>"
        )
    parts.append(
        f'<p class="big">{share.count} of {share.n} units interpretable ({share.share:.1%})</p>'
        f"<p>95 % interval over units (Wilson): {share.low:.0%} to {share.high:.0%}"
        + (f"; over raters (bootstrap): {low:.0%} to {high:.0%}" if np.isfinite(low) else "")
        + f". {int(raters['kept'].sum())} of {len(raters)} raters kept. Published for other units and other raters: "
        f'87.5 % of 16.</p><p class="soft">Rule: {escape(_rule_in_words(report))}</p>'
    )
    parts += [f"<p>{escape(note)}</p>" for note in report.notes]
    names = [f"unit {unit}" for unit in units["unit"]]
    spread = [(m - s, m + s) for m, s in zip(units["rating"], units["rating_sd"].fillna(0.0), strict=True)]
    parts += [
        "<h2>Units: share of raters who found them compliant</h2>",
        _bars(
            names,
            units["complies"],
            None,
            "share of raters",
            "Share of raters who found each unit compliant",
            limit=report.rule.majority,
            solid=list(units["interpretable"]),
        ),
        "<h2>Units: mean rating, 1 to 5, with one standard deviation over raters</h2>",
        _bars(names, units["rating"], spread, "rating", "Mean rating of each unit"),
        "<h2>Agreement between raters</h2><p>1: they agree; 0: as much as by chance. 95 % bootstrap intervals over "
        "movements.</p>",
        _bars(
            [f"{q}: {c}" for q, c in zip(agreement["question"], agreement["coefficient"], strict=True)],
            agreement["value"],
            list(agreement[["low", "high"]].itertuples(index=False, name=None)),
            "coefficient",
            "Agreement coefficients with intervals",
        ),
        _table(agreement, _AGREEMENT),
        _faces(report, study) if study is not None else "",
        f"<h2>Every unit</h2>{_table(units, _UNITS)}<h2>Every rater</h2>{_table(raters, _RATERS)}",
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<link rel="icon" href="data:,"><title>Rater study: report</title>'
        f"<style>{template('report.css')}</style></head><body><main><h1>Rater study {escape(report.study)}</h1>"
        f"{''.join(parts)}</main></body></html>\n"
    )
