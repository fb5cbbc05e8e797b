"""The reference in book/api has every public name: what packages and loose modules hand out, what pages import."""

from __future__ import annotations

import importlib
import inspect
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "dfecs_lib"
PAGES = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "book" / "api").glob("*.md"))
LISTED = re.findall(r"automodule:: (\S+)\n   :members:", PAGES)
#: The command line has a page of its own.
ELSEWHERE = {"dfecs_lib.cli"}


def handed_out() -> set[str]:
    """Packages that hand out names, and modules that lie loose at the top."""
    files = [*LIBRARY.glob("[!_]*.py"), *(f for f in LIBRARY.rglob("__init__.py") if "__all__" in f.read_text())]
    parts = (file.relative_to(ROOT).with_suffix("").parts for file in files if "share" not in file.parts)
    return {".".join(part for part in name if part != "__init__") for name in parts}


def imported() -> set[str]:
    """Modules that notebooks, the book and README import from."""
    texts = [path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *(ROOT / "book").rglob("*.md")]]
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        texts += ["".join(cell["source"]) for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]]
    return {module for text in texts for module in re.findall(r"from (dfecs_lib[\w.]*) import", text)}


def test_every_public_module_is_listed_once() -> None:
    assert (handed_out() | imported()) - ELSEWHERE - set(LISTED) == set()
    assert len(set(LISTED)) == len(LISTED)


@pytest.mark.parametrize("name", LISTED)
def test_what_a_listed_module_hands_out_has_a_docstring(name: str) -> None:
    """Without one, the reference leaves a name out."""
    module = importlib.import_module(name)
    public = {public: getattr(module, public) for public in module.__all__}
    functions = {k: v for k, v in public.items() if inspect.isclass(v) or inspect.isfunction(v)}
    assert functions
    assert [k for k, v in functions.items() if not inspect.getdoc(v)] == []
