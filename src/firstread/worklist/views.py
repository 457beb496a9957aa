"""Filters that a person keeps under a name."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from firstread.access import Actor
from firstread.archive.models import SavedView
from firstread.errors import UsageError
from firstread.worklist.filters import Filters

LONGEST_NAME = 60
MOST = 50


@dataclass(frozen=True)
class View:
    """Filters under a name; `query` is what the address says."""

    id: int
    name: str
    query: str


def owner_of(actor: Actor) -> str:
    """Return how claims and views know an actor: by its account, where it has one."""
    return f"account:{actor.account}" if actor.account is not None else f"{actor.kind}:{actor.name}"


def views_of(connection: Connection, owner: str) -> list[View]:
    """Return a person's views by name."""
    statement = select(SavedView.id, SavedView.name, SavedView.query).where(SavedView.owner == owner)
    return [View(*row) for row in connection.execute(statement.order_by(SavedView.name))]


def save_view(connection: Connection, owner: str, name: str, filters: Filters) -> None:
    """Keep filters under a name; those that had the name before are replaced.

    Raises:
        UsageError: the name is empty or too long, or there are too many.
    """
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise UsageError("A view needs a name.", remedy=f"Give it one of up to {LONGEST_NAME} characters.")
    connection.execute(delete(SavedView).where(SavedView.owner == owner, SavedView.name == name))
    count = connection.execute(select(func.count(SavedView.id)).where(SavedView.owner == owner)).scalar_one()
    if count >= MOST:
        raise UsageError(f"There are {MOST} views already.", remedy="Remove one that you no longer use.")
    connection.execute(insert(SavedView).values(owner=owner, name=name, query=filters.query()))


def remove_view(connection: Connection, owner: str, view: int) -> bool:
    """Remove one of a person's views; False where it is none of theirs."""
    gone = connection.execute(
        delete(SavedView).where(SavedView.owner == owner, SavedView.id == view).returning(SavedView.id)
    )
    return gone.first() is not None
