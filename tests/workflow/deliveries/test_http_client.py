import json
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Thread

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from firstread.network.http_client import LARGEST_ANSWER, Client, tls_of
from firstread.settings import Settings
from firstread.web.listen import listen
from firstread.workflow.deliveries import PassingFailure, PermanentFailure
from firstread.workflow.deliveries.deliver import way_to
from tests.network.conftest import free_port
from tests.workflow.deliveries.conftest import running


@pytest.fixture
def client():
    return Client(tls_of(Settings()))


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 507])
def test_a_server_that_is_busy_or_fails_is_tried_again(client, receiver, status):
    receiver.answers = [Response(status_code=status)]
    failure = client.call("POST", receiver.url).failure("ris")
    assert isinstance(failure, PassingFailure)
    assert failure.message == f"ris answered with status {status}."


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 415, 422])
def test_a_refusal_is_for_good(client, receiver, status):
    receiver.answers = [Response(status_code=status)]
    assert isinstance(client.call("POST", receiver.url).failure("ris"), PermanentFailure)


def test_redirects_are_not_followed(client, receiver):
    receiver.answers = [RedirectResponse("/elsewhere", 307)]
    answer = client.call("POST", f"{receiver.url}/here", content=b"event")
    assert isinstance(answer.failure("ris"), PermanentFailure)
    assert [path for _, path, _, _ in receiver.got] == ["/here"]


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("120", 120), ("9" * 40, 999_999_999), ("", None), ("soon", None), ("-5", None), ("Wed, 99 Foo", None)],
)
def test_retry_after_is_read_as_seconds(client, receiver, said, seconds):
    receiver.answers = [Response(status_code=503, headers={"Retry-After": said})]
    assert client.call("GET", receiver.url).retry_after_s == seconds


def test_retry_after_is_read_as_a_date(client, receiver):
    later = datetime.now(UTC) + timedelta(hours=2)
    receiver.answers = [
        Response(status_code=503, headers={"Retry-After": format_datetime(moment, usegmt=True)})
        for moment in (later, later - timedelta(days=1))
    ]
    assert 7000 < client.call("GET", receiver.url).retry_after_s <= 7200
    assert client.call("GET", receiver.url).retry_after_s == 0


def test_a_long_answer_is_not_read_to_its_end(client, receiver):
    async def long():
        for _ in range(64):
            yield b"x" * (LARGEST_ANSWER // 16)

    receiver.answers = [StreamingResponse(long())]
    assert len(client.call("GET", receiver.url).body) == LARGEST_ANSWER


def test_neither_proxies_nor_passwords_of_the_environment_are_used(client, receiver, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password word\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert client.call("GET", receiver.url).status == 200
    assert "authorization" not in receiver.got[0][2]


def test_a_server_that_is_away_is_said_without_its_path(client):
    with pytest.raises(PassingFailure, match=r"^127.0.0.1 cannot be called: ConnectError") as away:
        client.call("GET", f"http://127.0.0.1:{free_port()}/hidden")
    assert "hidden" not in str(away.value)


def test_a_server_that_hangs_up_in_the_middle_is_tried_again(client):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up():
            connection, _ = listening.accept()
            with connection:
                connection.recv(1)

        thread = Thread(target=hang_up)
        thread.start()
        with pytest.raises(PassingFailure, match="cannot be called"):
            client.call(
                "POST", f"http://127.0.0.1:{listening.getsockname()[1]}", content=[b"x" * 65_536] * 64
            )
        thread.join(20)


def test_a_url_that_is_none_fails_for_good(client):
    with pytest.raises(PermanentFailure, match="URL of the destination is none"):
        client.call("GET", "https://xn--.example:port/")


def test_only_certificates_of_the_authorities_are_believed(hospital, stranger):
    async def take(request):
        assert json.loads(await request.body())["event"] == "ping"
        return Response()

    def settings(authority):
        return Settings(
            destinations={"ris": f"webhook:{url}"},
            destination_secrets={"ris": "k" * 16},
            destination_authorities=authority.file,
        )

    certificate, key = hospital.issue("ris")
    listening = listen("127.0.0.1", 0)
    url = f"https://127.0.0.1:{listening.getsockname()[1]}/"
    app = Starlette(routes=[Route("/", take, methods=["POST"])])
    config = uvicorn.Config(app, ssl_certfile=certificate, ssl_keyfile=key, log_level="critical", ws="none")
    with running(uvicorn.Server(config), listening):
        assert way_to("ris", settings(hospital)).test() == f"{url} takes events"
        with pytest.raises(PassingFailure, match="certificate is not believed"):
            way_to("ris", settings(stranger)).test()
