"""The report editor in a real browser."""

import re

import pytest

from tests.alerts.samples import raised
from tests.browser import somebody, violations
from tests.web.reports.conftest import PASSWORD
from tests.web.reports.test_api import LARGE_ONES


@pytest.fixture
def database_url():
    """None: what a browser shows does not depend on the database."""


@pytest.fixture
def editing(browser, served, reported):
    """A function that opens the editor as somebody."""

    def go(name="anne", **options):
        return somebody(browser, served, extra_http_headers={"x-test-actor": name}, **options)

    return go


def opened(page, reported):
    page.goto(f"/studies/{reported.uid}/report")
    page.wait_for_selector("#report[data-ready]")
    return page


def saved(page):
    page.locator("#saving", has_text="Saved").wait_for()


def text_of(reported, section):
    return reported.open().content.sections[section].text


def test_what_is_typed_is_saved_by_itself_and_the_page_is_accessible(editing, reported):
    with editing() as page:
        opened(page, reported)
        assert "AI preliminary, not verified" in page.locator("#findings").inner_text()
        page.get_by_label("Indication").fill("Cough for a week.")
        saved(page)
        assert text_of(reported, "indication") == "Cough for a week."
        assert page.locator("[data-section=indication] [data-edited]").is_visible()
        assert violations(page) == []
        page.reload()
        assert page.get_by_label("Indication").input_value() == "Cough for a week."


def test_decisions_by_keyboard_draft_the_text_and_the_category_anew(editing, reported):
    with editing() as page:
        opened(page, reported)
        before = page.locator("#category").inner_text()
        page.locator("h1").click()
        page.keyboard.press("r")
        page.locator("form[data-of=N1] input").fill("a vessel")
        page.keyboard.press("Enter")
        page.wait_for_selector(".finding.rejected[data-id=N1]")
        assert page.locator("#category").inner_text() != before
        assert "N1" not in page.get_by_role("textbox", name="Findings").input_value()
        page.locator("h1").click()
        page.keyboard.press("j")
        page.keyboard.press("a")
        page.wait_for_selector(".finding.accepted[data-id=N2]")
        page.keyboard.press("j")
        page.keyboard.press("e")
        page.get_by_label("Long axis, mm").fill("6.0")
        page.get_by_label("Short axis, mm").fill("5.0")
        page.get_by_label("Attenuation").select_option("solid")
        page.get_by_role("button", name="Apply").click()
        page.wait_for_selector(".finding.edited[data-id=N3]")
        assert "6.0 × 5.0 mm" in page.locator("[data-id=N3]").inner_text()
        assert violations(page) == []
    decided = reported.open().content.decisions
    assert {name: one.verdict for name, one in decided.items()} == {
        "N1": "rejected", "N2": "accepted", "N3": "edited",
    }  # fmt: skip


def test_what_others_decide_meanwhile_takes_neither_the_click_that_has_begun_nor_the_form_that_is_open(
    editing, reported
):
    with editing() as page, editing("ben") as ben:
        opened(page, reported)
        opened(ben, reported)
        page.locator("[data-id=N1] [data-do=edit]").click()
        page.get_by_label("Long axis, mm").fill("7.7")
        page.get_by_label("Indication").click()
        page.locator("[data-id=N3] [data-do=accept]").hover()
        page.mouse.down()
        ben.locator("[data-id=N2] [data-do=accept]").click()
        page.locator("#said", has_text="has changed the report").wait_for()
        assert page.locator("[data-id=N2].accepted").count() == 0  # not under the pressed button
        page.mouse.up()
        page.wait_for_selector(".finding.accepted[data-id=N2]")
        page.wait_for_selector(".finding.accepted[data-id=N3]")
        assert page.get_by_label("Long axis, mm").input_value() == "7.7"


def test_two_who_write_at_once_lose_nothing_and_the_second_chooses(editing, reported):
    with editing() as anne, editing("ben") as ben:
        ben.route("**/events", lambda route: route.abort())  # else Ben is told before he types
        opened(anne, reported)
        opened(ben, reported)
        anne.get_by_label("Indication").fill("Anne's.")
        saved(anne)
        ben.get_by_label("Indication").fill("Ben's.")
        dialog = ben.get_by_role("dialog", name="Somebody else has changed the report")
        dialog.wait_for()
        assert "Anne's." in dialog.inner_text()
        assert "Ben's." in dialog.inner_text()
        assert text_of(reported, "indication") == "Anne's."
        assert violations(ben) == []
        dialog.get_by_role("button", name="Keep mine").click()
        saved(ben)
    assert text_of(reported, "indication") == "Ben's."


def test_a_session_that_ends_in_mid_edit_loses_no_text_and_offers_it_to_the_same_person_alone(
    editing, reported, door
):
    with editing() as page:
        opened(page, reported)
        door.expired = True
        page.get_by_label("Indication").fill("Typed after the session ended.")
        page.locator("#expired").wait_for()
        assert (
            page.locator("#expired a").get_attribute("href") == f"/login?next=/studies/{reported.uid}/report"
        )
        assert text_of(reported, "indication") == ""
        door.expired = False
        page.context.set_extra_http_headers({"x-test-actor": "ben"})
        opened(page, reported)
        assert not page.locator("#unsent").is_visible()
        page.context.set_extra_http_headers({"x-test-actor": "anne"})
        opened(page, reported)
        page.locator("#unsent").wait_for()
        assert violations(page) == []
        page.get_by_role("button", name="Take it up").click()
        saved(page)
        assert text_of(reported, "indication") == "Typed after the session ended."
        opened(page, reported)
        assert not page.locator("#unsent").is_visible()


def test_a_report_is_signed_with_the_password_and_then_amended_in_its_history(editing, reported):
    with editing() as page:
        opened(page, reported)
        page.keyboard.press("s")
        dialog = page.get_by_role("dialog", name="Sign")
        assert "N1, N2, N3" in dialog.inner_text()
        dialog.get_by_label("Your password or code").fill("wrong")
        page.keyboard.press("Enter")
        dialog.get_by_role("alert").filter(has_text="not your password").wait_for()
        assert violations(page) == []
        dialog.get_by_label("Your password or code").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.locator("[data-state]", has_text="Final").wait_for()
        assert "Dr Anne Lee" in page.locator("#signatures").inner_text()
        signed = reported.open().version
        assert page.locator("#saving").inner_text() == f"Saved, version {signed}"
        assert page.get_by_label("Indication").get_attribute("readonly") is not None
        page.get_by_role("button", name="Amend").click()
        page.get_by_label("Reason").fill("wrong side")
        page.keyboard.press("Enter")
        page.locator("[data-state]", has_text="Being amended").wait_for()
        page.get_by_label("Indication").fill("Cough.")
        saved(page)
        page.get_by_role("button", name="History").click()
        page.get_by_role("button", name="Changes since the version before").first.click()
        page.locator("[data-diff]", has_text="+Cough.").wait_for()
        assert violations(page) == []
    assert reported.open().amending


def test_the_signer_is_told_what_the_signature_means_for_alerts_and_which_stay_open(editing, reported):
    raised(reported.archive, reported.result, LARGE_ONES)
    with editing() as page, editing("ben", lang="zh") as ben:
        opened(page, reported)
        for name in ("N1", "N3"):
            page.locator(f"[data-id={name}]").get_by_role("button", name="Reject").click()
            page.locator(f"form[data-of={name}] input").fill("a vessel")
            page.keyboard.press("Enter")
            page.wait_for_selector(f".finding.rejected[data-id={name}]")
        opened(ben, reported)
        assert "anne" in ben.locator("#read-by").inner_text()
        page.locator("h1").click()
        page.keyboard.press("s")
        dialog = page.get_by_role("dialog", name="Sign")
        assert dialog.locator("[data-alerts] li", has_text="your signature does not end it").count() == 2
        assert violations(page) == []
        dialog.get_by_label("Your password or code").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.locator("#alerts-left li", has_text="rejected in this report").last.wait_for()
        assert page.locator("#alerts-left a").first.get_attribute("href") == "/alerts/1"
        assert violations(page) == []


def test_the_editor_speaks_chinese(editing, reported):
    from playwright.sync_api import expect

    with editing(lang="zh") as page:
        opened(page, reported)
        assert page.get_by_label("印象").is_visible()
        page.locator("#lang").select_option("zh")
        expect(page.get_by_label("印象")).to_have_value(re.compile("结节"))
        assert violations(page) == []
