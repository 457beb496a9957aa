import logging
import socket

import pytest
import requests
from fastapi import FastAPI, Request

from firstread.errors import UsageError
from firstread.web.listen import listen
from tests.network.dicomweb.conftest import running


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_free_port_is_taken_and_answers_without_delay(host):
    if host == "::1" and not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    with listen(host, 0) as listening, socket.create_connection(listening.getsockname()[:2], timeout=10):
        assert listening.getsockname()[1] > 0
        taken, _ = listening.accept()
        with taken:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_that_is_taken_is_named():
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(UsageError, match=str(port)) as refused:
            listen("127.0.0.1", port)
    assert refused.value.remedy


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "x" * 300])
def test_an_address_that_is_not_ours_is_said(host):
    with pytest.raises(UsageError, match="Cannot listen"):
        listen(host, 0)


def test_requests_are_not_logged_and_no_header_changes_who_calls(caplog):
    app = FastAPI()

    @app.get("/who")
    def who(request: Request):
        return request.client.host

    with caplog.at_level(logging.DEBUG), running(app) as url:
        headers = {"X-Forwarded-For": "10.0.0.1", "Forwarded": "for=10.0.0.1"}
        answer = requests.get(f"{url}/who?PatientName=Doe", headers=headers, timeout=10)
    assert answer.json() == "127.0.0.1"
    assert "Server" not in answer.headers
    told = [record.getMessage() for record in caplog.records if not record.name.startswith("urllib3")]
    assert not any("Doe" in each for each in told)


def test_a_server_that_is_stopped_takes_no_more():
    with running(FastAPI()) as url:
        assert requests.get(f"{url}/nothing", timeout=10).status_code == 404
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/nothing", timeout=10)
