"""One sentence under each figure, and the figures of the model under a chapter's title, from ``takeaways.yaml``.

``takeaways.yaml`` holds, for each notebook, what a reader should take from each of its recorded figures. A name may
have one ``*``. In a sentence, curly brackets stand for numbers of the run's ``results.json``, so that none is typed:

- ``{a/b:.1f}`` is the number at that place, formatted; ``{*}`` inside a place is what the ``*`` of the name stands for;
- ``{diff a/b ; c:.1f}`` is how far two numbers lie apart;
- ``{cmp a/b ; c ; 0.5 : more than | as much as | less than}`` chooses words by which number is larger, with a margin.

A number that the run lacks is a warning, which stops the build; a figure without a sentence is found by a test.
"""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path
from typing import Any

import yaml
from sphinx.application import Sphinx
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
SENTENCES = "takeaways.yaml"
_FIELD = re.compile(r"\{([^{}]+)\}")


def at(found: object, place: str) -> Any:
    for key in place.strip().split("/"):
        if not isinstance(found, dict) or key not in found:
            raise KeyError(place.strip())
        found = found[key]
    return found


def number(found: object, place: str) -> float:
    value = at(found, place)
    if value is None:
        raise KeyError(place.strip())
    return float(value)


def filled(sentence: str, found: object, star: str = "") -> str:
    """Return a sentence with the run's numbers in it."""

    def field(match: re.Match[str]) -> str:
        text = match[1].replace("*", star) if star else match[1]
        kind, _, rest = text.partition(" ")
        if kind == "cmp":
            places, _, words = rest.partition(" : ")
            one, other, margin = (part.strip() for part in places.split(";"))
            ahead = number(found, one) - number(found, other)
            more, same, less = (word.strip() for word in words.split("|"))
            return same if abs(ahead) <= float(margin) else more if ahead > 0 else less
        place, _, form = text.rpartition(":") if ":" in text else (text, "", "")
        if kind == "diff":
            one, other = place.removeprefix("diff ").split(";")
            return format(abs(number(found, one) - number(found, other)), form)
        return format(at(found, place), form)

    return _FIELD.sub(field, sentence.replace("{*}", star))


def sentence_for(sentences: dict[str, str], name: str) -> tuple[str, str] | None:
    """Return the sentence for a figure, and what its name's star stands for."""
    for pattern, sentence in sentences.items():
        match = re.fullmatch(re.escape(pattern).replace(r"\*", "(.*)"), name)
        if match:
            return sentence, match[1] if match.groups() else ""
    return None


def with_takeaway(html: str, sentence: str) -> str:
    """Put a sentence at the end of a figure."""
    take = f'<p class="dfecs-take"><strong>Take from it:</strong> {escape(sentence)}</p>'
    head, end, tail = html.rpartition("</figure>")
    return f"{head}{take}{end}{tail}" if end else html + take


def model_line(models: dict[str, dict[str, Any]]) -> str:
    """Say how many units the models of a page have, and what they are worth."""
    parts = []
    for name, about in models.items():
        numbers = (
            f"VE {about['variance_explained']:.1f} %, {about['active_units']:.1f} active units in a frame, "
            f"cancellation {about['cancellation']:.2f}"
        )
        parts.append(
            f"*{name}*, {about['n_units']} units: {numbers}, on {about.get('on', 'the motion it learned from')}"
        )
    return "; ".join(parts) + "."


def numbers_of(folder: Path) -> dict[str, Any]:
    """Return the numbers that a run recorded; a notebook may record nothing."""
    file = folder / "results.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found


def add(app: Sphinx, docname: str, source: list[str]) -> None:
    if not docname.startswith("notebooks/"):
        return
    run = docname.rpartition("/")[2]
    folder = Path(app.srcdir) / "results" / run
    file = Path(app.srcdir) / SENTENCES
    sentences = (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get(run, {})
    found = numbers_of(folder)
    figures = {path.read_text(encoding="utf-8").strip(): path.stem for path in folder.glob("*.html")}
    notebook = json.loads(source[0])
    if models := found.get("models"):
        title = "".join(notebook["cells"][0]["source"])
        shown = f"\n- **Figures of the model** {model_line(models)}"
        notebook["cells"][0]["source"] = re.sub(r"(\n- \*\*Model\*\* [^\n]*)", lambda m: m[1] + shown, title, count=1)
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            html = "".join(output.get("data", {}).get("text/html", []))
            name = figures.get(html.strip())
            chosen = None if name is None else sentence_for(sentences, name)
            if chosen is None:
                continue
            try:
                output["data"]["text/html"] = with_takeaway(html, filled(chosen[0], found, chosen[1]))
            except (KeyError, ValueError) as error:
                LOGGER.warning("%s: the sentence under %s asks for what the run has not: %s", run, name, error)
    source[0] = json.dumps(notebook)


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("source-read", add, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
