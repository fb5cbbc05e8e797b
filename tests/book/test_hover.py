"""Figures that answer, in a real browser: by pointer and by keyboard, and whole without scripts and on paper."""

from __future__ import annotations

import csv

import pytest

pytestmark = pytest.mark.browser

CURVES, CODES = "notebooks/07_generalization.html", "notebooks/03_training.html"
FIGURE = "figure.dfecs-hovers"


@pytest.fixture
def opened(watch):
    """A function that opens a page and waits until its figures are drawn; no page may go wrong."""
    seen = []

    def open_page(path: str, **options):
        seen.append(watch(**options))
        page = seen[-1].open(path)
        page.wait_for_selector(f"{FIGURE} .main-svg .trace")
        return page

    yield open_page
    assert [problem for watched in seen for problem in watched.problems] == []


def test_pointing_at_a_number_of_units_tells_every_method_s_value(opened):
    page = opened(CURVES)
    page.locator(f"{FIGURE} .dfecs-live").first.hover()
    page.wait_for_function("document.querySelector('.hoverlayer').textContent.match(/DFECS : [0-9.]+ .*PCA : [0-9.]+/)")


def test_the_arrow_keys_tell_the_recorded_values(opened, site):
    page = opened(CURVES)
    live = page.locator(f"{FIGURE} .dfecs-live").first
    live.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    said = page.locator(f"{FIGURE} .dfecs-said").first.inner_text()
    with (site / "results" / "07_generalization" / "unit_curves.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["n_units"] == "4" and row["metric"] == "ve_squared"]
    row = next(row for row in rows if row["method"] == "DFECS")
    value, low, high = (float(row[name]) for name in ("value", "low", "high"))
    assert said.startswith(f"number of units 4: DFECS {value:.1f} ({low:.1f} to {high:.1f}), PCA ")
    page.wait_for_function("document.querySelector('.hoverlayer').textContent.includes('number of units: 4')")
    page.keyboard.press("Escape")
    assert page.locator(f"{FIGURE} .dfecs-said").first.inner_text() == ""


def test_the_course_of_a_clip_tells_which_units_are_active_in_a_frame(opened):
    page = opened(CODES)
    page.locator(f"{FIGURE} .dfecs-live").first.focus()
    page.keyboard.press("End")
    page.wait_for_function("document.querySelector('.hoverlayer').textContent.match(/frame [0-9]+unit [0-9]+: [0-9]+/)")


def test_text_is_readable_in_the_dark(opened):
    page = opened(CURVES, scheme="dark")
    tick = page.locator(f"{FIGURE} .xtick text").first
    assert min(tick.evaluate("e => getComputedStyle(e).fill.match(/[0-9]+/g).slice(0, 3).map(Number)")) > 150


def test_a_phone_shows_the_whole_figure(opened):
    page = opened(CURVES, width=390, has_touch=True, is_mobile=True)
    for box in [svg.bounding_box() for svg in page.locator(f"{FIGURE} .main-svg").all()]:
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


def test_nothing_moves_on_the_page_when_the_live_figures_come(watch):
    seen = watch(width=390)
    seen.page.route("**/plotly.min.js*", lambda route: route.abort())
    height = "document.querySelector('figure:has(.dfecs-live)').getBoundingClientRect().height"
    without = seen.open(CURVES).evaluate(height)
    page = watch(width=390).open(CURVES)
    page.wait_for_selector(f"{FIGURE} .main-svg .trace")
    assert abs(page.evaluate(height) - without) < 10


def test_paper_and_readers_without_scripts_get_the_still_figure(opened, watch):
    page = opened(CURVES)
    still, live = page.locator(f"{FIGURE} .dfecs-still").first, page.locator(f"{FIGURE} .dfecs-live").first
    assert (still.is_visible(), live.is_visible()) == (False, True)
    page.emulate_media(media="print")
    assert (still.is_visible(), live.is_visible()) == (True, False)
    page = watch(java_script_enabled=False).open(CURVES)
    assert page.locator(".dfecs-still svg").first.is_visible()
    assert not page.locator(".dfecs-live").first.is_visible()


def test_only_pages_with_such_a_figure_load_plotly(site, pages):
    asks = {p for p in pages if "plotly.min.js" in (site / p).read_text(encoding="utf-8")}
    holds = {p for p in pages if 'class="dfecs-live"' in (site / p).read_text(encoding="utf-8")}
    assert asks == holds
    assert {CURVES, CODES} <= asks
    assert "index.html" not in asks
