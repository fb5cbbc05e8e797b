"""A whole session in a real browser: rate, reload in the middle, lose nothing, export, analyse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dfecs_lib.rating import analyse, load_study, read_answers

pytestmark = pytest.mark.browser


@pytest.fixture
def open_page(browser):
    """Open a page in a context of its own; at the end no error may have been logged and nothing asked for."""
    opened = []

    def opener(url: str, **options):
        context = browser.new_context(accept_downloads=True, **options)
        page = context.new_page()
        errors, asked = [], []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(url)
        opened.append((context, errors, asked, url))
        return page

    yield opener
    for context, errors, asked, url in opened:
        context.close()
        assert errors == []
        assert [a for a in asked if a != url and not a.startswith(("data:", "blob:"))] == []


def url_of(study: Path) -> str:
    return (study / "index.html").as_uri()


def start(page, rater: str) -> None:
    page.get_by_label("Your code").fill(rater)
    page.get_by_role("button", name="Start, or go on").click()


def current(page, study: dict) -> dict:
    """The trial that is shown, as the browser has kept it."""
    kept = json.loads(page.evaluate(f"localStorage.getItem('dfecs-rating:{study['id']}:' + {RATER!r})"))
    return next(t for t in study["trials"] if t["id"] == kept["order"][kept["at"]])


RATER = "R-1"


def answer(page, trial: dict) -> tuple[tuple[int, ...], int]:
    """Answer as a rater does who knows: mark what is impossible, rate low; else tick none, rate high."""
    impossible = trial["wrong"] or ([k for k in (3, 4, 5) if k in trial["moving"]] if trial["unit"] == "4" else [])
    if impossible:
        page.locator("#list summary").click() if page.locator("#list:not([open])").count() else None
        for k in impossible:
            page.locator(f"#point-{k}").check()
        page.get_by_role("radio", name="1 not at all").check()
        return tuple(impossible), 1
    page.get_by_label("None: muscles can move every point this way").check()
    page.get_by_role("radio", name="5 entirely").check()
    return (), 5


def test_a_full_session_survives_a_reload_and_is_analysed(open_page, study, tmp_path):
    shown = load_study(study)
    page = open_page(url_of(study), viewport={"width": 1280, "height": 900})
    start(page, RATER)
    total, given = len(shown["trials"]), {}
    for i in range(total):
        assert page.locator("#rate-heading").inner_text() == f"Movement {i + 1} of {total}"
        trial = current(page, shown)
        given[trial["id"]] = answer(page, trial)
        if i == total // 2:  # answered, not yet confirmed: the worst moment
            page.get_by_label("Remark").fill("half way")
            page.reload()
            assert page.locator("#rate-heading").inner_text() == f"Movement {i + 1} of {total}"
            assert page.get_by_label("Remark").input_value() == "half way"
            rating = given[trial["id"]][1]
            assert page.locator(f"#rating-{rating}").is_checked()
        page.locator("#next").click()
    assert page.get_by_role("heading", name="Thank you").is_visible()
    for button, name in (("Save answers (CSV)", "a.csv"), ("Save answers (JSON)", "a.json")):
        with page.expect_download() as download:
            page.get_by_role("button", name=button).click()
        assert download.value.suggested_filename.startswith(f"dfecs-rating-{shown['id']}-{RATER}.")
        download.value.save_as(tmp_path / name)
    table = read_answers(tmp_path / "a.csv")
    assert {t: (a, r) for t, a, r in table[["trial", "against", "rating"]].itertuples(index=False)} == given
    assert table.comment[table.comment != ""].tolist() == ["half way"]
    assert not table.simulated.any()
    same = read_answers(tmp_path / "a.json")
    assert (same.drop(columns="file").astype(str) == table.drop(columns="file").astype(str)).all(axis=None)
    gap = dict(table[["trial", "position"]].itertuples(index=False))
    for t in shown["trials"]:
        if t["kind"] == "repeat":
            assert gap[t["id"]] > gap[t["of"]]
    report = analyse(tmp_path / "a.csv")
    assert list(report.units.sort_index().interpretable) == [True, True, True, False]
    assert report.raters.loc[RATER, "catch_passed"] == 4
    assert report.raters.loc[RATER, "retest_same_verdict"] == 1
    page.reload()
    assert page.get_by_role("heading", name="Thank you").is_visible()


def test_an_incomplete_answer_is_asked_for_and_not_passed_over(open_page, study):
    page = open_page(url_of(study))
    start(page, RATER)
    page.locator("#next").click()
    assert "choose the points" in page.get_by_role("alert").filter(has_text="Please").inner_text()
    page.get_by_label("None: muscles can move every point this way").check()
    page.locator("#next").click()
    assert "give a rating" in page.locator("#missing").inner_text()
    assert page.locator("#rate-heading").inner_text().startswith("Movement 1 ")


def test_the_keyboard_alone_is_enough(open_page, study):
    page = open_page(url_of(study))
    page.get_by_label("Your code").focus()
    page.keyboard.type(RATER)
    page.keyboard.press("Enter")
    shown = load_study(study)
    page.keyboard.press("0")
    page.keyboard.press("4")
    page.keyboard.press("n")
    assert page.locator("#rate-heading").inner_text().startswith("Movement 2 ")
    page.keyboard.press("b")
    assert page.locator("#none").is_checked()
    assert page.locator("#rating-4").is_checked()
    # Tab to the list, open it, tick the first point with the space bar.
    page.locator("#list summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    first = int(page.locator("#checks input").first.get_attribute("value"))
    assert page.locator("#chosen").inner_text() == f"Chosen: {shown['names'][first]}"
    assert not page.locator("#none").is_checked()
    page.get_by_label("Remark").focus()
    page.keyboard.type("n5b")  # letters in a remark are letters
    assert page.get_by_label("Remark").input_value() == "n5b"
    assert page.locator("#rate-heading").inner_text().startswith("Movement 1 ")
    page.locator(".keys summary").click()
    page.get_by_label("Use these keys").uncheck()
    page.keyboard.press("n")
    assert page.locator("#rate-heading").inner_text().startswith("Movement 1 ")


def test_a_tap_on_a_phone_chooses_the_nearest_point(open_page, study):
    page = open_page(url_of(study), viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    start(page, RATER)
    trial = current(page, load_study(study))
    for view in ("all", "mouth", "brows", "jaw"):
        page.locator("#zoom").select_option(view)
        point = page.locator("#points g").first
        inside = page.evaluate(
            """(g) => { const r = g.querySelector('circle').getBoundingClientRect(), s = document.getElementById('face')
            .getBoundingClientRect(); const x = r.x + r.width / 2, y = r.y + r.height / 2;
            return x > s.left && x < s.right && y > s.top && y < s.bottom ? [x, y] : null; }""",
            point.element_handle(),
        )
        if inside:
            page.touchscreen.tap(*inside)
            assert page.locator("#points g.against").count() == 1
            page.touchscreen.tap(*inside)
            assert page.locator("#points g.against").count() == 0
    assert page.locator("#points g").count() == len(trial["moving"])
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_reduced_motion_is_honoured(open_page, study):
    page = open_page(url_of(study), reduced_motion="reduce")
    start(page, RATER)
    assert page.locator("#play").get_attribute("aria-pressed") == "false"
    path = page.locator("#moved path").first
    assert path.get_attribute("d") == path.get_attribute("d")
    page.locator("#amount").fill("0")
    rest = [p.get_attribute("d") for p in page.locator("#rest path").all()]
    assert [p.get_attribute("d") for p in page.locator("#moved path").all()] == rest
    moving = open_page(url_of(study), reduced_motion="no-preference")
    start(moving, RATER)
    assert moving.locator("#play").get_attribute("aria-pressed") == "true"


def test_every_control_has_a_name_and_enough_contrast(open_page, study):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    for scheme in ("light", "dark"):
        page = open_page(url_of(study), color_scheme=scheme, bypass_csp=True)
        assert axe.Axe().run(page).response["violations"] == []
        start(page, RATER)
        page.locator("#list summary").click()
        page.locator(".keys summary").click()
        assert axe.Axe().run(page).response["violations"] == []


def test_two_raters_on_one_device_keep_apart(open_page, study):
    shown = load_study(study)
    page = open_page(url_of(study))
    orders = []
    for rater in ("first", "second"):
        start(page, rater)
        page.keyboard.press("0")
        page.keyboard.press("3")
        orders.append(json.loads(page.evaluate(f"localStorage.getItem('dfecs-rating:{shown['id']}:{rater}')"))["order"])
        page.get_by_role("button", name="Another rater").locator("visible=true").click()
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(t["id"] for t in shown["trials"])
    start(page, "first")
    assert page.locator("#rating-3").is_checked()


def test_the_report_shows_without_errors(open_page, study, tmp_path):
    from dfecs_lib.rating import simulate_raters

    report = analyse(simulate_raters(study, tmp_path, n_raters=4, n_careless=0))
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    where = report.write(tmp_path / "report", study).as_uri()
    page = open_page(where, viewport={"width": 390, "height": 844}, color_scheme="dark")
    assert [v["id"] for v in axe.Axe().run(page).response["violations"]] == []
    assert page.get_by_text("Simulated raters.").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("figure svg").count() == 3 + 4
