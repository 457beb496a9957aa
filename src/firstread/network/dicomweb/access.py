"""Who may call. There are no users yet: only this computer may, unless a setting opens the door."""

from ipaddress import ip_address
from typing import Annotated, Any

from fastapi import Depends, Request

from firstread.archive import Archive
from firstread.network.dicomweb.problems import Problem

_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]", "::1")


def authorise(request: Request) -> None:
    """Let a request pass or raise; every route depends on this, and here authorisation by user will go.

    Now it is the loopback rule: the peer's address must be this computer's own, and the Host header must name it,
    so that no page of a browser here can reach the archive under a name of its own (DNS rebinding).

    Raises:
        Problem: 403.
    """
    if request.app.state.allow_remote:
        return
    host = request.headers.get("host", "").rpartition(":")
    name = host[0] if host[1] and host[2].isdigit() else "".join(host)
    if not is_loopback(request.client.host if request.client else "") or name.lower() not in _LOCAL_NAMES:
        raise Problem(
            403, "Only this computer may call.", remedy="The setting api_allow_remote changes that."
        )


def is_loopback(host: str) -> bool:
    """Tell whether an address is this computer's own."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _archive(request: Request) -> Archive:
    archive: Any = request.app.state.archive
    assert isinstance(archive, Archive)
    return archive


OpenArchive = Annotated[Archive, Depends(_archive)]
"""The app's archive, as a parameter of a route."""
