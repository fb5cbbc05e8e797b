"""Building a small book: whole or not at all, and the earlier one stays until then."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from dfecs_lib.errors import DfecsError
from dfecs_lib.publishing.book import BookError, build_book, serve
from dfecs_lib.publishing.printing import write_pdf
from dfecs_lib.publishing.runs import RunFailedError


def write_notebook(path: Path, source: str) -> None:
    cells = [
        {"cell_type": "markdown", "id": "t", "metadata": {}, "source": f"# {path.stem}"},
        {
            "cell_type": "code",
            "id": "p",
            "execution_count": None,
            "outputs": [],
            "metadata": {"tags": ["parameters"]},
            "source": "word = 'first'\nresults_dir = 'results'",
        },
        {"cell_type": "code", "id": "c", "execution_count": None, "outputs": [], "metadata": {}, "source": source},
    ]
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(content))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for folder in ("book", "notebooks"):
        (tmp_path / folder).mkdir()
    (tmp_path / "book" / "_config.yml").write_text(
        "title: Small\nonly_build_toc_files: true\nexecute: {execute_notebooks: 'off'}\n"
    )
    toc = "format: jb-book\nroot: index\nchapters:\n- file: notebooks/one\n- file: notebooks/of_another_profile\n"
    (tmp_path / "book" / "_toc.yml").write_text(toc)
    (tmp_path / "book" / "index.md").write_text("# Small\n\nA page.\n")
    write_notebook(tmp_path / "notebooks" / "one.ipynb", "print(word.upper())")
    (tmp_path / "notebooks" / "profiles.yaml").write_text("demo: {notebooks: {one: {parameters: {word: second}}}}\n")
    return tmp_path


def test_a_book_is_built_whole_and_stays_until_the_next_is(checkout: Path) -> None:
    lines: list[str] = []
    # Killed processes left these, long ago.
    left = [checkout / "_site" / ".demo.1", checkout / ".runs" / "one" / ".0123456789abcdef.1"]
    for folder in left:
        folder.mkdir(parents=True)
        os.utime(folder, (0, 0))
    index = build_book("demo", root=checkout, report=lines.append)
    assert not any(folder.exists() for folder in left)
    assert index == checkout / "_site" / "demo" / "html" / "index.html"
    page = index.parent / "notebooks" / "one.html"
    assert "SECOND" in page.read_text()
    assert str(checkout) not in page.read_text()
    assert lines[0] == "one: done"
    # What nothing has changed is kept, and what is no longer whole is not.
    written = page.stat().st_mtime_ns
    assert build_book("demo", root=checkout) == index
    assert page.stat().st_mtime_ns == written
    index.unlink()
    assert build_book("demo", root=checkout).is_file()
    # A kill between the pages and the mark that goes with them: pages of another text do not pass for these.
    (index.parent.parent / "html.key").unlink()
    page.write_text("of another text")
    assert "SECOND" in (build_book("demo", root=checkout).parent / "notebooks" / "one.html").read_text()
    # A reference to nowhere is a warning, and warnings are errors: the book that stands is left alone.
    (checkout / "book" / "index.md").write_text("# Small\n\n[to nowhere](nowhere.md)\n")
    before = index.read_text()
    with pytest.raises(BookError, match=r"index\.md.*demo\.log has everything"):
        build_book("demo", root=checkout, report=lines.append)
    assert lines[2] == "one: unchanged"
    assert index.read_text() == before
    assert "nowhere" in (checkout / "_site" / "demo.log").read_text()
    # A notebook that fails never becomes a page.
    write_notebook(checkout / "notebooks" / "one.ipynb", "1 / 0")
    with pytest.raises(RunFailedError, match="ZeroDivisionError"):
        build_book("demo", root=checkout)
    assert "SECOND" in page.read_text()
    assert sorted(p.name for p in (checkout / "_site").iterdir()) == ["demo", "demo.log"]


def test_a_book_elsewhere_is_built_with_its_own_manifest(checkout: Path, tmp_path_factory, monkeypatch) -> None:
    manifest = (Path(__file__).parents[1] / "data_manifest.yaml").read_text()
    (checkout / "data_manifest.yaml").write_text(manifest.replace("  sim-disfa:", "  sim-of-this-folder:"))
    (checkout / "notebooks" / "profiles.yaml").write_text("demo: {data: [sim-of-this-folder], notebooks: {one: }}\n")
    source = "from dfecs_lib.data.manifest import load_manifest\nprint('own', 'sim-of-this-folder' in load_manifest())"
    write_notebook(checkout / "notebooks" / "one.ipynb", source)
    away = tmp_path_factory.mktemp("away")
    monkeypatch.chdir(away)
    index = build_book("demo", root=os.path.relpath(checkout))
    assert "own True" in (index.parent / "notebooks" / "one.html").read_text()
    assert list(away.iterdir()) == []


def test_without_a_browser_the_printable_page_is_made_and_a_sentence_says_why_there_is_no_pdf(checkout: Path) -> None:
    command = [sys.executable, "-m", "dfecs_lib.cli", "book", "--print", "--root", str(checkout)]
    environment = {k: v for k, v in os.environ.items() if k != "CHROMIUM"} | {"PATH": str(checkout)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    page = checkout / "_site" / "demo" / "print" / "index.html"
    assert (done.returncode, done.stdout.strip()) == (0, str(page)), done.stderr
    assert "SECOND" in page.read_text()
    assert "dfecs: no PDF: neither Chromium nor Chrome was found" in done.stderr
    assert not (page.parent / "book.pdf").exists()


def test_a_browser_that_fails_is_told_in_one_sentence(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text("<p>here</p>")
    with pytest.raises(DfecsError, match=r"no-browser could not print .*index\.html"):
        write_pdf(page, tmp_path / "book.pdf", str(tmp_path / "no-browser"))
    with pytest.raises(DfecsError, match="it made no file"):
        write_pdf(page, tmp_path / "book.pdf", shutil.which("true") or "true")
    assert [p.name for p in tmp_path.iterdir()] == ["index.html"]


def test_what_is_no_checkout_or_forgets_a_page_is_refused(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(DfecsError, match="name a folder with book/ and notebooks/ by --root"):
        build_book("demo", root=tmp_path / "book")
    with pytest.raises(DfecsError, match="no profile 'paper'"):
        build_book("paper", root=checkout)


def test_optional_data_are_done_without_and_needed_data_are_not(checkout: Path, monkeypatch) -> None:
    monkeypatch.setenv("DFECS_DISFA", str(checkout / "nowhere"))
    profiles = checkout / "notebooks" / "profiles.yaml"
    profiles.write_text("demo: {data: [disfa], notebooks: {one: }}\n")
    with pytest.raises(DfecsError, match="needs disfa, which is not on this machine"):
        build_book("demo", root=checkout)
    profiles.write_text("demo: {optional: [disfa], notebooks: {one: }}\n")
    lines: list[str] = []
    assert build_book("demo", root=checkout, report=lines.append).is_file()
    assert lines[0].startswith("disfa is not on this machine")


def test_a_book_and_nothing_else_is_served_to_this_machine(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("of somebody else")
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("<p>here</p>")
    (site / "secret.txt").symlink_to(tmp_path / "secret.txt")
    (site / "away").symlink_to(tmp_path)
    lines: list[str] = []
    ready = threading.Event()

    def report(line: str) -> None:
        lines.append(line)
        ready.set()

    threading.Thread(target=serve, args=(site, 0, report), daemon=True).start()
    assert ready.wait(30)
    address = lines[0].split()[0]
    assert address.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(address) as page:
        assert b"here" in page.read()
    for name in ("secret.txt", "away/secret.txt", "%2e%2e/secret.txt"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(address + name)
