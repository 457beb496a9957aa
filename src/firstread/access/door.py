"""The door of a node: who asks, by their account or token or from this computer, and what they may do."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from firstread.access.action import Action
from firstread.access.actor import Actor
from firstread.access.gate import Denied, Grant, ThisComputer
from firstread.access.rights import Rights

Authenticate = Callable[[Request], Actor | None]
"""Returns who sent a request; None: nobody that is known."""


def nobody(request: Request) -> Actor | None:
    """Know nobody: of a node without accounts."""
    return None


@dataclass(frozen=True)
class RightsDoor:
    """Lets in whom it knows, to what the rights give them.

    Args:
        rights: Decide.
        authenticate: Tells who it is.
        local_roles: Of who calls from this computer without an account; none: nobody does.
    """

    rights: Rights
    authenticate: Authenticate = nobody
    local_roles: frozenset[str] = frozenset()

    def admit(self, request: Request, action: Action) -> Grant:
        """Return what the request may do.

        Raises:
            Denied: 401, nobody is logged in; 403, no rule gives it, whatever there is.
        """
        actor = request.state.actor = self._actor(request)  # the audit trail names who was denied, too
        return self.rights.grant(actor, action)

    def _actor(self, request: Request) -> Actor:
        actor = self.authenticate(request)
        if actor is not None:
            return actor
        if self.local_roles:
            try:
                here = ThisComputer().admit(request, Action.READ_STUDY).actor
            except Denied:
                pass
            else:
                return Actor("local", here.name, roles=self.local_roles, address=here.address)
        raise Denied("Nobody is logged in.", remedy="Log in, or send a token.", status=401)
