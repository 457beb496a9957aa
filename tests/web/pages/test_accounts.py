"""The page of who manages accounts."""

import re

import pytest

from firstread.access.accounts.account import find_account
from firstread.archive.database import reading
from tests.access.accounts.conftest import PASSWORD, make_person
from tests.browser import somebody, violations
from tests.web.pages.people import Person, node

pytestmark = pytest.mark.usefixtures("quick_hashing")


@pytest.fixture
def url(sqlite_archive):
    make_person(sqlite_archive.engine, "root", roles=["administrator"])
    with node(sqlite_archive) as started:
        yield started


@pytest.fixture
def manager(url):
    person = Person(url)
    person.log_in("root")
    return person


def account(archive, name="ada"):
    with reading(archive.engine) as connection:
        return find_account(connection, name)


def test_a_person_is_made_and_chooses_a_password_with_the_link(sqlite_archive, url, manager):
    made = manager.post(
        "/accounts", {"roles": ["radiologist", "emperor"]}, name="ada", department="Radiology, Cardiology"
    )
    link = re.search(r"/setup\?link=[\w-]{43}", made.text)[0]
    found = account(sqlite_archive)
    assert (found.roles, found.departments) == ({"radiologist"}, {"Radiology", "Cardiology"})
    person = Person(url)
    fields = {"link": link.partition("=")[2], "on": link, "password": PASSWORD, "again": PASSWORD}
    assert person.post("/setup", **fields).status_code == 303
    assert person.is_in()
    assert manager.post("/accounts", name="ADA").status_code == 400


def test_roles_links_and_an_end_hold_with_the_next_request(sqlite_archive, url, manager):
    make_person(sqlite_archive.engine, "ada", roles=["radiologist"])
    ada = Person(url)
    ada.log_in()
    assert ada.get("/dicom-web/studies").status_code == 204
    manager.post("/accounts/roles", {"roles": ["auditor"]}, on="/accounts", name="ada")
    assert ada.get("/dicom-web/studies").status_code == 403
    manager.post("/accounts/sessions", on="/accounts", name="ada")
    assert not ada.is_in()
    ada.log_in()
    manager.post("/accounts/disable", on="/accounts", name="ada")
    assert not ada.is_in() and ada.log_in().status_code == 401
    manager.post("/accounts/disable", on="/accounts", name="ada", undo="true")
    assert ada.log_in().status_code == 303
    assert "/setup?link=" in manager.post("/accounts/link", on="/accounts", name="ada").text
    assert manager.post("/accounts/link", on="/accounts", name="nobody").status_code == 404


def test_who_does_not_manage_accounts_sees_and_changes_none(sqlite_archive, url):
    make_person(sqlite_archive.engine, "ada", roles=["radiologist"])
    ada = Person(url)
    ada.log_in()
    assert ada.get("/accounts").status_code == 403
    for path in ("/accounts", "/accounts/roles", "/accounts/link", "/accounts/disable", "/accounts/sessions"):
        assert ada.post(path, {"roles": "administrator"}, on="/account", name="ada").status_code == 403
    assert account(sqlite_archive).roles == {"radiologist"}


def test_names_are_shown_as_text(sqlite_archive, manager):
    make_person(sqlite_archive.engine, "ada", display_name="<script>alert(1)</script>")
    shown = manager.get("/accounts").text
    assert "<script>alert" not in shown and "&lt;script&gt;alert" in shown


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_is_usable_with_a_screen_reader(url, manager, browser, lang):
    with somebody(browser, url, lang=lang) as page:
        page.context.add_cookies([{"name": "firstread", "value": manager.cookie, "url": url}])
        page.goto("/accounts")
        assert violations(page) == []
        page.locator("a[data-way='accounts'][aria-current]").wait_for()
