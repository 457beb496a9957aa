"""What a provider says of itself, from a server that says whatever a test wants."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from firstread.access.accounts.oidc.problem import OidcProblem
from firstread.access.accounts.oidc.provider import MOST_BYTES, Provider
from firstread.errors import UsageError
from firstread.settings import Settings


@contextmanager
def saying(make):
    """The address of a server that answers every path with `make(address, path)`: status and content."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, content = make(f"http://127.0.0.1:{self.server.server_port}", self.path)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", content.decode())
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def document(address, **changed):
    said = {
        "issuer": address, "authorization_endpoint": f"{address}/auth", "token_endpoint": f"{address}/token",
        "jwks_uri": f"{address}/keys", **changed,
    }  # fmt: skip
    return json.dumps({name: value for name, value in said.items() if value is not None}).encode()


def told(make):
    with saying(make) as address:
        return Provider(Settings(oidc_issuer=address)).metadata()


def test_what_it_says_is_taken_and_kept():
    asked = []

    def make(address, path):
        asked.append(path)
        return 200, document(address) if "well-known" in path else b'{"keys": [{"kid": "a"}]}'

    with saying(make) as address:
        provider = Provider(Settings(oidc_issuer=f"{address}/"))
        for _ in range(2):
            assert provider.metadata().token == f"{address}/token"
            assert provider.keys() == [{"kid": "a"}]
        provider.keys(afresh=True)
    assert asked == ["/.well-known/openid-configuration", "/keys", "/keys"]


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://evil.example"}, {"issuer": None}, {"token_endpoint": None}, {"jwks_uri": "http://evil.example/"},
        {"token_endpoint": "file:///etc/passwd"}, {"authorization_endpoint": "javascript:alert(1)"}, {"jwks_uri": 7},
        {"userinfo_endpoint": "http://user:password@127.0.0.1/"},
    ],
)  # fmt: skip
def test_what_cannot_be_trusted_is_refused(changed):
    with pytest.raises(OidcProblem) as caught:
        told(lambda address, path: (200, document(address, **changed)))
    assert caught.value.why == "away"
    assert "evil" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (500, b"{}"),
        (404, b"{}"),
        (200, b"<html>"),
        (200, b"[]"),
        (302, b"http://127.0.0.1:1/"),
        (200, b" " * (MOST_BYTES + 1)),
    ],
)
def test_an_answer_that_is_none_is_a_provider_that_is_away(status, content):
    with pytest.raises(OidcProblem):
        told(lambda address, path: (status, content))


@pytest.mark.parametrize(
    "address", ["http://login.example", "https://?", "https://a:b@login.example", "http://10.0.0.1/x"]
)
def test_an_address_in_the_clear_is_refused(address):
    with pytest.raises(UsageError, match="oidc_issuer"):
        Provider(Settings(oidc_issuer=address))


def test_authorities_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(UsageError, match="oidc_authorities"):
        Provider(Settings(oidc_issuer="https://login.example", oidc_authorities=tmp_path / "missing.pem"))
