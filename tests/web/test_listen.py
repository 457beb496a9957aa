"""Clients that send what no client should, to a real server: cut off in time, and nobody else notices."""

import logging
import os
import re
import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

import psutil
import pytest
import requests
from fastapi import FastAPI, Request

from firstread.errors import UsageError
from firstread.network.dicomweb import store
from firstread.web import listen
from tests.archive.samples import instances
from tests.dicom.ct_series import ROOT, anatomy, ct_series, encode
from tests.network.dicomweb.conftest import multipart, running, serving
from tests.waiting import wait_for

KIND = 'multipart/related; type="application/dicom"; boundary=B'
STORE = f"POST /dicom-web/studies HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {KIND}\r\n"
NO_UIDS = [
    "..",
    "%2e%2e",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%00",
    "1.2.3%0a",
    "1.2%2F..",
    "-1",
    "%C0%AE",
    "1" * 65,
    "*",
]


@pytest.fixture
def archive(tmp_path):
    from firstread.archive import open_archive

    with open_archive(tmp_path / "archive") as opened:
        for instance in instances(2):
            opened.receive(instance)
        yield opened


@pytest.fixture
def server(archive, monkeypatch):
    monkeypatch.setattr(listen, "PATIENCE_S", 1.0)
    with serving(archive) as url:
        yield url


def answer_to(url, *pieces):
    """What a server answers to bytes before it closes the connection."""
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=15) as client:
        answer = b""
        try:
            for piece in pieces:
                client.sendall(piece)
            while part := client.recv(65536):
                answer += part
        except ConnectionError:
            pass
        return answer


def chunk(content):
    return b"%x\r\n%b\r\n" % (len(content), content)


def is_well(url):
    return requests.get(f"{url}/dicom-web/studies", timeout=10).status_code == 200


def test_what_is_no_uid_is_refused_on_every_route_and_in_every_place(server):
    paths = requests.get(f"{server}/openapi.json", timeout=10).json()["paths"]
    uids = {"study": f"{ROOT}.1", "series": f"{ROOT}.1.1", "instance": f"{ROOT}.1.1.1", "frames": "1"}
    tried = 0
    for path, methods in paths.items():
        places = re.findall(r"{(\w+)}", path)
        for method in methods:
            for place in places:
                for bad in NO_UIDS:
                    filled = path
                    for name in places:
                        filled = filled.replace(f"{{{name}}}", bad if name == place else uids.get(name, "1"))
                    head = 'Host: 127.0.0.1\r\nConnection: close\r\nIf-Match: "1"\r\n'
                    request = f"{method.upper()} {filled} HTTP/1.1\r\n{head}\r\n"
                    status = answer_to(server, request.encode()).split()[1]
                    assert status in (b"400", b"404", b"415"), (method, filled)
                    tried += 1
    assert tried > 300
    assert len(requests.get(f"{server}/dicom-web/studies/{ROOT}.1/instances", timeout=10).json()) == 2


def test_a_head_that_trickles_is_cut_off(server):
    assert answer_to(server) == b""
    assert answer_to(server, b"GET /dicom-web/studies HTTP/1.1\r\nHost: 127.0.0.1\r\n") == b""
    good = b"GET /dicom-web/studies HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    assert answer_to(server, good, b"GET /dicom").startswith(b"HTTP/1.1 200")
    assert is_well(server)


def test_a_client_that_is_slow_over_its_body_is_waited_for(server, archive):
    body = multipart(encode(ct_series(anatomy(1, 16), series=2)[0]))
    head = f"{STORE}Content-Length: {len(body)}\r\n"
    with socket.create_connection((urlsplit(server).hostname, urlsplit(server).port), timeout=15) as client:
        client.sendall(f"{head}\r\n".encode() + body[:500])
        assert answer_to(server) == b""  # so long a head may take
        client.sendall(body[500:])
        assert client.recv(65536).startswith(b"HTTP/1.1 200")


def test_heads_without_end_are_refused(server):
    assert b" 400 " in answer_to(server, b"GET /dicom-web/studies HTTP/1.1\r\nX: " + b"x" * 1_000_000)
    many = b"".join(b"X-%d: x\r\n" % n for n in range(50_000))
    assert b" 400 " in answer_to(server, b"GET /dicom-web/studies HTTP/1.1\r\nHost: 127.0.0.1\r\n" + many)
    assert b" 400 " in answer_to(server, b"GET /dicom-web/studies?" + b"x" * 1_000_000)
    assert is_well(server)


def test_a_multipart_body_without_end_holds_neither_memory_nor_disk(server, archive, monkeypatch):
    monkeypatch.setattr(store, "LARGEST_FILE", 8 << 20)
    own = psutil.Process()
    before = own.memory_info().rss

    with socket.create_connection((urlsplit(server).hostname, urlsplit(server).port), timeout=30) as client:

        def send():
            with suppress(OSError):
                client.sendall(f"{STORE}Transfer-Encoding: chunked\r\n\r\n".encode())
                client.sendall(chunk(b"--B\r\nContent-Type: application/dicom\r\n\r\n"))
                while True:
                    client.sendall(chunk(bytes(1 << 20)))

        sending = threading.Thread(target=send)
        sending.start()
        assert client.recv(65536).startswith(b"HTTP/1.1 413")
        sending.join(30)  # it is cut off
        assert not sending.is_alive()
    assert own.memory_info().rss - before < 100 << 20
    wait_for(lambda: os.listdir(archive.files._own.path) == [])


def test_the_head_of_a_part_without_end_is_refused(server):
    body = b"--B\r\nContent-Type: " + b"x" * (32 << 20)
    answered = requests.post(
        f"{server}/dicom-web/studies", data=body, headers={"Content-Type": KIND}, timeout=60
    )
    assert answered.status_code == 400
    assert is_well(server)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_free_port_is_taken_and_answers_without_delay(host):
    if host == "::1" and not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    with (
        listen.listen(host, 0) as listening,
        socket.create_connection(listening.getsockname()[:2], timeout=10),
    ):
        assert listening.getsockname()[1] > 0
        taken, _ = listening.accept()
        with taken:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_that_is_taken_is_named():
    with listen.listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(UsageError, match=str(port)) as refused:
            listen.listen("127.0.0.1", port)
    assert refused.value.remedy


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "x" * 300])
def test_an_address_that_is_not_ours_is_said(host):
    with pytest.raises(UsageError, match="Cannot listen"):
        listen.listen(host, 0)


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
