"""Who calls through a reverse proxy: the address that proxies say, where the settings trust them; else the peer's."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from firstread.network.acceptance import Network, plain_address


class Proxied:
    """Middleware around everything else: limits, logins and the audit trail see the caller's address.

    X-Forwarded-For is read from its end, as each proxy appends whom it was called by, and only as far as trusted
    proxies wrote it: what stands before that is whatever the caller liked to write.

    Args:
        app: What answers.
        trusted: Networks of the proxies; none: no header changes who calls.
    """

    def __init__(self, app: ASGIApp, *, trusted: Sequence[Network]) -> None:
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if self._trusted and scope["type"] == "http" and scope.get("client"):
            listed = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
            scope = {**scope, "client": (self._caller(scope["client"][0], listed), 0)}
        await self._app(scope, receive, send)

    def _caller(self, peer: str, listed: str) -> str:
        """Return the nearest address that is no trusted proxy's; the farthest proxy's where it does not say."""
        caller, address = peer, _address(peer)
        for hop in reversed(listed.split(",")):
            if address is None or not any(address in network for network in self._trusted):
                break
            address = _address(hop)
            caller = str(address) if address is not None else caller
        return caller


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address without its port and in its one form; None where it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return plain_address(text)
    except ValueError:
        return None
