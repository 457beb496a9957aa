"""Which process runs the clocks: one at a time, the next within seconds after it ended."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from firstread.alerts.models import AlertLease

LEASE_S = 10.0


def holder(connection: Connection, at: datetime) -> str | None:
    """Return who runs the clocks; None where nobody does."""
    return connection.execute(
        select(AlertLease.holder).where(AlertLease.id == 1, AlertLease.until > at)
    ).scalar_one_or_none()


def needs_renewal(connection: Connection, me: str, at: datetime) -> bool:
    """Tell whether the lease is not this process's for at least half its time."""
    until = at + timedelta(seconds=LEASE_S / 2)
    mine = select(AlertLease.id).where(AlertLease.holder == me, AlertLease.until > until)
    return connection.execute(mine).first() is None


def take(connection: Connection, me: str, at: datetime) -> bool:
    """Take or renew the lease; False where it is another process's."""
    values = {"holder": me, "until": at + timedelta(seconds=LEASE_S)}
    taken = connection.execute(
        update(AlertLease)
        .where(AlertLease.id == 1, (AlertLease.holder == me) | (AlertLease.until <= at))
        .values(values)
    )
    if taken.rowcount:
        return True
    if connection.execute(select(AlertLease.id)).first() is not None:
        return False
    try:
        with connection.begin_nested():
            connection.execute(insert(AlertLease).values(id=1, **values))
    except IntegrityError:  # another process was first
        return False
    return True


def give_up(connection: Connection, me: str, at: datetime) -> None:
    """Let another process have the lease at once."""
    connection.execute(update(AlertLease).where(AlertLease.holder == me).values(until=at))
