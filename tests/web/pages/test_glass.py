"""Emergency access in a browser: asked for, seen by the auditor, closed; and what must be refused."""

import pytest

from firstread.access.audit.models import AuditEvent
from firstread.access.rights.break_glass import broken_glass
from firstread.archive.database import reading
from tests.access.accounts.conftest import make_person
from tests.archive.samples import rows
from tests.browser import somebody, violations
from tests.web.pages.people import Person, node
from tests.workflow.samples import receive

pytestmark = pytest.mark.usefixtures("quick_hashing")
REASON = "Collapsed in the ward, nobody else reachable."


@pytest.fixture
def study(sqlite_archive):
    return receive(sqlite_archive, 1)


@pytest.fixture
def url(sqlite_archive, study):
    for name, roles in (("bob", ["clinician"]), ("ada", ["clinician"]), ("eve", ["auditor", "clinician"])):
        make_person(sqlite_archive.engine, name, roles=roles)
    with node(sqlite_archive) as started:
        yield started


@pytest.fixture
def person(url):
    """A function that logs somebody in."""

    def log_in(name):
        made = Person(url)
        made.log_in(name)
        return made

    return log_in


def glass(archive):
    with reading(archive.engine) as connection:
        return broken_glass(connection)


def begin(person, **fields):
    form = {"kind": "patient", "value": "P1", "reason": REASON, "minutes": "15", **fields}
    return person.post("/break-glass", form)


def test_a_clinician_who_finds_nothing_asks_looks_and_closes_and_the_auditor_is_told(
    browser, sqlite_archive, study, url, person
):
    bob, eve = person("bob"), person("eve")
    with somebody(browser, url) as page, somebody(browser, url) as auditor:
        auditor.context.add_cookies([{"name": "firstread", "value": eve.cookie, "url": url}])
        auditor.goto("/alerts")
        auditor.wait_for_selector("[data-live-sign]:not(.off):visible")
        page.context.add_cookies([{"name": "firstread", "value": bob.cookie, "url": url}])
        assert page.goto(f"/studies/{study}").status == 404
        page.get_by_role("link", name="Ask for emergency access").click()
        assert page.get_by_label("Patient ID or Study Instance UID").input_value() == study
        assert violations(page) == []
        page.get_by_label("Reason").fill("hurry")
        page.get_by_role("button", name="Open it now").click()
        assert "at least" in page.locator("#wrong").inner_text()
        assert violations(page) == []
        assert glass(sqlite_archive) == []
        page.get_by_label("Reason").fill(REASON)
        page.get_by_label("For how long").select_option("15")
        page.get_by_role("button", name="Open it now").click()
        page.get_by_role("link", name="Look for it").click()
        page.wait_for_url(f"**/studies/{study}")
        assert study in page.locator(".banner.glass").inner_text()
        assert violations(page) == []
        auditor.locator("#urgent", has_text="emergency access").wait_for()
        auditor.reload()
        auditor.locator("#unseen-glass").get_by_role("link").click()
        assert REASON in auditor.locator("main").inner_text()
        assert violations(auditor) == []
        auditor.get_by_role("button", name="I have looked at it").click()
        auditor.locator("tbody", has_text="person:eve").wait_for()
        assert not auditor.locator("#unseen-glass").is_visible()
        page.get_by_role("button", name="Close it").click()
        page.wait_for_url("**/break-glass")
        assert page.goto(f"/studies/{study}").status == 404
    (made,) = glass(sqlite_archive)
    assert (made.actor, made.reviewed_by, made.ended_at is not None) == ("person:bob", "person:eve", True)
    events = [each for each in rows(sqlite_archive, AuditEvent) if each.subtype in ("110127", "110138")]
    events = [each for each in events if not each.outcome]
    assert [(each.subtype, each.actor) for each in events] == [("110127", "bob"), ("110138", "bob")]
    assert REASON in events[0].content


def test_the_pages_are_in_chinese_too(browser, url, person):
    eve = person("eve")
    begin(person("bob"))
    with somebody(browser, url, lang="zh", size=(390, 844)) as page:
        page.context.add_cookies([{"name": "firstread", "value": eve.cookie, "url": url}])
        for path, title in (("/break-glass", "紧急访问"), ("/break-glass/log", "紧急访问记录")):
            page.goto(path)
            assert page.locator("h1").inner_text() == title
            assert violations(page) == []


def test_whether_there_is_such_a_patient_is_not_told(person):
    bob = person("bob")
    there, away = begin(bob), begin(bob, value="NOBODY")
    assert (there.status_code, there.headers["location"]) == (away.status_code, away.headers["location"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "department"}, {"value": ""}, {"value": "P1;study:1.2"}, {"kind": "study", "value": "P1"},
        {"value": "mine"}, {"reason": "because"}, {"minutes": "1441"}, {"minutes": "0"},
    ],
)  # fmt: skip
def test_what_is_not_one_patient_for_a_reason_and_a_time_opens_nothing(sqlite_archive, person, wrong):
    assert begin(person("bob"), **wrong).status_code == 400
    assert glass(sqlite_archive) == []


def test_nobody_closes_anothers_or_reviews_their_own(sqlite_archive, person):
    bob, ada, eve = (person(name) for name in ("bob", "ada", "eve"))
    begin(bob)
    assert ada.post("/break-glass/end", number="1", on="/break-glass").status_code == 400
    assert ada.post("/break-glass/review", number="1", on="/break-glass").status_code == 403
    assert ada.get("/break-glass/log").status_code == 403
    begin(eve)
    assert eve.post("/break-glass/review", number="2", on="/break-glass").status_code == 400
    assert all(each.ended_at is None and not each.reviewed_by for each in glass(sqlite_archive))
