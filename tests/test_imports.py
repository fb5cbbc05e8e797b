"""Imports run one way, as CONTRIBUTING.md promises: no circles, and nothing low imports what stands on it."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[1] / "dfecs_lib"


def name_of(file: Path) -> str:
    parts = file.relative_to(LIBRARY.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(file): file for file in sorted(LIBRARY.rglob("*.py"))}


def imported(file: Path) -> set[str]:
    """Modules of this library that a file imports when it is run or checked, in functions too."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    only_typed = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in only_typed:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {one for one in inner if one in FILES} or {node.module}
    return found & set(FILES)


GRAPH = {name: imported(file) for name, file in FILES.items()}


def test_there_is_no_circle() -> None:
    # A package's own __init__ gathers its modules' names; what modules take from it is another matter.
    graph = {
        name: {other for other in others if not name.startswith(f"{other}.")}
        for name, others in GRAPH.items()
        if FILES[name].name != "__init__.py"
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (
            "ffm",
            ("baselines", "peers", "io", "evaluation", "plotting", "cli", "workflow", "tracking", "interpretability"),
        ),
        ("io", ("ffm", "baselines", "evaluation", "preprocessing", "plotting", "cli", "workflow")),
        ("plotting", ("ffm", "evaluation", "io", "cli", "workflow")),
        ("preprocessing", ("ffm", "baselines", "evaluation", "cli", "workflow")),
        ("evaluation", ("cli", "workflow", "plotting", "book")),
        ("runs", ("ffm", "evaluation", "cli", "book")),
    ],
)
def test_nothing_low_imports_what_stands_on_it(low: str, high: tuple[str, ...]) -> None:
    wrong = {
        (name, other)
        for name, others in GRAPH.items()
        for other in others
        if name.split(".")[1:2] == [low] and other.split(".")[1:2] and other.split(".")[1] in high
    }
    assert not wrong
