"""What a page says of the run that made it: how to repeat it, what it took, which data it read, and its files.

- A page of an executed notebook ends with these; a line under its title leads there.
- ``{run-times}`` is a table of what every notebook of this book took.
- ``{profile-costs}`` is a table of the profiles, with what is known of their cost.
"""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from dfecs_lib import __version__

DOWNLOADS = {".csv", ".json", ".npz", ".md"}
FOLDER = "plain"  # of notebooks as they are committed: without outputs
PROFILES = {
    "demo": ("five real clips, RAVDESS in part; simulated faces", "make book", "nothing; 70 MB are fetched"),
    "ravdess": (
        "units learned from the open RAVDESS tracks, tested on the clips",
        "make book PROFILE=ravdess",
        "nothing; 417 MB are fetched",
    ),
    "paper": (
        "units learned from DISFA, tested on CK+ and BP4D-Spontaneous",
        "make book PROFILE=paper",
        "your own licensed copies",
    ),
}
_HIDDEN = {"results_dir"}
_LINES = {
    "dfecs run": "kept in .runs, and not run again while nothing has changed",
    "papermill": "plain papermill; tables and figures go to results/ in the current folder",
}


def read(file: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return notebook


def executed(source: Path) -> list[Path]:
    return sorted((source / "notebooks").glob("*.ipynb"))


def seconds(notebook: dict[str, Any]) -> float | None:
    took = notebook["metadata"].get("papermill", {}).get("duration")
    return float(took) if isinstance(took, int | float) else None


def megabytes(notebook: dict[str, Any]) -> float | None:
    peak = notebook["metadata"].get("dfecs", {}).get("peak_memory")
    return peak / 1e6 if isinstance(peak, int) else None


def in_words(took: float) -> str:
    return f"{took:.0f} s" if took < 100 else f"{took / 60:.0f} min"


class RunTimes(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        rows = []
        for file in executed(Path(self.env.srcdir)):
            notebook = read(file)
            took, peak = seconds(notebook), megabytes(notebook)
            time = f"{took:.0f} s" if took is not None else "not run"
            memory = f"{peak:.0f} MB" if peak is not None else "–"
            rows.append(
                f"<tr><td class='left'><code>{escape(file.stem)}</code></td><td>{time}</td><td>{memory}</td></tr>"
            )
        head = "".join(f"<th scope='col'>{word}</th>" for word in ("Time", "Peak memory"))
        html = (
            "<div class='dfecs-table' tabindex='0' role='group' aria-label='table'><table><thead><tr>"
            f"<th class='left' scope='col'>Notebook</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        )
        return [nodes.raw("", html, format="html")]


class ProfileCosts(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        source = Path(self.env.srcdir)
        noted = source / "profile.json"
        built = json.loads(noted.read_text(encoding="utf-8"))["name"] if noted.is_file() else ""
        rows = []
        for name, (data, command, needs) in PROFILES.items():
            cost = total(source) if name == built else elsewhere() if name == "paper" else "not run here"
            cells = "".join(f"<td class='left'>{cell}</td>" for cell in (data, f"<code>{command}</code>", needs))
            cells += f"<td class='left' style='min-width:15rem'>{cost}</td>"
            rows.append(f"<tr><td class='left'><code>{name}</code></td>{cells}</tr>")
        words = ("Profile", "Data", "Command", "Needs", "Time and memory")
        head = "".join(f"<th class='left' scope='col'>{word}</th>" for word in words)
        html = (
            "<div class='dfecs-table' tabindex='0' role='group' aria-label='table'><table>"
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        )
        return [nodes.raw("", html, format="html")]


def total(source: Path) -> str:
    """Sum up the runs of this book."""
    notebooks = [read(file) for file in executed(source)]
    took = sum(seconds(notebook) or 0.0 for notebook in notebooks)
    most = max((megabytes(notebook) or 0.0 for notebook in notebooks), default=0.0)
    memory = f"; none needed more than {most:.0f} MB" if most else ""
    return f"this build: {len(notebooks)} notebooks, {in_words(took)} one after another{memory}"


def elsewhere() -> str:
    """Say what is known of a profile that needs licences: the cost of its chapters on simulated data of its size."""
    from dfecs_lib.files import shipped

    found = sorted(shipped("benchmarks/results").glob("book_costs-*.json"))
    if not found:
        return "not run here"
    measured = read(found[-1])
    runs = ", ".join(
        f"<code>{run['chapter']}</code> {in_words(run['seconds'])} and {run['peak_memory_mb'] / 1000:.1f} GB"
        for run in measured["runs"]
    )
    frames = sum(measured["frames"].values())
    return (
        f"not run here; with <em>simulated</em> sets of its size ({frames:,} frames in all), without reading files: "
        f"{runs} ({measured['machine']['cores']} cores, {measured['date']})"
    )


def parameter_rows(notebook: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Name, value of this run, and the comment beside the default, of each parameter."""
    source = next("".join(c["source"]) for c in notebook["cells"] if "parameters" in c["metadata"].get("tags", []))
    used = notebook["metadata"].get("papermill", {}).get("parameters", {})
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    rows = []
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            name = statement.targets[0].id
            value = repr(used[name]) if name in used else ast.unparse(statement.value)
            rows.append((name, value, comments.get(statement.lineno, "")))
    return rows


def data_used(notebook: dict[str, Any]) -> str:
    """Say which data a run read, by their names in the manifest."""
    from dfecs_lib.data.manifest import load_manifest
    from dfecs_lib.data.videos import video_files

    noted = notebook["metadata"].get("dfecs", {})
    known = load_manifest()
    items: dict[str, list[str]] = {}  # sources by what they are: said once
    for source in noted.get("data", []):
        name, _, recording = source.partition("@")[0].partition("/")
        entry = known.get(name)
        what = f" ({escape(entry.title)})" if entry is not None else " (a file)"
        if entry is not None and entry.reader == "video" and (absent := video_files(entry, recording)[1]):
            what += f", without {', '.join(escape(file.name) for file in absent)}, not on the machine that built this"
        items.setdefault(what, []).append(f"<code>{escape(source)}</code>")
    told = [f"{', '.join(sources)}{what}" for what, sources in items.items()]
    told += [f"the results of <code>{escape(run)}</code>" for run in noted.get("needs", [])]
    return "; ".join(told) or "none: its faces are simulated, or drawn, by the library as it runs"


def plain(notebook: dict[str, Any]) -> str:
    """Return a notebook as it is committed: no outputs, no counts, nothing of the run."""
    cells = []
    for cell in notebook["cells"]:
        if "injected-parameters" in cell["metadata"].get("tags", []) or cell["id"] == "not-run":
            continue
        tags = {"tags": cell["metadata"]["tags"]} if cell["metadata"].get("tags") else {}
        kept = {"cell_type": cell["cell_type"], "id": cell["id"], "metadata": tags, "source": cell["source"]}
        cells.append(kept | ({"execution_count": None, "outputs": []} if cell["cell_type"] == "code" else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    whole = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def launch_links(repository: str, file: str) -> str:
    """Return buttons that open a notebook in Colab and in Binder; nothing where no public repository is known.

    `repository` is an address such as ``https://github.com/OWNER/NAME``; both services take GitHub's alone.
    """
    match = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)/?", repository.strip())
    if match is None:
        return ""
    places = {
        "Colab": f"https://colab.research.google.com/github/{match[1]}/blob/main/notebooks/{file}",
        "Binder": f"https://mybinder.org/v2/gh/{match[1]}/main?labpath=notebooks/{file}",
    }
    buttons = " ".join(
        f'<a class="dfecs-button" href="{escape(url, quote=True)}">Open in {name}</a>' for name, url in places.items()
    )
    install = escape(f"!pip install 'dfecs_lib[book,dlib] @ git+{match[0].rstrip('/')}'")
    return f'<p class="dfecs-buttons">{buttons} In Colab, run <code>{install}</code> first.</p>'


def run_it_yourself(app: Sphinx, docname: str) -> str:
    run = docname.rpartition("/")[2]
    notebook = read(Path(app.srcdir) / f"{docname}.ipynb")
    meta = notebook["metadata"].get("papermill", {})
    file = meta.get("input_path") or f"{run}.ipynb"
    given = {k: v for k, v in meta.get("parameters", {}).items() if k not in _HIDDEN}
    simple = {k: v for k, v in given.items() if isinstance(v, str | int | float)}
    flags = "".join(f" -p {k} {_shell(v)}" for k, v in simple.items())
    listed = {k: v for k, v in given.items() if k not in simple}  # papermill's -p knows no lists, its -y does
    lines = {
        "dfecs run": f"dfecs run notebooks/{file}{flags}"
        + "".join(f" -p {k} {_shell(json.dumps(v))}" for k, v in listed.items()),
        "papermill": f"papermill notebooks/{file} out.ipynb{flags}"
        + (f" -y {_shell(json.dumps(listed))}" if listed else ""),
    }
    commands = "".join(f"# {_LINES[name]}\n{line}\n" for name, line in lines.items())
    rows = "".join(
        f"<dt><code>{escape(n)} = {escape(v)}</code></dt><dd>{escape(c)}</dd>"
        for n, v, c in parameter_rows(notebook)
        if n not in _HIDDEN
    )
    folder = Path(app.srcdir) / "results" / run
    files = sorted(p for p in folder.iterdir() if p.suffix in DOWNLOADS) if folder.is_dir() else []
    files += sorted(folder.glob("files/*"))
    up = "" if app.builder.name == "singlehtml" else "../" * docname.count("/")
    recorded = ", ".join(
        f'<a href="{up}results/{run}/{p.relative_to(folder).as_posix()}" download>{p.name}</a>' for p in files
    )
    took, peak = seconds(notebook), megabytes(notebook)
    cost = [f"took {took:.0f} s" if took is not None else "", f"needed {peak:.0f} MB of memory at most" if peak else ""]
    return (
        f'<p class="dfecs-buttons"><a class="dfecs-button" href="{up}{FOLDER}/{run}.ipynb" download>'
        f"Download this notebook</a> without outputs; the menu at the top of the page has it with them.</p>"
        f"{launch_links(app.config.dfecs_repository, file)}"
        f"<pre class='dfecs-commands' tabindex='0'>{escape(commands.strip())}</pre>"
        f"<p>Data: {data_used(notebook)}.</p>"
        + f"<p>Made with dfecs_lib {escape(__version__)}."
        + (f" This run {' and '.join(filter(None, cost))}.</p>" if any(cost) else "</p>")
        + "<details class='dfecs-its-parameters'><summary>Its parameters, with the values of this run</summary>"
        + f"<dl class='dfecs-parameters'>{rows}</dl></details>"
        + (f"<p>What it recorded: {recorded}.</p>" if recorded else "")
    )


def _shell(value: object) -> str:
    text = str(value)
    return text if re.fullmatch(r"[\w./:,=@-]+", text) else "'" + text.replace("'", "'\\''") + "'"


def add_how_to_run(app: Sphinx, doctree: nodes.document) -> None:
    docname = app.env.docname
    if not docname.startswith("notebooks/") or not (Path(app.srcdir) / f"{docname}.ipynb").is_file():
        return
    section = nodes.section(ids=["run-this-yourself"], names=["run this yourself"])
    section += nodes.title("", "Run this yourself")
    section += nodes.raw("", run_it_yourself(app, docname), format="html")
    top = next(iter(doctree.findall(nodes.section)), doctree)
    top += section


def write_plain(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    target = Path(app.outdir) / FOLDER
    target.mkdir(exist_ok=True)
    for file in executed(Path(app.srcdir)):
        (target / file.name).write_text(plain(read(file)), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, object]:
    app.add_config_value("dfecs_repository", "", "env", [str])
    app.add_directive("run-times", RunTimes)
    app.add_directive("profile-costs", ProfileCosts)
    app.connect("doctree-read", add_how_to_run, priority=450)  # before the page's contents are listed
    app.connect("build-finished", write_plain)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
