"""When a clock runs out: the next step of the chain, whom it tells, and what to do where nobody can be told."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from firstread.alerts.configuration import WEB, Configuration, Email, Step
from firstread.alerts.events import happened
from firstread.alerts.models import OPEN, Alert, AlertNotification
from firstread.alerts.recipients import Directory, Person, people
from firstread.archive.models import Study

PORTION = 25
"""Alerts in one transaction, and one such a tick: whoever else writes to SQLite gets a turn between."""
SYSTEM = "system:"


@dataclass(frozen=True)
class Told:
    """A person and a channel, before it is tried; `otherwise` are the channels to fall through to."""

    person: Person
    channel: str
    address: str
    otherwise: tuple[str, ...]


def run_due(connection: Connection, configuration: Configuration, directory: Directory, at: datetime) -> int:
    """Advance every alert whose clock has run out, a portion at a time; return how many.

    The caller's transaction holds the rows: two processes never advance one alert.
    """
    due = connection.execute(
        select(Alert.__table__)
        .where(Alert.state.in_(OPEN), Alert.due_at <= at)
        .order_by(Alert.due_at, Alert.id)
        .limit(PORTION)
        .with_for_update(skip_locked=True)
    ).all()
    for alert in due:
        advance(connection, alert, configuration, directory, at)
    return len(due)


def close_acknowledged(connection: Connection, configuration: Configuration, at: datetime) -> int:
    """Close what was acknowledged long enough ago; return how many."""
    before = at - timedelta(hours=configuration.close_after_hours)
    old = connection.execute(
        select(Alert.__table__)
        .where(Alert.state == "acknowledged", Alert.acknowledged_at <= before)
        .limit(PORTION)
        .with_for_update(skip_locked=True)
    ).all()
    for alert in old:
        values = {"state": "closed", "ended_at": at, "changed_at": at}
        connection.execute(update(Alert).where(Alert.id == alert.id).values(values))
        happened(connection, alert, "closed", at=at)
    return len(old)


def advance(
    connection: Connection,
    alert: Row[Any],
    configuration: Configuration,
    directory: Directory,
    at: datetime,
) -> None:
    """Go to the next step that tells somebody new; at the end of the chain the alert stays open, and says so."""
    study = _study(connection, alert)
    chain = configuration.chain_named(alert.chain, alert.level, study.department)
    number = alert.step
    while True:
        number += 1
        if number >= len(chain.steps):
            values: dict[str, Any] = {"due_at": None, "chain": chain.name, "step": len(chain.steps) - 1}
            connection.execute(update(Alert).where(Alert.id == alert.id).values(values))
            happened(connection, alert, "chain ended", at=at, chain=chain.name)
            return
        step = chain.steps[number]
        meant, without = plan(connection, step, configuration, directory, study.referring_physician)
        new = [each for each in meant if _add(connection, alert, number, each, at)]
        for person in without:
            happened(connection, alert, "no address", at=at, step=str(number + 1), recipient=person.name)
        if new:
            break
        why = "nobody is meant" if not meant else "they were told already"
        happened(connection, alert, "step skipped", at=at, step=str(number + 1), why=why)
    values = {
        "chain": chain.name,
        "step": number,
        "due_at": at + timedelta(minutes=step.minutes),
        "state": "escalated" if number else "notified" if _any_sent(new) else "raised",
        "changed_at": at,
    }
    connection.execute(update(Alert).where(Alert.id == alert.id).values(values))
    happened(
        connection,
        alert,
        "escalated" if number else "notifying",
        at=at,
        step=str(number + 1),
        chain=chain.name,
        recipients=", ".join(dict.fromkeys(each.person.name for each in new)),
        channels=", ".join(dict.fromkeys(each.channel for each in new)),
    )


def plan(
    connection: Connection,
    step: Step,
    configuration: Configuration,
    directory: Directory,
    referring: str,
) -> tuple[list[Told], list[Person]]:
    """Return who is told by what in a step, and who has no address in any of its channels."""
    told: list[Told] = []
    without: list[Person] = []
    meant = people(connection, step.to, directory, referring=referring)
    for channel in step.channels:
        if is_system(channel, configuration):
            told.append(_system(channel, step.otherwise))
    personal = [name for name in step.channels if not is_system(name, configuration)]
    for person in meant:
        own = [Told(person, name, address_of(person, name), step.otherwise) for name in personal]
        reached = [each for each in own if each.address]
        if personal and not reached:
            reached = fallback(person, step.otherwise, configuration)
            if not reached:
                without.append(person)
        told += reached
    return told, without


def fallback(person: Person, otherwise: Sequence[str], configuration: Configuration) -> list[Told]:
    """Return the next way to tell somebody whom a channel did not reach: one, or none where none is left."""
    for at, channel in enumerate(otherwise):
        rest = tuple(otherwise[at + 1 :])
        if is_system(channel, configuration):
            return [_system(channel, rest)]
        if address := address_of(person, channel):
            return [Told(person, channel, address, rest)]
    return []


def is_system(channel: str, configuration: Configuration) -> bool:
    """Tell whether a channel tells a system, not a person: webhook, hl7, fhir."""
    return channel != WEB and not isinstance(configuration.channels.get(channel), Email)


def address_of(person: Person, channel: str) -> str:
    """Return where a channel finds a person; "" where it does not."""
    if channel == WEB:
        return person.key if person.has_browser else ""
    return person.email


def notification_key(alert: int, round_: int, recipient: str, channel: str) -> str:
    """Return the identity of a notification: the same for the same person, channel and round of an alert."""
    return hashlib.sha256(f"{alert}\0{round_}\0{recipient}\0{channel}".encode()).hexdigest()[:32]


def add_notification(connection: Connection, alert: Row[Any], step: int, told: Told, at: datetime) -> bool:
    """Write down that somebody is to be told; False where they were, or are being, by this channel."""
    # A mail box is one person, whoever shares it.
    recipient = told.person.key if told.channel == WEB else f"{told.channel}:{told.address.lower()}"
    there = select(AlertNotification.id).where(
        AlertNotification.alert_key == alert.id,
        AlertNotification.round == alert.round,
        AlertNotification.recipient == recipient,
        AlertNotification.channel == told.channel,
    )
    if connection.execute(there).first() is not None:
        return False
    is_shown = told.channel == WEB  # the notice of this very transaction tells the browsers
    connection.execute(
        insert(AlertNotification).values(
            alert_key=alert.id,
            round=alert.round,
            step=step,
            recipient=recipient,
            name=told.person.name,
            channel=told.channel,
            address=told.address,
            person=told.person.key,
            email=told.person.email,
            account=told.person.account,
            key=notification_key(alert.id, alert.round, recipient, told.channel),
            otherwise=json.dumps(told.otherwise),
            state="sent" if is_shown else "waiting",
            sent_at=at if is_shown else None,
            next_try_at=None if is_shown else at,
            created_at=at,
        )
    )
    return True


_add = add_notification


def _system(channel: str, otherwise: Sequence[str]) -> Told:
    return Told(Person(f"{SYSTEM}{channel}", channel), channel, f"{SYSTEM}{channel}", tuple(otherwise))


def _any_sent(new: Sequence[Told]) -> bool:
    return any(each.channel == WEB for each in new)


def _study(connection: Connection, alert: Row[Any]) -> Any:  # noqa: ANN401 - a row
    found = connection.execute(
        select(Study.referring_physician, Study.department).where(Study.id == alert.study_key)
    ).one_or_none()
    return found if found is not None else _NO_STUDY


@dataclass(frozen=True)
class _NoStudy:
    referring_physician: str = ""
    department: str = ""


_NO_STUDY = _NoStudy()
