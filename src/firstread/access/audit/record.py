"""Recording: an event is written with the change that it tells of, or neither is.

Events gather while a transaction runs and are chained when it commits. Only then is the end of the chain taken, so
writers wait for each other's commit and not for each other's work, and nobody who holds the end waits for anything
else: there is no deadlock, and the chain cannot fork.
"""

import threading
from typing import Any
from weakref import WeakKeyDictionary, ref

from sqlalchemy import Connection, Engine, bindparam, event, insert, select, text, update

from firstread.access.audit.chain import BEGINNING, SealKey, content_of, link, searchable, subjects
from firstread.access.audit.event import Event
from firstread.access.audit.models import AuditEvent, AuditHead, AuditSubject
from firstread.archive.columns import now
from firstread.archive.database import writing
from firstread.archive.group_commit import GroupCommit

KEY_OPTION = "audit_key"
"""Execution option of an engine that holds the sealing key, bytes."""

_CHAIN_LOCK = 7_318_221_905  # any number that nothing else on the server uses
_lock = threading.Lock()
_groups: WeakKeyDictionary[Engine, tuple[GroupCommit[tuple[Event, ...]], GroupCommit[tuple[Event, ...]]]] = (
    WeakKeyDictionary()
)
_gathered: WeakKeyDictionary[Connection, list[Event]] = WeakKeyDictionary()

_HEAD = select(AuditHead.number, AuditHead.chain)
_ADD = insert(AuditEvent)
_ADD_SUBJECT = insert(AuditSubject)
_MOVE = update(AuditHead).where(AuditHead.id == 1).values(
    number=bindparam("to"), chain=bindparam("by"), seal=bindparam("sealed"), sealer=bindparam("key_name")
)  # fmt: skip
_LOCK = text(f"SELECT pg_advisory_xact_lock({_CHAIN_LOCK})")


def record(connection: Connection, happened: Event) -> None:
    """Record an event in the caller's transaction: when that commits, the event is in the chain.

    Where the event cannot be written the commit fails, and with it what the event tells of. An event of a transaction
    that is undone is gone with it; one of a savepoint that is undone stays, as it was tried.

    Args:
        connection: From `writing`.
        happened: What happened.
    """
    if not connection.get_execution_options().get("writes"):
        raise ValueError("an event is recorded in a transaction that writes")
    waiting = _gathered.get(connection)
    if waiting is None:
        waiting = _gathered[connection] = []
        event.listen(connection, "commit", _write)
        event.listen(connection, "rollback", _forget)
    waiting.append(happened)


def record_now(engine: Engine, *happened: Event, durable: bool = False) -> None:
    """Record events in a transaction of their own: for what changes nothing, before it is answered.

    Args:
        engine: The archive's database.
        happened: What happened, in order.
        durable: Wait until the disk has it. Else it outlives this process at once and a loss of power within a
            second.

    Raises:
        ArchiveUnavailable, ArchiveFull: it cannot be written; what it tells of must not be given.
    """
    with _lock:
        groups = _groups.get(engine)
        if groups is None:
            groups = _groups[engine] = (_group(engine, durable=False), _group(engine, durable=True))
    groups[durable].submit(happened)


def _group(engine: Engine, *, durable: bool) -> GroupCommit[tuple[Event, ...]]:
    """Return what commits for all that record at the same time."""
    known = ref(engine)

    def commit(listed: list[tuple[Event, ...]]) -> None:
        engine = known()
        assert engine is not None
        with writing(engine, journalled=not durable) as connection:
            if not durable and engine.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            for happened in listed:
                for each in happened:
                    record(connection, each)

    return GroupCommit(commit)


def _forget(connection: Connection) -> None:
    if waiting := _gathered.get(connection):
        waiting.clear()


def _write(connection: Connection) -> None:
    """Chain what has gathered."""
    waiting = _gathered.get(connection)
    if not waiting:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK)
    head = connection.execute(_HEAD).one_or_none()
    number, chain = (0, BEGINNING) if head is None else head
    secret = connection.get_execution_options().get(KEY_OPTION)
    key = SealKey(secret) if secret else None
    rows: list[dict[str, Any]] = []
    found_by: list[dict[str, Any]] = []
    seal = sealer = ""
    for happened in waiting:
        number += 1
        at = now()
        content = content_of(happened, number, at)
        chain = link(chain, content)
        if key is not None:
            seal, sealer = key.seal(number, chain), key.name
        rows.append(
            {
                "id": number,
                "at": at,
                "code": happened.code.id,
                "subtype": happened.code.subtype,
                "outcome": happened.outcome,
                "actor": searchable(happened.actor.name),
                "content": content,
                "chain": chain,
                "seal": seal,
                "sealer": sealer,
            }
        )
        found_by += [
            {"event_key": number, "kind": kind, "value": value}
            for kind, value in subjects(happened.patients, happened.studies)
        ]
    waiting.clear()
    connection.execute(_ADD, rows)
    if found_by:
        connection.execute(_ADD_SUBJECT, found_by)
    if head is None:
        connection.execute(
            insert(AuditHead).values(id=1, number=number, chain=chain, seal=seal, sealer=sealer)
        )
    else:
        connection.execute(_MOVE, {"to": number, "by": chain, "sealed": seal, "key_name": sealer})
