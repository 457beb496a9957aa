"""What people do with an alert: acknowledge, confirm, downgrade, cancel, close. Each is recorded with who did it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from firstread.access import Actor
from firstread.alerts.configuration import Configuration
from firstread.alerts.events import happened
from firstread.alerts.models import (
    LEVELS,
    OPEN,
    Alert,
    AlertAcknowledgement,
    AlertNotification,
    AlertState,
    Level,
)
from firstread.archive.columns import now
from firstread.archive.models import Study
from firstread.errors import RefusedInput, UsageError

How = Literal["web", "direct", "telephone", "message"]
LONGEST_TEXT = 2000


@dataclass(frozen=True)
class Acknowledged:
    """What an acknowledgement did: the state now, and whether it stopped the clock."""

    state: AlertState
    ended: bool


def acknowledge(
    connection: Connection,
    alert: int,
    actor: Actor,
    configuration: Configuration,
    *,
    how: How = "web",
    recipient: str = "",
    read_back: str = "",
    within: ColumnElement[bool] | None = None,
    at: datetime | None = None,
) -> Acknowledged | None:
    """Write down that somebody took notice; the clock stops, unless the chain waits for other roles.

    Args:
        connection: From `writing`.
        alert: Which.
        actor: Who writes it down, and acknowledges where no recipient is named.
        configuration: The site's.
        how: web, where people acknowledge for themselves; else how they were told (PS3.20 section 9.8.10).
        recipient: Who was told; "": the actor.
        read_back: The words in which they repeated it.
        within: What the study must fulfil.
        at: When; None: now.

    Returns:
        What it did; None where there is no such alert.

    Raises:
        UsageError: a text is too long, or nobody is named who was told.
        RefusedInput: the alert has ended.
    """
    recipient, read_back = _checked(recipient, "recipient"), _checked(read_back, "read_back")
    if how != "web" and not recipient:
        raise UsageError("Who was told is not named.", remedy="Name the recipient.")
    row, at = _locked(connection, alert, within), at or now()
    if row is None:
        return None
    if row.state not in OPEN:
        raise _ended(row)
    chain = configuration.chain_named(row.chain, row.level)
    # Who was told on the telephone has no roles here: the person who wrote it down answers for it.
    ended = not chain.until or how != "web" or bool(actor.roles & set(chain.until))
    connection.execute(
        insert(AlertAcknowledgement).values(
            alert_key=alert,
            round=row.round,
            at=at,
            recipient=recipient or _shown(actor),
            recorded_by_kind=actor.kind,
            recorded_by=_shown(actor),
            how=how,
            read_back=read_back,
            ended=ended,
        )
    )
    if ended:
        _change(connection, alert, at, state="acknowledged", acknowledged_at=at, due_at=None)
        _drop_notifications(connection, alert)
    happened(
        connection,
        row,
        "acknowledged" if ended else "seen",
        at=at,
        actor=actor,
        how=how,
        recipient=recipient or _shown(actor),
        read_back=read_back,
    )
    return Acknowledged("acknowledged" if ended else row.state, ended)


def confirm(
    connection: Connection,
    alert: int,
    actor: Actor,
    *,
    within: ColumnElement[bool] | None = None,
    at: datetime | None = None,
    by_signing: bool = False,
) -> bool:
    """Write down that a radiologist saw the finding too; the clock goes on until somebody acknowledges it.

    `by_signing`: by signing the report in which it stands.

    Raises:
        RefusedInput: the alert has ended.
    """
    row, at = _locked(connection, alert, within), at or now()
    if row is None:
        return False
    if row.state not in (*OPEN, "acknowledged"):
        raise _ended(row)
    _change(connection, alert, at, confirmed_at=at)
    how = {"how": "report signed"} if by_signing else {}
    happened(connection, row, "confirmed", at=at, actor=actor, **how)
    return True


def downgrade(
    connection: Connection,
    alert: int,
    actor: Actor,
    level: Level,
    reason: str,
    configuration: Configuration,
    *,
    within: ColumnElement[bool] | None = None,
    at: datetime | None = None,
) -> bool:
    """Make an alert less urgent: the chain of the new level begins, without telling anybody twice.

    Raises:
        UsageError: there is no reason, or the level is not lower.
        RefusedInput: the alert has ended.
    """
    reason = _reason(reason)
    row, at = _locked(connection, alert, within), at or now()
    if row is None:
        return False
    if row.state not in OPEN:
        raise _ended(row)
    if LEVELS.index(level) <= LEVELS.index(row.level):
        raise UsageError(
            f"The alert is of the level {row.level} already.", remedy="Name a less urgent level."
        )
    chain = configuration.chain_of(level)
    step = min(max(row.step, 0), len(chain.steps) - 1)
    _change(
        connection,
        alert,
        at,
        level=level,
        chain=chain.name,
        step=row.step if row.step < 0 else step,
        due_at=at if row.step < 0 else at + timedelta(minutes=chain.steps[step].minutes),
        deadline_at=row.raised_at + timedelta(minutes=configuration.clocks.of(level)),
    )
    happened(connection, row, "downgraded", at=at, actor=actor, to=level, reason=reason)
    return True


def cancel(
    connection: Connection,
    alert: int,
    actor: Actor,
    reason: str,
    *,
    within: ColumnElement[bool] | None = None,
    at: datetime | None = None,
) -> bool:
    """End an alert that is none: a radiologist looked, and says why.

    Raises:
        UsageError: there is no reason.
        RefusedInput: the alert has ended.
    """
    reason = _reason(reason)
    row, at = _locked(connection, alert, within), at or now()
    if row is None:
        return False
    if row.state not in (*OPEN, "acknowledged"):
        raise _ended(row)
    _change(connection, alert, at, state="cancelled", ended_at=at, due_at=None)
    _drop_notifications(connection, alert)
    happened(connection, row, "cancelled", at=at, actor=actor, reason=reason)
    return True


def close(
    connection: Connection,
    alert: int,
    actor: Actor,
    *,
    within: ColumnElement[bool] | None = None,
    at: datetime | None = None,
) -> bool:
    """Close an alert that was acknowledged; `close_after_hours` does so by itself.

    Raises:
        RefusedInput: nobody has acknowledged it, or it has ended.
    """
    row, at = _locked(connection, alert, within), at or now()
    if row is None:
        return False
    if row.state != "acknowledged":
        raise (
            RefusedInput("Nobody has acknowledged it yet.", remedy="Acknowledge or cancel it first.")
            if row.state in OPEN
            else _ended(row)
        )
    _change(connection, alert, at, state="closed", ended_at=at)
    happened(connection, row, "closed", at=at, actor=actor)
    return True


def mark_seen(
    connection: Connection, alerts: Sequence[int], recipients: Sequence[str], at: datetime | None = None
) -> None:
    """Write down that a browser has shown alerts to somebody."""
    connection.execute(
        update(AlertNotification)
        .where(
            AlertNotification.alert_key.in_(alerts),
            AlertNotification.channel == "web",
            AlertNotification.recipient.in_(recipients),
            AlertNotification.seen_at.is_(None),
        )
        .values(seen_at=at or now())
    )


def _locked(connection: Connection, alert: int, within: ColumnElement[bool] | None) -> Row[Any] | None:
    statement = select(Alert.__table__).where(Alert.id == alert)
    if within is not None:
        statement = statement.join(Study, Study.id == Alert.study_key).where(within)
    return connection.execute(statement.with_for_update(of=Alert.__table__)).one_or_none()


def _change(connection: Connection, alert: int, at: datetime, **values: Any) -> None:  # noqa: ANN401
    connection.execute(update(Alert).where(Alert.id == alert).values(changed_at=at, **values))


def _drop_notifications(connection: Connection, alert: int) -> None:
    connection.execute(
        update(AlertNotification)
        .where(AlertNotification.alert_key == alert, AlertNotification.state == "waiting")
        .values(state="dropped", next_try_at=None)
    )


def _shown(actor: Actor) -> str:
    return actor.name or actor.kind


def _reason(text: str) -> str:
    text = _checked(text, "reason").strip()
    if not text:
        raise UsageError("There is no reason.", remedy="Say why, in a few words.")
    return text


def _checked(text: str, what: str) -> str:
    if len(text) > LONGEST_TEXT or any(not each.isprintable() and each not in "\n\t" for each in text):
        raise UsageError(
            f"The {what} cannot be used.", remedy=f"Write up to {LONGEST_TEXT} characters of text."
        )
    return text


def _ended(row: Row[Any]) -> RefusedInput:
    return RefusedInput(f"The alert is {row.state}.", remedy="Load it again to see what happened.")
