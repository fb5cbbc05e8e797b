"""The explorer: a face that the reader moves by its units, from a notebook's data (`dfecs_lib.publishing.explorer`).

``{explorer} RUN:NAME`` puts it on a page; ``:start: smile`` begins with that expression, ``:compact:`` is for a front
page, with fewer clips. Style, script and data stand in the page itself, on those pages alone, so that it also works
from a file. Without JavaScript the drawn face remains.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

LOGGER = logging.getLogger(__name__)
HERE = Path(__file__).parent
COMPACT_CLIPS = 2
MARGIN = 75  # pixels of the registered face


class Explorer(SphinxDirective):
    required_arguments = 1
    option_spec = {"start": directives.unchanged, "compact": directives.flag}

    def run(self) -> list[nodes.Node]:
        run, _, name = self.arguments[0].partition(":")
        file = Path(self.env.srcdir) / "results" / run / f"{name}.json"
        noted = file.with_name("results.json")
        if not file.is_file() and noted.is_file() and "not_run" in json.loads(noted.read_text(encoding="utf-8")):
            return []  # the chapter that makes it says why
        if not file.is_file():
            LOGGER.warning("no explorer data %s", self.arguments[0], location=self.get_location())
            return []
        script, style = HERE / "explorer.js", HERE / "explorer.css"
        for needed in (file, script, style):
            self.env.note_dependency(str(needed))
        data = json.loads(file.read_text(encoding="utf-8"))
        if "compact" in self.options:  # a front page is to be light: the explorer's own page has all clips
            for holder in (data, *data["sets"]):
                holder["clips"] = holder["clips"][:COMPACT_CLIPS]
        text = json.dumps(data, separators=(",", ":"))
        start = self.options.get("start", "")
        if start and start not in [preset["name"] for preset in data["presets"]]:
            LOGGER.warning("no expression %r in %s", start, self.arguments[0], location=self.get_location())
        clips = "; ".join(clip["about"] for clip in data["clips"])
        if self.env.app.builder.name == "singlehtml":
            face = f'<div class="dfecs-explorer"><div class="ex-face">{still_face(data, start)}</div></div>'
            about = "A face moved by its units, drawn still; on the book's own pages it answers to the reader."
            style_ = f"<style>{style.read_text(encoding='utf-8')}</style>"
            figure = f'<figure class="dfecs-figure">{face}<figcaption>{about}</figcaption></figure>'
            return [nodes.raw("", style_ + figure, format="html")]
        html = PAGE.format(
            id=f"explorer-{self.env.new_serialno('explorer')}",
            kind=" compact" if "compact" in self.options else "",
            start=escape(start, quote=True),
            first=escape(data["sets"][0]["name"], quote=True),
            json=text.replace("</", "<\\/"),
            face=still_face(data, start),
            data=escape(f"units from {data['data']}; expressions simulated; clips: {clips}"),
            style=style.read_text(encoding="utf-8"),
            script=script.read_text(encoding="utf-8"),
        )
        return [nodes.raw("", html, format="html")]


def still_face(data: dict[str, object], start: str) -> str:
    """Draw the first set's face of an expression, or the face at rest, over the face at rest."""
    neutral = data["neutral"]
    chosen = data["sets"][0]
    motion = list(chosen["offset"])
    codes = next((c for p, c in zip(data["presets"], chosen["presets"], strict=True) if p["name"] == start), [])
    for code, unit in zip(codes, chosen["units"], strict=False):
        motion = [m + code / 100 * u for m, u in zip(motion, unit, strict=True)]
    count = len(neutral) // 2
    moved = [a + b for a, b in zip(neutral, motion, strict=True)]

    def paths(values: list[float]) -> str:
        lines = ("L".join(f"{values[k]:.1f} {values[count + k]:.1f}" for k in line) for line in data["lines"])
        return "".join(f'<path d="M{line}"/>' for line in lines)

    left, top = min(neutral[:count]) - MARGIN, min(neutral[count:]) - MARGIN
    box = f"{left:.0f} {top:.0f} {max(neutral[:count]) + MARGIN - left:.0f} {max(neutral[count:]) + MARGIN - top:.0f}"
    alt = f"A drawn face: {start or 'at rest'}."
    return (
        f'<svg viewBox="{box}" role="img" aria-label="{escape(alt, quote=True)}">'
        f'<g class="ex-rest">{paths(neutral)}</g><g class="ex-moved">{paths(moved)}</g></svg>'
    )


PAGE = """<style>{style}</style>
<figure class="dfecs-figure"><div class="dfecs-explorer{kind}" id="{id}" data-start="{start}" data-set="{first}">
<script type="application/json">{json}</script>
<div class="ex-sets"></div>
<p class="ex-about"></p>
<div class="ex-bar"></div>
<div class="ex-main">
<div class="ex-face">{face}<p class="ex-labels"></p><div class="ex-player"></div></div>
<div class="ex-sliders" role="group" aria-label="Units"></div>
</div>
<p class="ex-said"></p>
<p class="ex-live" aria-live="polite"></p>
</div>
<noscript><p>With JavaScript this face moves; the chapters show the same kind of units as drawings.</p></noscript>
<figcaption>Grey: the face at rest. In colour: the sum of the units. Dashed: the expression or frame that the units are
to rebuild; where the coloured line leaves it, a movement is missing from the units.
<span class="dfecs-data"><em>Data: {data}.</em></span></figcaption></figure>
<script>{script}</script>"""


def setup(app: Sphinx) -> dict[str, object]:
    app.add_directive("explorer", Explorer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
