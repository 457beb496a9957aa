from starlette.requests import Request

from firstread.access.accounts.cookies import is_secure
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


def test_cookies_are_bound_to_tls_where_the_browser_speaks_it():
    behind = Settings(public_url="https://reading.example")
    assert is_secure(request(scheme="https"), Settings())
    assert is_secure(request(host="reading.example"), behind)
    assert not is_secure(request(), behind)  # without the proxy, from this computer
    assert not is_secure(request(host="reading.example"), Settings(public_url="http://reading.example"))
