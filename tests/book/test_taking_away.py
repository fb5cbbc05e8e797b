"""Each figure says what to take from it, each chapter what one learns, and each quiz answers in the page."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import types
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
EXTENSIONS = ROOT / "book" / "_ext"
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
PHONE = 390


def extension(name: str) -> types.ModuleType:
    found = importlib.util.spec_from_file_location(name, EXTENSIONS / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_a_sentence_takes_its_numbers_from_the_run() -> None:
    pytest.importorskip("sphinx")
    take = extension("dfecs_takeaways")
    found = {"at": {"clips": {"4": {"DFECS": 83.04, "PCA, any": 86.0}}}, "n": 16}
    assert take.filled("{n} units, {at/{*}/4/DFECS:.1f} %".replace("{*}", "*"), found, "clips") == "16 units, 83.0 %"
    words = "{cmp at/clips/4/DFECS ; at/clips/4/PCA, any ; 0.5 : more | level | less} by "
    assert take.filled(words + "{diff at/clips/4/DFECS ; n:.1f}", found) == "less by 67.0"
    assert take.filled("{cmp n ; n ; 0 : more | level | less}", found) == "level"
    with pytest.raises(KeyError):
        take.filled("{nothing:.1f}", found)
    assert take.sentence_for({"curve_*": "a", "main": "b"}, "curve_3") == ("a", "3")
    assert take.sentence_for({"main": "b"}, "mainly") is None


def test_a_wide_table_has_a_heading_in_every_cell_and_stays_a_table() -> None:
    pytest.importorskip("sphinx")
    tables = extension("dfecs_tables")
    row = "<tr><td class='left'>x</td><td>1</td><td>2</td><td>3</td></tr>"
    head = "<thead><tr><th class='left'>a</th><th>b &amp; c</th><th>d</th><th>e</th></tr></thead>"
    html = f"<div class='dfecs-table' tabindex='0'><table>{head}<tbody>{row}</tbody></table></div>"
    mended = tables._TABLE.sub(tables.as_cards, html)
    assert re.findall(r'data-label="([^"]*)"', mended) == ["a", "b &amp; c", "d", "e"]
    assert mended.count('role="columnheader"') == 4
    assert '<thead role="rowgroup">' in mended
    narrow = html.replace("<th>e</th>", "").replace("<td>3</td>", "")
    assert tables._TABLE.sub(tables.as_cards, narrow) == narrow


@pytest.mark.parametrize(
    ("columns", "cell", "rows", "cards", "shown"),
    [
        (4, "1", 4, True, 4),
        (4, "1", 5, True, 3),
        (9, "1", 12, False, 12),
        (9, "1", 13, False, 8),
        (5, "w" * 41, 20, True, 3),
    ],
)
def test_a_long_table_folds_on_a_phone_and_a_wordy_one_is_cards(columns, cell, rows, cards, shown) -> None:
    pytest.importorskip("sphinx")
    tables = extension("dfecs_tables")
    head = "<tr>" + "<th>a</th>" * columns + "</tr>"
    row = "<tr>" + f"<td>{cell}</td>" * columns + "</tr>"
    html = f"<div class='dfecs-table'><table><thead>{head}</thead><tbody>{row * rows}</tbody></table></div>"
    mended = tables._TABLE.sub(tables.as_cards, html)
    assert ("dfecs-cards" in mended) == cards
    assert mended.count(f">{cell}</td>") == rows * columns
    assert (f"dfecs-fold-{shown}" in mended) == (shown < rows)
    assert (f"Show all {rows} rows" in mended) == (shown < rows)


def test_launch_buttons_show_only_where_the_public_repository_is_known() -> None:
    pytest.importorskip("sphinx")
    links = extension("dfecs_runs").launch_links
    assert [links(address, "x.ipynb") for address in ("", "https://example.org/a/b", "github.com/a/b")] == ["", "", ""]
    shown = links("https://github.com/someone/dfecs/", "03_training.ipynb")
    assert "/github/someone/dfecs/blob/main/notebooks/03_training.ipynb" in shown
    assert "/gh/someone/dfecs/main?labpath=notebooks/03_training.ipynb" in shown


def test_slides_show_each_figure_with_its_sentence_and_end_with_the_quiz(tmp_path: Path) -> None:
    pytest.importorskip("sphinx")
    sys.path.insert(0, str(EXTENSIONS))
    try:
        slides = extension("dfecs_slides")
    finally:
        sys.path.remove(str(EXTENSIONS))
    figure = "<figure class='dfecs-figure'><svg></svg><figcaption>c</figcaption></figure>"
    (tmp_path / "main.html").write_text(figure)
    (tmp_path / "results.json").write_text('{"n": 16}')
    cells = [
        {"cell_type": "markdown", "source": "# Title\n\n*Why?* A text with [a link](x.md).", "metadata": {}},
        {"cell_type": "markdown", "source": "## First\n\nRead this. Math $x$ too.\n\nShort.", "metadata": {}},
        {
            "cell_type": "code",
            "source": "1",
            "metadata": {},
            "outputs": [{"output_type": "display_data", "data": {"text/html": figure}}],
        },
        {"cell_type": "markdown", "source": "## Words only\n\nNo figure here.", "metadata": {}},
        {"cell_type": "markdown", "source": "## Exercises\n\nTry.", "metadata": {}},
    ]
    quiz = [
        {"question": "Q?", "answers": [{"text": "A", "right": True, "feedback": "F"}, {"text": "B", "feedback": "G"}]}
    ]
    made = slides.slides_of({"cells": cells}, tmp_path, {"main": "{n} units."}, quiz)
    assert len(made) == 4
    assert made[0].startswith("<h1>Title</h1>")
    assert "a link" in made[0]
    assert "16 units." in made[1]
    assert "Short." in made[1]
    assert "$" not in made[1]
    assert made[2].startswith("<h2>Words only</h2>")
    assert "A. F" in made[3]


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_says_what_one_learns_needs_and_how_long_it_takes(name: str) -> None:
    first = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"][0]
    text = "".join(first["source"])
    for word in ("You will learn", "Needs", "Takes"):
        assert f"- **{word}**" in text


@pytest.mark.parametrize("file", sorted((ROOT / "book" / "quizzes").glob("*.yaml")), ids=lambda file: file.stem)
def test_a_quiz_has_one_right_answer_and_feedback_for_all(file: Path) -> None:
    pytest.importorskip("sphinx")
    assert file.stem in CHAPTERS
    assert extension("dfecs_quiz").faults(yaml.safe_load(file.read_text(encoding="utf-8"))) == []


def test_every_chapter_has_a_quiz() -> None:
    assert set(CHAPTERS) - {file.stem for file in (ROOT / "book" / "quizzes").glob("*.yaml")} == set()


FIGURES = """() => [...document.querySelectorAll("figure.dfecs-figure")].filter((f) => f.querySelector("svg"))
  .filter((f) => !f.querySelector(".dfecs-explorer") && !f.closest(".toggle-hidden, details"))
  .filter((f) => !f.querySelector(".dfecs-take"))
  .filter((f) => {
    const cell = f.closest(".cell"), said = "Take from it:";
    const after = [cell.innerText, cell.nextElementSibling ? cell.nextElementSibling.innerText : ""];
    return !after.some((text) => text.includes(said));
  }).map((f) => (f.querySelector("figcaption") || f).innerText.slice(0, 60))"""


@pytest.mark.browser
def test_every_figure_has_a_sentence_to_take_away(watch, pages):
    seen = watch()
    bare = {page: seen.open(page, wait="load").evaluate(FIGURES) for page in pages if page.startswith("notebooks/")}
    assert {page: found for page, found in bare.items() if found} == {}


SMALL = """() => [...document.querySelectorAll("figure.dfecs-figure svg text")].filter((t) => t.textContent.trim())
  .filter((t) => t.getClientRects().length && !t.closest(".dfecs-explorer")).map((t) => {
    const svg = t.ownerSVGElement, scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    return parseFloat(getComputedStyle(t).fontSize) * scale;
  }).filter((size) => size < 10.9).length"""

CUT = """() => [...document.querySelectorAll("main table")].filter((t) => t.getClientRects().length).filter((t) => {
    for (let box = t; box && box.tagName !== "MAIN"; box = box.parentElement) {
      const style = getComputedStyle(box);
      if (["auto", "scroll"].includes(style.overflowX)) return false;
      if (style.overflowX === "hidden" && box.scrollWidth > box.clientWidth + 1) return true;
    }
    return t.getBoundingClientRect().right > document.documentElement.clientWidth + 1;
  }).length"""


@pytest.mark.browser
def test_no_text_of_a_figure_is_too_small_for_a_phone_and_no_table_is_cut(watch, pages):
    seen = watch(PHONE)
    faults = {}
    for page in pages:
        opened = seen.open(page, wait="load")
        faults[page] = (opened.evaluate(SMALL), opened.evaluate(CUT))
    assert {page: found for page, found in faults.items() if any(found)} == {}


LOST = """() => [...document.querySelectorAll("figure.dfecs-figure svg")].filter((svg) => svg.getClientRects().length)
  .filter((svg) => !svg.closest(".dfecs-explorer, .dfecs-live")).flatMap((svg) => {
    const box = svg.getBoundingClientRect();
    const out = ({ left, right, top, bottom }) =>
      left < box.left - 3 || right > box.right + 3 || top < box.top - 3 || bottom > box.bottom + 3;
    return [...svg.querySelectorAll("text")].filter((t) => t.textContent.trim() && out(t.getBoundingClientRect()))
      .map((t) => t.textContent.trim());
  })"""


@pytest.mark.browser
def test_no_text_of_a_figure_lies_outside_it(watch, pages):
    seen = watch()
    lost = {page: seen.open(page, wait="load").evaluate(LOST) for page in pages}
    assert {page: found for page, found in lost.items() if found} == {}


FOLDED = """() => [...document.querySelectorAll("main .dfecs-more")].map((one) => {
    const box = one.parentElement, rows = [...box.querySelectorAll("tbody tr")];
    const seen = () => rows.filter((row) => row.getClientRects().length).length;
    const before = seen();
    one.click();
    return [before < rows.length && box.className.includes(`dfecs-fold-${before}`), seen() === rows.length];
  }).flat()"""

WIDE = """() => [...document.querySelectorAll("main .dfecs-scroll, main .dfecs-table")]
  .filter((box) => box.getClientRects().length && box.scrollWidth > box.clientWidth + 1)
  .map((box) => box.textContent.trim().slice(0, 60))"""


@pytest.mark.browser
def test_a_phone_shows_every_chart_whole_and_all_rows_of_a_table_when_asked(watch, pages):
    seen = watch(PHONE)
    wide, folds = {}, []
    for page in [page for page in pages if page.startswith("notebooks/")]:
        opened = seen.open(page, wait="load")
        charts = opened.evaluate(WIDE.replace(", main .dfecs-table", ""))
        wide |= {page: charts} if charts else {}
        folds += opened.evaluate(FOLDED)
    assert wide == {}
    assert folds
    assert all(folds)


@pytest.mark.browser
def test_no_table_and_no_chart_scrolls_on_a_wide_screen(watch, pages):
    seen = watch(1280)
    wide = {page: seen.open(page, wait="load").evaluate(WIDE) for page in pages}
    assert {page: found for page, found in wide.items() if found} == {}


@pytest.mark.browser
def test_a_choice_is_answered_in_the_page_by_keyboard_and_mouse(watch):
    seen = watch()
    page = seen.open("notebooks/f2_sparse.html")
    first = page.locator(".dfecs-quiz fieldset").first
    said = first.locator(".dfecs-said-of")
    assert not said.is_visible()
    right = first.locator("input[data-right=yes]")
    wrong = first.locator("input[data-right=no]").first
    wrong.locator("xpath=..").click()
    assert said.inner_text().startswith("Not quite.")
    assert wrong.get_attribute("data-feedback") in said.inner_text()
    first.locator("input").first.focus()
    for _ in range(3):
        if right.is_checked():
            break
        page.keyboard.press("ArrowDown")
    assert said.inner_text().startswith("Right.")
    assert seen.problems == []


WORDS = """() => {
    const article = document.querySelector("article").cloneNode(true);
    const others = "table, figure, pre, script, style, dl, fieldset, #run-this-yourself, #check-yourself";
    article.querySelectorAll(others).forEach((one) => one.remove());
    return article.textContent.split(/\\s+/).length;
}"""


@pytest.mark.browser
def test_no_chapter_is_longer_than_can_be_read_at_once(watch, pages):
    seen = watch()
    words = {page: seen.open(page, wait="load").evaluate(WORDS) for page in pages if page.startswith("notebooks/")}
    assert min(words.values()) > 50
    assert {page: count for page, count in words.items() if count > 1500} == {}


@pytest.mark.browser
def test_each_results_page_states_the_figures_of_its_model(site, pages):
    """Where a run shows a model, its page says VE, active units and cancellation under the title."""
    stated = 0
    for page in [page for page in pages if page.startswith("notebooks/")]:
        results = json.loads((site / "results" / Path(page).stem / "results.json").read_text(encoding="utf-8"))
        if "models" in results:
            text = (site / page).read_text(encoding="utf-8")
            line = re.search(r"Figures of the model</strong>(.*?)</li>", text, re.DOTALL)
            assert line, page
            for about in results["models"].values():
                told = f"VE {about['variance_explained']:.1f} %, {about['active_units']:.1f} active units in a frame"
                assert f"{told}, cancellation {about['cancellation']:.2f}" in line[1].replace("\n", " "), page
            stated += 1
    assert stated >= 8
