"""One notification: claimed right before its last word, sent, and settled; a channel that fails falls through.

What is promised of each channel, where the process may be killed at any instruction:

* Until the last word (SMTP: the mail itself, after the server's 354; HTTP and MLLP: the request) the row says
  `waiting`. Killed before, the notification is sent by the next process, once.
* Right before the last word the row becomes `sending`, committed. Killed after, it may or may not have been taken.
  - Channels whose receivers know a repetition by its key (webhook: Idempotency-Key; hl7: MSH-10; fhir: conditional
    creation) send it again: at least once on the wire, once for a receiver that looks at the key.
  - SMTP has no such thing, and nobody can be asked whether a mail was taken. The row becomes `uncertain`, is never
    sent again, and counts as not delivered: the next channel is used, and the chain goes on. So a mail is never sent
    twice, and whether one was lost is not silently left open.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, insert, or_, select, update

from firstread.alerts.channels.base import NotWanted, Sender, Uncertain
from firstread.alerts.clock import add_notification, fallback
from firstread.alerts.configuration import Configuration
from firstread.alerts.events import happened
from firstread.alerts.messages import Message, message_of
from firstread.alerts.models import OPEN, Alert, AlertChannel, AlertNotification
from firstread.alerts.recipients import Person
from firstread.archive.database import reading, writing
from firstread.errors import FirstreadError
from firstread.network.failures import PassingFailure

FIRST_WAIT_S = 10.0
LONGEST_WAIT_S = 300.0
TRIES_BEFORE_FALLING_THROUGH = 2
FAILURES_THAT_REST_A_CHANNEL = 3
GIVE_UP_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class Outcome:
    """How a try ended: sent, passing, permanent, uncertain or unwanted."""

    verdict: str
    error: str = ""
    retry_after_s: float | None = None


def due(
    connection: Connection, at: datetime, most: int, besides: Sequence[int], *, channel: str
) -> Sequence[Any]:
    """Return a channel's notifications whose time has come, the most urgent first; not those that are being sent."""
    return connection.execute(
        select(AlertNotification.id, AlertNotification.channel)
        .join(Alert, Alert.id == AlertNotification.alert_key)
        .where(
            AlertNotification.channel == channel,
            AlertNotification.state == "waiting",
            AlertNotification.next_try_at <= at,
            AlertNotification.id.not_in(besides),
        )
        .order_by(Alert.deadline_at, AlertNotification.id)
        .limit(most)
    ).all()


def channels_due(connection: Connection, at: datetime) -> list[str]:
    """Return the channels in which something is due."""
    found = select(AlertNotification.channel).where(
        AlertNotification.state == "waiting", AlertNotification.next_try_at <= at
    )
    return list(connection.execute(found.distinct()).scalars())


def resting(connection: Connection, at: datetime) -> dict[str, datetime]:
    """Return the channels that nobody tries for now, and until when."""
    rows = connection.execute(
        select(AlertChannel.name, AlertChannel.try_after).where(
            AlertChannel.try_after > at, AlertChannel.failures >= FAILURES_THAT_REST_A_CHANNEL
        )
    )
    return {row.name: row.try_after for row in rows}


def attempt(engine: Engine, sender: Sender, notification: int, *, process: str, public_url: str) -> Outcome:
    """Send one notification; nothing escapes but that the database is away.

    Raises:
        ArchiveUnavailable: nothing was sent.
    """
    with reading(engine) as connection:
        message = message_of(connection, notification, public_url=public_url)
    if message is None:
        return Outcome("unwanted")

    def last_word() -> None:
        with writing(engine) as connection:
            claimed = connection.execute(
                update(AlertNotification)
                .where(
                    AlertNotification.id == notification,
                    AlertNotification.state == "waiting",
                    AlertNotification.alert_key.in_(
                        select(Alert.id).where(Alert.state.in_(OPEN), Alert.round == AlertNotification.round)
                    ),
                )
                .values(state="sending", claim=process)
            )
            if not claimed.rowcount:
                raise NotWanted("The alert has ended, or another process sends it.")

    return _send(sender, message, last_word)


def _send(sender: Sender, message: Message, last_word: Any) -> Outcome:  # noqa: ANN401 - LastWord
    try:
        sender.send(message, last_word)
    except NotWanted:
        return Outcome("unwanted")
    except Uncertain as problem:
        return Outcome("passing" if sender.repeatable else "uncertain", str(problem))
    except PassingFailure as problem:
        return Outcome("passing", str(problem), problem.retry_after_s)
    except FirstreadError as problem:
        return Outcome("permanent", str(problem))
    except Exception as problem:  # a fault of firstread: its text could quote the patient
        return Outcome("uncertain", f"Unexpected {type(problem).__name__}.")
    return Outcome("sent")


def settle(
    engine: Engine,
    notification: int,
    outcome: Outcome,
    configuration: Configuration,
    at: datetime,
    *,
    tried: bool = True,
) -> None:
    """Write how a try ended, and fall through to the next channel where it failed."""
    with writing(engine) as connection:
        alert_of = select(AlertNotification.alert_key).where(AlertNotification.id == notification)
        alert = connection.execute(
            select(Alert.__table__).where(Alert.id == alert_of.scalar_subquery()).with_for_update()
        ).one_or_none()
        if alert is None:
            return
        row = connection.execute(
            select(AlertNotification.__table__).where(AlertNotification.id == notification).with_for_update()
        ).one()
        match outcome.verdict:
            case "sent":
                _sent(connection, alert, row, at)
            case "unwanted":
                if row.state == "waiting" and not _is_wanted(alert, row):
                    _change(connection, row, state="dropped", next_try_at=None)
            case _:
                _failed(connection, alert, row, outcome, configuration, at, tried)


def recover(
    connection: Connection, configuration: Configuration, repeatable: dict[str, bool], me: str, at: datetime
) -> int:
    """Take up what another process was sending when it ended; return how many.

    Called by the process that has the lease.
    """
    left = connection.execute(
        select(AlertNotification.__table__).where(
            AlertNotification.state == "sending", AlertNotification.claim != me
        )
    ).all()
    for row in left:
        alert = connection.execute(
            select(Alert.__table__).where(Alert.id == row.alert_key).with_for_update()
        ).one()
        if repeatable.get(row.channel, False):
            _change(connection, row, state="waiting", next_try_at=at, claim="")
        else:
            error = "The process ended while it sent this; whether it was taken is not known."
            _failed(connection, alert, row, Outcome("uncertain", error), configuration, at, True)
    return len(left)


def drop_unwanted(connection: Connection) -> None:
    """Let go of notifications whose alert has ended, or was raised anew."""
    connection.execute(
        update(AlertNotification)
        .where(
            AlertNotification.state == "waiting",
            AlertNotification.alert_key.in_(
                select(Alert.id).where(or_(Alert.state.not_in(OPEN), Alert.round != AlertNotification.round))
            ),
        )
        .values(state="dropped", next_try_at=None)
    )


def _is_wanted(alert: Row[Any], row: Row[Any]) -> bool:
    return alert.state in OPEN and alert.round == row.round


def _sent(connection: Connection, alert: Row[Any], row: Row[Any], at: datetime) -> None:
    if row.state == "sent":
        return
    _change(connection, row, state="sent", sent_at=at, next_try_at=None, error="", attempts=row.attempts + 1)
    connection.execute(delete(AlertChannel).where(AlertChannel.name == row.channel))
    if alert.state == "raised" and alert.round == row.round:
        connection.execute(
            update(Alert).where(Alert.id == alert.id, Alert.state == "raised").values(state="notified")
        )
    happened(connection, alert, "told", at=at, recipient=row.name, channel=row.channel)


def _failed(
    connection: Connection,
    alert: Row[Any],
    row: Row[Any],
    outcome: Outcome,
    configuration: Configuration,
    at: datetime,
    tried: bool,
) -> None:
    attempts = row.attempts + tried
    values: dict[str, Any] = {"error": outcome.error, "attempts": attempts, "claim": ""}
    if outcome.verdict == "passing":
        wait = min(FIRST_WAIT_S * 2.0 ** min(max(attempts - 1, 0), 20), LONGEST_WAIT_S)
        wait = max(wait, min(outcome.retry_after_s or 0.0, LONGEST_WAIT_S))
        given_up = at - row.created_at > GIVE_UP_AFTER
        values |= {
            "state": "failed" if given_up else "waiting",
            "next_try_at": None if given_up else at + timedelta(seconds=wait),
        }
        if tried:
            _note_failure(connection, row.channel, outcome.error, at)
    else:
        state = "uncertain" if outcome.verdict == "uncertain" else "failed"
        values |= {"state": state, "next_try_at": None}
    _change(connection, row, **values)
    falls = outcome.verdict != "passing" or not tried or attempts >= TRIES_BEFORE_FALLING_THROUGH
    if falls and row.fell_through_at is None and _is_wanted(alert, row):
        _change(connection, row, fell_through_at=at)
        _fall_through(connection, alert, row, outcome, configuration, at)


def _fall_through(
    connection: Connection,
    alert: Row[Any],
    row: Row[Any],
    outcome: Outcome,
    configuration: Configuration,
    at: datetime,
) -> None:
    """Use the next channel for whom one did not reach; where nobody of the step can be reached, escalate at once."""
    person = _person(row)
    ways = fallback(person, json.loads(row.otherwise), configuration)
    detail = {"channel": row.channel, "recipient": row.name, "error": outcome.error}
    happened(connection, alert, "fell through", at=at, to=ways[0].channel if ways else "nothing", **detail)
    for way in ways:
        add_notification(connection, alert, row.step, way, at)
    if (
        row.step == alert.step
        and alert.due_at is not None
        and not _may_be_reached(connection, alert, row.step)
    ):
        happened(connection, alert, "unreachable", at=at, step=str(row.step + 1))
        connection.execute(update(Alert).where(Alert.id == alert.id).values(due_at=at))


def _may_be_reached(connection: Connection, alert: Row[Any], step: int) -> bool:
    """Tell whether anybody of a step was told, or may still be at the first tries."""
    return (
        connection.execute(
            select(AlertNotification.id)
            .where(
                AlertNotification.alert_key == alert.id,
                AlertNotification.round == alert.round,
                AlertNotification.step == step,
                AlertNotification.fell_through_at.is_(None),
                AlertNotification.state.in_(("waiting", "sending", "sent")),
            )
            .limit(1)
        ).first()
        is not None
    )


def _person(row: Row[Any]) -> Person:
    return Person(row.person, row.name, email=row.email, account=row.account)


def _note_failure(connection: Connection, channel: str, error: str, at: datetime) -> None:
    known = connection.execute(
        select(AlertChannel.__table__).where(AlertChannel.name == channel).with_for_update()
    ).one_or_none()
    failures = (known.failures if known else 0) + 1
    over = max(failures - FAILURES_THAT_REST_A_CHANNEL, 0)
    wait = min(FIRST_WAIT_S * 2.0 ** min(over, 20), LONGEST_WAIT_S)
    values = {"failures": failures, "try_after": at + timedelta(seconds=wait), "error": error}
    if known is None:
        connection.execute(insert(AlertChannel).values(name=channel, failing_since=at, **values))
    else:
        connection.execute(update(AlertChannel).where(AlertChannel.name == channel).values(values))


def _change(connection: Connection, row: Row[Any], **values: Any) -> None:  # noqa: ANN401 - columns
    connection.execute(update(AlertNotification).where(AlertNotification.id == row.id).values(values))
