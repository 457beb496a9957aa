"""How often a login may be tried: fewer and fewer, under one name and from one address.

An attempt is counted before its secret is looked at, in the database, so that many at once, in whichever process, are
counted one by one. A name is counted whether there is such an account or not: who is made to wait learns nothing.
Nobody is locked out for good, as then anybody could lock out everybody; after the free failures each wait is twice
the one before (NIST SP 800-63B section 3.2.2 allows 100 failures in all, which take a day at the longest wait).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address, ip_network

from sqlalchemy import Connection, Engine, delete, select, update

from firstread.access.accounts.models import AttemptRow
from firstread.archive.columns import now
from firstread.archive.database import writing

FREE_OF_NAME, FREE_OF_ADDRESS = 5, 30
"""Failures without a wait; many people share the address of a hospital's proxy."""

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=15), timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=24)


@dataclass(frozen=True)
class Counter:
    """Something that attempts are counted of: its key in the database, and its failures without a wait."""

    key: str
    free: int


def of_name(name_folded: str) -> Counter:
    """Return the counter of a name, whoever has it."""
    return Counter("name:" + sha256(name_folded.encode()).hexdigest(), FREE_OF_NAME)


def of_address(address: str) -> Counter:
    """Return the counter of an address; of IPv6 that of its /64, which is one customer's."""
    try:
        parsed = ip_address(address)
        if parsed.version == 6:
            address = str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False).network_address)
    except ValueError:
        pass  # a socket without an address
    return Counter("address:" + sha256(address.encode()).hexdigest(), FREE_OF_ADDRESS)


def begin(engine: Engine, counters: Sequence[Counter]) -> float:
    """Count an attempt; return 0.0, or the seconds to wait before another may be made, and then this one was none."""
    with writing(engine) as connection:
        return begin_within(connection, counters)


def begin_within(connection: Connection, counters: Sequence[Counter]) -> float:
    """Do as `begin` in a transaction of the caller's, who commits it whatever comes of the attempt."""
    moment = now()
    found = {counter.key: _locked(connection, counter.key, moment) for counter in counters}
    wait = max((until - moment).total_seconds() if until else 0.0 for _, until in found.values())
    if wait > 0.0:
        return wait
    for counter in counters:
        failures = found[counter.key][0] + 1
        connection.execute(
            update(AttemptRow)
            .where(AttemptRow.key == counter.key)
            .values(failures=failures, last_at=moment, blocked_until=_until(failures, counter.free, moment))
        )
    return 0.0


def succeed(connection: Connection, *, name: Counter, address: Counter | None = None) -> None:
    """Forget the failures under a name; of an address only this attempt, as guessing others goes on from there."""
    connection.execute(delete(AttemptRow).where(AttemptRow.key == name.key))
    if address is not None:
        connection.execute(
            update(AttemptRow)
            .where(AttemptRow.key == address.key, AttemptRow.failures > 0)
            .values(failures=AttemptRow.failures - 1, blocked_until=None)
        )


def waiting(connection: Connection, counter: Counter) -> tuple[int, datetime | None]:
    """Return the failures that are counted, and until when nothing is tried."""
    row = connection.execute(
        select(AttemptRow.failures, AttemptRow.blocked_until).where(AttemptRow.key == counter.key)
    ).first()
    return (0, None) if row is None else (row.failures, row.blocked_until)


def forget_old(connection: Connection) -> None:
    """Remove what is no longer counted."""
    connection.execute(delete(AttemptRow).where(AttemptRow.last_at < now() - FORGOTTEN_AFTER))


def _locked(connection: Connection, key: str, moment: datetime) -> tuple[int, datetime | None]:
    """Return what is counted, with its row locked, made where it is not there."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    connection.execute(
        insert(AttemptRow)
        .values(key=key, failures=0, last_at=moment)
        .on_conflict_do_nothing(index_elements=["key"])
    )
    row = connection.execute(
        select(AttemptRow.failures, AttemptRow.last_at, AttemptRow.blocked_until)
        .where(AttemptRow.key == key)
        .with_for_update()
    ).one()
    if row.last_at < moment - FORGOTTEN_AFTER:
        return 0, None
    return row.failures, row.blocked_until


def _until(failures: int, free: int, moment: datetime) -> datetime | None:
    if failures < free:
        return None
    wait: timedelta = min(LONGEST_WAIT, FIRST_WAIT * (1 << min(failures - free, 20)))
    return moment + wait
