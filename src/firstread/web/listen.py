"""The HTTP server under the app."""

import socket

import uvicorn
from fastapi import FastAPI

from firstread.errors import UsageError

_WAITING = 128  # connections that wait to be taken
_STOP_S = 10  # for what is under way when the server is stopped


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


def service(app: FastAPI) -> uvicorn.Server:
    """Return a server for the app, to be run on a socket from `listen`.

    Requests are not logged: their queries name patients. The address of the peer is that of the connection, whatever
    a header says.
    """
    return uvicorn.Server(
        uvicorn.Config(
            app,
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_STOP_S,
            ws="none",
        )
    )
