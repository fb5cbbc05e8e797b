"""Every command that README, the book and --help print: its options exist, and what needs no network runs."""

from __future__ import annotations

import html
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import types
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from dfecs_lib.cli.main import dfecs
from dfecs_lib.data.manifest import load_manifest
from dfecs_lib.files import parse_yaml
from dfecs_lib.publishing.runs import declared_parameters, find_notebook, load_profile, read_notebook

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`((?:[A-Z_]+=\S+ )?(?:\.venv/bin/)?dfecs(?: [^`]+)?)`")


def texts() -> Iterator[tuple[str, str]]:
    """Every page's prose, by its path."""
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "book").rglob("*.md"))]:
        yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = [c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "markdown"]
        yield f"notebooks/{path.name}", "\n\n".join("".join(c["source"]) for c in cells)


def console(text: str) -> list[str]:
    """The lines of a page that are to be typed into a terminal."""
    found = []
    for kind, body in FENCE.findall(text):
        lines = [line.strip() for line in body.splitlines() if line.strip()]
        if kind == "console":
            found += [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        elif kind in {"shell", "bash", "sh"}:
            found += [line for line in lines if not line.startswith("#")]
    return found


def walk(group: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, group
    for name, command in getattr(group, "commands", {}).items():
        yield from walk(command, (*words, name))


def examples() -> list[str]:
    """The lines under Example: of every command's help."""
    return [line.strip() for _, c in walk(dfecs) for line in (c.epilog or "").splitlines() if " dfecs " in f" {line}"]


def calls(line: str) -> Iterator[list[str]]:
    """The calls of `dfecs` in a line, as lists of words."""
    for part in re.split(r"&&|;", line):
        words = [word for word in shlex.split(part, comments=True) if not re.fullmatch(r"[A-Z_]+=\S*", word)]
        if words and words[0] in {"dfecs", ".venv/bin/dfecs"}:
            yield words[1:]


PRINTED = [
    *[(page, line, True) for page, text in texts() for line in console(text) if list(calls(line))],
    *[(page, line, False) for page, text in texts() for line in INLINE.findall(FENCE.sub("", text))],
    *[("--help", line, True) for line in examples()],
]


@pytest.mark.parametrize(("page", "line", "whole"), PRINTED, ids=[f"{page}: {line}" for page, line, _ in PRINTED])
def test_a_printed_command_has_these_options(page: str, line: str, whole: bool) -> None:
    for given in calls(line):
        words, command = list(given), dfecs
        while words and isinstance(command, click.Group) and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        if isinstance(command, click.Group) and words and not words[0].startswith("-"):
            assert words[0] in {"COMMAND", "…"}, f"{page}: no such command in {line!r}"
            continue
        context = click.Context(command, info_name="dfecs")
        try:
            if whole or len(words) > 1:
                command.parse_args(context, list(words))  # types, choices and whatever is required
            else:
                command.make_parser(context).parse_args(list(words))
        except click.exceptions.Exit:
            pass  # --version, --help
        except click.MissingParameter as error:
            if whole:
                pytest.fail(f"{page}: {line!r}: {error.format_message()}")
        except click.UsageError as error:
            pytest.fail(f"{page}: {line!r}: {error.format_message()}")
        check_names(command.name or "", words, context.params)


def check_names(command: str, words: list[str], params: dict[str, object]) -> None:
    """Notebooks, parameters, profiles and data sets that a line names exist."""
    if command == "run" and params.get("notebook"):
        notebook = find_notebook(str(params["notebook"]).replace("notebooks/", f"{ROOT}/notebooks/"))
        declared = declared_parameters(read_notebook(notebook), notebook)
        given = params.get("given") or ()
        assert {name for name, _ in given} <= set(declared), words  # type: ignore[attr-defined]
    if command == "book" and params.get("profile"):
        load_profile(str(params["profile"]), ROOT / "notebooks" / "profiles.yaml")
    if command in {"fetch", "check"}:
        names = [word for word in words if not word.startswith("-") and not word.isupper()]
        assert set(names) <= set(load_manifest()), words


def test_no_page_prints_a_placeholder_that_a_shell_would_run() -> None:
    assert {page: line for page, text in texts() for line in console(text) if re.search(r"<\w[^>]*>", line)} == {}


def test_a_page_that_prints_the_bare_name_in_a_terminal_says_how_it_is_found() -> None:
    """README and "How to run it" activate the environment before they type `dfecs`."""
    for page in ("README.md", "book/run.md"):
        lines = console(dict(texts())[page])
        first = next(k for k, line in enumerate(lines) if line.startswith("dfecs "))
        assert ". .venv/bin/activate" in " ".join(lines[:first]), page


@pytest.fixture
def desk(tmp_path: Path, samples: Path) -> Path:
    """A folder with the files that pages name, each a real one."""
    if find_spec("dlib") is None:
        pytest.skip("tracking needs dlib")
    for name in ("clip.mp4", "me.mp4"):
        shutil.copyfile(samples / "single_face.mp4", tmp_path / name)
    for name in ("other.csv", "openface_output.csv", "faces.csv", "photo.csv", "rest.csv"):
        shutil.copyfile(samples / "openface_sample.csv", tmp_path / name)
    return tmp_path


def run(words: list[str], folder: Path) -> None:
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    command = [sys.executable, "-m", "dfecs_lib.cli", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"dfecs {shlex.join(words)}\n{done.stderr[-1500:]}"


#: Not run here: whole notebooks and books (other tests run them), downloads, a study that people must answer, and
#: probes, whose examples name licensed data sets.
ELSEWHERE = {"book", "run", "fetch", "check", "analyse", "probe"}


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "book/run.md", "--help"])
def test_what_a_page_prints_runs_in_its_order(page: str, desk: Path) -> None:
    lines = [(line, words) for where, line, whole in PRINTED if where == page and whole for words in calls(line)]
    order = ["track", "train", "encode", "evaluate"]
    if page == "--help":  # each example stands alone; a table must be tracked and units trained before they are used
        lines.sort(key=lambda item: order.index(item[1][0]) if item[1][0] in order else len(order))
    else:
        lines += [
            (line, words) for where, line, _ in PRINTED if where == page for words in calls(line) if "-o" in words
        ]
    ran = [words for _, words in lines if not ELSEWHERE & set(words[:2])]
    assert len(ran) >= 3
    for words in ran:
        run(words, desk)


@pytest.mark.slow
def test_the_python_of_the_readme_runs(desk: Path) -> None:
    run(["track", "clip.mp4", "-o", "clip.parquet"], desk)
    snippets = [body for kind, body in FENCE.findall(dict(texts())["README.md"]) if kind == "python"]
    assert snippets
    for body in snippets:
        command = [sys.executable, "-c", body]
        environment = dict(os.environ, PYTHONPATH=str(ROOT))
        done = subprocess.run(command, cwd=desk, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-1500:]
    run(["encode", "units.npz", "other.csv", "-o", "codes.csv"], desk)


def test_the_line_that_repeats_a_run_gives_every_parameter_of_it(tmp_path: Path) -> None:
    """Lists too: what a page prints is the run that it shows."""
    spec = importlib.util.spec_from_file_location("dfecs_runs", ROOT / "book" / "_ext" / "dfecs_runs.py")
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    given = {"data": ["clips", "ravdess-small"], "n_units": 8, "n_frames": None, "size": "small"}
    notebook = json.loads((ROOT / "notebooks" / "18_real_people.ipynb").read_text(encoding="utf-8"))
    notebook["metadata"]["papermill"] = {"input_path": "18_real_people.ipynb", "parameters": given}
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "18_real_people.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    config = types.SimpleNamespace(dfecs_repository="")
    app = types.SimpleNamespace(srcdir=tmp_path, builder=types.SimpleNamespace(name="html"), config=config)
    page = html.unescape(module.run_it_yourself(app, "notebooks/18_real_people"))
    (line,) = re.findall(r"^dfecs run .*$", page, re.MULTILINE)
    words = shlex.split(line)
    said = {words[k + 1]: parse_yaml(words[k + 2]) for k, word in enumerate(words) if word == "-p"}
    assert said == given
    (line,) = re.findall(r"^papermill .*$", page, re.MULTILINE)
    words = shlex.split(line.partition("</pre>")[0])
    assert json.loads(words[words.index("-y") + 1]) == {"data": given["data"], "n_frames": None}
