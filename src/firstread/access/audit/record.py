"""Recording: an event is written with the change that it tells of, or neither is.

Events gather while a transaction runs and are chained when it commits. Only then is the end of the chain taken, so
writers wait for each other's commit and not for each other's work, and nobody who holds the end waits for anything
else: there is no deadlock, and the chain cannot fork.
"""

import threading
from weakref import WeakKeyDictionary, ref

from sqlalchemy import Connection, Engine, event

from firstread.access.audit.appending import append
from firstread.access.audit.chain import SealKey
from firstread.access.audit.event import Event
from firstread.archive.database import writing
from firstread.archive.group_commit import GroupCommit

KEY_OPTION = "audit_key"
"""Execution option of an engine that holds the sealing key, bytes."""

_lock = threading.Lock()
_groups: WeakKeyDictionary[Engine, tuple[GroupCommit[tuple[Event, ...]], GroupCommit[tuple[Event, ...]]]] = (
    WeakKeyDictionary()
)
_gathered: WeakKeyDictionary[Connection, list[Event]] = WeakKeyDictionary()


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
            append(
                connection,
                [each for happened in listed for each in happened],
                _key(connection),
                durable=durable,
            )

    return GroupCommit(commit)


def _forget(connection: Connection) -> None:
    if waiting := _gathered.get(connection):
        waiting.clear()


def _write(connection: Connection) -> None:
    """Chain what has gathered."""
    if waiting := _gathered.get(connection):
        happened = list(waiting)
        waiting.clear()
        append(connection, happened, _key(connection))


def _key(connection: Connection) -> SealKey | None:
    secret = connection.get_execution_options().get(KEY_OPTION)
    return SealKey(secret) if secret else None
