import asyncio
import json

import pytest
import requests
from sqlalchemy import select

from firstread.access.audit.models import AuditEvent
from firstread.archive.database import reading
from firstread.errors import UsageError
from firstread.network.acceptance import parse_networks
from firstread.settings import Settings
from firstread.web import create_app
from firstread.web.proxies import Proxied
from tests.network.dicomweb.conftest import serving

PROXIES = ("10.0.0.1", "10.1.0.0/24", "fd00::1")
CALLER = "203.0.113.9"


def seen(peer, *headers, trusted=PROXIES):
    """Who calls, as what is behind the middleware sees it."""
    found = []

    async def app(scope, receive, send):
        found.append(scope["client"][0])

    listed = [(b"x-forwarded-for", each.encode()) for each in headers]
    scope = {"type": "http", "client": (peer, 1), "headers": listed}
    asyncio.run(Proxied(app, trusted=parse_networks(trusted))(scope, None, None))
    return found[0]


@pytest.mark.parametrize(
    ("peer", "headers", "caller"),
    [
        ("10.0.0.1", (CALLER,), CALLER),
        ("10.0.0.1", (f"{CALLER}:50123",), CALLER),
        ("::ffff:10.0.0.1", (f"::ffff:{CALLER}",), CALLER),
        ("fd00::1", ("[2001:db8::7]:443",), "2001:db8::7"),
        ("10.0.0.1", (f"{CALLER}, 10.1.0.8",), CALLER),  # one trusted proxy behind another
        ("10.0.0.1", (CALLER, "10.1.0.8"), CALLER),
        ("10.0.0.1", (f"6.6.6.6, {CALLER}",), CALLER),  # the caller wrote the first
        ("10.0.0.1", ("6.6.6.6", CALLER), CALLER),
        ("10.0.0.1", (f"10.1.0.9, {CALLER}",), CALLER),  # a trusted proxy's, behind which it is not
        ("10.0.0.1", (f"127.0.0.1, {CALLER}",), CALLER),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("",), "10.0.0.1"),
        ("10.0.0.1", ("<script>",), "10.0.0.1"),
        ("10.0.0.1", (f"{CALLER}, unknown, 10.1.0.8",), "10.1.0.8"),
        (CALLER, ("6.6.6.6",), CALLER),  # no proxy of ours: whoever calls may say what they like
        (CALLER, ("10.0.0.1",), CALLER),
    ],
)
def test_only_trusted_proxies_say_who_calls(peer, headers, caller):
    assert seen(peer, *headers) == caller


def test_without_the_setting_no_header_says_who_calls():
    assert seen("127.0.0.1", CALLER, trusted=Settings().api_trusted_proxies) == "127.0.0.1"


def test_limits_and_the_audit_trail_are_about_who_calls_through_a_proxy(sqlite_archive):
    settings = Settings(api_trusted_proxies=["127.0.0.1"], api_requests_per_minute=60)
    with serving(sqlite_archive, settings=settings) as url, requests.Session() as session:

        def ask(header):
            headers = {"X-Forwarded-For": header}
            return session.get(f"{url}/dicom-web/studies", headers=headers, timeout=10).status_code

        # Ever new addresses that the caller writes are no way around the limit.
        answers = [ask(f"6.6.6.{n}, {CALLER}") for n in range(90)]
        assert answers[:60] == [403] * 60 and 429 in answers
        assert ask("203.0.113.10") == 403
    with reading(sqlite_archive.engine) as connection:
        told = [json.loads(each) for each in connection.execute(select(AuditEvent.content)).scalars()]
    assert {each["actor"]["address"] for each in told} == {CALLER, "203.0.113.10"}


def test_what_is_no_network_is_said(sqlite_archive):
    with pytest.raises(UsageError, match="no network"):
        create_app(sqlite_archive, settings=Settings(api_trusted_proxies=["proxy.example"]))
