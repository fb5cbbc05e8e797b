"""Measured figures in pages, out of ``benchmarks/results`` of the checkout: no figure is typed.

- ``{benchmark}`NAME KEY|.2f``` is the figure at KEY (dots lead inwards) of NAME's newest file.
- ``{benchmark-table} NAME KEY`` is a table of the list of rows at KEY; its lines say ``key: Heading|format``. The
  caption says date, machine, versions and data.

A figure that no benchmark recorded is a warning, which stops the build.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

LOGGER = logging.getLogger(__name__)


def newest(name: str) -> Path:
    """Return the newest file of a benchmark: their names end in a date."""
    from dfecs_lib.files import shipped

    files = sorted(shipped("benchmarks/results").glob(f"{name}-*.json"))
    if not files:
        raise KeyError(f"no results of the benchmark {name!r}")
    return files[-1]


def figure(found: object, key: str) -> object:
    """Return what stands at a key with dots."""
    for step in key.split("."):
        if not isinstance(found, dict) or step not in found:
            raise KeyError(key)
        found = found[step]
    return found


def table_html(found: dict[str, object], key: str, lines: list[str]) -> str:
    """Return the rows at `key` as a table, columns as the lines say."""
    rows = figure(found, key)
    assert isinstance(rows, list)
    columns = []
    for line in lines:
        name, _, rest = line.partition(":")
        heading, _, form = rest.partition("|")
        columns.append((name.strip(), heading.strip(), form.strip()))
    head = "".join(f"<th scope='col'>{escape(heading)}</th>" for _, heading, _ in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(format(row[name], form))}</td>" for name, _, form in columns) + "</tr>"
        for row in rows
    )
    return (
        "<figure class='dfecs-figure'><div class='dfecs-table' tabindex='0' role='group' aria-label='table'>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        f"<figcaption>{escape(circumstances(found))}</figcaption></figure>"
    )


def circumstances(found: dict[str, object]) -> str:
    """Return where and when a benchmark ran, in a sentence."""
    machine, versions = found["machine"], found["versions"]
    assert isinstance(machine, dict)
    assert isinstance(versions, dict)
    software = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"Measured {found['date']} on {machine['cores']} cores ({machine['processor']}), "
        f"threads: {machine['threads']}; {software}. Data: {found['data']}."
    )


class BenchmarkRole(SphinxRole):
    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        target, _, form = self.text.partition("|")
        name, _, key = target.strip().partition(" ")
        try:
            file = newest(name)
            text = format(figure(json.loads(file.read_text(encoding="utf-8")), key.strip()), form.strip())
        except (OSError, KeyError, ValueError, TypeError) as error:
            LOGGER.warning("no figure %s (%s)", target, error, location=self.get_location())
            return [nodes.Text("?")], []
        self.env.note_dependency(str(file))
        return [nodes.inline(text, text, classes=["dfecs-result"])], []


class BenchmarkTable(SphinxDirective):
    required_arguments = 2
    has_content = True

    def run(self) -> list[nodes.Node]:
        name, key = self.arguments
        try:
            file = newest(name)
            html = table_html(json.loads(file.read_text(encoding="utf-8")), key, list(self.content))
        except (OSError, KeyError, ValueError, TypeError) as error:
            LOGGER.warning("no table %s %s (%s)", name, key, error, location=self.get_location())
            return []
        self.env.note_dependency(str(file))
        return [nodes.raw("", html, format="html")]


def setup(app: Sphinx) -> dict[str, object]:
    app.add_role("benchmark", BenchmarkRole())
    app.add_directive("benchmark-table", BenchmarkTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
