"""Foundations chapters: quick checks, exercises whose solutions run, and notebooks without the solutions."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("f[0-9]_*.ipynb"))

sys.path.insert(0, str(ROOT / "book" / "_ext"))
from dfecs_teach import without_solutions  # noqa: E402


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    return nbformat.read(request.param, as_version=4)


def prose(notebook) -> str:
    return "\n\n".join(c.source for c in notebook["cells"] if c["cell_type"] == "markdown")


def test_there_are_four_chapters():
    assert len(CHAPTERS) == 4


def test_quick_checks_hide_their_answers(chapter):
    text = prose(chapter)
    checks = re.findall(
        r'<details class="dfecs-check"><summary>(.+?)</summary>\n\n(.+?)\n\n</details>', text, re.DOTALL
    )
    assert len(checks) >= 3
    assert text.count("<details") == text.count("</details>") == len(checks)
    assert all(question.startswith("Quick check:") and question.endswith("?") for question, _ in checks)


def test_every_exercise_has_a_solution(chapter):
    text = prose(chapter)
    asked = re.findall(r":::\{exercise\} .+\n:label: (ex-[a-z-]+)", text)
    assert 2 <= len(asked) <= 3
    assert re.findall(r":::\{solution-start\} (ex-[a-z-]+)\n:class: dropdown", text) == asked
    assert text.count(":::{solution-end}") == len(asked)


def test_solutions_check_themselves(chapter):
    solved = [c.source for c in chapter.cells if c.cell_type == "code" and "solution" in c.metadata.get("tags", [])]
    assert len(solved) >= 2
    # An assertion fails the build when a solution no longer solves its exercise.
    assert all(any(isinstance(n, ast.Assert) for n in ast.walk(ast.parse(source))) for source in solved)


def test_students_get_the_questions_and_not_the_solutions(chapter):
    given = nbformat.from_dict(without_solutions(chapter))
    nbformat.validate(given)
    text = prose(given)
    assert text.count("### Exercise: ") == len(re.findall(r":::\{exercise\}", prose(chapter)))
    assert ":::" not in text
    assert not [c for c in given.cells if "solution" in c.metadata.get("tags", [])]
    assert [c.source for c in given.cells].count("# Your turn.\n") == text.count("### Exercise: ")
    assert all(not c.outputs for c in given.cells if c.cell_type == "code")


def test_solutions_come_last_so_that_nothing_leans_on_them(chapter):
    code = ["solution" in c.metadata.get("tags", []) for c in chapter.cells if c.cell_type == "code"]
    assert code == sorted(code)
