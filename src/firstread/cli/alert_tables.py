"""Alerts as tables for people."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from firstread.alerts.configuration import Chain
from firstread.alerts.models import Level
from firstread.alerts.queries import AlertRecord, AlertStatus, Statistics
from firstread.alerts.rules import Rule
from firstread.archive.columns import now
from firstread.findings import NOTICE

COLOURS = {"minutes": "bold red", "hours": "yellow", "days": "cyan"}


def print_alerts(listed: Sequence[AlertStatus]) -> None:
    """Print alerts, one a line."""
    console = Console()
    if not listed:
        console.print("No alert.")
        return
    table = _table("alert", "level", "state", "time left", "alert of", "finding", "study UID")
    present = now()
    for each in listed:
        left = _left(each.deadline_at - present) if each.is_open else ""
        table.add_row(
            str(each.id),
            Text(each.level, COLOURS[each.level]),
            Text(each.state),
            Text(left, "bold red" if left.startswith("-") else ""),
            Text(each.title),
            Text(each.text),
            Text(each.study_uid),
        )
    console.print(table)
    console.print(Text(f"{NOTICE}.", "dim"))


def print_record(record: AlertRecord) -> None:
    """Print an alert and its history."""
    from firstread.alerts.communication import sentence

    console, alert = Console(), record.alert
    console.print(Text(f"Alert {alert.id}: {alert.title} ({alert.level}), {alert.state}", "bold"))
    console.print(Text(alert.text))
    console.print(Text(f"Why: {alert.because}"))
    if alert.also:
        console.print(Text(f"Rules that fire too: {', '.join(alert.also)}"))
    if not alert.stands:
        console.print(Text("The newest reading did not find it again.", "yellow"))
    table = _table("when", "what", "by", "more")
    for event in record.events:
        more = ", ".join(f"{key}: {value}" for key, value in event["detail"].items() if value)
        table.add_row(_moment(event["at"]), Text(event["kind"]), Text(event["actor"]), Text(more))
    console.print(table)
    table = _table("told", "channel", "state", "tries", "sent", "error")
    for each in record.notifications:
        table.add_row(
            Text(each["name"]),
            Text(each["channel"]),
            Text(each["state"]),
            str(each["attempts"]),
            _moment(each["sent_at"]) if each["sent_at"] else "",
            Text(each["error"]),
        )
    console.print(table)
    console.print(Text(sentence(record)))
    console.print(Text(f"{NOTICE}.", "dim"))


def print_chain(level: Level, chain: Chain, minutes: float) -> None:
    """Print the steps of a level."""
    console = Console()
    console.print(Text(f"{level}: acknowledge within {_left(timedelta(minutes=minutes))}", COLOURS[level]))
    if chain.until:
        console.print(Text(f"  acknowledged by: {', '.join(chain.until)}"))
    after = 0.0
    for step in chain.steps:
        otherwise = f", else {', '.join(step.otherwise)}" if step.otherwise else ""
        who = ", ".join(step.to) or "the channel itself"
        console.print(
            Text(f"  after {_left(timedelta(minutes=after))}: {who} by {', '.join(step.channels)}{otherwise}")
        )
        after += step.minutes
    console.print(Text(f"  after {_left(timedelta(minutes=after))}: it stays open, and overdue"))


def print_rules(rules: Sequence[Rule]) -> None:
    """Print the rules, one a line."""
    table = _table("rule", "level", "an alert each", "title")
    for each in rules:
        name = each.name if each.enabled else f"{each.name} (off)"
        table.add_row(Text(name), Text(each.level, COLOURS[each.level]), each.per, Text(each.title))
    Console().print(table)


def print_dry_run(tried: dict[str, Any], *, every: bool) -> None:
    """Print what would be raised, and why; with `every`, why the other rules do not fire."""
    console = Console()
    for each in tried["alerts"]:
        console.print(Text(f"{each['title']} ({each['level']}): {', '.join(each['findings'])}", "bold"))
        console.print(Text(f"  rule {each['rule']}, because {each['because']}"))
        if each["also"]:
            console.print(Text(f"  rules that fire too: {', '.join(each['also'])}"))
    if not tried["alerts"]:
        console.print(f"No alert, of {tried['findings']} findings.")
    if every:
        table = _table("finding", "rule", "fires", "because")
        for each in tried["rules"]:
            fires = Text("yes", "bold") if each["fires"] else Text("no")
            table.add_row(Text(each["finding"]), Text(each["rule"]), fires, Text(each["because"]))
        console.print(table)
    console.print(Text(f"{NOTICE}. Nobody was told.", "dim"))


def print_statistics(numbers: Statistics) -> None:
    """Print the numbers of the dashboard."""
    titles = ("level", "raised", "open", "overdue", "acknowledged", "in time", "cancelled", "median", "95 %")
    table = _table(*titles)
    for each in numbers.levels:
        counted = (each.raised, each.open, each.overdue, each.acknowledged, each.in_time, each.cancelled)
        spans = (
            "" if each_s is None else _left(timedelta(seconds=each_s))
            for each_s in (each.median_s, each.p95_s)
        )
        table.add_row(Text(each.level, COLOURS[each.level]), *map(str, counted), *spans)
    console = Console()
    console.print(table)
    for channel, count in numbers.undelivered.items():
        console.print(Text(f"{count} notifications of open alerts are not delivered by {channel}.", "yellow"))
    for channel, error in numbers.channels_failing.items():
        console.print(Text(f"The channel {channel} fails: {error}", "bold red"))


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(title)
    return table


def _left(span: timedelta) -> str:
    """Return a span as 2 d 3 h, 3 h 20 min, or 12 min; one that has run out with a minus."""
    minutes = abs(span) // timedelta(minutes=1)
    sign = "-" if span < timedelta(0) else ""
    days, rest = divmod(minutes, 1440)
    hours, minutes = divmod(rest, 60)
    if days:
        return f"{sign}{days} d {hours} h"
    return f"{sign}{hours} h {minutes} min" if hours else f"{sign}{minutes} min"


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")
