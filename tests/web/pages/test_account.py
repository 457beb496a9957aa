"""One's own account: over HTTP, and in a real browser."""

import re

import pyotp
import pytest

from firstread.access.accounts.account import get_account
from firstread.access.accounts.tokens import find_token
from firstread.archive.database import reading
from tests.access.accounts.conftest import PASSWORD, make_person
from tests.browser import somebody, violations
from tests.web.pages.people import Person, node

pytestmark = pytest.mark.usefixtures("quick_hashing")

NEW = "eleven quiet otters drift"


@pytest.fixture
def url(sqlite_archive):
    with node(sqlite_archive) as started:
        yield started


@pytest.fixture
def ada(sqlite_archive):
    return make_person(sqlite_archive.engine, "ada", roles=["radiologist"], language="en")


def test_a_password_is_changed_by_who_knows_the_old_one_and_other_sessions_end(url, ada):
    person, other = Person(url), Person(url)
    person.log_in()
    other.log_in()
    before = person.cookie

    def change(current, password, again=None):
        fields = {"current": current, "password": password, "again": again or password}
        return person.post("/account/password", on="/account", **fields).status_code

    assert change("wrong", NEW) == 400
    assert change(PASSWORD, NEW, "another") == 400
    assert change(PASSWORD, "short") == 400
    assert change(PASSWORD, "ada ada ada ada") == 400
    assert other.is_in()
    assert change(PASSWORD, NEW) == 303
    assert person.is_in() and person.cookie != before
    assert not other.is_in()
    assert Person(url).log_in(password=PASSWORD).status_code == 401
    assert Person(url).log_in(password=NEW).status_code == 303


def test_a_stolen_session_cannot_guess_the_password_without_end(url, ada):
    thief = Person(url)
    thief.log_in()
    for at in range(8):
        fields = {"current": f"guess {at}", "password": NEW, "again": NEW}
        assert thief.post("/account/password", on="/account", **fields).status_code == 400
    fields = {"current": PASSWORD, "password": NEW, "again": NEW}
    assert thief.post("/account/password", on="/account", **fields).status_code == 400


def test_a_second_factor_is_set_up_asked_for_and_removed(sqlite_archive, url, ada):
    person = Person(url)
    person.log_in()
    shown = person.get("/account/factor").text
    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", shown)[1].replace(" ", "")
    token = re.search(r'name="csrf-token" content="([^"]*)"', shown)[1]

    def confirm(**fields):
        return person.browser.post(f"{url}/account/factor", data={"csrf_token": token, **fields}, timeout=30)

    assert confirm(code="000000", current=PASSWORD).status_code == 400
    assert confirm(code=pyotp.TOTP(secret).now(), current="wrong").status_code == 400
    done = confirm(code=pyotp.TOTP(secret).now(), current=PASSWORD)
    codes = re.findall(r"\b[2-9a-z]{4}(?:-[2-9a-z]{4}){3}\b", done.text)
    assert len(codes) == 10
    other = Person(url)
    assert other.log_in().headers["location"].startswith("/login/code")
    assert other.post("/login/code", code=codes[0]).status_code == 303
    assert person.is_in()
    assert person.post("/account/recovery", on="/account", current="wrong").status_code == 400
    renewed = person.post("/account/recovery", on="/account", current=PASSWORD)
    assert codes[1] not in renewed.text and renewed.status_code == 200
    assert person.post("/account/factor/remove", on="/account", current=PASSWORD).status_code == 303
    with reading(sqlite_archive.engine) as connection:
        assert not get_account(connection, ada.id).has_totp


def test_sessions_are_seen_and_ended_but_only_ones_own(sqlite_archive, url, ada):
    make_person(sqlite_archive.engine, "ben")
    here, there, ben = Person(url), Person(url, **{"User-Agent": "<b>Other</b>"}), Person(url)
    here.log_in()
    there.log_in()
    ben.log_in("ben")
    page = here.get("/account").text
    assert "&lt;b&gt;Other&lt;/b&gt;" in page and "<b>Other" not in page
    number = re.search(r'name="session" value="(\d+)"', page)[1]
    ben.post("/account/sessions", on="/account", session=number)
    assert there.is_in()
    here.post("/account/sessions", on="/account", session=number)
    assert not there.is_in() and here.is_in()
    there.log_in()
    here.post("/account/sessions", on="/account")
    assert not there.is_in() and here.is_in() and ben.is_in()


def test_a_token_is_made_shown_once_and_revoked(sqlite_archive, url, ada):
    person = Person(url)
    person.log_in()
    wanted = {"name": "script", "days": "30", "scopes": "study.read"}
    assert person.post("/account/tokens", wanted, on="/account", current="wrong").status_code == 400
    assert (
        person.post("/account/tokens", wanted | {"scopes": "x"}, on="/account", current=PASSWORD).status_code
        == 400
    )
    made = person.post("/account/tokens", wanted, on="/account", current=PASSWORD)
    token = re.search(r"frt_[\w-]{43}", made.text)[0]
    with reading(sqlite_archive.engine) as connection:
        assert find_token(connection, token).scopes == {"study.read"}
    assert token not in person.get("/account").text and "script" in person.get("/account").text
    person.post("/account/tokens/revoke", on="/account", name="script")
    with reading(sqlite_archive.engine) as connection:
        assert find_token(connection, token) is None


def test_the_language_is_kept_with_the_account(sqlite_archive, url, ada):
    person = Person(url)
    person.log_in()
    assert person.post("/language", on="/account", to="zh", back="/account").status_code == 303
    with reading(sqlite_archive.engine) as connection:
        assert get_account(connection, ada.id).language == "zh"
    assert "您的账户" in person.get("/account").text


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_pages_are_usable_with_a_keyboard_and_a_screen_reader(sqlite_archive, url, browser, lang):
    make_person(sqlite_archive.engine, "ada", roles=["radiologist"])
    with somebody(browser, url, lang=lang) as page:
        page.goto("/account")
        assert violations(page) == []
        page.keyboard.type("ada")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/account")
        assert violations(page) == []
        page.goto("/account/factor")
        assert page.locator("svg path").first.is_visible()
        assert violations(page) == []
        page.goto("/account")
        page.locator("form[action='/logout'] button").click()
        page.wait_for_url("**/login")
        page.go_back()
        assert page.goto("/account").url.endswith("/login?next=%2Faccount")
