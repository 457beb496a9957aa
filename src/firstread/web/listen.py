"""The HTTP server under an app."""

import asyncio
import socket
import ssl

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from firstread.access.gate import is_loopback
from firstread.errors import UsageError
from firstread.network.acceptance import parse_networks
from firstread.settings import Settings
from firstread.web.events import ENDLESS

PATIENCE_S = 10.0
"""How long a client may take over the head of a request, or go on with a body that is answered already."""

MOST_CONNECTIONS = 2000  # more are answered 503; a viewer may ask for the 1,000 slices of a series at once
_WAITING = 1024  # connections that wait to be taken


def check_address(settings: Settings) -> None:
    """Make sure that DICOMweb is served where it may be, and that the proxies in front can be told.

    Raises:
        UsageError: other computers could call, and the settings do not allow it; or a proxy is no address.
    """
    parse_networks(settings.api_trusted_proxies)
    if not is_loopback(settings.api_host) and not settings.api_allow_remote:
        raise UsageError(
            f"api_host {settings.api_host} is not this computer alone.",
            remedy="Set api_host to 127.0.0.1, or api_allow_remote to true.",
        )


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        UsageError: the port is taken, or is not this process's to take; or the host is none of this computer's.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family, backlog=_WAITING)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "no such address"
        raise UsageError(
            f"Cannot listen on {host} port {port}: {reason}.",
            remedy="Choose another port or address, or end what uses it.",
        ) from error
    # asyncio does it only for sockets that it made: without it every short answer waits 40 ms for an acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def service(app: ASGIApp, *, grace_s: float = 10.0, tls: ssl.SSLContext | None = None) -> uvicorn.Server:
    """Return a server for the app, to be run on a socket from `listen`.

    Requests are not logged: their queries name patients. The address of the peer is that of the connection, whatever
    a header says.

    Args:
        app: What answers.
        grace_s: Seconds for what is under way when the server is stopped.
        tls: Of the listener; None: plain HTTP.
    """
    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=max(1, round(grace_s)),
        ws="none",
        http=_Bounded,
        limit_concurrency=MOST_CONNECTIONS,
    )
    config.load()
    config.ssl = tls
    return uvicorn.Server(config)


class _Bounded(H11Protocol):
    """A connection that is closed where uvicorn would wait for ever.

    That is where the head of a request trickles, and where a body goes on when it is answered already.
    """

    _closing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        if self._closing is not None:
            self._closing.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """End, as the server is about to: at once where an answer would go on for ever."""
        super().shutdown()
        if self.cycle is not None and self.cycle.scope.get(ENDLESS):
            self.transport.close()

    def _watch(self) -> None:
        peer = self.conn.their_state
        is_answered = self.conn.our_state in (h11.DONE, h11.MUST_CLOSE)
        useless = peer is h11.IDLE or (peer is h11.SEND_BODY and is_answered)
        if useless and self._closing is None:
            self._closing = self.loop.call_later(PATIENCE_S, self.transport.close)
        elif not useless and self._closing is not None:
            self._closing.cancel()
            self._closing = None
