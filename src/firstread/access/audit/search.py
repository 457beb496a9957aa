"""Looking things up in the trail."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from firstread.access.audit.chain import searchable
from firstread.access.audit.event import EventCode
from firstread.access.audit.models import AuditEvent, AuditHead, AuditSubject
from firstread.access.audit.verify import Anchor

PORTION = 1000


@dataclass(frozen=True)
class Recorded:
    """An event of the trail: its number, its content as it was recorded, and its hash."""

    number: int
    content: dict[str, Any]
    chain: str

    @property
    def code(self) -> EventCode:
        """Kind of event."""
        return EventCode((self.content["code"], self.content["subtype"]))


@dataclass(frozen=True)
class Wanted:
    """What is looked for; None does not matter.

    Args:
        since: From this moment on.
        until: Before this moment.
        actor: Name of who did it.
        code: Kind.
        patient: Patient ID.
        study: Study Instance UID.
        failed: Only what did not succeed.
    """

    since: datetime | None = None
    until: datetime | None = None
    actor: str | None = None
    code: EventCode | None = None
    patient: str | None = None
    study: str | None = None
    failed: bool = False


def search(connection: Connection, wanted: Wanted, *, limit: int) -> list[Recorded]:
    """Return the newest events that are looked for, newest first."""
    statement = _chosen(wanted).order_by(AuditEvent.id.desc()).limit(limit)
    return [_recorded(row) for row in connection.execute(statement)]


def events_after(
    connection: Connection, number: int, *, wanted: Wanted | None = None, limit: int = PORTION
) -> list[Recorded]:
    """Return the next events after one, oldest first."""
    statement = _chosen(wanted or Wanted()).where(AuditEvent.id > number).order_by(AuditEvent.id).limit(limit)
    return [_recorded(row) for row in connection.execute(statement)]


def all_events(connection: Connection, wanted: Wanted | None = None) -> Iterator[Recorded]:
    """Yield events, oldest first."""
    last = 0
    while portion := events_after(connection, last, wanted=wanted):
        yield from portion
        last = portion[-1].number


def one(connection: Connection, number: int) -> Recorded | None:
    """Return an event by its number."""
    row = connection.execute(_chosen(Wanted()).where(AuditEvent.id == number)).one_or_none()
    return None if row is None else _recorded(row)


def head(connection: Connection) -> Anchor | None:
    """Return where the chain ends; None where nothing was recorded."""
    row = connection.execute(select(AuditHead.number, AuditHead.chain)).one_or_none()
    return None if row is None else Anchor(row.number, row.chain)


def _chosen(wanted: Wanted) -> Any:  # noqa: ANN401 - a Select
    statement = select(AuditEvent.id, AuditEvent.content, AuditEvent.chain)
    if wanted.since is not None:
        statement = statement.where(AuditEvent.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(AuditEvent.at < wanted.until)
    if wanted.actor is not None:
        statement = statement.where(AuditEvent.actor == searchable(wanted.actor))
    if wanted.code is not None:
        statement = statement.where(
            AuditEvent.code == wanted.code.id, AuditEvent.subtype == wanted.code.subtype
        )
    if wanted.failed:
        statement = statement.where(AuditEvent.outcome > 0)
    for kind, value in (("patient", wanted.patient), ("study", wanted.study)):
        if value is not None:
            about = select(AuditSubject.event_key).where(
                AuditSubject.kind == kind, AuditSubject.value == searchable(value)
            )
            statement = statement.where(AuditEvent.id.in_(about))
    return statement


def _recorded(row: Any) -> Recorded:  # noqa: ANN401 - a Row
    return Recorded(row.id, json.loads(row.content), row.chain)
