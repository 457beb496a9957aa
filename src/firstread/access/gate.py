"""Where requests pass or are turned away: each route says what it needs, the app's door decides."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from typing import Any, Protocol

from sqlalchemy import ColumnElement
from starlette.requests import Request

from firstread.access.action import Action
from firstread.access.actor import Actor
from firstread.errors import FirstreadError

_SAFE = ("GET", "HEAD", "OPTIONS")
_OWN = "same-origin"
_OF_PROXIES = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]", "::1")


class Denied(FirstreadError):
    """The actor may not; `status` is HTTP's: 401 where nobody is logged in, else 403 (exit code 6)."""

    exit_code = 6

    def __init__(self, message: str, *, remedy: str = "", status: int = 403) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status


@dataclass(frozen=True)
class Grant:
    """What a request may do.

    Args:
        actor: Who asks.
        within: What a row of `Study` must fulfil to be seen, for the query's WHERE; None: every study may be.
    """

    actor: Actor
    within: ColumnElement[bool] | None = None


class Door(Protocol):
    """Decides on requests; `app.state.door` is one."""

    def admit(self, request: Request, action: Action) -> Grant:
        """Return what the request may do.

        Raises:
            Denied: it may not.
        """


@cache
def needs(action: Action) -> Callable[[Request], Grant]:
    """Return the dependency of a route: `grant: Annotated[Grant, Depends(needs(Action.READ_STUDY))]`."""

    def admitted(request: Request) -> Grant:
        door: Any = request.app.state.door
        request.state.action = action
        grant: Grant = door.admit(request, action)
        request.state.actor = grant.actor
        return grant

    return admitted


@dataclass(frozen=True)
class ThisComputer:
    """The door of a node without accounts: only this computer may call, unless a setting opens it to all.

    The peer's address must be this computer's own, and the Host header must name it, so that no page of a browser
    here can reach the archive under a name of its own (DNS rebinding). What a proxy here passes on is not this
    computer's.
    """

    open_to_all: bool = False

    def admit(self, request: Request, action: Action) -> Grant:
        """Let the request do anything, or raise `Denied`."""
        host = request.headers.get("host", "").rpartition(":")
        name = host[0] if host[1] and host[2].isdigit() else "".join(host)
        address = request.client.host if request.client else ""
        forwarded = any(header in request.headers for header in _OF_PROXIES)
        is_here = is_loopback(address) and name.lower() in _LOCAL_NAMES and not forwarded
        if not self.open_to_all and not is_here:
            raise Denied("Only this computer may call.", remedy="The setting api_allow_remote changes that.")
        # A page of another site can send a form to this computer, too; browsers say that it is from there.
        if request.method not in _SAFE and request.headers.get("sec-fetch-site", _OWN) not in (_OWN, "none"):
            raise Denied("Another site's page may not change anything.", remedy="Use firstread's own pages.")
        return Grant(Actor("local", "", address=address))


def is_loopback(host: str) -> bool:
    """Tell whether an address is this computer's own."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
