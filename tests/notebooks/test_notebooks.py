"""Notebooks as committed: valid, without outputs, every parameter explained, nothing of one machine in them."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import io
import re
import tokenize
from pathlib import Path

import nbformat
import pytest

from dfecs_lib.publishing.runs import load_profile, profile_names

PICTURES = {f"plotting.{name}" for name in ("Figure", "Gallery", "HoverCodes", "HoverCurves", "MovingFaces")}
FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def test_there_are_notebooks():
    assert NOTEBOOKS


def test_a_notebook_is_valid_with_ids_that_stay(notebook):
    nbformat.validate(notebook)
    ids = [cell["id"] for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    # Words, not random digits: they stay the same when the notebook is written again.
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", cell_id) for cell_id in ids)


def test_a_notebook_is_committed_without_outputs(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


def test_every_parameter_is_a_literal_with_a_comment(notebook):
    (cell,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    tokens = tokenize.generate_tokens(io.StringIO(cell.source).readline)
    comments = {t.start[0]: t.string for t in tokens if t.type == tokenize.COMMENT}
    names = []
    for statement in ast.parse(cell.source).body:
        assert isinstance(statement, ast.Assign)
        ast.literal_eval(statement.value)
        names.append(statement.targets[0].id)
        assert len(comments.get(statement.lineno, "").lstrip("# ")) > 10, names[-1]
    assert "results_dir" in names


def test_every_parameter_is_used(notebook):
    (cell,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    names = {s.targets[0].id for s in ast.parse(cell.source).body}
    rest = "\n".join(c.source for c in notebook.cells if c.cell_type == "code" and c is not cell)
    assert {n for n in names if re.search(rf"\b{n}\b", rest)} == names


def test_the_first_cell_asks_one_question_and_says_what_it_needs(notebook):
    first = notebook.cells[0].source
    assert first.startswith("# ")
    assert "?*" in first
    assert "**Needs**" in first


def test_the_first_cell_says_what_one_learns_how_long_it_takes_and_which_model_is_shown(notebook):
    first = notebook.cells[0].source
    code = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
    assert "- **You will learn** " in first
    assert re.search(r"- \*\*Takes\*\* about \d+ minutes", first)
    shown = re.search(r"- \*\*Model\*\* (.+)", first)
    if "FullFaceModel(" not in code:
        return
    assert shown
    papers = 'encoder = "hierarchical"' in code or re.search(r'FullFaceModel(\.paper\(|\([^\n]*"hierarchical")', code)
    assert ("*DFECS (paper)*" in shown[1]) == bool(papers)


def test_every_name_that_it_takes_from_the_library_is_there(notebook):
    """A notebook is run rarely; a name that has gone shall be seen at once."""
    code = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
    absent = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dfecs_lib"):
            module = importlib.import_module(str(node.module))
            absent += [
                f"{node.module}.{name.name}"
                for name in node.names
                if not hasattr(module, name.name) and importlib.util.find_spec(f"{node.module}.{name.name}") is None
            ]
    assert absent == []


def test_no_figure_without_alt_text_and_data(notebook):
    code = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
    for call in ast.walk(ast.parse(code)):
        if isinstance(call, ast.Call) and ast.unparse(call.func) in PICTURES:
            given = {keyword.arg for keyword in call.keywords}
            assert {"caption", "data"} <= given, ast.unparse(call)


def test_a_notebook_holds_no_logic_that_a_test_should_cover(notebook):
    code = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
    tree = ast.parse(code)
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef | ast.While | ast.Try)]
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    # Small ones that draw are fine.
    assert all(len(f.body) <= 10 and f.name.startswith("draw") for f in functions)


@pytest.mark.parametrize("name", profile_names(FOLDER / "profiles.yaml"))
def test_every_profile_names_notebooks_and_parameters_that_exist(name):
    profile = load_profile(name, FOLDER / "profiles.yaml")
    assert profile.steps
