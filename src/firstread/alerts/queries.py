"""Asking for alerts: those of a study, those that are open, one with all that happened to it, and statistics."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from firstread.alerts.models import (
    LEVELS,
    OPEN,
    Alert,
    AlertAcknowledgement,
    AlertChannel,
    AlertEvent,
    AlertNotification,
    AlertState,
    Level,
)
from firstread.archive.columns import now
from firstread.archive.models import Patient, Study

UNDELIVERED = ("waiting", "sending", "uncertain", "failed")


@dataclass(frozen=True)
class AlertStatus:
    """An alert as it stands. `patient_name` and `patient_id` are "" where the study was removed."""

    id: int
    study_uid: str
    level: Level
    state: AlertState
    rule: str
    title: str
    text: str
    because: str
    findings: tuple[dict[str, Any], ...]
    also: tuple[str, ...]
    revision: int
    stands: bool
    round: int
    step: int
    raised_at: datetime
    deadline_at: datetime
    due_at: datetime | None
    confirmed_at: datetime | None
    acknowledged_at: datetime | None
    ended_at: datetime | None
    patient_name: str
    patient_id: str
    accession_number: str
    referring_physician: str
    study_date: str

    @property
    def is_open(self) -> bool:
        """Whether its clock runs."""
        return self.state in OPEN

    def is_late(self, at: datetime) -> bool:
        """Tell whether it was not acknowledged in the time of its level."""
        return (self.acknowledged_at or at) > self.deadline_at and self.state != "cancelled"


@dataclass(frozen=True)
class AlertRecord:
    """An alert with all that happened to it, whom it was told, and who acknowledged it."""

    alert: AlertStatus
    events: tuple[dict[str, Any], ...]
    notifications: tuple[dict[str, Any], ...]
    acknowledgements: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class LevelStatistics:
    """Numbers of a level; seconds from the raising (or the raising anew) to the acknowledgement."""

    level: Level
    raised: int
    open: int
    overdue: int
    acknowledged: int
    cancelled: int
    in_time: int
    median_s: float | None
    p95_s: float | None


@dataclass(frozen=True)
class Statistics:
    """The dashboard's numbers."""

    levels: tuple[LevelStatistics, ...]
    undelivered: dict[str, int]
    channels_failing: dict[str, str]


def open_for(
    connection: Connection, study_uid: str, within: ColumnElement[bool] | None = None
) -> list[AlertStatus]:
    """Return the open alerts of a study, the most urgent first."""
    return list_alerts(connection, within=within, study_uid=study_uid, states=OPEN)


def list_alerts(
    connection: Connection,
    *,
    within: ColumnElement[bool] | None = None,
    states: Sequence[AlertState] = (),
    levels: Sequence[Level] = (),
    study_uid: str | None = None,
    limit: int = 1000,
) -> list[AlertStatus]:
    """Return alerts, open ones by urgency and time left.

    Args:
        connection: Of the archive's database.
        within: What the study must fulfil (`Grant.within`); None: every alert, of removed studies too.
        states: Only these; none: all.
        levels: Only these; none: all.
        study_uid: Only of this study.
        limit: So many at most.
    """
    statement = _alerts(within)
    if states:
        statement = statement.where(Alert.state.in_(states))
    if levels:
        statement = statement.where(Alert.level.in_(levels))
    if study_uid is not None:
        statement = statement.where(Alert.study_uid == study_uid)
    rows = connection.execute(statement.order_by(Alert.deadline_at, Alert.id).limit(limit)).all()
    found = [_status(row) for row in rows]
    return sorted(found, key=lambda each: (not each.is_open, LEVELS.index(each.level)))


def find_alert(
    connection: Connection, alert: int, within: ColumnElement[bool] | None = None
) -> AlertRecord | None:
    """Return one alert with its history; None where it is not there, or not the asker's to see."""
    row = connection.execute(_alerts(within).where(Alert.id == alert)).one_or_none()
    if row is None:
        return None
    return AlertRecord(
        _status(row),
        tuple(
            {**_plain(each), "detail": json.loads(each.detail)}
            for each in _all(connection, AlertEvent, alert)
        ),
        tuple(_plain(each, "claim", "otherwise") for each in _all(connection, AlertNotification, alert)),
        tuple(_plain(each) for each in _all(connection, AlertAcknowledgement, alert)),
    )


def statistics(
    connection: Connection,
    *,
    within: ColumnElement[bool] | None = None,
    since: datetime | None = None,
    at: datetime | None = None,
) -> Statistics:
    """Return the dashboard's numbers, of alerts raised since a moment (None: all)."""
    at = at or now()
    statement = _alerts(within)
    if since is not None:
        statement = statement.where(Alert.raised_at >= since)
    found = [_status(row) for row in connection.execute(statement)]
    undelivered = select(AlertNotification.channel, func.count()).join(Alert).outerjoin(Study)
    undelivered = undelivered.where(AlertNotification.state.in_(UNDELIVERED), Alert.state.in_(OPEN))
    if within is not None:
        undelivered = undelivered.where(within)
    counted = connection.execute(undelivered.group_by(AlertNotification.channel)).all()
    failing = connection.execute(select(AlertChannel.name, AlertChannel.error).order_by(AlertChannel.name))
    return Statistics(
        tuple(_of_level(level, [each for each in found if each.level == level], at) for level in LEVELS),
        {channel: count for channel, count in counted},
        {row.name: row.error for row in failing},
    )


def _of_level(level: Level, alerts: Sequence[AlertStatus], at: datetime) -> LevelStatistics:
    waits = sorted(
        (each.acknowledged_at - each.raised_at) / timedelta(seconds=1)
        for each in alerts
        if each.acknowledged_at is not None
    )
    return LevelStatistics(
        level=level,
        raised=len(alerts),
        open=sum(each.is_open for each in alerts),
        overdue=sum(each.is_open and each.is_late(at) for each in alerts),
        acknowledged=len(waits),
        cancelled=sum(each.state == "cancelled" for each in alerts),
        in_time=sum(each.acknowledged_at is not None and not each.is_late(at) for each in alerts),
        median_s=median(waits) if waits else None,
        p95_s=waits[math.ceil(0.95 * len(waits)) - 1] if waits else None,
    )


def _alerts(within: ColumnElement[bool] | None) -> Select[Any]:
    statement = (
        select(
            Alert.__table__,
            Patient.name.label("patient_name"),
            Patient.patient_id,
            Study.accession_number,
            Study.referring_physician,
            Study.study_date,
        )
        .outerjoin(Study, Study.id == Alert.study_key)
        .outerjoin(Patient, Patient.id == Study.patient_key)
    )
    return statement if within is None else statement.where(within)


def _status(row: Row[Any]) -> AlertStatus:
    values: dict[str, Any] = dict(row._mapping)
    said = {name: values[name] for name in _FIELDS}
    said |= {name: values[name] or "" for name in _OF_STUDY}
    said |= {name: tuple(json.loads(values[name])) for name in ("findings", "also")}
    return AlertStatus(**said)


_OF_STUDY = ("patient_name", "patient_id", "accession_number", "referring_physician", "study_date")
_FIELDS = tuple(AlertStatus.__dataclass_fields__)


def _all(connection: Connection, table: type[Any], alert: int) -> Sequence[Row[Any]]:
    return connection.execute(
        select(table.__table__).where(table.alert_key == alert).order_by(table.id)
    ).all()


def _plain(row: Row[Any], *without: str) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name not in ("alert_key", *without)}
