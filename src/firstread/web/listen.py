"""The HTTP server under an app."""

import socket

import uvicorn
from starlette.types import ASGIApp

from firstread.errors import UsageError
from firstread.network.dicomweb.access import is_loopback
from firstread.settings import Settings

_WAITING = 128  # connections that wait to be taken


def check_address(settings: Settings) -> None:
    """Make sure that DICOMweb is served where it may be.

    Raises:
        UsageError: other computers could call, and the settings do not allow it.
    """
    if not is_loopback(settings.api_host) and not settings.api_allow_remote:
        raise UsageError(
            f"api_host {settings.api_host} is not this computer alone, and there is no access control yet.",
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


def service(app: ASGIApp, *, grace_s: float = 10.0) -> uvicorn.Server:
    """Return a server for the app, to be run on a socket from `listen`.

    Requests are not logged: their queries name patients. The address of the peer is that of the connection, whatever
    a header says.

    Args:
        app: What answers.
        grace_s: Seconds for what is under way when the server is stopped.
    """
    return uvicorn.Server(
        uvicorn.Config(
            app,
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=max(1, round(grace_s)),
            ws="none",
        )
    )
