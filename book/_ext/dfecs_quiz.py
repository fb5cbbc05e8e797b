"""A quiz at the end of each chapter that answers in the page, from ``quizzes/CHAPTER.yaml``.

Each file is a list of questions; an answer has its ``text``, its ``feedback``, and ``right: true`` where it is right.
One small script, in the page itself, shows the feedback of the answer chosen; without it, and on paper, the right
answers stand in a fold under the questions.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
FOLDER = "quizzes"
SCRIPT = Path(__file__).with_name("quiz.js")


def faults(questions: Any) -> list[str]:
    """Say what is wrong with a quiz's file."""
    if not isinstance(questions, list) or not questions:
        return ["is no list of questions"]
    found = []
    for number, one in enumerate(questions, start=1):
        answers = one.get("answers", []) if isinstance(one, dict) else []
        if not isinstance(one, dict) or not one.get("question") or len(answers) < 2:
            found.append(f"question {number} needs a text and two answers at least")
        elif sum(answer.get("right") is True for answer in answers) != 1:
            found.append(f"question {number} needs one right answer")
        elif not all(answer.get("text") and answer.get("feedback") for answer in answers):
            found.append(f"question {number} has an answer without text or feedback")
    return found


def quiz_html(questions: list[dict[str, Any]], name: str, script: str) -> str:
    """Return the quiz; `name` sets its radio buttons apart from those of other quizzes."""
    sets, keys = [], []
    for number, one in enumerate(questions, start=1):
        labels = "".join(
            f'<label><input type="radio" name="quiz-{escape(name)}-{number}" '
            f'data-right="{"yes" if answer.get("right") else "no"}" data-feedback="{escape(answer["feedback"])}"> '
            f"<span>{escape(answer['text'])}</span></label>"
            for answer in one["answers"]
        )
        sets.append(
            f"<fieldset><legend>{number}. {escape(one['question'])}</legend>{labels}"
            '<p class="dfecs-said-of" role="status"></p></fieldset>'
        )
        right = next(answer for answer in one["answers"] if answer.get("right"))
        keys.append(f"<li>{escape(right['text'])}. {escape(right['feedback'])}</li>")
    return (
        f'<div class="dfecs-quiz">{"".join(sets)}<details><summary>All right answers</summary><ol>{"".join(keys)}</ol>'
        f"</details></div><script>{script}</script>"
    )


def add_quiz(app: Sphinx, doctree: nodes.document) -> None:
    docname = app.env.docname
    name = docname.rpartition("/")[2]
    file = Path(app.srcdir) / FOLDER / f"{name}.yaml"
    if not docname.startswith("notebooks/") or not file.is_file():
        return
    app.env.note_dependency(str(file))
    questions = yaml.safe_load(file.read_text(encoding="utf-8"))
    if wrong := faults(questions):
        LOGGER.warning("%s: %s", file, "; ".join(wrong))
        return
    section = nodes.section(ids=["check-yourself"], names=["check yourself"])
    section += nodes.title("", "Check yourself")
    section += nodes.raw("", quiz_html(questions, name, SCRIPT.read_text(encoding="utf-8")), format="html")
    top = next(iter(doctree.findall(nodes.section)), doctree)
    top += section


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("doctree-read", add_quiz, priority=400)  # before the page's last section, how to run it
    return {"parallel_read_safe": True, "parallel_write_safe": True}
