"""What the book's pages need beyond jupyter-book: numbers and figures out of the runs, MathJax from this machine.

- ``{result}`RUN:NAME``` is the number or word that a run recorded as NAME; ``{result}`RUN:NAME|.1f``` formats it.
- ``{result-figure} RUN:NAME`` is a figure that a run recorded.

A result that no run recorded is a warning, which stops the build.
"""

# ruff: noqa: ARG001  Sphinx decides what its callbacks are given.
from __future__ import annotations

import json
import re
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

LOGGER = logging.getLogger(__name__)
# Of the packaged MathJax (24 MB) only what a page with formulas asks for.
MATHJAX = ("tex-chtml.js", "output/chtml/fonts")
PLOTLY = "plotly.min.js"
NOT_RUN = "(not run here)"
DOWNLOADS = {".csv", ".json", ".npz", ".md"}
UNITS = "units"  # of trained units with their cards: where 'dfecs encode --units NAME' looks for them


def results_folder(app: Sphinx) -> Path:
    return Path(app.srcdir) / "results"


def was_not_run(app: Sphinx, run: str) -> bool:
    """Say whether a notebook was left out of this book for want of its data."""
    file = results_folder(app) / run / "results.json"
    return file.is_file() and "not_run" in json.loads(file.read_text(encoding="utf-8"))


def lookup(app: Sphinx, target: str) -> object:
    """Return ``RUN:NAME``; NAME may have dots."""
    run, _, name = target.partition(":")
    file = results_folder(app) / run / "results.json"
    found: object = json.loads(file.read_text(encoding="utf-8"))
    if was_not_run(app, run):
        return NOT_RUN
    for key in name.split("."):
        if not isinstance(found, dict) or key not in found:
            raise KeyError(name)
        found = found[key]
    return found


class ResultRole(SphinxRole):
    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        target, _, form = self.text.partition("|")
        try:
            value = lookup(self.env.app, target.strip())
        except (OSError, KeyError, ValueError) as error:
            LOGGER.warning("no result %s (%s)", target, error, location=self.get_location())
            return [nodes.Text("?")], []
        self.env.note_dependency(str(results_folder(self.env.app) / target.partition(":")[0] / "results.json"))
        text = format(value, form.strip()) if form and value != NOT_RUN else str(value)
        return [nodes.inline(text, text, classes=["dfecs-result"])], []


class ResultFigure(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        run, _, name = self.arguments[0].partition(":")
        file = results_folder(self.env.app) / run / f"{name}.html"
        if not file.is_file():
            if was_not_run(self.env.app, run):
                return [nodes.paragraph("", NOT_RUN)]
            LOGGER.warning("no figure %s", self.arguments[0], location=self.get_location())
            return []
        self.env.note_dependency(str(file))
        return [nodes.raw("", file.read_text(encoding="utf-8"), format="html")]


class Changelog(SphinxDirective):
    """``{changelog}``: the checkout's CHANGELOG.md, or a sentence where the library is installed without it."""

    def run(self) -> list[nodes.Node]:
        from dfecs_lib.files import shipped

        file = shipped("CHANGELOG.md")
        text = file.read_text(encoding="utf-8") if file.is_file() else "# Changelog\n\nNot part of this installation."
        self.env.note_dependency(str(file))
        return self.parse_text_to_nodes(text, allow_section_headings=True)


class CliHelp(SphinxDirective):
    """``{cli-help}``: the help of every command."""

    def run(self) -> list[nodes.Node]:
        from dfecs_lib.cli.main import dfecs

        out: list[nodes.Node] = []
        for name, command in dfecs.commands.items():
            section = nodes.section(ids=[f"dfecs-{name}"], names=[f"dfecs {name}"])
            section += nodes.title("", "", nodes.literal("", f"dfecs {name}"))
            verbs = command.commands.items() if isinstance(command, click.Group) else ()
            for words, one in [(name, command), *((f"{name} {verb}", one) for verb, one in verbs)]:
                context = click.Context(one, info_name=f"dfecs {words}", terminal_width=78, show_default=True)
                text = one.get_help(context)
                section += nodes.literal_block(text, text, language="none")
            out.append(section)
        return out


def load_plotly(app: Sphinx, page: str, template: str, context: dict[str, object], doctree: object) -> None:
    """Give plotly.js (4.8 MB) to the pages with a figure that it draws, after their text."""
    if app.builder.name != "singlehtml" and 'class="dfecs-live"' in str(context.get("body", "")):
        app.add_js_file(PLOTLY, loading_method="defer")


def copy_plotly(app: Sphinx) -> None:
    if app.builder.name == "html":
        from dfecs_lib.plotting import plotly_script

        target = Path(app.outdir) / "_static" / PLOTLY
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(plotly_script(), target)


def tidy_page(app: Sphinx, page: str, template: str, context: dict[str, object], doctree: object) -> None:
    """Drop scripts that a page has no use for.

    Thebe: nobody runs code in these pages, it would come from elsewhere, and jupyter-book adds it twice.
    MathJax (1.2 MB): where there is no formula.
    """
    formulas = isinstance(doctree, nodes.document) and any(
        doctree.findall(lambda n: isinstance(n, nodes.math | nodes.math_block))
    )
    unused = "thebe" if formulas else "thebe|mathjax"
    scripts: list[object] = context.get("script_files", [])  # type: ignore[assignment]
    context["script_files"] = [
        s for s in scripts if not re.search(unused, f"{s}{getattr(s, 'attributes', '')}", re.IGNORECASE)
    ]


def mend_notebook(app: Sphinx, docname: str, source: list[str]) -> None:
    """Fold the parameters' cell away and leave papermill's own out: the page's last section shows both."""
    if not docname.startswith("notebooks/"):
        return
    notebook = json.loads(source[0])
    for cell in notebook["cells"]:
        tags = cell["metadata"].get("tags", [])
        if "injected-parameters" in tags:
            cell["metadata"]["tags"] = [*tags, "remove-cell"]
        elif "parameters" in tags:
            cell["metadata"]["tags"] = [*tags, "hide-input"]
    fold_sections(notebook["cells"])
    source[0] = json.dumps(notebook)


def _folded(cell: dict[str, Any]) -> bool:
    tags = cell["metadata"].get("tags", [])
    return "hide-input" in tags and "solution" not in tags


def fold_sections(cells: list[dict[str, Any]]) -> None:
    """Show the folded code of a section in one fold, that of its last figure, instead of one fold a figure."""
    section: list[dict[str, Any]] = []
    for cell in [*cells, {"cell_type": "markdown", "source": "## end"}]:
        if cell["cell_type"] == "markdown" and re.search(r"^#{1,3} ", "".join(cell["source"]), re.MULTILINE):
            if len(section) > 1:
                section[-1]["source"] = "\n\n".join("".join(c["source"]) for c in section)
                for other in section[:-1]:
                    tags = [tag for tag in other["metadata"]["tags"] if tag != "hide-input"]
                    other["metadata"]["tags"] = [*tags, "remove-input"]
            section = []
        elif cell["cell_type"] == "code" and _folded(cell):
            section.append(cell)


def copy_files(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    spec = find_spec("sphinx-mathjax-offline")
    if spec is None or spec.origin is None:
        LOGGER.warning("the package sphinx-mathjax-offline is missing: formulas will not be drawn")
    else:
        source = Path(spec.origin).parent / "static" / "mathjax"
        for name in MATHJAX:
            target = out / "_static" / "mathjax" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (source / name).is_dir():
                shutil.copytree(source / name, target, dirs_exist_ok=True)
            else:
                shutil.copyfile(source / name, target)
    base = results_folder(app)
    for file in [*base.glob("*/*"), *base.glob("*/files/*")]:
        if file.suffix in DOWNLOADS or file.parent.name == "files":
            target = out / "results" / file.relative_to(base)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    for card in base.glob("*/*.md"):
        (out / UNITS).mkdir(exist_ok=True)
        for file in (card, card.with_suffix(".npz")):
            shutil.copyfile(file, out / UNITS / file.name)


def mend_html(app: Sphinx, error: Exception | None) -> None:
    """Mend what the theme's templates write and no setting changes.

    The icon script goes (1.5 MB a visit: the icons come as a font already). The navigation's folds get a name for those
    who hear the page, and the bibliography, which is no list of items, is not called one.
    """
    if error is not None or app.builder.format != "html":
        return
    for file in Path(app.outdir).rglob("*.html"):
        page = file.read_text(encoding="utf-8")
        tags = r"<(?:link|script)[^>]*fontawesome[^>]*/js/[^>]*>(?:\s*</script>)?"
        page = re.sub(tags, "", page).replace('<div role="list" class="citation-list">', '<div class="citation-list">')
        page = page.replace(
            '<summary><span class="toctree-toggle"', '<summary aria-label="Show its pages"><span class="toctree-toggle"'
        )
        file.write_text(page, encoding="utf-8")
    for folder in Path(app.outdir).glob("_static/vendor/fontawesome/*/js"):
        shutil.rmtree(folder)


def skip_member(app: Sphinx, what: str, name: str, obj: object, skip: bool, options: object) -> bool | None:
    """Leave out what scikit-learn adds to every estimator for its metadata routing."""
    return True if re.fullmatch(r"(set_\w+_request|get_metadata_routing)", name) else None


def plain_words(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Take ``n_atoms_`` for a name and not for a link, stars in a type for stars; examples and formulas stay."""
    example = False
    for k, line in enumerate(lines):
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        match = re.match(r"(\s*[\w, ]+ : )(.*\*.*)", line)
        if match:
            lines[k] = match[1] + match[2].replace("*", "\\*")
        elif not example and "\\" not in line:
            head, colon, rest = line.partition(" : ")
            # A single name before a colon is a parameter's: numpydoc looks it up.
            head = _escaped(head) if not colon or "," in head else head
            lines[k] = head + colon + _escaped(rest)


def _escaped(text: str) -> str:
    pieces = re.split(r"(`+[^`]*`+)", text)
    pieces[::2] = [re.sub(r"(?<![\w:`])([A-Za-z]\w*)_(?![\w`{])", r"\1\\_", piece) for piece in pieces[::2]]
    return "".join(pieces)


def setup(app: Sphinx) -> dict[str, object]:
    app.add_role("result", ResultRole())
    app.add_directive("result-figure", ResultFigure)
    app.add_directive("changelog", Changelog)
    app.add_directive("cli-help", CliHelp)
    app.connect("autodoc-skip-member", skip_member)
    app.connect("autodoc-process-docstring", plain_words, priority=100)  # before numpydoc
    app.connect("source-read", mend_notebook)
    app.connect("builder-inited", copy_plotly)
    app.connect("html-page-context", load_plotly)
    app.connect("html-page-context", tidy_page, priority=900)
    app.connect("build-finished", copy_files)
    app.connect("build-finished", mend_html, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
