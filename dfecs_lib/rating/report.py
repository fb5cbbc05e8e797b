"""The figure page of a rater study: one HTML file with drawings in it, and nothing loaded from anywhere."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import pandas as pd

from dfecs_lib.rating.outcome import Outcome
from dfecs_lib.rating.study import template

__all__ = ["report_page"]

_WIDTH, _LEFT, _RIGHT, _ROW = 720, 230, 60, 26


def _text(value: object) -> str:
    return html.escape(str(value))


def _number(value: float, digits: int = 2) -> str:
    return "–" if not np.isfinite(value) else f"{value:.{digits}f}".replace("-", "−")


def _axis(height: int, low: float, high: float, ticks: Sequence[float]) -> tuple[list[str], float]:
    scale = (_WIDTH - _LEFT - _RIGHT) / (high - low)
    out = []
    for tick in ticks:
        x = _LEFT + scale * (tick - low)
        out.append(f'<line class="axis" x1="{x:.1f}" y1="4" x2="{x:.1f}" y2="{height - 20}"/>')
        out.append(f'<text class="soft" x="{x:.1f}" y="{height - 4}" text-anchor="middle">{tick:g}</text>')
    return out, scale


def _bars(rows: Sequence[tuple[str, float, bool]], limit: float, label: str) -> str:
    """Draw one bar a row, filled where it counts, with a dashed limit; 0 to 1."""
    height = _ROW * len(rows) + 30
    out, scale = _axis(height, 0, 1, (0, 0.25, 0.5, 0.75, 1))
    for i, (name, value, counts) in enumerate(rows):
        y = 6 + _ROW * i
        out.append(f'<text x="{_LEFT - 10}" y="{y + 15}" text-anchor="end">{_text(name)}</text>')
        kind = "bar" if counts else "bar no"
        out.append(f'<rect class="{kind}" x="{_LEFT}" y="{y + 2}" width="{scale * value:.1f}" height="{_ROW - 8}"/>')
        out.append(f'<text x="{_LEFT + scale * value + 6:.1f}" y="{y + 15}">{value:.2f}</text>')
    x = _LEFT + scale * limit
    out.append(f'<line class="limit" x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{height - 20}"/>')
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{_text(label)}">{"".join(out)}</svg>'


def _dots(
    rows: Sequence[tuple[str, float, float, float]], low: float, high: float, ticks: Sequence[float], label: str
) -> str:
    """Draw one dot a row with its interval."""
    height = _ROW * len(rows) + 30
    out, scale = _axis(height, low, high, ticks)

    def at(value: float) -> float:
        return _LEFT + scale * (min(max(value, low), high) - low)

    for i, (name, value, below, above) in enumerate(rows):
        y = 6 + _ROW * i
        out.append(f'<text x="{_LEFT - 10}" y="{y + 15}" text-anchor="end">{_text(name)}</text>')
        if np.isfinite(below) and np.isfinite(above):
            out.append(f'<line class="whisker" x1="{at(below):.1f}" y1="{y + 11}" x2="{at(above):.1f}" y2="{y + 11}"/>')
        if np.isfinite(value):
            out.append(f'<circle class="dot" cx="{at(value):.1f}" cy="{y + 11}" r="5"/>')
        out.append(f'<text x="{_WIDTH - _RIGHT + 8}" y="{y + 15}">{_number(value)}</text>')
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{_text(label)}">{"".join(out)}</svg>'


def _table(table: pd.DataFrame, names: Mapping[str, str]) -> str:
    numeric = {c: pd.api.types.is_numeric_dtype(table[c]) and table[c].dtype != bool for c in names}
    head = "".join(f'<th scope="col"{" class=n" if numeric[c] else ""}>{_text(n)}</th>' for c, n in names.items())
    body = []
    for _, row in table.iterrows():
        cells = []
        for c in names:
            value = row[c]
            if isinstance(value, (bool, np.bool_)):
                shown = "yes" if value else "no"
            elif isinstance(value, float):
                shown = _number(value)
            else:
                shown = _text(value)
            cells.append(f"<td{' class=n' if numeric[c] else ''}>{shown}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    opening = '<div class="scroll" tabindex="0" role="group" aria-label="table">'
    return f"{opening}<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"


def _faces(report: Outcome, study: Mapping[str, object]) -> str:
    rest = np.asarray(study["neutral"], dtype=np.float64)
    present = cast("list[int]", study["present"])
    low, high = rest[present].min(axis=0) - 90, rest[present].max(axis=0) + 90
    box = f"{low[0]:.0f} {low[1]:.0f} {high[0] - low[0]:.0f} {high[1] - low[1]:.0f}"
    lines = [[k for k in line if k in set(present)] for line in cast("list[list[int]]", study["contours"])]
    outline = "".join(
        f'<path class="face" d="M{"L".join(f"{rest[k][0]:.0f} {rest[k][1]:.0f}" for k in line)}"/>'
        for line in lines
        if line
    )
    names = cast("list[str]", study["names"])
    out = []
    for trial in cast("list[dict[str, object]]", study["trials"]):
        if trial["kind"] != "unit":
            continue
        motion = np.asarray(trial["motion"], dtype=np.float64)
        marked = report.points[report.points["trial"] == trial["id"]]
        arrows = "".join(
            f'<line class="arrow" x1="{rest[k][0]:.0f}" y1="{rest[k][1]:.0f}" '
            f'x2="{rest[k][0] + motion[k][0]:.0f}" y2="{rest[k][1] + motion[k][1]:.0f}"/>'
            for k in cast("list[int]", trial["moving"])
        )
        marks = "".join(
            f'<circle class="mark" cx="{rest[int(k)][0]:.0f}" cy="{rest[int(k)][1]:.0f}" r="{6 + 26 * np.sqrt(s):.0f}" '
            f'fill-opacity="{0.25 + 0.5 * s:.2f}"/>'
            for k, s in zip(marked["keypoint"], marked["share"], strict=True)
        )
        told = "; ".join(f"{names[int(k)]} {s:.0%}" for k, s in zip(marked["keypoint"], marked["share"], strict=True))
        what = f"Unit {trial['unit']}" + (", reversed" if trial["sign"] == -1 else "")
        label = _text(f"{what}: marked {told or 'nowhere'}")
        out.append(
            f'<figure><svg viewBox="{box}" role="img" aria-label="{label}">{outline}{marks}{arrows}</svg>'
            f"<figcaption>{_text(what)}</figcaption></figure>"
        )
    return (
        "<h2>Which keypoints were marked</h2><p>Arrows: the unit's motion. Discs: share of raters who found that the "
        f'keypoint moves against every muscle.</p><div class="gallery">{"".join(out)}</div>'
    )


def _rule_in_words(report: Outcome) -> str:
    rule = report.rule
    marks = f"at most {rule.tolerance} keypoints" if rule.tolerance else "no keypoint"
    return (
        f"a rater finds a movement compliant who marks {marks}; a unit is interpretable when more than "
        f"{rule.majority:.0%} of the raters kept find every movement it stands for compliant. Raters who passed fewer "
        f"than {rule.catch_share:.0%} of the catch trials are left out."
    )


def report_page(report: Outcome, study: Mapping[str, object] | None = None) -> str:
    """Return the page as text; `study` adds the faces."""
    share = report.share
    units = report.units.reset_index()
    raters = report.raters.reset_index()
    kept = int(raters["kept"].sum())
    parts = []
    if report.simulated:
        parts.append(
            '<p class="simulated">Simulated raters. These answers were made by a program to show how the analysis '
            "works. They say nothing about people and must not be quoted as a result.</p>"
        )
    low, high = report.share_over_raters
    parts.append(
        f'<p class="big">{share.count} of {share.n} units interpretable ({share.share:.1%})</p>'
        f"<p>95 % interval over units (Wilson): {share.low:.0%} to {share.high:.0%}"
        + (f"; over raters (bootstrap): {low:.0%} to {high:.0%}" if np.isfinite(low) else "")
        + f". {kept} of {len(raters)} raters kept. Published for other units and other raters: 87.5 % of 16.</p>"
        + f'<p class="soft">Rule: {_text(_rule_in_words(report))}</p>'
    )
    parts += [f"<p>{_text(note)}</p>" for note in report.notes]
    parts.append("<h2>Units: share of raters who found them compliant</h2>")
    bars = [
        (f"unit {u}", float(c), bool(i))
        for u, c, i in zip(units["unit"], units["complies"], units["interpretable"], strict=True)
    ]
    parts.append(_bars(bars, report.rule.majority, "Share of raters who found each unit compliant"))
    parts.append("<h2>Units: mean rating, 1 to 5, with one standard deviation over raters</h2>")
    dots = [
        (f"unit {u}", float(m), float(m - s), float(m + s))
        for u, m, s in zip(units["unit"], units["rating"], units["rating_sd"], strict=True)
    ]
    parts.append(_dots(dots, 1, 5, (1, 2, 3, 4, 5), "Mean rating of each unit"))
    parts.append(
        "<h2>Agreement between raters</h2><p>1: they agree; 0: as much as by chance. 95 % bootstrap intervals over "
        "movements.</p>"
    )
    agreed = [
        (f"{q}: {c}", float(v), float(a), float(b))
        for q, c, v, a, b in report.agreement[["question", "coefficient", "value", "low", "high"]].itertuples(
            index=False
        )
    ]
    parts.append(_dots(agreed, -0.5, 1, (-0.5, 0, 0.5, 1), "Agreement coefficients with intervals"))
    parts.append(
        _table(
            report.agreement,
            {
                "question": "question",
                "coefficient": "coefficient",
                "value": "value",
                "low": "low",
                "high": "high",
                "n_items": "movements",
            },
        )
    )
    if study is not None:
        parts.append(_faces(report, study))
    parts.append("<h2>Every unit</h2>")
    parts.append(
        _table(
            units,
            {
                "unit": "unit",
                "raters": "raters",
                "complies": "find it compliant",
                "interpretable": "interpretable",
                "rating": "rating",
                "keypoints": "keypoints marked by a third or more",
            },
        )
    )
    parts.append("<h2>Every rater</h2>")
    parts.append(
        _table(
            raters,
            {
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
            },
        )
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<link rel="icon" href="data:,"><title>Rater study: report</title>'
        f"<style>{template('report.css')}</style></head><body><main><h1>Rater study {_text(report.study)}</h1>"
        f"{''.join(parts)}</main></body></html>\n"
    )
