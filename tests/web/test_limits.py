import asyncio

import pytest
import requests

from firstread.web.limits import LARGEST_BODY, LOGINS_PER_MINUTE, Bucket, Limits
from tests.network.dicomweb.conftest import serving


def test_a_bucket_gives_so_many_a_minute_to_each_caller_and_fills_again():
    at = [0.0]
    bucket = Bucket(60, clock=lambda: at[0])
    assert [bucket.wait_s("a") for _ in range(60)] == [0.0] * 60
    assert bucket.wait_s("a") == pytest.approx(1.0)
    assert bucket.wait_s("b") == 0.0
    at[0] = 1.0
    assert bucket.wait_s("a") == 0.0
    assert bucket.wait_s("a") > 0


def test_a_bucket_forgets_those_who_have_not_called_for_a_while(monkeypatch):
    monkeypatch.setattr("firstread.web.limits._MOST_CALLERS", 10)
    at = [0.0]
    bucket = Bucket(60, clock=lambda: at[0])
    for n in range(100):
        bucket.wait_s(str(n))
    assert len(bucket._left) <= 10


def statuses(limits, count, *, path="/dicom-web/studies", method="GET", header=lambda n: []):
    """What so many requests of one address are answered, all in a moment."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        if message["type"] == "http.response.start":
            sent.append(message)

    async def ask():
        for n in range(count):
            scope = {"type": "http", "path": path, "method": method, "headers": header(n)}
            await limits({**scope, "client": ("192.0.2.1", 1)}, receive, send)

    asyncio.run(ask())
    return sent


async def fine(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def test_who_asks_too_often_is_told_to_wait():
    limits = Limits(fine, per_minute=60)
    answers = statuses(limits, 70)
    assert [each["status"] for each in answers[:60]] == [200] * 60
    assert answers[-1]["status"] == 429
    assert int(dict(answers[-1]["headers"])[b"retry-after"]) >= 1
    (other,) = statuses(limits, 1, header=lambda n: [(b"authorization", b"Bearer x")])
    assert other["status"] == 200
    assert statuses(limits, 1, path="/health/live")[0]["status"] == 200


def test_ever_new_cookies_are_no_way_around_the_limit():
    limits = Limits(fine, per_minute=60)
    answers = statuses(limits, 600, header=lambda n: [(b"cookie", b"a=%d" % n)])
    assert answers[-1]["status"] == 429


def test_passwords_are_not_tried_by_the_hundred():
    limits = Limits(fine, per_minute=10_000)
    answers = statuses(limits, LOGINS_PER_MINUTE + 5, path="/login", method="POST")
    assert [each["status"] for each in answers].count(200) == LOGINS_PER_MINUTE
    assert statuses(limits, 1, path="/login")[0]["status"] == 200


def test_the_limit_is_in_front_of_the_service(sqlite_archive):
    with serving(sqlite_archive) as url:
        try:
            answer = requests.post(f"{url}/login", data=b"a" * (LARGEST_BODY + 1), timeout=20)
        except requests.ConnectionError:
            return  # closed while it was sending
        assert answer.status_code == 413


def test_what_no_route_takes_is_not_read_into_memory():
    async def app(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        raise AssertionError("it read it all")

    sent = []

    async def receive():
        return {"type": "http.request", "body": b"x" * (1 << 20), "more_body": True}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": "/x", "method": "POST", "headers": [], "client": ("192.0.2.1", 1)}
    asyncio.run(Limits(app, per_minute=60)(scope, receive, send))
    assert sent[0]["status"] == 413
