"""Single sign-on from end to end: a served node, a real provider, and a browser without scripts between them."""

import re
from contextlib import contextmanager
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import pytest

from firstread.access.accounts.account import disable_account, find_account, list_accounts
from firstread.archive.database import reading, writing
from tests.access.accounts.conftest import make_person
from tests.oidc_provider import SECRET, openid_provider
from tests.waiting import free_port, wait_for
from tests.web.pages.people import Person, node_on

pytestmark = pytest.mark.usefixtures("quick_hashing")


@contextmanager
def hospital(archive, tmp_path, *, secret=SECRET, **settings):
    """A provider, and a node that lets its people in."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    back, logout = f"{url}/login/oidc/callback", f"{url}/login/oidc/logout"
    with openid_provider(back, tmp_path / "provider.log", secret=secret, logout=logout) as provider:
        chosen = {
            "oidc_issuer": provider.issuer,
            "public_url": url,
            **({"oidc_client_secret": secret} if secret else {}),
        }
        with node_on(port, archive, **chosen, **settings):
            yield provider, url


@pytest.fixture(scope="module")
def module_hospital(tmp_path_factory):
    from firstread.archive import open_archive

    folder = tmp_path_factory.mktemp("hospital")
    with open_archive(folder / "archive") as archive, hospital(archive, folder) as (provider, url):
        yield archive, provider, url


def sign_on(url, next="/account"):
    person = Person(url)
    return person, person.get(f"/login/oidc?next={next}")


def test_a_person_of_the_hospital_is_let_in_with_roles_and_department(archive, tmp_path):
    with hospital(archive, tmp_path, oidc_roles={"rad": "radiologist"}) as (provider, url):
        provider.person("7", preferred_username="ada", name="Ada L", groups=["rad"], department="Radiology",
                        email="ada@example.org", email_verified=True)  # fmt: skip
        assert 'href="/login/oidc?next=/account"' in Person(url).get("/login?next=/account").text
        person, answer = sign_on(url)
        assert answer.status_code == 200 and answer.url == f"{url}/account"
        assert person.get("/dicom-web/studies").status_code == 204
        with reading(archive.engine) as connection:
            account = find_account(connection, "ada")
        assert (account.display_name, account.email, account.roles, account.departments) == (
            "Ada L", "ada@example.org", {"radiologist"}, {"Radiology"},
        )  # fmt: skip
        provider.person("7", preferred_username="ada", groups=["other"])
        assert sign_on(url)[1].status_code == 401
        assert person.get("/dicom-web/studies").status_code == 401


def test_keys_that_rotate_are_followed_at_once(module_hospital):
    _, provider, url = module_hospital
    provider.person("rot", preferred_username="rot", groups=["auditor"])
    assert sign_on(url)[0].is_in()
    for _ in range(2):
        assert len(provider.rotate_keys()) == 1
        assert sign_on(url)[0].is_in()


def test_who_is_logged_out_at_the_hospital_is_so_here_with_the_next_request(module_hospital):
    _, provider, url = module_hospital
    provider.person("out", preferred_username="out", groups=["auditor"])
    person, _ = sign_on(url)
    assert person.is_in()
    provider.end_sessions_of("out")
    wait_for(lambda: not person.is_in())
    for token in ("", "x", "a.b.c"):
        assert (
            person.browser.post(
                f"{url}/login/oidc/logout", data={"logout_token": token}, timeout=30
            ).status_code
            == 400
        )


def test_who_logs_out_here_is_taken_to_the_hospital_to_log_out_there_and_back(module_hospital):
    _, provider, url = module_hospital
    provider.person("first", preferred_username="first", groups=["auditor"])
    person, _ = sign_on(url)
    left = person.post("/logout", on="/account", follow=True)
    assert not person.is_in()
    seconds, there = left.headers["refresh"].split("; url=")
    assert seconds == "0" and there.startswith(provider.issuer)
    asked = person.browser.get(there, timeout=30)
    action = re.search(r'action="([^"]*)"', asked.text)[1]
    fields = {"xsrf": re.search(r'name="xsrf" value="([^"]*)"', asked.text)[1], "logout": "yes"}
    assert person.browser.post(action, data=fields, timeout=30).url == f"{url}/login"
    # Without it the provider would let the next one in as the first.
    provider.person("next", preferred_username="next", groups=["auditor"])
    assert "next" in person.get("/login/oidc?next=/account").text


def test_who_logged_in_with_a_password_is_not_taken_to_the_hospital(module_hospital):
    archive, _, url = module_hospital
    make_person(archive.engine, "local", roles=["auditor"])
    person = Person(url)
    person.log_in("local")
    assert person.post("/logout", on="/account").headers["location"] == "/login"


def test_an_account_that_is_disabled_here_is_out_with_the_next_request_and_stays_out(module_hospital):
    archive, provider, url = module_hospital
    provider.person("dis", preferred_username="dis", groups=["auditor"])
    person, _ = sign_on(url)
    with writing(archive.engine) as connection:
        disable_account(connection, find_account(connection, "dis").id)
    assert not person.is_in()
    assert sign_on(url)[1].status_code == 401
    assert not person.is_in()


def test_a_local_account_of_the_same_name_is_not_given_away(module_hospital):
    archive, provider, url = module_hospital
    make_person(archive.engine, "boss", roles=["administrator"])
    provider.person("evil", preferred_username="boss", groups=["auditor"])
    person, answer = sign_on(url)
    assert answer.status_code == 401 and not person.is_in()


def test_who_is_refused_there_or_has_no_role_is_not_let_in(module_hospital):
    archive, provider, url = module_hospital
    provider.person("no", preferred_username="no", groups=["strangers"])
    assert sign_on(url)[1].status_code == 401
    provider.person("no", refuses=True)
    assert sign_on(url)[1].status_code == 401
    with reading(archive.engine) as connection:
        assert "no" not in [account.name for account in list_accounts(connection)]


def answered(url, person):
    """Go to the provider and back, and return the last address unfollowed: that with the code."""
    where = person.get("/login/oidc", allow_redirects=False).headers["location"]
    while not where.startswith(url):
        answer = person.browser.get(where, timeout=30, allow_redirects=False)
        location = answer.headers["location"]
        where = (
            location if "://" in location else "{0.scheme}://{0.netloc}".format(urlsplit(where)) + location
        )
    return where


def changed(address, **query):
    parts = urlsplit(address)
    kept = {name: values[0] for name, values in parse_qs(parts.query).items()} | query
    return urlunsplit(parts._replace(query=urlencode({k: v for k, v in kept.items() if v is not None})))


def test_the_request_has_state_nonce_and_a_challenge_and_the_cookie_no_name_for_scripts(module_hospital):
    _, _, url = module_hospital
    answer = Person(url).get("/login/oidc", allow_redirects=False)
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query["code_challenge_method"] == ["S256"] and query["response_type"] == ["code"]
    assert len(query["state"][0]) == len(query["nonce"][0]) == len(query["code_challenge"][0]) == 43
    assert query["redirect_uri"] == [f"{url}/login/oidc/callback"]
    assert "HttpOnly" in answer.headers["set-cookie"] and "Max-Age=600" in answer.headers["set-cookie"]


def test_an_answer_to_another_login_or_of_another_provider_lets_nobody_in(module_hospital):
    """Login CSRF, mix-up (RFC 9207), and a code that is used twice."""
    _, provider, url = module_hospital
    provider.person("ans", preferred_username="ans", groups=["auditor"])
    for query in ({"state": "x"}, {"state": None}, {"iss": "https://evil.example"}, {"iss": None}, {"code": "x"},
                  {"code": None}, {"error": "access_denied"}):  # fmt: skip
        person = Person(url)
        refused = person.browser.get(changed(answered(url, person), **query), timeout=30)
        assert refused.status_code == 401, query
        assert not person.is_in()
    victim, attacker = Person(url), Person(url)
    planted = answered(url, attacker)
    assert victim.browser.get(planted, timeout=30).status_code == 401 and not victim.is_in()
    mine = answered(url, victim)
    assert victim.browser.get(mine, timeout=30, allow_redirects=False).status_code == 303
    assert victim.is_in()
    replay = Person(url)
    replay.browser.cookies.update(victim.browser.cookies)
    assert replay.browser.get(mine, timeout=30).status_code == 401


def test_a_session_from_before_is_worth_nothing_after(module_hospital):
    archive, provider, url = module_hospital
    make_person(archive.engine, "mallory")
    provider.person("fix", preferred_username="fix", groups=["auditor"])
    mallory = Person(url)
    mallory.log_in("mallory")
    fixed = mallory.cookie
    victim = Person(url)
    victim.browser.cookies.set("firstread", fixed, domain="127.0.0.1", path="/")
    assert victim.get("/login/oidc?next=/account").status_code == 200
    assert not mallory.is_in()


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_it_leads_nowhere_else(module_hospital, elsewhere):
    _, provider, url = module_hospital
    provider.person("nxt", preferred_username="nxt", groups=["auditor"])
    person = Person(url)
    where = person.get("/login/oidc", params={"next": elsewhere}, allow_redirects=False).headers["location"]
    while not where.startswith(url):
        answer = person.browser.get(where, timeout=30, allow_redirects=False)
        location = answer.headers["location"]
        where = (
            location if "://" in location else "{0.scheme}://{0.netloc}".format(urlsplit(where)) + location
        )
    assert person.browser.get(where, timeout=30, allow_redirects=False).headers["location"] == "/"


def test_a_public_client_proves_itself_by_pkce_alone(sqlite_archive, tmp_path):
    with hospital(sqlite_archive, tmp_path, secret=None) as (provider, url):
        provider.person("7", preferred_username="ada", groups=["auditor"])
        assert sign_on(url)[0].is_in()


def test_a_provider_that_is_away_is_told_and_logins_with_a_password_go_on(sqlite_archive):
    make_person(sqlite_archive.engine)
    port = free_port()
    with node_on(port, sqlite_archive, oidc_issuer=f"http://127.0.0.1:{free_port()}") as url:
        person = Person(url)
        assert person.get("/login/oidc").status_code == 503
        assert person.log_in().status_code == 303


def test_without_a_provider_there_is_no_such_page(sqlite_archive):
    with node_on(free_port(), sqlite_archive) as url:
        assert Person(url).get("/login/oidc").status_code == 404
        assert "/login/oidc" not in Person(url).get("/login").text
