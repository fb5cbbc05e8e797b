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


STYLE = """<style>
@page { size: A4; margin: 18mm 17mm; }
@media print {
  span[id^="document-"] + section { break-before: page; }
  /* The reference is for looking up, on a screen: paper has the book. */
  span[id^="document-api/"] + section, #document-cli + section, #document-changelog + section { display: none; }
  .toctree-wrapper > p.caption { break-before: page; break-after: avoid; font-size: 2em; margin-bottom: 1em; }
  .toctree-wrapper > p.caption + span + section { break-before: avoid; }
}
</style>"""


def add_style(app: Sphinx, page: str, template: str, context: dict[str, object], doctree: object) -> None:
    if app.builder.name == "singlehtml":
        context["body"] = f"{STYLE}{context.get('body', '')}"


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("builder-inited", complete_handlers)
    app.connect("html-page-context", add_style)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
