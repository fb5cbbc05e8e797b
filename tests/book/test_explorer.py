"""The explorer in a real browser: its face moves as its units say, by mouse, keyboard and finger, and says so."""

from __future__ import annotations

import re

import numpy as np
import pytest

pytestmark = pytest.mark.browser

PAGE = "explorer.html"
FACE = "[...document.querySelectorAll('.ex-moved path')].map(p => p.getAttribute('d')).join('')"
# The animation of 300 ms is over when what is read out has caught up with what is written.
SETTLED = "document.querySelector('.ex-live').textContent === document.querySelector('.ex-said').textContent"


@pytest.fixture(scope="module")
def data(address, browser):
    page = browser.new_page()
    page.goto(address + PAGE)
    found = page.evaluate("JSON.parse(document.querySelector('.dfecs-explorer script').textContent)")
    page.close()
    return found


@pytest.fixture
def seen(watch):
    watched = watch()
    watched.open(PAGE)
    yield watched
    assert watched.problems == []


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def slider(page, k):
    return page.locator(".ex-sliders input").nth(k)


def settle(page):
    page.wait_for_function(SETTLED)


def reset(page):
    press(page, "Reset")
    settle(page)


def numbers(text):
    return np.array([float(v) for v in re.findall(r"-?[\d.]+", text)])


def drawn(page):
    """Points of the moved face, in drawing order."""
    return numbers(page.evaluate(FACE)).reshape(-1, 2)


def expected(data, motion):
    """Where those points are after this motion (2K numbers)."""
    points = (np.array(data["neutral"]) + motion).reshape(2, -1).T
    return np.concatenate([points[line] for line in data["lines"]])


def by_name(data, name):
    return next(s for s in data["sets"] if s["name"] == name)


def test_units_of_real_people_come_first_and_others_say_that_they_are_simulated(data):
    about = {chosen["name"]: chosen["about"] for chosen in data["sets"]}
    assert list(about) == ["DFECS", "PCA", "DFECS, simulated", "FACS"]
    assert ["real faces" in words for words in about.values()] == [True, True, False, False]
    assert ["simulated" in words for words in about.values()] == [False, False, True, True]


def test_the_keyboard_moves_the_face_by_the_units_motion(seen, data):
    page = seen.page
    reset(page)
    np.testing.assert_allclose(drawn(page), expected(data, 0), atol=0.06)
    unit = np.array(data["sets"][0]["units"][1])
    slider(page, 1).focus()
    for key in ["ArrowRight"] * 3 + ["PageUp"]:
        page.keyboard.press(key)
    assert slider(page, 1).input_value() == "13"
    np.testing.assert_allclose(drawn(page), expected(data, 0.13 * unit), atol=0.11)
    page.keyboard.press("End")
    np.testing.assert_allclose(drawn(page), expected(data, unit), atol=0.11)
    assert np.abs(unit).max() > 25  # so that it has really moved
    page.keyboard.press("0")
    np.testing.assert_allclose(drawn(page), expected(data, 0), atol=0.06)


def test_arrows_lead_from_the_resting_to_the_moved_point(seen, data):
    page = seen.page
    reset(page)
    slider(page, 0).focus()
    page.keyboard.press("End")
    shown = page.evaluate(
        "[...document.querySelectorAll('.ex-arrows line')].map((l, k) => [k, l.style.display, "
        "...['x1', 'y1', 'x2', 'y2'].map(a => Number(l.getAttribute(a)))])"
    )
    rest, unit = (np.array(v).reshape(2, -1).T for v in (data["neutral"], data["sets"][0]["units"][0]))
    arrows = {k: values for k, display, *values in shown if display != "none"}
    assert set(arrows) == set(np.flatnonzero(np.hypot(*unit.T) > 9))
    for k, (x1, y1, x2, y2) in arrows.items():
        np.testing.assert_allclose([x1, y1], rest[k], atol=0.06)
        np.testing.assert_allclose([x2, y2], rest[k] + unit[k], atol=0.11)
    press(page, "Arrows")
    assert page.locator(".ex-arrows line:visible").count() == 0


def test_reset_puts_the_face_to_rest(seen, data):
    page = seen.page
    settled = drawn(page)
    assert np.abs(settled - expected(data, 0)).max() > 10  # the page begins with an expression
    press(page, "Mirror")
    reset(page)
    np.testing.assert_allclose(drawn(page), expected(data, 0), atol=0.06)
    assert {slider(page, k).input_value() for k in range(page.locator(".ex-sliders input").count())} == {"0"}
    assert page.locator(".ex-said").inner_text() == "The face at rest."
    assert page.get_by_role("button", name="Mirror", exact=True).get_attribute("aria-pressed") == "false"


def test_mirror_swaps_the_sides(seen, data):
    page = seen.page
    reset(page)
    slider(page, 2).focus()
    page.keyboard.press("End")
    press(page, "Mirror")
    unit = np.array(data["sets"][0]["units"][2]).reshape(2, -1)
    other = unit[:, data["mirror"]] * [[-1], [1]]
    np.testing.assert_allclose(drawn(page), expected(data, other.ravel()), atol=0.11)
    press(page, "Mirror")
    np.testing.assert_allclose(drawn(page), expected(data, unit.ravel()), atol=0.11)


@pytest.mark.parametrize("name", ["DFECS", "PCA", "DFECS, simulated", "FACS"])
def test_an_expression_is_told_in_the_units_of_each_set(seen, data, name):
    page = seen.page
    press(page, "smile")
    settle(page)
    press(page, name)
    settle(page)
    chosen = by_name(data, name)
    codes = np.array(chosen["presets"][[p["name"] for p in data["presets"]].index("smile")])
    face = expected(data, codes / 100 @ np.array(chosen["units"]) + np.array(chosen["offset"]))
    np.testing.assert_allclose(drawn(page), face, atol=0.11)
    shown = [int(slider(page, k).input_value()) for k in range(len(codes))]
    np.testing.assert_allclose(shown, codes, atol=0.51)
    said = page.locator(".ex-said").inner_text()
    assert said.startswith("Smile (simulated):")
    assert int(re.search(r"(\d+) of \d+ ", said)[1]) == (np.floor(codes + 0.5) != 0).sum()  # as the sliders show them
    assert ("subtracted" in said) == (name == "PCA")


def test_only_pca_sliders_go_below_zero(seen):
    page = seen.page
    reset(page)
    for name, low in {"DFECS": "0", "PCA": "-100", "FACS": "0"}.items():
        press(page, name)
        assert {box.get_attribute("min") for box in page.locator(".ex-sliders input").all()} == {low}
    press(page, "PCA")
    slider(page, 0).focus()
    page.keyboard.press("Home")
    assert slider(page, 0).get_attribute("aria-valuetext") == "minus 100 percent"
    assert "−100 %" in page.locator(".ex-sliders label").first.inner_text()
    assert "1 of them subtracted" in page.locator(".ex-said").inner_text()


def test_a_face_made_by_hand_is_told_again_in_other_units(seen, data):
    page = seen.page
    reset(page)
    slider(page, 0).focus()
    page.keyboard.press("End")
    by_hand = drawn(page)
    press(page, "FACS")
    said = page.locator(".ex-said").inner_text()
    assert said.startswith("Your face:")
    share = int(re.search(r"(-?\d+) % of its motion", said)[1])
    assert share > 70
    goal = numbers(
        page.evaluate("[...document.querySelectorAll('.ex-goal path')].map(p => p.getAttribute('d')).join('')")
    )
    np.testing.assert_allclose(goal.reshape(-1, 2), by_hand, atol=0.11)
    motion = drawn(page) - expected(data, 0)
    target = by_hand - expected(data, 0)
    assert 100 * (1 - ((target - motion) ** 2).sum() / (target**2).sum()) == pytest.approx(share, abs=8)


def test_a_clip_plays_beside_its_reconstruction(seen, data):
    page = seen.page
    width = float(page.locator(".ex-face svg").get_attribute("viewBox").split()[2])
    press(page, "Play clip")
    page.wait_for_function("Number(document.querySelector('.ex-scrub').value) >= 3")
    press(page, "Pause")
    k = int(page.locator(".ex-scrub").input_value())
    assert float(page.locator(".ex-face svg").get_attribute("viewBox").split()[2]) == pytest.approx(2 * width)
    assert page.locator(".ex-labels").inner_text().split("\n") == ["as tracked", "DFECS units"]
    clip = data["clips"][0]
    goal = numbers(
        page.evaluate("[...document.querySelectorAll('.ex-goal path')].map(p => p.getAttribute('d')).join('')")
    )
    np.testing.assert_allclose(goal.reshape(-1, 2), expected(data, np.array(clip["motion"][k])), atol=0.11)
    chosen = data["sets"][0]
    face = expected(data, np.array(chosen["clips"][0][k]) / 100 @ np.array(chosen["units"]) + chosen["offset"])
    np.testing.assert_allclose(drawn(page), face, atol=0.11)
    assert f"Frame {clip['frames'][k]} " in page.locator(".ex-said").inner_text()
    page.locator(".ex-scrub").focus()
    page.keyboard.press("ArrowRight")
    assert f"Frame {clip['frames'][k + 1]} " in page.locator(".ex-said").inner_text()


def test_every_clip_can_be_chosen_and_says_whose_it_is(seen, data):
    page = seen.page
    for k, clip in enumerate(data["clips"]):
        page.get_by_label("Clip", exact=True).select_option(str(k))
        assert clip["about"] in page.locator(".ex-said").inner_text()


def test_while_a_clip_plays_screen_readers_are_left_in_peace(seen):
    page = seen.page
    press(page, "Play clip")
    page.wait_for_function("Number(document.querySelector('.ex-scrub').value) >= 2")
    before = page.locator(".ex-live").text_content()
    page.wait_for_function("Number(document.querySelector('.ex-scrub').value) >= 5")
    assert page.locator(".ex-live").text_content() == before == "Playing the clip."


def test_a_finger_moves_a_slider_on_a_phone(watch, data):
    watched = watch(390, has_touch=True, is_mobile=True)
    page = watched.open(PAGE)
    page.get_by_role("button", name="Reset", exact=True).tap()
    settle(page)
    box = slider(page, 0)
    box.scroll_into_view_if_needed()
    size = box.bounding_box()
    page.touchscreen.tap(size["x"] + 0.75 * size["width"], size["y"] + size["height"] / 2)
    code = int(box.input_value())
    assert 65 < code < 85
    motion = code / 100 * np.array(data["sets"][0]["units"][0])
    np.testing.assert_allclose(drawn(page), expected(data, motion), atol=0.11)
    assert watched.problems == []


def test_whoever_wants_no_motion_gets_the_new_face_at_once(watch):
    page = watch(reduced_motion="reduce").open(PAGE)
    before = page.evaluate(FACE)
    after = page.evaluate(f"(document.querySelectorAll('.ex-bar button')[0].click(), {FACE})")
    assert after != before
    assert page.evaluate(SETTLED)


def test_every_control_has_a_name_and_a_focus_that_shows(seen):
    page = seen.page
    for name in ("DFECS", "PCA", "FACS"):
        press(page, name)
        labels = [box.get_attribute("aria-label") for box in page.locator(".ex-sliders input").all()]
        assert all(labels)
        assert len(set(labels)) == len(labels)
    assert all(b.inner_text().strip() for b in page.locator(".dfecs-explorer button").all())
    slider(page, 0).focus()
    page.keyboard.press("ArrowRight")
    assert slider(page, 0).evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    assert page.locator(".ex-face svg").get_attribute("aria-label").startswith("A drawn face.")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("page_name", [PAGE, "index.html"])
def test_nothing_on_the_page_jumps(watch, width, page_name):
    page = watch(width).open(page_name)
    loaded = page.evaluate(
        "new Promise(done => new PerformanceObserver(list => done(list.getEntries()"
        ".flatMap(e => e.sources.map(s => s.node?.closest?.('.dfecs-explorer') ? e.value : 0))"
        ".reduce((a, b) => a + b, 0))).observe({type: 'layout-shift', buffered: true}) || setTimeout(done, 300, 0))"
    )
    assert loaded < 0.01
    places = set()
    frame = page.locator(".ex-player .ex-group button").first.inner_text()
    for name in ("DFECS", "PCA", "FACS", "Side by side", "fear", frame, "PCA", "DFECS", "Reset"):
        press(page, name)
        places.add(page.locator(".dfecs-explorer").first.evaluate("e => e.offsetHeight"))
    assert len(places) == 1


def test_without_javascript_a_drawn_face_remains(watch, data):
    page = watch(java_script_enabled=False).open(PAGE)
    figure = page.locator("figure:has(.dfecs-explorer)")
    assert figure.locator("svg").get_attribute("aria-label")
    points = numbers("".join(p.get_attribute("d") for p in figure.locator(".ex-moved path").all())).reshape(-1, 2)
    assert np.abs(points - expected(data, 0)).max() > 10
    assert figure.locator("button:visible, input:visible").count() == 0
    assert "With JavaScript" in figure.inner_text()


def test_the_script_is_only_on_pages_with_an_explorer(site, pages):
    holding = {path for path in pages if "dfecs-explorer" in (site / path).read_text(encoding="utf-8")}
    assert PAGE in holding
    assert len(holding) <= 3
    scripts = list((site / "_static").rglob("*explorer*"))
    assert scripts == []


def test_the_front_page_explorer_moves_too(watch):
    watched = watch()
    page = watched.open("index.html")
    reset(page)
    before = page.evaluate(FACE)
    slider(page, 0).focus()
    page.keyboard.press("End")
    assert page.evaluate(FACE) != before
    assert watched.problems == []


def test_a_readers_own_units_and_codes_move_and_nothing_is_sent(watch, site, tmp_path):
    """The units of this build, and codes written as `dfecs encode` writes them."""
    from dfecs_lib.ffm import load_model

    file = next((site / "units").glob("*.npz"))
    units = load_model(file).components_
    rows = [f"lab,P1,talk,{frame},{','.join(f'{frame * k:.1f}' for k in range(len(units)))}" for frame in range(4)]
    rows.insert(2, f"lab,P1,talk,9{',' * len(units)}")  # a frame without a face
    codes = tmp_path / "codes.csv"
    header = ["dataset", "subject", "recording", "frame", *(f"U{k + 1:02d}" for k in range(len(units)))]
    codes.write_text("\n".join([",".join(header), *rows]) + "\n")
    seen = watch()
    page = seen.open("explorer.html")
    page.locator(".ex-own summary").click()
    answer = page.locator(".ex-answer")
    page.get_by_label("Codes (.csv)").set_input_files(codes)
    page.wait_for_function("document.querySelector('.ex-answer').textContent.includes('units first')")
    page.get_by_label("Units (.npz)").set_input_files(file)
    page.wait_for_function("document.querySelector('.ex-answer').textContent.includes('units read')")
    assert answer.inner_text().startswith(f"{len(units)} units read")
    assert page.locator(".ex-sliders input").count() == len(units)
    assert page.get_by_role("button", name="Yours").get_attribute("aria-pressed") == "true"
    before = page.locator(".ex-moved").first.inner_html()
    page.get_by_label("Codes (.csv)").set_input_files([])
    page.get_by_label("Codes (.csv)").set_input_files(codes)
    page.wait_for_function("document.querySelector('.ex-answer').textContent.includes('frames read')")
    assert answer.inner_text().startswith("4 frames read of 5")
    page.locator(".ex-scrub").evaluate("e => { e.value = 3; e.dispatchEvent(new Event('input')); }")
    assert page.locator(".ex-moved").first.inner_html() != before
    assert [page.locator(".ex-sliders input").nth(k).input_value() for k in (0, 1, 5)] == ["0", "100", "100"]
    page.get_by_role("button", name="PCA", exact=True).click()  # the same frame in other units
    assert "Frame 3" in page.locator(".ex-said").inner_text()
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"PK no zip at all")
    page.get_by_label("Units (.npz)").set_input_files(broken)
    page.wait_for_function("document.querySelector('.ex-answer').textContent.includes('could not be read')")
    assert seen.problems == []


def test_the_count_of_units_agrees_with_the_sliders(watch):
    page = watch().open("explorer.html")
    for name in ("smile", "fear"):
        press(page, name)
        told = f"document.querySelector('.ex-live').textContent.startsWith('{name.capitalize()}')"
        page.wait_for_function(told)  # at the end of the movement
        shown = sum(slider(page, k).input_value() != "0" for k in range(page.locator(".ex-sliders input").count()))
        assert f": {shown} of " in page.locator(".ex-said").inner_text()


def test_a_unit_moves_there_and_back_and_says_which_action_unit_is_nearest(watch):
    page = watch().open("explorer.html")
    reset(page)
    rest = drawn(page)
    page.locator(".ex-loop").first.click()
    page.wait_for_function("document.querySelector('.ex-sliders input').value > 30")
    page.wait_for_function("document.querySelector('.ex-live').textContent.includes('at rest')", timeout=15000)
    settle(page)
    np.testing.assert_allclose(drawn(page), rest, atol=0.11)
    words = page.locator(".ex-sliders small").all_inner_texts()
    assert words
    assert all("nearest AU" in word for word in words)
