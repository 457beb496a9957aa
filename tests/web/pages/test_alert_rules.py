"""The page of the alert rules: in a browser as the site uses it, and by forms what it must refuse."""

import pytest
from sqlalchemy import insert

from firstread.access.audit.models import AuditEvent
from firstread.alerts.site_rules import configuration_now, history
from firstread.archive.database import reading, writing
from firstread.archive.models import Result
from firstread.archive.results import result_folder_name
from firstread.settings import Settings
from tests.access.accounts.conftest import make_person
from tests.alerts.samples import finding, result
from tests.archive.samples import rows
from tests.browser import somebody, violations
from tests.web.pages.people import Person, node
from tests.workflow.samples import receive, want

pytestmark = pytest.mark.usefixtures("quick_hashing")


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "alerts.toml"
    path.write_text("")
    return {"alerts_file": path}


@pytest.fixture
def url(sqlite_archive, settings):
    make_person(sqlite_archive.engine, "root", roles=["administrator"])
    make_person(sqlite_archive.engine, "ada", roles=["radiologist"])
    with node(sqlite_archive, **settings) as started:
        yield started


@pytest.fixture
def manager(url):
    person = Person(url)
    person.log_in("root")
    return person


@pytest.fixture
def nodule(sqlite_archive):
    """A study that was read: a nodule of 12 mm, which no shipped rule fires on."""
    study = receive(sqlite_archive, 1)
    (job,) = want(sqlite_archive)
    folder = result_folder_name(study, job)
    (sqlite_archive.folder / folder).mkdir(parents=True)
    found = result(finding(mean=12.0), study=study).model_dump_json()
    (sqlite_archive.folder / folder / "result.json").write_text(found)
    with writing(sqlite_archive.engine) as connection:
        connection.execute(insert(Result).values(job_key=job, folder=folder, digest=""))


def rules(archive, settings):
    with reading(archive.engine) as connection:
        return configuration_now(connection, Settings(**settings)).rules


def test_a_rule_is_added_tried_saved_and_undone(browser, sqlite_archive, settings, url, manager, nodule):
    with somebody(browser, url, size=(1280, 1400)) as page:
        page.context.add_cookies([{"name": "firstread", "value": manager.cookie, "url": url}])
        page.goto("/alerts")
        page.get_by_role("link", name="Alert rules").click()
        assert violations(page) == []
        page.get_by_role("link", name="New rule").click()
        page.get_by_role("button", name="Save").click()
        assert page.get_by_text("The rule would fire on every finding").is_visible()
        assert violations(page) == []
        page.get_by_label("Name").fill("nodule-of-10-mm")
        page.get_by_label("Title in English").fill("Nodule of 10 mm or more")
        page.get_by_label("Findings", exact=True).fill("nodule")
        page.get_by_label("Mean diameter, mm: from").fill("10")
        page.get_by_role("button", name="Try it").click()
        assert "Newly an alert: 1." in page.locator("#tried").inner_text()
        assert "nodule-of-10-mm" in page.locator("tr[data-difference='new']").inner_text()
        assert violations(page) == []
        assert history_of(sqlite_archive) == []
        page.get_by_role("button", name="Save").click()
        page.wait_for_url("**/alert-rules")
        assert page.locator("tbody tr[data-rule]").first.get_attribute("data-rule") == "nodule-of-10-mm"
        page.get_by_role("link", name="Change nodule-of-10-mm").click()
        page.get_by_label("Mean diameter, mm: from").fill("20")
        page.get_by_role("button", name="Save").click()
        page.wait_for_url("**/alert-rules")
        assert rules(sqlite_archive, settings)[0].when.mean_mm.min == 20
        page.get_by_role("button", name="Back to this 1").click()
        page.wait_for_selector("tr[data-version='3']")
        assert violations(page) == []
    assert rules(sqlite_archive, settings)[0].when.mean_mm.min == 10
    assert history_of(sqlite_archive) == [("root", "undone"), ("root", "changed"), ("root", "added")]


def test_both_pages_are_in_chinese_too(browser, url, manager):
    with somebody(browser, url, lang="zh", size=(390, 844)) as page:
        page.context.add_cookies([{"name": "firstread", "value": manager.cookie, "url": url}])
        page.goto("/alert-rules")
        assert page.locator("h1").inner_text() == "提醒规则"
        assert "张力性气胸" in page.locator("main").inner_text()
        assert violations(page) == []
        page.goto("/alert-rules/edit?rule=lung-rads-4b-4x")
        assert page.locator("[name=category]").input_value() == "Lung-RADS: 4B, 4X"
        assert violations(page) == []


def test_a_shipped_rule_is_switched_off_and_back_on(sqlite_archive, settings, manager):
    form = {
        "name": "pneumothorax",
        "title": "T",
        "level": "hours",
        "per": "finding",
        "concepts": "pneumothorax",
    }
    kept = manager.post("/alert-rules/edit", form, on="/alert-rules", seen="0", act="save")
    assert kept.status_code == 303
    assert not next(each for each in rules(sqlite_archive, settings) if each.name == "pneumothorax").enabled
    late = manager.post("/alert-rules/edit", form, on="/alert-rules", seen="0", act="save")
    assert (late.status_code, len(history_of(sqlite_archive))) == (409, 1)
    manager.post("/alert-rules/drop", on="/alert-rules", rule="pneumothorax", seen="1")
    assert next(each for each in rules(sqlite_archive, settings) if each.name == "pneumothorax").enabled
    assert history_of(sqlite_archive)[0] == ("root", "restored")
    events = [each.content for each in rows(sqlite_archive, AuditEvent) if "alert rule" in each.content]
    assert len(events) == 2 and all("pneumothorax" in each for each in events)


def test_a_name_that_is_taken_or_gone_is_refused(manager):
    form = {"title": "T", "level": "hours", "per": "finding", "concepts": "x", "act": "save", "seen": "0"}
    taken = manager.post("/alert-rules/edit", form, on="/alert-rules", name="pneumothorax", is_new="yes")
    assert (taken.status_code, "There is a rule of this name already" in taken.text) == (400, True)
    assert manager.post("/alert-rules/edit", form, on="/alert-rules", name="no-such").status_code == 404
    assert manager.post("/alert-rules/drop", on="/alert-rules", rule="no-such", seen="0").status_code == 404
    assert manager.post("/alert-rules/back", on="/alert-rules", to="9", seen="0").status_code == 404
    assert manager.get("/alert-rules/edit?rule=no-such").status_code == 404


def test_who_does_not_manage_alerts_changes_none(sqlite_archive, url):
    ada = Person(url)
    ada.log_in()
    assert ada.get("/alert-rules").status_code == 403
    assert "/alert-rules" not in ada.get("/alerts").text
    for path in ("edit", "drop", "back"):
        assert ada.post(f"/alert-rules/{path}", on="/account", to="0", rule="x", seen="0").status_code == 403
    assert history_of(sqlite_archive) == []


def history_of(archive):
    with reading(archive.engine) as connection:
        return [(each.actor, each.act) for each in history(connection)]
