"""Appending events to the chain, in the words of the database's driver.

Each answer about patients waits for it: SQLAlchemy takes several times as long over such short statements as the
database. `benchmarks/audit_overhead.py` measures it.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from firstread.access.audit.chain import BEGINNING, SealKey, content_of, link, searchable, subjects
from firstread.access.audit.event import Event
from firstread.archive.columns import now
from firstread.archive.database import driver

_CHAIN_LOCK = 7_318_221_905  # any number that nothing else on the server uses
_HEAD = "SELECT number, chain FROM audit_head"
# One way to the server and back; each statement sees what was committed before it begins.
_LOCKED_HEAD = f"SELECT pg_advisory_xact_lock({_CHAIN_LOCK}); {_HEAD}"
_SOON = "SET LOCAL synchronous_commit = off; "
_EVENT = (
    "INSERT INTO audit_event (id, at, code, subtype, outcome, actor, content, chain, seal, sealer) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_SUBJECT = "INSERT INTO audit_subject (event_key, kind, value) VALUES (?, ?, ?)"
_FIRST = "INSERT INTO audit_head (id, number, chain, seal, sealer) VALUES (1, ?, ?, ?, ?)"
_MOVE = "UPDATE audit_head SET number = ?, chain = ?, seal = ?, sealer = ? WHERE id = 1"
_LAST = f"WITH moved AS ({_MOVE}) {_EVENT}"  # PostgreSQL: both in one way to the server and back
_SQLITE_MOMENT = "%Y-%m-%d %H:%M:%S.%f"  # as SQLAlchemy keeps it


def append(
    connection: Connection, happened: Sequence[Event], key: SealKey | None, *, durable: bool = True
) -> None:
    """Take the end of the chain, and append events to it; the last thing that a transaction does.

    Args:
        connection: From `writing`.
        happened: What happened, in order; at least one.
        key: Seals; None: nothing does.
        durable: PostgreSQL waits for its disk.
    """
    postgresql = connection.dialect.name == "postgresql"
    with driver(connection) as cursor:
        number, chain, first = _end(cursor, postgresql=postgresql, durable=durable)
        events: list[tuple[Any, ...]] = []
        found_by: list[tuple[Any, ...]] = []
        seal = sealer = ""
        for each in happened:
            number += 1
            at = now()
            content = content_of(each, number, at)
            chain = link(chain, content)
            if key is not None:
                seal, sealer = key.seal(number, chain), key.name
            kept_at = at if postgresql else at.strftime(_SQLITE_MOMENT)
            what = (each.code.id, each.code.subtype, each.outcome, searchable(each.actor.name))
            events.append((number, kept_at, *what, content, chain, seal, sealer))
            found_by += [(number, *subject) for subject in subjects(each.patients, each.studies)]
        end = (number, chain, seal, sealer)
        if first:
            steps = [(_FIRST, [end]), (_EVENT, events)]
        elif postgresql:
            steps = [(_EVENT, events[:-1]), (_LAST, [end + events[-1]])]
        else:
            steps = [(_MOVE, [end]), (_EVENT, events)]
        for statement, rows in (*steps, (_SUBJECT, found_by)):
            if postgresql:
                statement = statement.replace("?", "%s")
            if len(rows) == 1:
                cursor.execute(statement, rows[0])
            elif rows:
                cursor.executemany(statement, rows)


def _end(cursor: Any, *, postgresql: bool, durable: bool) -> tuple[int, str, bool]:  # noqa: ANN401 - of two drivers
    """Return the number and the hash of the last event, and whether there is none."""
    if postgresql:
        cursor.execute(_LOCKED_HEAD if durable else _SOON + _LOCKED_HEAD)
        while cursor.nextset():
            pass
    else:
        cursor.execute(_HEAD)
    found = cursor.fetchone()
    return (0, BEGINNING, True) if found is None else (*found, False)
