"""Alerts in two real browsers, with the clocks of a worker behind them."""

import threading
from contextlib import contextmanager

import pytest
import requests

from firstread.alerts.ticker import Ticker
from firstread.archive.columns import now
from firstread.settings import Settings
from firstread.workflow.worker import ALERTS_S
from tests.alerts.samples import alerts, critical, finding, raised, result, study_of
from tests.browser import somebody, violations
from tests.network.dicomweb.conftest import serving


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "alerts.toml"
    path.write_text("")
    return Settings(alerts_file=path)


@pytest.fixture
def url(sqlite_archive, settings):
    with serving(sqlite_archive, settings=settings) as started:
        yield started


@contextmanager
def clocks(archive, settings):
    """What a worker does of alerts while the block runs."""
    ticker, stopping = Ticker(archive.engine, settings), threading.Event()

    def run():
        while not stopping.wait(ALERTS_S):
            ticker.tick()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        ticker.stop()


def test_two_browsers_show_an_alert_as_soon_as_the_result_is_kept(browser, sqlite_archive, settings, url):
    study = study_of(sqlite_archive)
    with (
        clocks(sqlite_archive, settings),
        somebody(browser, url) as radiologist,
        somebody(browser, url, lang="zh") as clinician,
    ):
        for page in (radiologist, clinician):
            page.goto("/alerts")
            page.wait_for_selector("[data-live-sign]:not(.off):visible")
        raised(sqlite_archive, critical(study), at=now())
        for page in (radiologist, clinician):
            page.wait_for_selector("#alert-banner li")
        assert "Large pneumothorax" in radiologist.locator("#alert-banner").inner_text()
        assert "AI preliminary, not verified" in radiologist.locator("#alert-banner").inner_text()
        assert radiologist.title().startswith("(1) ")
        assert radiologist.locator('[data-count="alerts"]').inner_text() == "1"
        assert clinician.locator("#alert-banner .head").inner_text().startswith("1 条危急值提醒")


def test_an_alert_goes_from_every_page_when_it_is_acknowledged_with_its_read_back(
    browser, sqlite_archive, settings, url
):
    study = study_of(sqlite_archive)
    (number,) = raised(sqlite_archive, critical(study), at=now())
    with (
        clocks(sqlite_archive, settings),
        somebody(browser, url) as radiologist,
        somebody(browser, url) as other,
    ):
        other.goto("/jobs")
        other.wait_for_selector("#alert-banner li")
        radiologist.goto("/")
        radiologist.locator("#alert-banner").get_by_role("link", name="Look at it").click()
        radiologist.get_by_label("Who was told").fill("Dr Smith, emergency")
        radiologist.get_by_label("Read back").last.fill("large pneumothorax, right")
        assert violations(radiologist) == []
        radiologist.get_by_role("button", name="Acknowledge").last.click()
        radiologist.wait_for_selector("text=Acknowledged")
        other.wait_for_selector("#alert-banner", state="hidden")
        told = requests.get(f"{url}/api/alerts/{number}", timeout=10).json()
    assert told["acknowledgements"][0]["recipient"] == "Dr Smith, emergency"
    assert told["acknowledgements"][0]["read_back"] == "large pneumothorax, right"


def test_a_click_on_an_alert_is_not_lost_when_the_list_is_asked_for_meanwhile(
    browser, sqlite_archive, settings, url
):
    (number,) = raised(sqlite_archive, critical(study_of(sqlite_archive)), at=now())
    with clocks(sqlite_archive, settings), somebody(browser, url) as page:
        page.goto("/jobs")
        page.locator("#alert-banner li a").hover()
        page.mouse.down()
        with page.expect_response("**/api/alerts/mine"):
            raised(sqlite_archive, critical(study_of(sqlite_archive, study=2)), at=now())
        page.locator("#alert-banner li").nth(1).wait_for()
        page.mouse.up()
        page.wait_for_url(f"**/alerts/{number}")


def test_the_first_click_which_allows_the_sound_is_not_lost_on_the_banner(
    browser, sqlite_archive, settings, url
):
    raised(sqlite_archive, critical(study_of(sqlite_archive)), at=now())
    with clocks(sqlite_archive, settings), somebody(browser, url) as page:
        page.goto("/jobs")
        page.locator("#alert-banner > .hint").wait_for()
        page.locator("#alert-banner .head a").hover()
        page.mouse.down()
        page.locator("#alert-banner > .hint").wait_for(state="detached")
        page.mouse.up()
        page.wait_for_url("**/alerts")


def test_an_alert_sounds_once_the_page_was_used_and_is_silent_when_asked(
    browser, sqlite_archive, settings, url
):
    raised(sqlite_archive, critical(study_of(sqlite_archive)), at=now())
    with clocks(sqlite_archive, settings), somebody(browser, url) as page:
        page.goto("/alerts")
        page.wait_for_selector("#alert-banner li")
        page.keyboard.press("Tab")
        page.wait_for_selector("#alert-banner[data-sounded='1']")
        page.get_by_role("button", name="Silence").click()
        page.evaluate("localStorage.removeItem('firstread-alerts')")
        page.reload()
        page.wait_for_selector("#alert-banner li")
        page.keyboard.press("Tab")
        assert page.locator("#alert-banner").get_attribute("data-sounded") is None


def test_the_list_has_running_clocks_numbers_and_no_violation_in_both_languages(
    browser, sqlite_archive, settings, url
):
    for number in range(1, 4):
        raised(sqlite_archive, critical(study_of(sqlite_archive, study=number)), at=now())
    raised(sqlite_archive, result(finding(mean=41.0), study=study_of(sqlite_archive, study=4)), at=now())
    for lang, left in (("en", "left"), ("zh", "剩余")):
        with somebody(browser, url, lang=lang, size=(390, 844)) as page:
            page.goto("/alerts")
            assert left in page.locator("tbody [data-deadline]").first.inner_text()
            assert page.locator("tr[data-alert]").count() == 4
            assert violations(page) == []
            page.goto("/alerts/1")
            assert {"en": "Raised", "zh": "产生"}[lang] in page.locator("table").last.inner_text()
            assert violations(page) == []


def test_without_a_worker_the_page_says_that_no_clock_runs(browser, sqlite_archive, url):
    with somebody(browser, url) as page:
        page.goto("/alerts")
        assert page.get_by_text("No process runs the clocks").is_visible()
        assert page.get_by_text("No alert is open").is_visible()
        assert violations(page) == []


def test_forms_work_by_the_keyboard_alone(browser, sqlite_archive, url):
    (number,) = raised(sqlite_archive, critical(study_of(sqlite_archive)), at=now())
    with somebody(browser, url) as page:
        page.goto(f"/alerts/{number}")
        page.get_by_label("Reason").last.focus()
        page.keyboard.type("a skin fold")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=Cancelled")
    assert alerts(sqlite_archive)[0].state == "cancelled"
