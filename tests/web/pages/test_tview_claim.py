"""A study that is opened in TView is claimed: two radiologists in browsers of their own."""

from contextlib import contextmanager

import pytest
from sqlalchemy import select

from firstread.archive import open_archive
from firstread.archive.claims import history, holder
from firstread.archive.database import reading, writing
from firstread.archive.models import Study
from firstread.archive.worklist import mark
from tests.access.accounts.conftest import PASSWORD, make_person
from tests.browser import somebody, violations
from tests.tview import READY
from tests.viewed import ct, encoded, viewed
from tests.web.pages.people import node
from tests.web.pages.test_tview import GEOMETRY, chest

pytestmark = [pytest.mark.usefixtures("quick_hashing"), pytest.mark.webgl]

DEPARTMENT = "Chest"


@pytest.fixture
def reading_room(tmp_path):
    """The archive, the key of its one study, and the node's URL; Ada and Ben may report it."""
    slices = ct(chest(()), GEOMETRY)
    for each in slices:
        each.InstitutionalDepartmentName = DEPARTMENT
    with open_archive(tmp_path / "archive") as archive:
        study = viewed(archive, encoded(slices), read=False)
        with writing(archive.engine) as connection:
            key = connection.execute(select(Study.id).where(Study.study_uid == study.study_uid)).scalar_one()
            mark(connection, key)
        for name in ("ada", "ben"):
            make_person(archive.engine, name, roles=["radiologist"], departments=[DEPARTMENT], language="en")
        with node(archive) as url:
            yield archive, key, url, study.study_uid


@contextmanager
def viewing(browser, url, study, name):
    with somebody(browser, url, size=(1366, 768)) as page:
        page.goto(f"/login?next=/studies/{study}/view")
        page.locator("#name").fill(name)
        page.locator("#password").fill(PASSWORD)
        page.locator("#content button.primary").click()
        page.wait_for_selector(READY)
        yield page


def test_who_opens_a_study_that_nobody_reads_claims_it_and_the_next_one_is_told(browser, reading_room):
    archive, key, url, study = reading_room

    def reads():
        with reading(archive.engine) as connection:
            held = holder(connection, key)
        return held.name if held else None

    with viewing(browser, url, study, "ada") as ada:
        ada.locator(".claim", has_text="You read this study").wait_for()
        assert reads() == "ada"
        with viewing(browser, url, study, "ben") as ben:
            ben.locator(".claim", has_text="ada reads this study").wait_for()
            assert violations(ben) == []
            assert reads() == "ada"

            ben.get_by_role("button", name="Take over").click()
            dialog = ben.get_by_role("dialog", name="Take over the study?")
            assert violations(ben) == []
            dialog.get_by_label("Reason").fill("She is at lunch")
            dialog.get_by_role("button", name="Take over").click()
            ben.locator(".claim", has_text="You read this study").wait_for()
            ada.locator(".claim", has_text="ben took over this study: She is at lunch").wait_for()
            assert reads() == "ben"

            ada.get_by_role("button", name="Take over").click()
            ada.get_by_label("Reason").fill("Back again")
            ada.get_by_role("dialog").get_by_role("button", name="Take over").click()
            ada.locator(".claim", has_text="You read this study").wait_for()
            ada.get_by_role("button", name="Release").click()
            ada.get_by_role("button", name="Claim").wait_for()
            assert reads() is None


def test_a_study_whose_report_is_signed_is_looked_at_without_a_claim(browser, reading_room):
    archive, key, url, study = reading_room
    with writing(archive.engine) as connection:
        mark(connection, key, report="signed")
    with viewing(browser, url, study, "ada") as page:
        page.get_by_role("button", name="Claim").wait_for()
        with reading(archive.engine) as connection:
            assert history(connection, key) == []
