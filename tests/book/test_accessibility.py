"""axe-core finds nothing serious on any page, light or dark, and everything can be reached by keyboard."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

# Of the theme, not of this book: it hides the primary sidebar's checkbox labels, and nests its landmarks.
THEME = {"landmark-unique", "landmark-no-duplicate-banner", "landmark-banner-is-top-level"}


def serious(page) -> list[str]:
    """Rules that axe calls serious or critical, with the first place each is broken."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {rule['nodes'][0]['html'][:160]} ({len(rule['nodes'])}×)"
        for rule in found
        if rule["impact"] in {"serious", "critical"} and rule["id"] not in THEME
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_violation(watch, pages, scheme):
    seen = watch(scheme=scheme)
    # The pages of one kind are made alike: in the dark, one of each kind is enough.
    chosen = pages if scheme == "light" else ["index.html", "run.html", "api/models.html", "notebooks/03_training.html"]
    broken = {path: problems for path in chosen if (problems := serious(seen.open(path)))}
    assert broken == {}


def test_the_doors_of_the_front_page_open_by_keyboard(watch):
    page = watch().open()
    doors = page.locator(".sd-card a.sd-stretched-link")
    assert doors.count() == 3
    doors.first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/notebooks/01_data.html")


def test_answers_stay_hidden_until_asked_for(watch, pages):
    page = watch().open(next(p for p in pages if p.startswith("notebooks/f1_")))
    answers = page.locator("details:has-text('check') > :not(summary)")
    assert answers.count() > 0
    assert not answers.first.is_visible()
    page.locator("details:has-text('check') > summary").first.click()
    assert answers.first.is_visible()
