"""The frame of the pages, in a real browser."""

import pytest
import requests

from firstread.access.door import RightsDoor
from firstread.access.rights import Rights
from firstread.archive.archive import DATABASE
from firstread.web import create_app
from tests.browser import somebody, violations
from tests.network.dicomweb.conftest import running, serving


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


def test_who_asks_for_a_page_while_the_database_is_away_is_told_so_and_what_to_do(sqlite_archive):
    here = frozenset({"administrator", "auditor"})
    door = RightsDoor(Rights(sqlite_archive.engine), lambda request: None, here)
    with running(create_app(sqlite_archive, door=door, keep_metadata=False)) as url:
        asked = {"Accept": "text/html"}
        assert requests.get(url, headers=asked, timeout=30).status_code == 200
        sqlite_archive.engine.dispose()
        database = sqlite_archive.folder / DATABASE
        database.rename(database.with_name("away"))
        database.mkdir()
        answer = requests.get(url, headers=asked, timeout=30)
    # Nothing is answered that the audit trail does not have; so this is what is left of the page.
    assert answer.status_code == 503
    assert "database" in answer.json()["error"] and "try again" in answer.json()["remedy"]
