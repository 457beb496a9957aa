"""Actors as they would be if they called now."""

from typing import cast

from sqlalchemy import Engine

from firstread.access.actor import Actor, Kind
from firstread.access.rights.holdings import actor_key


def known_actor(engine: Engine, text: str) -> Actor:
    """Return the actor that a text names, with what the account has where there is one.

    Raises:
        UsageError: it names none.
    """
    kind, _, name = actor_key(text).partition(":")
    return Actor(cast(Kind, kind), name)
