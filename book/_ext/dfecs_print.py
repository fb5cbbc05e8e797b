"""The book as one page for paper: what a builder of single pages needs beyond what it does for a site."""

# ruff: noqa: ARG001  Sphinx decides what its callbacks are given.
from __future__ import annotations

from sphinx.application import Sphinx


def complete_handlers(app: Sphinx) -> None:
    """Let every node be drawn that a site draws.

    Sphinx forgets the nodes registered for ``html`` as soon as some extension registers one for ``singlehtml`` by name.
    """
    handlers = app.registry.translation_handlers
    if "singlehtml" in handlers:
        handlers["singlehtml"] = {**handlers.get("html", {}), **handlers["singlehtml"]}


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("builder-inited", complete_handlers)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
