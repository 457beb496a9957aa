import pytest
from starlette.requests import Request

from firstread.access.accounts.cookies import address_of, is_secure
from firstread.settings import Settings


def request(peer="127.0.0.1", scheme="http", host="127.0.0.1:8080", **headers):
    named = [("host", host), *((name.replace("_", "-"), value) for name, value in headers.items())]
    return Request(
        {
            "type": "http", "scheme": scheme, "path": "/", "query_string": b"", "client": (peer, 1),
            "server": ("h", 80),
            "headers": [(name.encode(), value.encode()) for name, value in named],
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("peer", "headers", "address"),
    [
        ("10.0.0.7", {}, "10.0.0.7"),
        ("10.0.0.7", {"x_forwarded_for": "10.9.9.9"}, "10.0.0.7"),  # whoever calls may say what they like
        (
            "127.0.0.1",
            {"x_forwarded_for": "6.6.6.6, 10.9.9.9"},
            "10.9.9.9",
        ),  # the last one is the proxy's word
        ("127.0.0.1", {"x_forwarded_for": "<script>"}, ""),
        ("127.0.0.1", {}, "127.0.0.1"),
    ],
)
def test_the_address_is_the_connections_or_what_a_proxy_here_says(peer, headers, address):
    assert address_of(request(peer, **headers)) == address


def test_cookies_are_bound_to_tls_where_the_browser_speaks_it():
    behind = Settings(public_url="https://reading.example")
    assert is_secure(request(scheme="https"), Settings())
    assert is_secure(request(host="reading.example"), behind)
    assert not is_secure(request(), behind)  # without the proxy, from this computer
    assert not is_secure(request(host="reading.example"), Settings(public_url="http://reading.example"))
