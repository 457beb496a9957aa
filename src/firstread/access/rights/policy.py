"""The policy in memory: the rules of the database, in casbin."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from firstread.access.rights.models import Rule
from firstread.access.rights.scope import ALL

MODEL = Path(__file__).parent / "model.conf"
ANY_ACTION = "*"
MOST_DECISIONS = 10_000  # that are remembered; casbin looks at every rule for each


@dataclass(frozen=True)
class StoredRule:
    """A rule as it is stored; `str()` is how people read it."""

    id: int
    subject: str
    action: str
    scope: str
    effect: str

    def __str__(self) -> str:
        where = "" if self.scope == ALL else f" in {self.scope}"
        return f"Rule {self.id}: {self.effect} {self.subject} {self.action}{where}"


class Policy:
    """The rules of one version; nothing changes it.

    Args:
        version: Which one.
        rules: All of them.
    """

    def __init__(self, version: int, rules: Iterable[StoredRule]) -> None:
        self.version = version
        self._decided: dict[Any, tuple[bool, StoredRule | None]] = {}
        self._rules = {str(rule.id): rule for rule in rules}
        self._by_subject: dict[str, list[StoredRule]] = {}
        for rule in self._rules.values():
            self._by_subject.setdefault(rule.subject, []).append(rule)
        from casbin import Enforcer  # a tenth of a second, which not every command has to wait

        model = Enforcer.new_model(str(MODEL))
        for rule in self._rules.values():
            line = [str(rule.id), rule.subject, rule.action, rule.scope, rule.effect]
            model.add_policy("p", "p", line)
        self._enforcer = Enforcer(model)
        self._enforcer.add_function("concerns", lambda subjects, subject: subject in subjects)
        self._enforcer.add_function("names", _names)
        self._enforcer.add_function("holds", lambda scopes, scope: scope in scopes)

    def concerning(self, subjects: Collection[str], action: str) -> list[StoredRule]:
        """Return the rules that are about these subjects and this action, by number."""
        found = [
            rule
            for subject in subjects
            for rule in self._by_subject.get(subject, ())
            if _names(rule.action, action)
        ]
        return sorted(found, key=lambda rule: rule.id)

    def decide(
        self, subjects: Collection[str], action: str, scopes: Collection[str]
    ) -> tuple[bool, StoredRule | None]:
        """Let casbin decide: whether it is allowed, and the rule that says so; None where no rule applies.

        Args:
            subjects: What the actor is.
            action: What it wants.
            scopes: Those that hold for the study.
        """
        key = (frozenset(subjects), action, frozenset(scopes))
        found = self._decided.get(key)
        if found is None:
            allowed, because = self._enforcer.enforce_ex(*key)
            found = bool(allowed), self._rules[because[0]] if because else None
            if len(self._decided) < MOST_DECISIONS:
                self._decided[key] = found
        return found


def load_policy(connection: Connection, version: int) -> Policy:
    """Read the rules."""
    columns = (Rule.id, Rule.subject, Rule.action, Rule.scope, Rule.effect)
    rows = connection.execute(select(*columns).order_by(Rule.id))
    return Policy(version, (StoredRule(*row) for row in rows))


def _names(action: str, wanted: str) -> bool:
    return action in (ANY_ACTION, wanted)
