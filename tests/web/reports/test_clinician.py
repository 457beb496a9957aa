"""What clinicians read, at the width of a telephone, and the quality page."""

import pytest
from sqlalchemy import false

from firstread.access import Action
from firstread.settings import Settings
from firstread.workflow.reporting.filing import file_report
from tests.browser import somebody, violations

PHONE = (390, 844)


@pytest.fixture
def database_url():
    """None: what a browser shows does not depend on the database."""


@pytest.fixture
def signed(reported, tmp_path):
    reported.change(
        findings={"N1": {"decision": "accepted"}, "N2": {"decision": "rejected", "reason": "vessel"}}
    )
    _, key = reported.sign()
    assert file_report(reported.archive, Settings(cache_dir=tmp_path), key)
    return reported


def reads(browser, served):
    return somebody(browser, served, size=PHONE, extra_http_headers={"x-test-actor": "ben"})


def is_shown(page, selector):
    """Whether a picture has loaded."""
    return page.locator(selector).first.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")


def test_a_clinician_reads_the_signed_report_and_its_images_on_a_telephone(browser, served, signed):
    with reads(browser, served) as page:
        page.goto("/reports")
        assert violations(page) == []
        page.get_by_role("link", name="Doe").click()
        assert page.get_by_text("Final", exact=True).is_visible()
        assert "Dr Anne Lee" in page.locator("article").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        picture = page.locator(".picture").first
        picture.scroll_into_view_if_needed()
        assert is_shown(page, ".picture img")
        picture.click()
        assert is_shown(page, "[data-image]")
        before = page.locator("[data-image]").get_attribute("src")
        page.keyboard.press("ArrowRight")
        assert page.locator("[data-image]").get_attribute("src") != before
        assert violations(page) == []


def test_what_is_preliminary_is_marked_and_only_for_those_who_may_see_it(browser, served, reported, door):
    with reads(browser, served) as page:
        page.goto("/reports")
        page.get_by_role("link", name="Doe").click()
        assert page.locator(".banner.warning").inner_text().startswith("AI preliminary, not verified")
        assert violations(page) == []
        door.refused.add(Action.READ_PRELIMINARY)
        page.goto("/reports")
        assert page.get_by_text("No report yet").is_visible()
        assert page.goto(f"/reports/{reported.uid}").status == 404


def test_the_reports_of_others_are_not_there(browser, served, signed, door):
    door.within = false()
    with reads(browser, served) as page:
        page.goto("/reports")
        assert page.get_by_text("No report yet").is_visible()
        for path in ("", "/report.pdf", "/key/N1"):
            assert page.request.get(f"/reports/{signed.uid}{path}").status == 404


def test_while_a_report_is_amended_others_read_what_was_signed(browser, served, signed):
    from firstread.archive.database import writing
    from firstread.workflow.reporting.signing import begin_amendment
    from tests.workflow.reporting.samples import ANNE

    seen = signed.open().version
    with writing(signed.archive.engine) as connection:
        begin_amendment(connection, signed.archive, signed.uid, ANNE, reason="wrong side", expected=seen)
    signed.change(sections={"impression": {"text": "Not to be read yet."}})
    with reads(browser, served) as page:
        page.goto(f"/reports/{signed.uid}")
        assert "Not to be read yet." not in page.content()
        assert page.get_by_text("is amending this report").is_visible()
        assert (
            page.request.get(f"/reports/{signed.uid}/report.pdf").headers["content-type"] == "application/pdf"
        )


def test_the_quality_page_counts_what_was_signed(browser, served, signed):
    with somebody(browser, served) as page:
        page.goto("/quality")
        row = page.get_by_role("row", name="net 2.0")
        assert row.get_by_role("cell").all_inner_texts()[:6] == ["1", "1", "0", "1", "0", "1"]
        assert violations(page) == []
