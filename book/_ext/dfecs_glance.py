"""``{glance}``: claims beside the figures of this book's runs, each with its data, a verdict and a link.

The claims are in ``glance.yaml``; every figure is read from the runs' ``results.json``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

LOGGER = logging.getLogger(__name__)
CLAIMS = "glance.yaml"
HEAD = ("Claim", "Figure", "Data", "Verdict", "Page")


class Glance(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        source = Path(self.env.srcdir)
        self.env.note_dependency(str(source / CLAIMS))
        lines = [
            line
            for claim in yaml.safe_load((source / CLAIMS).read_text(encoding="utf-8"))
            for line in rows(claim, source)
        ]
        up = "" if self.env.app.builder.name == "singlehtml" else "../" * self.env.docname.count("/")
        lines, reasons = with_notes(lines)
        body = "".join(f"<tr>{''.join(cells(line, up))}</tr>" for line in lines)
        head = "".join(f"<th class='left' scope='col'>{word}</th>" for word in HEAD)
        html = (
            "<div class='dfecs-table dfecs-glance' tabindex='0' role='group' aria-label='table'><table>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
            + "".join(f"<p>({number}) {escape(reason)}</p>" for number, reason in enumerate(reasons, start=1))
        )
        return [nodes.raw("", html, format="html")]


def with_notes(lines: list[dict[str, str]]) -> tuple[list[dict[str, str]], list[str]]:
    """Say under the table, and once, why lines were not run: the same long reason in ten lines hides the others."""
    reasons = list(dict.fromkeys(line["data"] for line in lines if line["verdict"] == "not run" and line["linked"]))
    return [
        {**line, "data": f"not here ({reasons.index(line['data']) + 1})"} if line["data"] in reasons else line
        for line in lines
    ], reasons


def cells(line: dict[str, str], up: str) -> Iterator[str]:
    for key in ("claim", "figure", "data", "verdict"):
        yield f"<td class='left'>{escape(line[key])}</td>"
    page, title = escape(line["run"]), escape(line["title"])
    linked = f'<a href="{up}notebooks/{page}.html">{title}</a>' if line["linked"] else title
    yield f"<td class='left'>{linked}</td>"


def rows(claim: dict[str, Any], source: Path) -> Iterator[dict[str, str]]:
    """Lines of one claim: one for each data set that it goes over, or one that says why there is none."""
    run = claim["run"]
    base = {"claim": claim["claim"], "run": run, "linked": "yes", "figure": "–", "data": "–", "verdict": "not run"}
    base["title"] = title_of(source / "notebooks" / f"{run}.ipynb", run)
    file = source / "results" / run / "results.json"
    if not file.is_file():
        yield {**base, "linked": "", "data": "no part of this book"}
        return
    found = json.loads(file.read_text(encoding="utf-8"))
    if "not_run" in found:
        yield {**base, "data": found["not_run"]}
        return
    sets = list(at(found, claim["each"]) or {}) if "each" in claim else [""]
    for name in sets:
        ours = at(found, claim["ours"].replace("{set}", name))
        theirs = at(found, claim["theirs"].replace("{set}", name)) if "theirs" in claim else claim.get("limit")
        if ours is None or theirs is None:
            absent = " ".join(found.get("absent", {}).values()) if isinstance(found.get("absent"), dict) else ""
            yield {**base, "data": absent or "this run has no such figure"}
            continue
        yield {**base, **judged(claim, float(ours), float(theirs)), "data": data_of(claim, found, name)}


def title_of(notebook: Path, otherwise: str) -> str:
    """Return a chapter's heading, without what follows its colon."""
    if not notebook.is_file():
        return otherwise
    first = "".join(json.loads(notebook.read_text(encoding="utf-8"))["cells"][0]["source"])
    heading, _, _ = first.partition("\n")
    return heading.removeprefix("# ").partition(":")[0] if heading.startswith("# ") else otherwise


def at(found: object, place: str) -> Any:
    """Return what is at ``a/b/c``; None where there is nothing."""
    for key in place.split("/"):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def judged(claim: dict[str, Any], ours: float, theirs: float) -> dict[str, str]:
    form, unit = claim.get("form", "{:.1f}"), claim.get("unit", "")
    tail = unit if unit == "%" or not unit else f" {unit}"
    tail = f" {tail}" if tail == "%" else tail
    figure = f"{form.format(ours)}{tail}" + (f" against {form.format(theirs)}{tail}" if "theirs" in claim else "")
    ahead = (ours - theirs) * (-1 if claim.get("better") == "less" else 1)
    verdict = "level" if abs(ahead) <= claim.get("margin", 0) else "yes" if ahead > 0 else "no"
    if claim.get("relatives"):
        verdict += f"; no evidence: {claim['relatives']}"
    return {"figure": figure, "verdict": verdict}


def data_of(claim: dict[str, Any], found: dict[str, Any], name: str) -> str:
    """Real or simulated, how many people, how many frames: as the run has them."""
    if "about" in claim:
        said = at(found, claim["about"])
        about = str(said) if said is not None else claim["about"]
        frames = found.get("n_frames")
        about = about if "faces" in about else f"simulated faces, {about}" if about.startswith("sim-") else about
        return f"{about}, {frames:,} frames taught" if isinstance(frames, int) else about
    where = claim.get("sets", f"data/{name}")
    entry = at(found, where)
    several = {where.rpartition("/")[2]: entry} if isinstance(entry, dict) and "people" in entry else entry or {}
    return "; ".join(f"real faces, {k}: {v['people']} people, {v['frames']:,} frames" for k, v in several.items())


def setup(app: Sphinx) -> dict[str, object]:
    app.add_directive("glance", Glance)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
