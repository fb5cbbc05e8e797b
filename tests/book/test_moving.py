"""Units that move, in a real browser: when asked to, by pointer, finger or keyboard, and never by themselves."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.browser

PAGE = "notebooks/03_training.html"
FIRST = "document.querySelector('.dfecs-moving')"
DRAWN = f"{FIRST}.querySelector('.dfecs-moved').getAttribute('d')"
# Two frames of the screen: whatever begins to move by itself has moved by then.
FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))"


@pytest.fixture
def opened(watch):
    seen = []

    def open_page(**options):
        seen.append(watch(**options))
        page = seen[-1].open(PAGE)
        page.locator(".dfecs-moving").first.scroll_into_view_if_needed()
        return page

    yield open_page
    assert [problem for watched in seen for problem in watched.problems] == []


def numbers(path: str) -> list[int]:
    return [int(value) for value in re.findall(r"-?\d+", path)]


def button(page):
    return page.locator(".dfecs-moving button").first


def test_a_pressed_face_goes_from_rest_to_full_and_back_and_stops(opened):
    page = opened()
    full = page.evaluate(DRAWN)
    rest = page.evaluate(f"{FIRST}.querySelector('.dfecs-rest').getAttribute('d')")
    page.evaluate(FRAMES)
    assert page.evaluate(DRAWN) == full
    button(page).focus()
    page.keyboard.press("Enter")
    page.wait_for_function(f"full => {DRAWN} !== full", arg=full)
    between = zip(numbers(rest), numbers(page.evaluate(DRAWN)), numbers(full), strict=True)
    assert all(min(a, b) - 1 <= now <= max(a, b) + 1 for a, now, b in between)
    assert button(page).get_attribute("aria-pressed") == "true"
    page.wait_for_function(f"{FIRST}.querySelector('button').getAttribute('aria-pressed') === 'false'")
    assert page.evaluate(DRAWN) == full
    button(page).press("Enter")
    button(page).press("Enter")  # pressed again it stops at once
    assert page.evaluate(DRAWN) == full


def test_a_face_moves_while_the_pointer_is_on_it(opened):
    page = opened()
    full = page.evaluate(DRAWN)
    page.locator(".dfecs-moving").first.hover()
    page.wait_for_function(f"full => {DRAWN} !== full", arg=full)
    page.mouse.move(0, 0)
    page.wait_for_function(f"full => {DRAWN} === full", arg=full)
    page.evaluate(FRAMES)
    assert page.evaluate(DRAWN) == full


def test_a_finger_sets_it_moving(opened):
    page = opened(width=390, has_touch=True, is_mobile=True)
    full = page.evaluate(DRAWN)
    page.locator(".dfecs-moving").first.tap()
    page.wait_for_function(f"full => {DRAWN} !== full", arg=full)
    assert min(button(page).bounding_box()[side] for side in ("width", "height")) >= 24


def test_who_wants_no_motion_sees_none(opened):
    page = opened(reduced_motion="reduce")
    full = page.evaluate(DRAWN)
    page.locator(".dfecs-moving").first.hover()
    page.evaluate(FRAMES)
    assert page.evaluate(DRAWN) == full
    button(page).press("Enter")
    rest = page.evaluate(f"{FIRST}.querySelector('.dfecs-rest').getAttribute('d')")
    assert page.evaluate(DRAWN) == rest
    page.evaluate(FRAMES)
    assert page.evaluate(DRAWN) == rest
    button(page).press("Enter")
    assert page.evaluate(DRAWN) == full


def test_without_scripts_the_still_drawings_remain(watch):
    page = watch(java_script_enabled=False).open(PAGE)
    assert page.locator(".dfecs-moving svg").first.is_visible()
    assert not button(page).is_visible()
