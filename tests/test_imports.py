"""Imports run one way, as CONTRIBUTING.md promises: no circles, and nothing low imports what stands on it."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

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


#: The house, from the ground up: a folder (or loose module) imports only from those above it in this list.
ORDER = (
    "errors",
    "files",
    "keypoints",
    "metrics",
    "anatomy",
    "tracking",
    "simulate",
    "preprocessing",
    "data",
    "coding",
    "models",
    "ffm",
    "baselines",
    "evaluation",
    "interpretability",
    "plotting",
    "rating",
    "publishing",
    "workflow",
    "cli",
)
#: Public names of modules that live in a folder.
ALIASES = {"neutral", "head3d"}


def test_imports_run_from_top_to_bottom_only() -> None:
    rank = {name: k for k, name in enumerate(ORDER)}
    wrong = {
        f"{name} imports {other}"
        for name, others in GRAPH.items()
        for other in others
        if len(where := name.split(".")) > 1
        and len(there := other.split(".")) > 1
        and where[1] not in ALIASES
        and (there[1] in ALIASES or rank[there[1]] > rank[where[1]])
    }
    assert not wrong


def test_every_room_is_in_the_list() -> None:
    rooms = {name.split(".")[1] for name in GRAPH if "." in name}
    assert rooms == {*ORDER, *ALIASES}


def test_few_modules_lie_loose_at_the_top() -> None:
    assert len(list(LIBRARY.glob("*.py"))) <= 7


def test_contributing_names_every_folder_in_that_order() -> None:
    text = (LIBRARY.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = [row.split("|")[1] for row in text.splitlines() if row.startswith("| `")]
    assert tuple(name for row in rows for name in re.findall(r"`(\w+)`", row)) == ORDER
