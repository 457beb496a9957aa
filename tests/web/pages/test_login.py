"""Logging in over HTTP, and what attackers try there."""

import time
from datetime import timedelta

import pyotp
import pytest
import requests
from sqlalchemy import func, select, update

from firstread.access.accounts.account import disable_account
from firstread.access.accounts.models import SessionRow
from firstread.access.accounts.sessions import end_sessions
from firstread.access.accounts.tokens import create_token, revoke_token
from firstread.access.accounts.totp import begin_enrolment, finish_enrolment
from firstread.access.audit.models import AuditEvent
from firstread.archive.columns import now
from firstread.archive.database import reading, writing
from tests.access.accounts.conftest import PASSWORD, make_person
from tests.archive.samples import rows
from tests.web.pages.people import Person, node

pytestmark = pytest.mark.usefixtures("quick_hashing")

RADIOLOGIST = {"roles": ["radiologist"]}


@pytest.fixture
def url(archive):
    with node(archive) as started:
        yield started


@pytest.fixture
def sqlite_url(sqlite_archive):
    with node(sqlite_archive) as started:
        yield started


def studies(url, **headers):
    return requests.get(f"{url}/dicom-web/studies", headers=headers, timeout=30).status_code


def test_a_person_logs_in_sees_what_the_role_gives_and_logs_out(archive, url):
    make_person(archive.engine, **RADIOLOGIST)
    person = Person(url)
    assert person.get("/dicom-web/studies").status_code == 401
    assert person.log_in(next="/account").headers["location"] == "/account"
    assert person.is_in()
    assert person.get("/dicom-web/studies").status_code == 204
    assert person.post("/logout", on="/account").headers["location"] == "/login"
    assert person.cookie is None
    assert person.get("/dicom-web/studies").status_code == 401


def test_a_page_asks_to_log_in_and_comes_back(sqlite_archive, sqlite_url):
    make_person(sqlite_archive.engine)
    person = Person(sqlite_url)
    asked = person.get("/account?done=sessions", allow_redirects=False)
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=%2Faccount%3Fdone%3Dsessions")
    person.get(asked.headers["location"])
    assert person.log_in(next="/account?done=sessions").headers["location"] == "/account?done=sessions"
    assert person.get("/login?next=/account", allow_redirects=False).headers["location"] == "/account"


def test_the_cookie_is_for_this_host_and_no_script(sqlite_archive, sqlite_url):
    make_person(sqlite_archive.engine)
    set_cookie = Person(sqlite_url).log_in().headers["set-cookie"]
    session = next(each for each in set_cookie.split(", ") if each.startswith("firstread="))
    assert "HttpOnly" in session and "SameSite=lax" in session and "Path=/" in session
    assert "Domain" not in session and "Secure" not in session


def test_behind_a_proxy_that_speaks_tls_the_cookies_are_bound_to_host_and_tls(sqlite_archive):
    make_person(sqlite_archive.engine)
    with node(sqlite_archive, public_url="https://reading.example") as url:
        host = {"Host": "reading.example", "X-Forwarded-For": "10.9.8.7"}
        shown = requests.get(f"{url}/login", headers=host, timeout=30)
        before = shown.headers["set-cookie"]
        assert before.startswith("__Host-firstread-form=") and "Secure" in before
        token = shown.text.split('name="csrf-token" content="')[1].split('"')[0]
        done = requests.post(
            f"{url}/login", data={"csrf_token": token, "name": "ada", "password": PASSWORD}, timeout=30,
            headers={**host, "Cookie": before.split(";")[0]}, allow_redirects=False,
        )  # fmt: skip
        assert done.status_code == 303
        assert "__Host-firstread=" in done.headers["set-cookie"] and "Secure" in done.headers["set-cookie"]


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
        "/\t/evil.example", "http:evil.example", " //evil.example", "https:/evil.example", "///evil.example",
        "/%0d%0aSet-Cookie:x=y\r\nX: y",
    ],
)  # fmt: skip
def test_a_login_leads_nowhere_else(sqlite_archive, sqlite_url, elsewhere):
    make_person(sqlite_archive.engine)
    person = Person(sqlite_url)
    answer = person.log_in(next=elsewhere)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/") and not answer.headers["location"].startswith(
        ("//", "/\\")
    )
    assert "evil" not in answer.headers["location"]
    assert "x" not in answer.cookies and "X" not in answer.headers
    again = person.get("/login", params={"next": elsewhere}, allow_redirects=False)
    assert "evil" not in again.headers["location"]


def test_a_session_that_was_fixed_beforehand_is_worth_nothing(sqlite_archive, sqlite_url):
    make_person(sqlite_archive.engine)
    make_person(sqlite_archive.engine, "mallory")
    planted = "A" * 43
    mallory, victim = Person(sqlite_url), Person(sqlite_url)
    mallory.log_in("mallory")
    for fixed in (planted, mallory.cookie):
        victim.browser.cookies.clear()
        token = victim.token("/login")
        victim.browser.cookies.set("firstread", fixed, domain="127.0.0.1")
        form = {"csrf_token": token, "name": "ada", "password": PASSWORD}
        victim.browser.post(f"{sqlite_url}/login", data=form, timeout=30, allow_redirects=False)
        cookies = [cookie.value for cookie in victim.browser.cookies if cookie.name == "firstread"]
        assert any(value != fixed for value in cookies)
        thief = Person(sqlite_url)
        thief.browser.cookies.set("firstread", fixed)
        assert not thief.is_in()


@pytest.mark.parametrize("name", ["ada", "nobody", "robot", "gone", "new"])
def test_whoever_fails_learns_nothing_of_the_account(sqlite_archive, sqlite_url, name):
    make_person(sqlite_archive.engine, "ada")
    make_person(sqlite_archive.engine, "robot", kind="service")
    make_person(sqlite_archive.engine, "new", password="")
    gone = make_person(sqlite_archive.engine, "gone")
    with writing(sqlite_archive.engine) as connection:
        disable_account(connection, gone.id)
    first, other = Person(sqlite_url), Person(sqlite_url)

    def without_token(person, tried):
        answer = person.log_in(tried, "a wrong password")
        return answer.status_code, answer.text.replace(person.token("/login"), "")

    assert without_token(first, name) == without_token(other, "somebody else")
    assert without_token(first, name)[0] == 401
    assert PASSWORD not in without_token(first, name)[1]


def test_who_tries_too_often_waits_and_the_right_password_does_not_help(archive, url):
    make_person(archive.engine)
    person = Person(url)
    for _ in range(5):
        assert person.log_in(password="a wrong password").status_code == 401
    for name, password in (("ada", PASSWORD), ("ada", "wrong"), (" ADA ", PASSWORD)):
        answer = person.log_in(name, password)
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 16
    assert not person.is_in()
    for _ in range(5):
        assert person.log_in("nobody", "wrong").status_code == 401
    assert person.log_in("nobody", "wrong").status_code == 429


def test_a_login_form_of_another_site_is_refused(sqlite_archive, sqlite_url):
    make_person(sqlite_archive.engine)
    form = {"name": "ada", "password": PASSWORD}
    for person, token in ((Person(sqlite_url), None), (Person(sqlite_url), "f" * 64)):
        answer = person.browser.post(
            f"{sqlite_url}/login",
            data=form | ({"csrf_token": token} if token else {}),
            timeout=30,
            allow_redirects=False,
        )
        assert answer.status_code == 403
        assert "firstread=" not in answer.headers.get("set-cookie", "").replace("firstread-form=", "")
    person = Person(sqlite_url)
    token = person.token("/login")
    answer = person.browser.post(
        f"{sqlite_url}/login",
        data=form | {"csrf_token": token},
        headers={"Sec-Fetch-Site": "cross-site"},
        timeout=30,
    )
    assert answer.status_code == 403


def delete(person, **headers):
    """Ask DICOMweb to delete a study that is not there."""
    address = f"{person.url}/dicom-web/studies/1.2"
    return person.browser.delete(address, headers=headers, timeout=30).status_code


def test_a_cookie_alone_changes_nothing(sqlite_archive, sqlite_url):
    """CSRF: pages, DICOMweb, and what another session's form brings."""
    make_person(sqlite_archive.engine, roles=["administrator"])
    make_person(sqlite_archive.engine, "mallory", roles=["administrator"])
    person, mallory = Person(sqlite_url), Person(sqlite_url)
    person.log_in()
    mallory.log_in("mallory")
    for token in (None, "", "f" * 64, mallory.token("/account")):
        fields = {} if token is None else {"csrf_token": token}
        for path in ("/logout", "/account/sessions", "/account/tokens", "/account/factor/remove"):
            answer = person.browser.post(sqlite_url + path, data=fields, timeout=30, allow_redirects=False)
            assert answer.status_code == 403, path
        headers = {} if token is None else {"X-CSRF-Token": token}
        assert (
            person.browser.delete(
                f"{sqlite_url}/dicom-web/studies/1.2", headers=headers, timeout=30
            ).status_code
            == 403
        )
        stow = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=B', **headers}
        assert (
            person.browser.post(
                f"{sqlite_url}/dicom-web/studies", b"--B--", headers=stow, timeout=30
            ).status_code
            == 403
        )
    assert person.is_in()
    own = {"X-CSRF-Token": person.token("/account")}
    assert delete(person, **own) == 404
    assert delete(person, **own, **{"Sec-Fetch-Site": "cross-site"}) == 403


def test_an_end_is_an_end_with_the_next_request(archive, url):
    account = make_person(archive.engine, **RADIOLOGIST)
    person = Person(url)
    person.log_in()
    assert person.get("/dicom-web/studies").status_code == 204
    with writing(archive.engine) as connection:
        end_sessions(connection, account.id)
    assert person.get("/dicom-web/studies").status_code == 401
    person.log_in()
    with writing(archive.engine) as connection:
        disable_account(connection, account.id)
    assert person.get("/dicom-web/studies").status_code == 401


def test_a_session_is_idle_and_old_by_the_settings(sqlite_archive):
    make_person(sqlite_archive.engine, **RADIOLOGIST)
    with node(sqlite_archive, session_idle_min=0.001) as url:
        person = Person(url)
        person.log_in()
        time.sleep(0.1)
        assert not person.is_in()


def test_what_an_open_page_asks_by_itself_keeps_no_session_from_ending(sqlite_archive):
    make_person(sqlite_archive.engine, **RADIOLOGIST)
    with node(sqlite_archive) as url:
        person = Person(url)
        person.log_in()

        def seen_after(path, **headers):
            long_ago = now() - timedelta(minutes=10)
            with writing(sqlite_archive.engine) as connection:
                connection.execute(update(SessionRow).values(seen_at=long_ago))
            person.get(path, headers=headers, stream=True).close()
            return rows(sqlite_archive, SessionRow)[0].seen_at > long_ago

        assert seen_after("/")
        assert not seen_after("/api/alerts/mine", **{"X-Of-Itself": "1"})
        assert not seen_after("/events", Accept="text/event-stream")


def test_a_token_admits_a_program_to_its_actions_until_it_is_revoked(archive, url):
    robot = make_person(archive.engine, "robot", password="", kind="service", roles=["radiologist"])
    with writing(archive.engine) as connection:
        lasts = timedelta(days=1)
        reads = create_token(connection, robot.id, "reads", scopes=["study.read"], lasts=lasts)
        stores = create_token(connection, robot.id, "stores", scopes=["study.store"], lasts=lasts)
    assert studies(url, Authorization=f"Bearer {reads}") == 204
    assert studies(url, Authorization=f"Bearer {stores}") == 403
    assert requests.get(f"{url}/dicom-web/studies", auth=("robot", reads), timeout=30).status_code == 204
    assert requests.get(f"{url}/dicom-web/studies", auth=("ada", reads), timeout=30).status_code == 401
    assert (
        requests.get(f"{url}/account", headers={"Authorization": f"Bearer {reads}"}, timeout=30).status_code
        == 401
    )
    with writing(archive.engine) as connection:
        revoke_token(connection, robot.id, "reads")
    assert studies(url, Authorization=f"Bearer {reads}") == 401


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer frt_", "Bearer frt_" + "A" * 43, "Basic", "Basic !!!", "Basic YWRh", "Digest x",
     "Bearer eyJhbGciOiJub25lIn0.e30."],
)  # fmt: skip
def test_what_is_no_token_admits_nobody_even_beside_a_cookie(sqlite_archive, sqlite_url, header):
    make_person(sqlite_archive.engine, **RADIOLOGIST)
    person = Person(sqlite_url)
    person.log_in()
    assert person.get("/dicom-web/studies", headers={"Authorization": header}).status_code == 401


def test_a_password_is_no_token_and_a_session_is_none(sqlite_archive, sqlite_url):
    make_person(sqlite_archive.engine, **RADIOLOGIST)
    person = Person(sqlite_url)
    person.log_in()
    assert studies(sqlite_url, Authorization=f"Bearer {person.cookie}") == 401
    assert (
        requests.get(f"{sqlite_url}/dicom-web/studies", auth=("ada", PASSWORD), timeout=30).status_code == 401
    )


def with_factor(engine, key):
    with writing(engine) as connection:
        secret = begin_enrolment(connection, key)
        codes = finish_enrolment(connection, key, pyotp.TOTP(secret).at(time.time() - 30))
    return secret, codes


def test_with_a_second_factor_the_password_opens_nothing_yet(archive, url):
    account = make_person(archive.engine, **RADIOLOGIST)
    secret, codes = with_factor(archive.engine, account.id)
    person = Person(url)
    assert person.log_in(next="/account").headers["location"] == "/login/code?next=%2Faccount"
    half = person.cookie
    assert not person.is_in()
    assert person.get("/dicom-web/studies").status_code == 401
    assert person.post("/login/code", code="000000").status_code == 401
    code = pyotp.TOTP(secret).now()
    assert person.post("/login/code", code=code, next="/account").headers["location"] == "/account"
    assert person.is_in() and person.cookie != half

    replay = Person(url)
    replay.log_in()
    assert replay.post("/login/code", code=code).status_code == 401
    assert replay.post("/login/code", code=codes[0]).status_code == 303
    assert replay.is_in()


def test_codes_cannot_be_tried_without_end_by_logging_in_anew(sqlite_archive, sqlite_url):
    account = make_person(sqlite_archive.engine)
    with_factor(sqlite_archive.engine, account.id)
    person = Person(sqlite_url)
    answers = []
    for _ in range(4):
        answers.append(person.log_in().status_code)
        if answers[-1] == 303:
            answers.append(person.post("/login/code", code="123456").status_code)
    assert 429 in answers
    assert answers.count(401) <= 3


def test_where_a_second_factor_is_required_nothing_else_is_open_before_it_is_set_up(sqlite_archive):
    make_person(sqlite_archive.engine, **RADIOLOGIST)
    with node(sqlite_archive, second_factor="required") as url:
        person = Person(url)
        assert person.log_in().headers["location"] == "/account/factor?next=%2F"
        assert person.get("/dicom-web/studies").status_code == 401
        assert not person.is_in()
        shown = person.get("/account/factor").text
        secret = shown.split("<code>")[1].split("</code>")[0].replace(" ", "")
        form = {
            "csrf_token": shown.split('name="csrf-token" content="')[1].split('"')[0],
            "code": pyotp.TOTP(secret).now(),
        }
        answer = person.browser.post(f"{url}/account/factor", data=form, timeout=30)
        assert answer.text.count("-") > 30
        assert person.is_in()
        assert person.post("/account/factor/remove", on="/account", current=PASSWORD).status_code == 403


def test_logins_and_failures_are_in_the_audit_trail_without_the_names_that_nobody_has(archive, url):
    make_person(archive.engine)
    person = Person(url)
    person.log_in(password="wrong")
    person.log_in("my secret passphrase", "x")
    person.log_in()
    person.post("/logout", on="/account")
    with reading(archive.engine) as connection:
        assert connection.execute(select(func.count()).select_from(AuditEvent)).scalar_one() >= 4
        rows = " ".join(str(tuple(row)) for row in connection.execute(select(AuditEvent.__table__)))
    assert "my secret passphrase" not in rows and PASSWORD not in rows
    for word in ("110122", "110123", "password", "unknown", "ada"):
        assert word in rows
