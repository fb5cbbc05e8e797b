"""Exercise notebooks: every chapter that has solutions is also offered without them, made from the same source.

A notebook's cells tagged ``solution`` hold what students shall find out for themselves. The page shows them folded
away, with what they printed when they were run; the download has an empty cell in their place.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

FOLDER = "exercises"
_EXERCISE = re.compile(r":::\{exercise\} (.+)\n(?::\w+:.*\n)*\n(.*?)\n:::", re.DOTALL)
_OFFER = (
    '\n\n<a href="{up}{folder}/{name}" download>This chapter as a notebook without solutions</a>, '
    "with an empty cell for each."
)


def _tags(cell: dict[str, Any]) -> list[str]:
    return list(cell["metadata"].get("tags", []))


def without_solutions(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return the notebook as students get it: no outputs, no solutions, an empty cell where each solution was."""
    cells: list[dict[str, Any]] = []
    inside = False
    for cell in notebook["cells"]:
        tags = _tags(cell)
        if "solution" in tags:
            if not inside:
                turn = {"cell_type": "code", "execution_count": None, "outputs": [], "source": "# Your turn.\n"}
                cells.append({"id": f"turn-{cell['id']}", "metadata": {}, **turn})
            inside = True
            continue
        inside = False
        if "injected-parameters" in tags:
            continue
        kept = {"cell_type": cell["cell_type"], "id": cell["id"], "metadata": {"tags": tags} if tags else {}}
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            kept |= {"execution_count": None, "outputs": []}
        else:
            text = _EXERCISE.sub(r"### Exercise: \1\n\n\2", text)
        cells.append({**kept, "source": text})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def has_solutions(notebook: dict[str, Any]) -> bool:
    return any("solution" in _tags(cell) for cell in notebook["cells"])


def offer(app: Sphinx, docname: str, source: list[str]) -> None:
    """Offer the exercise notebook under the heading of the exercises."""
    if not docname.startswith("notebooks/"):
        return
    notebook = json.loads(source[0])
    if not has_solutions(notebook):
        return
    link = _OFFER.format(
        up="" if app.builder.name == "singlehtml" else "../" * docname.count("/"),
        folder=FOLDER,
        name=f"{docname.rpartition('/')[2]}.ipynb",
    )
    for cell in notebook["cells"]:
        if cell.get("id") == "exercises":
            cell["source"] = "".join(cell["source"]) + link
    source[0] = json.dumps(notebook)


def write_exercises(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    for file in sorted(Path(app.srcdir, "notebooks").glob("*.ipynb")):
        notebook = json.loads(file.read_text(encoding="utf-8"))
        if has_solutions(notebook):
            target = Path(app.outdir, FOLDER, file.name)
            target.parent.mkdir(exist_ok=True)
            text = json.dumps(without_solutions(notebook), indent=1, ensure_ascii=False)
            target.write_text(text + "\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("source-read", offer)
    app.connect("build-finished", write_exercises)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
