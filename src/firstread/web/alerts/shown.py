"""Alerts as a browser or a program is told them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from firstread.access import Actor
from firstread.alerts.configuration import WEB
from firstread.alerts.models import OPEN, Alert, AlertAcknowledgement, AlertNotification
from firstread.alerts.queries import AlertRecord, AlertStatus, list_alerts
from firstread.alerts.recipients import ANYONE, key_of_account
from firstread.alerts.rules import Rule
from firstread.alerts.site_rules import named
from firstread.archive.columns import now
from firstread.findings import NOTICE
from firstread.texts import Lang

UNTOLD_S = 10.0
"""An alert that no process has told anybody after so long is shown to everybody who may acknowledge it."""


def title_of(alert: AlertStatus, rules: Sequence[Rule], lang: Lang) -> str:
    """Return the alert's title in a language, where its rule has one."""
    rule = named(rules, alert.rule)
    return (rule.title_zh if lang == "zh" and rule is not None else None) or alert.title


def as_json(alert: AlertStatus) -> dict[str, Any]:
    """Return an alert as JSON."""
    return {
        "notice": NOTICE,
        **{name: _plain(getattr(alert, name)) for name in AlertStatus.__dataclass_fields__},
        "open": alert.is_open,
        "late": alert.is_late(now()),
    }


def record_as_json(record: AlertRecord) -> dict[str, Any]:
    """Return an alert with its history as JSON."""
    return {
        **as_json(record.alert),
        "events": _all(record.events),
        "notifications": _all(record.notifications),
        "acknowledgements": _all(record.acknowledgements),
    }


def mine(connection: Connection, actor: Actor, within: ColumnElement[bool] | None) -> list[AlertStatus]:
    """Return the open alerts that an actor's browser shows until they are acknowledged.

    They are those of the actor's patients that the chain has told the actor, or everybody, in browsers; and those
    that nobody was told yet though it was time. What the actor has acknowledged is not shown again, though the clock
    goes on.
    """
    found = list_alerts(connection, within=within, states=OPEN)
    keys = recipients_of(actor)
    told = set(
        connection.execute(
            select(AlertNotification.alert_key)
            .join(Alert, Alert.id == AlertNotification.alert_key)
            .where(
                Alert.state.in_(OPEN),
                AlertNotification.round == Alert.round,
                AlertNotification.channel == WEB,
                *([] if keys is None else [AlertNotification.recipient.in_(keys)]),
            )
        ).scalars()
    )
    taken = set(
        connection.execute(
            select(AlertAcknowledgement.alert_key)
            .join(Alert, Alert.id == AlertAcknowledgement.alert_key)
            .where(
                Alert.state.in_(OPEN),
                AlertAcknowledgement.round == Alert.round,
                AlertAcknowledgement.recorded_by_kind == actor.kind,
                AlertAcknowledgement.recorded_by == (actor.name or actor.kind),
            )
        ).scalars()
    )
    present = now()
    return [
        each
        for each in found
        if each.id not in taken
        and (each.id in told or (each.step < 0 and (present - each.raised_at).total_seconds() > UNTOLD_S))
    ]


def recipients_of(actor: Actor) -> list[str] | None:
    """Return the keys under which browsers of an actor are told; None: all, as this computer has no account."""
    return None if actor.kind == "local" else [ANYONE, key_of_account(actor.name)]


def _all(rows: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    return [{key: _plain(value) for key, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    return value.isoformat() if hasattr(value, "isoformat") else value
