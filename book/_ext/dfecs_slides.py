"""Slides of each chapter, made from its notebook: a slide a figure, with what to take from it, and the quiz.

They are plain pages (``slides/CHAPTER.html``) that need no network and no reveal.js: one slide fills the screen, arrow
keys go on, and printing gives a page a slide.
"""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path
from typing import Any

import yaml
from dfecs_takeaways import filled, numbers_of, sentence_for, with_takeaway
from markdown_it import MarkdownIt
from sphinx.application import Sphinx

FOLDER = "slides"
MOST_FIGURES, MOST_WORDS = 3, 60
SCRIPT = Path(__file__).with_name("slides.js")
STYLE = Path(__file__).with_name("slides.css")
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="../_static/icon.svg"><title>{title}: slides</title><style>{style}</style>{plotly}</head>
<body><main>{slides}</main><script>{script}</script></body></html>
"""


def brief(text: str) -> str:
    """Return the first paragraphs of a text as HTML, up to some words, without what only a page can show."""
    text = re.sub(r"<details.*?</details>|:::.*?:::|\$\$.*?\$\$|```.*?```", "", text, flags=re.DOTALL)
    text = re.sub(r"\{(?:cite|term|result|doc)\}`[^`]*`", "", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    kept, count = [], 0
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        words = len(paragraph.split())
        if not paragraph or "$" in paragraph or paragraph.startswith(("#", "<")) or count + words > MOST_WORDS:
            continue
        kept.append(paragraph)
        count += words
    return str(MarkdownIt().render("\n\n".join(kept)))


def figures_of(cell: dict[str, Any], names: dict[str, str], sentences: dict[str, str], found: object) -> list[str]:
    out = []
    for output in cell.get("outputs", []):
        html = "".join(output.get("data", {}).get("text/html", []))
        if "dfecs-figure" not in html:
            continue
        chosen = sentence_for(sentences, names.get(html.strip(), ""))
        try:
            out.append(html if chosen is None else with_takeaway(html, filled(chosen[0], found, chosen[1])))
        except (KeyError, ValueError):  # the chapter's page has warned of it
            out.append(html)
    return out


def slides_of(
    notebook: dict[str, Any], folder: Path, sentences: dict[str, str], quiz: list[dict[str, Any]]
) -> list[str]:
    """Return the slides of a notebook: its question, its figures section by section, and its quiz."""
    names = {path.read_text(encoding="utf-8").strip(): path.stem for path in folder.glob("*.html")}
    found = numbers_of(folder)
    heading, told, shown, slides = "", "", 0, []
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            head = re.search(r"^(#{1,2}) (.*)$", text, re.MULTILINE)
            if head and head[1] == "#":
                first = re.sub(r"^- \*\*(?:Needs|Takes|Model)\*\*.*(?:\n(?![-\n]).*)*", "", text, flags=re.MULTILINE)
                slides.append(f"<h1>{escape(head[2])}</h1>{brief(first.replace(head[0], ''))}")
            elif head:
                if heading and not shown and told:
                    slides.append(f"<h2>{escape(heading)}</h2>{told}")
                heading, told, shown = head[2], brief(text.replace(head[0], "")), 0
                if heading in ("Exercises", "Download"):
                    break
            continue
        if "solution" in cell["metadata"].get("tags", []):
            continue
        for figure in figures_of(cell, names, sentences, found):
            if heading and shown < MOST_FIGURES:
                slides.append(f"<h2>{escape(heading)}</h2>{told if not shown else ''}{figure}")
                shown += 1
    for one in quiz:
        answers = "".join(f"<li>{escape(answer['text'])}</li>" for answer in one["answers"])
        right = next(answer for answer in one["answers"] if answer.get("right"))
        slides.append(
            f"<h2>{escape(one['question'])}</h2><ul>{answers}</ul>"
            f"<details><summary>Answer</summary><p>{escape(right['text'])}. {escape(right['feedback'])}</p></details>"
        )
    return slides


def page(title: str, slides: list[str]) -> str:
    body = "".join(f"<section>{slide}</section>" for slide in slides)
    live = '<script defer src="../_static/plotly.min.js"></script>' if 'class="dfecs-live"' in body else ""
    return PAGE.format(
        title=escape(title),
        style=STYLE.read_text(encoding="utf-8"),
        plotly=live,
        slides=body,
        script=SCRIPT.read_text(encoding="utf-8"),
    )


def write(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.name != "html":
        return
    source, target = Path(app.srcdir), Path(app.outdir, FOLDER)
    target.mkdir(exist_ok=True)
    sentences = yaml.safe_load((source / "takeaways.yaml").read_text(encoding="utf-8"))
    listed = []
    for docname in sorted(app.env.found_docs):
        if not docname.startswith("notebooks/"):
            continue
        name = docname.rpartition("/")[2]
        notebook = json.loads((source / f"{docname}.ipynb").read_text(encoding="utf-8"))
        quiz = source / "quizzes" / f"{name}.yaml"
        questions = yaml.safe_load(quiz.read_text(encoding="utf-8")) if quiz.is_file() else []
        if "not_run" in numbers_of(source / "results" / name):
            continue
        slides = slides_of(notebook, source / "results" / name, sentences.get(name) or {}, questions)
        title = re.sub(r"<[^>]+>", "", app.env.titles[docname].astext())
        (target / f"{name}.html").write_text(page(title, slides), encoding="utf-8")
        listed.append(f'<li><a href="{name}.html">{escape(title)}</a>, {len(slides)} slides</li>')
    head = "<h1>Slides</h1><p>A set for each chapter, made from its notebook. Arrow keys go on; nothing is fetched.</p>"
    (target / "index.html").write_text(page("DFECS", [f"{head}<ul>{''.join(listed)}</ul>"]), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
