"""The built book, read by a real browser: whole, quiet, self-contained, and as narrow as a phone."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import pytest

from dfecs_lib.publishing.runs import declared_parameters, read_notebook

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


@pytest.fixture(scope="module")
def run_pages(site, pages):
    """Name of every notebook's page and its last section."""
    texts = {p: (site / p).read_text(encoding="utf-8") for p in pages if p.startswith("notebooks/")}
    # Data that cannot be had on this machine leave a page that says so, and no run to speak of.
    texts = {p: text for p, text in texts.items() if "Not run: " not in text}
    assert len(texts) > 15
    return {Path(p).stem: text.partition('id="run-this-yourself"')[2] for p, text in texts.items()}


def test_every_run_page_says_how_to_run_it_what_it_took_and_on_which_data(run_pages):
    for name, text in run_pages.items():
        assert re.search(rf"^dfecs run notebooks/{name}\.ipynb", text, re.MULTILINE), name
        assert re.search(rf"^papermill notebooks/{name}\.ipynb out\.ipynb", text, re.MULTILINE), name
        assert re.search(r"This run took \d+ s and needed \d{2,5} MB of memory at most\.", text), name
        data = re.search(r"<p>Data: (.*?)\.</p>", text, re.DOTALL)[1]
        assert re.search(r"<code>(sim-|clips|krsl|ravdess|\d\d_)|simulated, or drawn", data), name


def test_every_run_page_lists_its_parameters_with_their_meaning(run_pages, root):
    for name, text in run_pages.items():
        declared = declared_parameters(read_notebook(root / "notebooks" / f"{name}.ipynb"))
        shown = dict(re.findall(r"<dt><code>(\w+) = .*?</code></dt><dd>(.*?)</dd>", text, re.DOTALL))
        assert set(shown) == set(declared) - {"results_dir"}, name
        assert all(shown.values()), name


def test_every_run_page_offers_all_that_the_run_recorded(site, run_pages, root):
    for name, text in run_pages.items():
        offered = set(re.findall(rf'href="\.\./results/{name}/([^"]+)"', text))
        folder = site / "results" / name
        assert offered == {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}, name
        assert "results.json" in offered, name
        json.loads((site / "results" / name / "results.json").read_text())


def test_every_notebook_is_offered_as_committed_and_with_its_outputs(site, run_pages, root):
    for name, text in run_pages.items():
        assert f'href="../plain/{name}.ipynb" download' in text
        committed = read_notebook(root / "notebooks" / f"{name}.ipynb")
        assert read_notebook(site / "plain" / f"{name}.ipynb") == committed, name
        assert (site / "_sources" / "notebooks" / f"{name}.ipynb").is_file()


def test_reproduce_says_what_each_notebook_and_profile_cost(site):
    text = (site / "reproduce.html").read_text(encoding="utf-8")
    cells = re.findall(r"<tr[^>]*><td[^>]*><code>(\w+)</code></td><td[^>]*>(.*?)</td><td[^>]*>(.*?)</td>", text)
    cost = {name: (time, memory) for name, time, memory in cells if (site / "notebooks" / f"{name}.html").is_file()}
    assert set(cost) == {page.stem for page in (site / "notebooks").glob("*.html")}
    absent = {name for name, (time, _) in cost.items() if time == "not run"}
    assert absent <= {"16_emotions", "19_meaning", "20_other_instruments"}  # data that are not to be had everywhere
    for name in set(cost) - absent:
        assert re.fullmatch(r"\d+ s \d+ MB", " ".join(cost[name])), name
    rows = dict(re.findall(r"<tr[^>]*><td[^>]*><code>(demo|ravdess|paper)</code></td>(.*?)</tr>", text, re.DOTALL))
    assert re.search(r"this build: \d+ notebooks, .* none needed more than \d+ MB", rows["demo"])
    assert "not run here" in rows["ravdess"]
    assert "not run here" in rows["paper"]


def test_the_site_is_light(site, watch):
    total = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
    assert total < 45e6  # a fifth of it: executed notebooks to take away, slides, and a report page with all it needs
    seen = watch()
    sizes = []
    seen.page.on("response", lambda r: sizes.append(len(r.body())))
    seen.open()
    seen.page.close()
    assert sum(sizes) < 1.5e6


def test_pages_name_no_folder_of_the_machine_that_built_them(site, pages, root):
    home = str(root)
    assert [p for p in pages if home in (site / p).read_text(encoding="utf-8")] == []


def test_the_reference_holds_what_a_model_can_do(site):
    """Also what its class inherits; tests/test_reference.py compares pages and public names."""
    html = (site / "api" / "models.html").read_text()
    methods = ("fit", "transform", "inverse_transform", "partial_fit", "calibrate", "save", "load", "summary")
    assert [name for name in methods if f'id="dfecs_lib.ffm.FullFaceModel.{name}"' not in html] == []
    assert 'id="dfecs_lib.ffm.selection.select_n_units"' in html
