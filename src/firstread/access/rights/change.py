"""Changing the rules: rights are given, denied and revoked, roles made and removed, all without a restart."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from firstread.access.action import Action
from firstread.access.rights.holdings import known_key
from firstread.access.rights.models import Holding, PolicyVersion, Role, Rule
from firstread.access.rights.policy import ANY_ACTION, StoredRule
from firstread.access.rights.scope import ALL, parse_scope
from firstread.errors import UsageError

ROLE = "role:"
OF_STUDIES = frozenset(
    (
        Action.READ_STUDY, Action.DELETE_STUDY, Action.EXPORT_STUDY, Action.DEIDENTIFY, Action.READ_CROSSWALK,
        Action.READ_PRELIMINARY, Action.READ_REPORT, Action.EDIT_REPORT, Action.SIGN_REPORT, Action.READ_ALERT,
        Action.ACKNOWLEDGE_ALERT, Action.READ_JOB, Action.MANAGE_JOBS, Action.READ_DATA_SET,
    )
)  # fmt: skip
"""What can be given for some studies only. Storing cannot: a refusal would tell that the study is there."""


@dataclass(frozen=True)
class RoleRights:
    """A role with its rules."""

    name: str
    description: str
    rules: tuple[StoredRule, ...]


def add_rule(
    connection: Connection,
    subject: str,
    action: str,
    scope: str = ALL,
    *,
    effect: str = "allow",
    by: str = "",
) -> StoredRule:
    """Give or deny a right; where it is given or denied already, nothing changes.

    Args:
        connection: In a transaction that writes.
        subject: `role:NAME` or an actor, `KIND:NAME`.
        action: One of `Action`, or * for all.
        scope: Where; see `scope.parse_scope`.
        effect: allow or deny.
        by: `Actor.key` of who changes it.

    Raises:
        UsageError: there is no such role or action, or it cannot be given for some studies only.
    """
    subject = _subject(connection, subject)
    if action != ANY_ACTION and action not in set(Action):
        raise UsageError(
            f"There is no action {action[:64]!r}.", remedy=f"Actions: {', '.join(sorted(Action))}."
        )
    scope = parse_scope(scope)
    if scope != ALL and action not in OF_STUDIES:
        raise UsageError(f"{action} cannot be given for some studies only.", remedy="Leave the scope out.")
    values = {"subject": subject, "action": action, "scope": scope, "effect": effect}
    same = [getattr(Rule, column) == value for column, value in values.items()]
    columns = (Rule.id, Rule.subject, Rule.action, Rule.scope, Rule.effect)
    found = connection.execute(select(*columns).where(*same)).one_or_none()
    if found is None:
        connection.execute(insert(Rule).values(**values, created_by=by))
        found = connection.execute(select(*columns).where(*same)).one()
        _count(connection)
    return StoredRule(*found)


def remove_rule(connection: Connection, rule: int) -> StoredRule:
    """Revoke what a rule gives or denies, and return it.

    Raises:
        UsageError: there is none of this number.
    """
    columns = (Rule.id, Rule.subject, Rule.action, Rule.scope, Rule.effect)
    found = connection.execute(select(*columns).where(Rule.id == rule)).one_or_none()
    if found is None:
        raise UsageError(f"There is no rule {rule}.", remedy="`firstread access rules` lists them.")
    connection.execute(delete(Rule).where(Rule.id == rule))
    _count(connection)
    return StoredRule(*found)


def list_rules(connection: Connection, subject: str | None = None) -> list[StoredRule]:
    """Return the rules by number; of one subject, where it is named."""
    statement = select(Rule.id, Rule.subject, Rule.action, Rule.scope, Rule.effect).order_by(Rule.id)
    if subject is not None:
        statement = statement.where(Rule.subject == subject)
    return [StoredRule(*row) for row in connection.execute(statement)]


def list_roles(connection: Connection) -> list[RoleRights]:
    """Return the roles with their rights."""
    rules: dict[str, list[StoredRule]] = {}
    for rule in list_rules(connection):
        rules.setdefault(rule.subject, []).append(rule)
    rows: Sequence[tuple[str, str]] = [
        (row.name, row.description)
        for row in connection.execute(select(Role.name, Role.description).order_by(Role.id))
    ]
    return [RoleRights(name, said, tuple(rules.get(f"{ROLE}{name}", ()))) for name, said in rows]


def add_role(connection: Connection, name: str, description: str = "") -> None:
    """Make a role, without rights at first.

    Raises:
        UsageError: there is one of this name, or it is none.
    """
    if not name.isidentifier() or len(name) > 64:
        raise UsageError("A role's name has letters, digits and underscores.")
    if _is_role(connection, name):
        raise UsageError(f"There is a role {name} already.")
    connection.execute(insert(Role).values(name=name, description=description))


def remove_role(connection: Connection, name: str) -> None:
    """Remove a role with its rights; who held it by this list holds it no more.

    Raises:
        UsageError: there is none of this name.
    """
    if not _is_role(connection, name):
        raise UsageError(f"There is no role {name[:64]!r}.", remedy="`firstread access roles` lists them.")
    connection.execute(delete(Rule).where(Rule.subject == f"{ROLE}{name}"))
    connection.execute(delete(Role).where(Role.name == name))
    connection.execute(delete(Holding).where(Holding.kind == "role", Holding.value == name))
    _count(connection)


def _subject(connection: Connection, subject: str) -> str:
    if not subject.startswith(ROLE):
        return known_key(connection, subject)
    if not _is_role(connection, subject.removeprefix(ROLE)):
        raise UsageError(f"There is no {subject[:64]!r}.", remedy="`firstread access roles` lists them.")
    return subject


def _is_role(connection: Connection, name: str) -> bool:
    return connection.execute(select(Role.id).where(Role.name == name)).first() is not None


def _count(connection: Connection) -> None:
    connection.execute(update(PolicyVersion).values(version=PolicyVersion.version + 1))
