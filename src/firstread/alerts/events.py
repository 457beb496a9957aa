"""What happens to an alert, written down: its own history, the audit trail, and a notice to the browsers."""

import json
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select

from firstread.access import Actor
from firstread.access.audit import Event, EventCode, record
from firstread.access.audit.subjects import patients_of
from firstread.alerts.models import LEVELS, OPEN, Alert, AlertEvent, Level
from firstread.archive.notices import tell
from firstread.archive.worklist import mark

_OF_THE_WORKLIST = ("raised", "reopened", "acknowledged", "downgraded", "cancelled", "closed")
CLOCK = Actor("service", "alerts")
"""Who acts when a clock runs out."""


def happened(
    connection: Connection, alert: Row[Any], kind: str, *, at: datetime, actor: Actor = CLOCK, **detail: str
) -> None:
    """Write that something happened to an alert, in the caller's transaction.

    Args:
        connection: From `writing`.
        alert: Its row: `id`, `study_uid`, `study_key`, `rule`, `level`.
        kind: raised, updated, reopened, notified, escalated, unreachable, acknowledged, confirmed …
        at: When.
        actor: Who did it.
        detail: More of it, in texts; nothing of a patient goes to the audit trail.
    """
    connection.execute(
        insert(AlertEvent).values(
            alert_key=alert.id,
            at=at,
            kind=kind,
            actor_kind=actor.kind,
            actor=actor.name,
            detail=json.dumps(detail, ensure_ascii=False),
        )
    )
    record(
        connection,
        Event(
            EventCode.PATIENT_RECORD,
            "C" if kind == "raised" else "U",
            0,
            actor,
            patients_of(connection, [alert.study_uid]),
            [alert.study_uid],
            {"alert": str(alert.id), "what": kind, "rule": alert.rule, "level": alert.level},
        ),
    )
    if alert.study_key is not None and kind in _OF_THE_WORKLIST:
        mark(connection, alert.study_key, alert=_gravest(connection, alert.study_uid))
    show(connection, alert.study_key, alert.id, kind)


def show(connection: Connection, study_key: int | None, alert: int, kind: str) -> None:
    """Tell the browsers that may know of it that an alert changed; they ask for it themselves."""
    tell(connection, "alert", study_key=study_key, needs="alert.read", content={"alert": alert, "what": kind})


def _gravest(connection: Connection, study_uid: str) -> Level | Literal[""]:
    """Return the level of the most urgent open alert of a study; "" where none is open."""
    levels = set(
        connection.execute(
            select(Alert.level).where(Alert.study_uid == study_uid, Alert.state.in_(OPEN))
        ).scalars()
    )
    return next((level for level in LEVELS if level in levels), "")
