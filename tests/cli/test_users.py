"""`firstread users` and `firstread tokens`, and the link that the first start makes."""

import io
import json
import stat
import sys

import pytest
import requests
from sqlalchemy import select

from firstread.access.accounts.login import Caller, log_in
from firstread.access.audit.models import AuditEvent
from firstread.archive import open_archive
from firstread.archive.database import reading
from firstread.settings import Settings
from tests.access.accounts.conftest import PASSWORD
from tests.serving import serving
from tests.web.pages.people import Person, node

pytestmark = pytest.mark.usefixtures("quick_hashing")


@pytest.fixture
def archive(tmp_path, monkeypatch):
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "archive"))
    with open_archive(tmp_path / "archive") as opened:
        yield opened


@pytest.fixture
def typed(monkeypatch):
    """A function that lets text be typed into the next command."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def listed(firstread, *arguments):
    done = firstread(*arguments, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def made(firstread, typed, *more, name="ada"):
    typed(PASSWORD + "\n")
    done = firstread("users", "add", name, "--password-stdin", *more)
    assert done.code == 0, done.err


def test_a_person_gets_a_link_and_chooses_a_password_with_it_once(firstread, archive):
    done = firstread("users", "add", "ada", "--role", "radiologist", "--department", "Radiology")
    link = done.out.strip()
    assert done.code == 0 and link.startswith("http://127.0.0.1:8080/setup?link=")
    with node(archive) as url:
        person, path = Person(url), link.removeprefix("http://127.0.0.1:8080")
        for _ in range(2):  # looking at it does not use it
            assert "ada" in person.get(path).text
        fields = {"link": path.partition("=")[2], "on": path}
        assert person.post("/setup", password=PASSWORD, again="other", **fields).status_code == 400
        assert (
            person.post("/setup", password="password1234", again="password1234", **fields).status_code == 400
        )
        assert person.post("/setup", password=PASSWORD, again=PASSWORD, **fields).status_code == 303
        assert person.is_in()
        assert Person(url).get(path).status_code == 410
        token = Person(url)
        again = token.post("/setup", {"link": fields["link"]}, password=PASSWORD, again=PASSWORD, on="/login")
        assert again.status_code == 410
    [row] = listed(firstread, "users", "list")
    assert (row["name"], row["roles"], row["departments"], row["login"]) == (
        "ada",
        "radiologist",
        "Radiology",
        "password",
    )


def test_a_link_to_reset_ends_every_session_and_leaves_the_second_factor(firstread, archive, typed):
    made(firstread, typed)
    with node(archive) as url:
        before = Person(url)
        before.log_in()
        path = firstread("users", "reset-link", "ada").out.strip().removeprefix("http://127.0.0.1:8080")
        assert before.is_in()
        person = Person(url)
        new = "eleven quiet otters drift"
        fields = {"link": path.partition("=")[2], "on": path, "password": new, "again": new}
        assert person.post("/setup", **fields).status_code == 303
        assert not before.is_in() and person.is_in()
        assert Person(url).log_in(password=PASSWORD).status_code == 401
        assert Person(url).log_in(password=new).status_code == 303


def test_a_password_may_come_from_a_script_but_not_a_bad_one(firstread, archive, typed):
    typed("password1234\n")
    refused = firstread("users", "add", "ada", "--password-stdin")
    assert refused.code == 2 and "common" in refused.err
    made(firstread, typed, "--role", "administrator")
    assert log_in(archive.engine, Settings(), "ada", PASSWORD, Caller()).state == "in"


def test_what_cannot_be_is_refused_and_nothing_is_made(firstread, archive):
    for arguments in (
        ["add", "ada", "--role", "emperor"], ["add", "a b"], ["add", "ada", "--language", "fr"],
        ["add", "robot", "--service", "--password-stdin"], ["show", "nobody"],
        ["roles", "nobody"], ["disable", "nobody"],
        ["unlock", "nobody"], ["reset-link", "nobody"], ["sessions", "nobody"], ["revoke", "nobody"],
        ["link", "nobody", "7"],
    ):  # fmt: skip
        assert firstread("users", *arguments).code == 2, arguments
    assert listed(firstread, "users", "list") == []


def test_roles_and_what_else_is_known_are_changed(firstread, archive, typed):
    made(firstread, typed, "--role", "radiologist")
    assert (
        firstread("users", "roles", "ada", "auditor", "clinician").out.strip() == "ada: auditor, clinician."
    )
    assert firstread("users", "roles", "ada", "emperor").code == 2
    changed = ["--email", "ada@example.org", "--display-name", "Ada L", "--referring-name", "LOVELACE^ADA"]
    assert firstread("users", "set", "ada", *changed, "--department", "A", "--department", "B").code == 0
    shown = listed(firstread, "users", "show", "ada")
    assert (shown["roles"], shown["email"], shown["departments"], shown["referring_names"]) == (
        "auditor, clinician", "ada@example.org", "A, B", "LOVELACE^ADA",
    )  # fmt: skip
    assert [row["name"] for row in listed(firstread, "users", "list", "--role", "auditor")] == ["ada"]
    assert listed(firstread, "users", "list", "--role", "radiologist") == []


def test_who_waits_after_failed_logins_is_shown_and_may_be_let_go(firstread, archive, typed):
    made(firstread, typed)
    for _ in range(6):
        log_in(archive.engine, Settings(), "ada", "wrong", Caller())
    shown = listed(firstread, "users", "show", "ada")
    assert shown["failed_logins"] == 5 and shown["waits_until"]
    assert firstread("users", "unlock", "ada").code == 0
    assert log_in(archive.engine, Settings(), "ada", PASSWORD, Caller()).state == "in"


def test_sessions_are_listed_and_ended_with_the_next_request(firstread, archive, typed):
    made(firstread, typed)
    with node(archive) as url:
        first, second = Person(url), Person(url)
        first.log_in()
        second.log_in()
        rows = listed(firstread, "users", "sessions", "ada")
        assert [row["browser"] for row in rows] == ["Test browser", "Test browser"]
        older = min(row["number"] for row in rows)
        assert firstread("users", "revoke", "ada", "--session", str(older)).code == 0
        assert (first.is_in(), second.is_in()) == (False, True)
        assert firstread("users", "revoke", "ada", "--session", str(older)).code == 2
        assert firstread("users", "revoke", "ada").out.strip() == "1 sessions of ada ended."
        assert not second.is_in()
        second.log_in()
        assert firstread("users", "disable", "ada").code == 0
        assert not second.is_in()
        assert Person(url).log_in().status_code == 401
        firstread("users", "disable", "ada", "--undo")
        assert Person(url).log_in().status_code == 303


def test_a_program_has_a_token_that_is_shown_once(firstread, archive):
    assert (
        firstread("users", "add", "pacs", "--service", "--role", "radiologist").out.strip()
        == "pacs is an account now."
    )
    assert firstread("users", "reset-link", "pacs").code == 2
    token = firstread(
        "tokens", "create", "pacs", "nightly", "--scope", "study.read", "--days", "30"
    ).out.strip()
    assert token.startswith("frt_")
    for wrong in (["pacs", "b", "--scope", "everything"], ["nobody", "b", "--scope", "study.read"],
                  ["pacs", "b", "--scope", "study.read", "--days", "400"], ["pacs", "b"]):  # fmt: skip
        assert firstread("tokens", "create", *wrong).code == 2
    [row] = listed(firstread, "tokens", "list", "pacs")
    assert (row["token"], row["state"], row["scopes"]) == ("nightly", "live", "study.read")
    assert token not in json.dumps(row)
    with node(archive) as url:
        headers = {"Authorization": f"Bearer {token}"}
        assert requests.get(f"{url}/dicom-web/studies", headers=headers, timeout=30).status_code == 204
        assert firstread("tokens", "revoke", "pacs", "nightly").code == 0
        assert requests.get(f"{url}/dicom-web/studies", headers=headers, timeout=30).status_code == 401
    assert firstread("tokens", "revoke", "pacs", "nightly").code == 2
    assert listed(firstread, "tokens", "list")[0]["state"] == "revoked"


def test_a_person_is_linked_to_a_provider_once(firstread, archive, typed, monkeypatch):
    made(firstread, typed)
    made(firstread, typed, name="ben")
    assert firstread("users", "link", "ada", "7").code == 2
    monkeypatch.setenv("FIRSTREAD_OIDC_ISSUER", "https://login.example")
    assert firstread("users", "link", "ada", "7").code == 0
    assert firstread("users", "link", "ben", "7").code == 2
    assert listed(firstread, "users", "show", "ada")["provider"] == "https://login.example"


def test_changes_are_in_the_audit_trail_as_of_whoever_calls(firstread, archive, typed):
    made(firstread, typed)
    firstread("users", "roles", "ada", "auditor")
    with reading(archive.engine) as connection:
        rows = " ".join(str(tuple(row)) for row in connection.execute(select(AuditEvent.__table__)))
    assert "110137" in rows and "auditor" in rows and PASSWORD not in rows


def test_the_first_start_makes_an_administrator_by_a_link_and_no_password(tmp_path):
    with serving(tmp_path, role="api", api_local_roles=None) as running:
        url = f"http://127.0.0.1:{running.told['api']['port']}"
        file = tmp_path / "archive" / "first-login-link"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        link = file.read_text().strip()
        assert link.startswith(f"{url}/setup?link=")
        assert link.partition("=")[2] not in running.log.read_text()
        assert any("no account yet" in event for event in running.events())
        assert requests.get(f"{url}/dicom-web/studies", timeout=30).status_code == 401
        for name, password in (("admin", "admin"), ("admin", ""), ("firstread", "firstread")):
            assert Person(url).log_in(name, password).status_code == 401
        person, path = Person(url), link.removeprefix(url)
        fields = {"link": path.partition("=")[2], "on": path, "password": PASSWORD, "again": PASSWORD}
        assert person.post("/setup", name="a b", **fields).status_code == 400
        assert person.post("/setup", name="root", **fields).status_code == 303
        assert person.is_in()
        assert person.get("/dicom-web/studies").status_code in (204, 403)
        assert not file.exists()
        assert Person(url).get(path).status_code == 410
    with serving(tmp_path, role="api", api_local_roles=None) as running:
        assert not file.exists()
        assert not any("no account yet" in event for event in running.events())
