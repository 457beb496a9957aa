"""The rules that a site changes in the browser: over those of the files, kept in the database with their history.

A rule of a name that the files have takes its place; others come first, as those of a file do. Clocks, chains and
channels are the file's alone. Whoever asks for the configuration reads the newest change, so that every process of
every host has it with the next result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import Connection, Row, func, insert, select
from sqlalchemy.exc import IntegrityError

from firstread.access import Actor
from firstread.access.audit import Event, EventCode, record
from firstread.alerts.configuration import Configuration, load_configuration, over
from firstread.alerts.models import AlertRules
from firstread.alerts.rules import Rule
from firstread.archive.columns import now
from firstread.errors import RefusedInput, UsageError
from firstread.settings import Settings

Act = Literal["added", "changed", "removed", "restored", "undone"]
MOST = 200
"""Rules that a site has of its own: every one is asked of every finding."""


class RulesChanged(RefusedInput):
    """Somebody else has changed the rules since they were looked at."""


class Changes(BaseModel):
    """The rules that are a site's own, in the order in which they are asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[Rule, ...] = ()

    def with_rule(self, rule: Rule) -> "Changes":
        """Return these with a rule in place of the one of its name, or before all."""
        return Changes(rules=over(self.rules, (rule,)))

    def without(self, name: str) -> "Changes":
        """Return these without the rule of a name: the files' is then as it was, and one that they have not is gone."""
        return Changes(rules=tuple(each for each in self.rules if each.name != name))


@dataclass(frozen=True)
class Version:
    """The rules after one change: its number from 1, when, by whom, what was done to which rule."""

    number: int
    at: datetime | None
    actor: str
    act: str
    rule: str
    content: str

    @property
    def changes(self) -> Changes:
        """The rules that were the site's own then.

        Raises:
            UsageError: another version of firstread wrote them, and they cannot be used.
        """
        return _parsed(self.content, self.number)


BEFORE_ALL = Version(0, None, "", "", "", "{}")
"""What holds until somebody changes something: the files."""


def configuration_now(connection: Connection, settings: Settings) -> Configuration:
    """Return what holds at this moment: the shipped rules, as the site's file and then its page change them.

    Raises:
        UsageError: the file, or what was kept of the page, cannot be used.
    """
    return with_changes(load_configuration(settings), newest(connection).changes)


def with_changes(base: Configuration, changes: Changes) -> Configuration:
    """Return a configuration with a site's own rules over its own."""
    if not changes.rules:
        return base
    return base.model_copy(update={"rules": over(base.rules, changes.rules)})


def newest(connection: Connection) -> Version:
    """Return the version that holds; the files alone where nobody has changed anything."""
    table = AlertRules.__table__
    row = connection.execute(select(table).order_by(table.c.id.desc()).limit(1)).one_or_none()
    return BEFORE_ALL if row is None else _version(row)


def version(connection: Connection, number: int) -> Version | None:
    """Return the version of a number, 0 the files alone; None where there is none."""
    if number == 0:
        return BEFORE_ALL
    row = connection.execute(select(AlertRules.__table__).where(AlertRules.id == number)).one_or_none()
    return None if row is None else _version(row)


def history(connection: Connection, *, limit: int = 100) -> list[Version]:
    """Return the latest changes, the newest first."""
    table = AlertRules.__table__
    return [
        _version(row) for row in connection.execute(select(table).order_by(table.c.id.desc()).limit(limit))
    ]


def change(
    connection: Connection,
    changes: Changes,
    actor: Actor,
    *,
    seen: int,
    act: Act,
    rule: str = "",
    detail: dict[str, str] | None = None,
) -> int:
    """Let these be a site's rules from now on; return the number of the version.

    Args:
        connection: From `writing`.
        changes: All rules of the site's own.
        actor: Who changes them.
        seen: Number of the version that the actor has seen.
        act: What is done.
        rule: To which rule; "": to several.
        detail: More for the audit trail, which has it as a change of the configuration in the same transaction.

    Raises:
        RulesChanged: another version holds.
        UsageError: there are too many.
    """
    if len(changes.rules) > MOST:
        raise UsageError(
            f"A site has at most {MOST} rules of its own.", remedy="Remove one that is not needed."
        )
    held = connection.execute(select(func.max(AlertRules.id))).scalar_one() or 0
    if held != seen:
        raise _changed()
    values = {
        "id": seen + 1,
        "at": now(),
        "actor_kind": actor.kind,
        "actor": actor.name,
        "act": act,
        "rule": rule,
        "content": changes.model_dump_json(exclude_defaults=True),
    }
    try:
        connection.execute(insert(AlertRules).values(values))
    except IntegrityError:  # on PostgreSQL, in the same moment
        raise _changed() from None
    told = {"what": f"alert rule {act}", "rule": rule, "version": str(seen + 1), **(detail or {})}
    record(connection, Event(EventCode.SOFTWARE_CONFIGURATION, "U", 0, actor, detail=told))
    return seen + 1


def named(rules: Sequence[Rule], name: str) -> Rule | None:
    """Return the rule of a name."""
    return next((each for each in rules if each.name == name), None)


def _changed() -> RulesChanged:
    return RulesChanged(
        "Somebody else has changed the rules meanwhile.",
        remedy="Load the page again, and look at them first.",
    )


def _version(row: Row[Any]) -> Version:
    return Version(row.id, row.at, row.actor, row.act, row.rule, row.content)


@lru_cache(maxsize=8)
def _parsed(content: str, number: int) -> Changes:
    try:
        return Changes.model_validate_json(content)
    except ValidationError:
        raise UsageError(
            f"Version {number} of the alert rules cannot be used by this version of firstread.",
            remedy="Go back to an earlier one on the page of the alert rules.",
        ) from None
