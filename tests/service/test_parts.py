import threading
from contextlib import closing
from http.client import HTTPConnection

import pytest

from firstread.errors import UsageError
from firstread.service import parts
from firstread.service.parts import DicomPart, WebPart
from firstread.settings import Settings
from firstread.web.health import Health, create_health_app
from tests.network.conftest import is_listening


def test_a_web_server_whose_loop_is_blocked_does_not_live(monkeypatch):
    blocked, release = threading.Event(), threading.Event()
    inner = create_health_app(Health({}))

    async def app(scope, receive, send):
        if scope["type"] == "http" and scope["path"] == "/block":
            blocked.set()
            release.wait(60)
        await inner(scope, receive, send)

    part = WebPart("health", app, "127.0.0.1", 0)
    try:
        assert part.alive()
        where = part.facts()["health"]
        with closing(HTTPConnection(where["host"], where["port"], timeout=60)) as blocking:
            blocking.request("GET", "/block")
            assert blocked.wait(60)
            monkeypatch.setattr(parts, "_ANSWER_S", 0.2)
            assert not part.alive()
            release.set()
            blocking.getresponse().read()
        monkeypatch.setattr(parts, "_ANSWER_S", 30)
        assert part.alive()
    finally:
        release.set()
        part.stop(0.0)
    assert not part.alive()
    assert part.wrong() == "does not run"


def test_a_dicom_node_listens_until_it_is_stopped(archive):
    part = DicomPart(archive, Settings(dicom_port=0))
    assert (part.wrong(), part.alive()) == (None, True)
    assert is_listening(part.facts()["port"])
    part.stop(0.0)
    assert (part.wrong(), part.alive()) == ("does not listen", False)
    assert not is_listening(part.facts()["port"])


def test_an_address_that_is_not_ours_is_refused():
    with pytest.raises(UsageError, match="Cannot listen"):
        WebPart("health", create_health_app(Health({})), "192.0.2.1", 0)
