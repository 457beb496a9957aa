"""What other nodes may do here, by the AE title as which they call.

Whoever may associate is let in by `Acceptance`; what it may do then is a matter of rights.
"""

from time import monotonic
from typing import Any, cast

from pynetdicom import evt
from sqlalchemy import ColumnElement

from firstread.access import Action, Actor, Grant
from firstread.access.rights import Rights

FRESH_S = 1.0
"""For how long the right to store is not asked for again: a scanner sends hundreds of images a second."""


class Callers:
    """Decides on requests of nodes.

    Args:
        rights: By which.
    """

    def __init__(self, rights: Rights) -> None:
        self._rights = rights

    def grant(self, event: evt.Event, action: Action) -> Grant:
        """Return what the caller may do it on.

        Raises:
            Denied: on nothing.
        """
        return self._rights.grant(caller(event), action)

    def within(self, event: evt.Event, action: Action) -> ColumnElement[bool] | None:
        """Return what a row of `Study` must fulfil for the caller to do it; None: every study does."""
        return self._rights.within(caller(event), action)

    def check_store(self, event: evt.Event) -> None:
        """Make sure that the caller may send.

        Raises:
            Denied: it may not.
        """
        association = cast(Any, event.assoc)
        if monotonic() < getattr(association, "may_store_until", 0.0):
            return
        self.grant(event, Action.STORE_STUDY)
        association.may_store_until = monotonic() + FRESH_S


def caller(event: evt.Event) -> Actor:
    """Return who sent a request."""
    requestor = event.assoc.requestor
    return Actor("node", str(requestor.ae_title).strip(), address=str(requestor.address or ""))
