"""The frame of the pages, in a real browser."""

import pytest

from tests.browser import somebody, violations
from tests.network.dicomweb.conftest import serving


@pytest.fixture
def url(sqlite_archive):
    with serving(sqlite_archive) as started:
        yield started


def test_what_is_not_there_is_told_with_a_next_step_in_both_languages(browser, url):
    for lang, title in (("en", "Not here"), ("zh", "此处没有")):
        with somebody(browser, url, lang=lang) as page:
            answer = page.goto("/nothing")
            assert answer.status == 404
            assert page.locator("h1").inner_text() == title
            assert page.locator("main a.button").get_attribute("href") == "/"
            assert violations(page) == []


def test_the_language_can_be_changed_and_stays(browser, url):
    with somebody(browser, url) as page:
        page.goto("/nothing?a=b")
        page.get_by_role("button", name="中文").click()
        page.wait_for_url("**/nothing?a=b")
        assert page.locator("h1").inner_text() == "此处没有"
        assert page.goto("/elsewhere") and page.locator("html").get_attribute("lang") == "zh-Hans"


def test_the_keyboard_is_told_by_one_key_and_left_by_another(browser, url):
    with somebody(browser, url) as page:
        page.goto("/nothing")
        page.keyboard.press("?")
        assert page.get_by_role("dialog").get_by_text("This list").is_visible()
        assert violations(page) == []
        page.keyboard.press("Escape")
        assert not page.get_by_role("dialog").is_visible()
