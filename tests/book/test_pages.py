"""The built book, read by a real browser: whole, quiet, self-contained, and as narrow as a phone."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin

import pytest

pytestmark = pytest.mark.browser

PHONE = 390


def test_every_page_is_quiet_and_asks_only_this_machine(watch, pages):
    seen = watch()
    for path in pages:
        seen.open(path)
    assert seen.problems == []


def test_no_page_is_wider_than_a_phone(watch, pages):
    seen = watch(PHONE)
    widths = {path: seen.open(path).evaluate("document.documentElement.scrollWidth") for path in pages}
    assert {path: width for path, width in widths.items() if width > PHONE} == {}


def test_the_front_page_shows_drawn_faces_and_the_main_result(watch):
    page = watch().open()
    figure = page.locator("main figure.dfecs-figure svg").first
    assert figure.is_visible()
    assert figure.locator("path").count() > 5
    text = page.locator("main").inner_text()
    assert re.search(r"\d+\s+action units", text)
    assert "?" not in [n.inner_text() for n in page.locator(".dfecs-result").all()]


def test_every_drawn_figure_has_alt_text_and_names_its_data(watch, pages):
    seen = watch()
    for path in [p for p in pages if p.startswith("notebooks/")]:
        page = seen.open(path, wait="domcontentloaded")
        figures = "figure.dfecs-figure:has(svg)"
        assert page.locator(f"{figures}:not(:has(.dfecs-data))").count() == 0, path
        assert page.locator(f"{figures} svg[role=img]:not([aria-label])").count() == 0, path


def test_figures_are_readable_in_the_dark(watch):
    page = watch(scheme="dark").open("notebooks/04_dfecs_vs_pca.html")
    colour = "e => getComputedStyle(e).color.match(/[\\d.]+/g).slice(0, 3).map(Number)"
    ink = page.locator("figure.dfecs-figure svg").first.evaluate(colour)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).slice(0, 3).map(Number)")
    assert min(ink) > 150
    assert max(ground) < 60
    card = page.locator(".cell_output .text_html:has(figure)").first
    assert card.evaluate("e => getComputedStyle(e).backgroundColor") == "rgba(0, 0, 0, 0)"


def test_formulas_are_drawn(watch):
    page = watch().open("notebooks/03_training.html")
    page.wait_for_selector("mjx-container mjx-math")
    assert page.locator("mjx-merror").count() == 0


@pytest.mark.parametrize("words", ["neutral", "FullFaceModel", "variance explained"])
def test_search_finds(watch, words):
    seen = watch()
    page = seen.open(f"search.html?q={words.replace(' ', '+')}")
    page.wait_for_selector("#search-results li a")
    assert page.locator("#search-results li a").count() > 0
    assert seen.problems == []


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.images_without_alt = 0

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        for name in ("id", "name"):
            if found.get(name):
                self.ids.add(found[name])
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        if tag == "img" and found.get("alt") is None:
            self.images_without_alt += 1


@pytest.fixture(scope="module")
def parsed(site, pages):
    out = {}
    for path in pages:
        out[path] = Links()
        out[path].feed((site / path).read_text(encoding="utf-8"))
    return out


def test_every_internal_link_and_anchor_leads_somewhere(site, parsed):
    broken = []
    for path, page in parsed.items():
        for link in page.links:
            if re.match(r"[a-z]+:", link):
                continue
            target, anchor = urldefrag(urljoin(path, link))
            target = unquote(target) or path
            if not (site / target).is_file():
                broken.append(f"{path}: {link}")
            elif anchor and target in parsed and unquote(anchor) not in parsed[target].ids:
                broken.append(f"{path}: {link} (no such anchor)")
    assert broken == []


def test_every_image_has_alt_text(parsed):
    assert {path for path, page in parsed.items() if page.images_without_alt} == set()


def test_every_run_page_says_how_to_run_it_and_offers_its_files(site, pages):
    for path in [p for p in pages if p.startswith("notebooks/")]:
        text = (site / path).read_text(encoding="utf-8")
        name = path.removeprefix("notebooks/").removesuffix(".html")
        assert "dfecs run notebooks/" in text, path
        assert "papermill notebooks/" in text, path
        assert f"results/{name}/results.json" in text, path
        json.loads((site / "results" / name / "results.json").read_text())


def test_the_site_is_light(site, watch):
    total = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
    assert total < 40e6
    seen = watch()
    sizes = []
    seen.page.on("response", lambda r: sizes.append(len(r.body())))
    seen.open()
    seen.page.close()
    assert sum(sizes) < 1.5e6


def test_pages_name_no_folder_of_the_machine_that_built_them(site, pages, root):
    home = str(root)
    assert [p for p in pages if home in (site / p).read_text(encoding="utf-8")] == []
