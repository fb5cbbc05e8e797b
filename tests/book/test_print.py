"""The book on paper: `dfecs book --print` makes one page and a PDF, and any page of the site prints well."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

MOST_PAGES = 200


@pytest.mark.slow
def test_the_whole_book_becomes_one_page_and_a_pdf(site, browser, root, book_environment, tmp_path):
    command = [sys.executable, "-m", "dfecs_lib.cli", "book", "--print", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=root, env=book_environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    page, pdf = map(Path, done.stdout.split())
    assert page == tmp_path / "demo" / "print" / "index.html"
    text = page.read_text(encoding="utf-8")
    # Every page of the table of contents is in it.
    chapters = {p.stem for p in (site / "notebooks").glob("*.html")}
    assert chapters == set(re.findall(r'<span id="document-notebooks/(\w+)"', text))
    content = pdf.read_bytes()
    assert content.startswith(b"%PDF")
    assert 100 < len(re.findall(rb"/Type\s*/Page\b", content)) <= MOST_PAGES
    if shutil.which("pdftotext"):
        words = subprocess.run(["pdftotext", str(pdf), "-"], capture_output=True, text=True, check=True).stdout
        for expected in ("Training: motion becomes action units", "The experiment", "Glossary", "Run this yourself"):
            assert expected in words
        assert "Show code cell source" not in words
    assert [p.name for p in tmp_path.iterdir()] == ["demo"]


def test_a_page_of_the_site_prints_without_the_frame_of_the_screen(watch):
    page = watch(scheme="dark").open("notebooks/f1_bases.html")
    page.emulate_media(media="print")
    for frame in (".bd-sidebar-primary", ".bd-header-article", ".prev-next-footer", ".bd-sidebar-secondary"):
        assert not page.locator(frame).first.is_visible(), frame
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    ink = page.locator(".bd-article p").first.evaluate("e => getComputedStyle(e).color")
    assert (ground, ink) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)")
    # The answer to a question cannot be pressed open on paper.
    answer = page.locator("details.dfecs-check > :not(summary)").first
    assert answer.evaluate("e => e.getBoundingClientRect().height") > 0
    assert not page.locator("details.hide > summary").first.is_visible()


def test_the_explorer_on_paper_is_its_face(watch):
    page = watch().open("explorer.html")
    page.emulate_media(media="print")
    assert page.locator(".ex-face svg").is_visible()
    for control in (".ex-sliders", ".ex-bar", ".ex-sets", ".ex-player"):
        assert not page.locator(control).is_visible(), control
