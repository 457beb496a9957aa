"""What an actor may do: on one study, and on which of all."""

import threading
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    bindparam,
    false,
    literal,
    not_,
    or_,
    select,
    union_all,
)
from sqlalchemy import String as SQLString
from sqlalchemy import cast as as_type

from firstread.access.accounts.models import BelongingRow
from firstread.access.action import Action
from firstread.access.actor import Actor
from firstread.access.gate import Denied, Grant
from firstread.access.rights.models import BrokenGlass, Holding, PolicyVersion
from firstread.access.rights.policy import Policy, StoredRule, load_policy
from firstread.access.rights.scope import ALL, Standing, as_condition
from firstread.archive.columns import Moment, now
from firstread.archive.database import reading
from firstread.archive.models import Study

THROUGH_GLASS = (Action.READ_STUDY, Action.READ_REPORT, Action.READ_PRELIMINARY, Action.READ_ALERT)
"""What broken glass gives: to look, and nothing else."""


@dataclass(frozen=True)
class Decision:
    """Whether something is allowed; `rule` is the one that decides, None where there is none."""

    allowed: bool
    rule: StoredRule | None
    because: str


class Rights:
    """Decides by the rules in the database as they are at that moment; for any number of threads.

    Every question reads the actor's standing and the policy's number, in one statement; the rules are read again
    only when their number has changed.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._policy: Policy | None = None
        self._loading = threading.Lock()

    def grant(self, actor: Actor, action: Action) -> Grant:
        """Return what the actor may do it on.

        Raises:
            Denied: on nothing, whatever there is.
        """
        policy, standing = self._now(actor)
        scopes = _scopes(policy, standing, actor, action)
        if scopes is None:
            raise Denied(
                f"You may not: no rule gives you {action.value}.",
                remedy="Whoever manages rights sees which rule decides: `firstread access explain`.",
            )
        return Grant(actor, scopes.condition(standing))

    def within(self, actor: Actor, action: Action) -> ColumnElement[bool] | None:
        """Return what a row of `Study` must fulfil for the actor to do it, for a WHERE; None: every study does."""
        policy, standing = self._now(actor)
        scopes = _scopes(policy, standing, actor, action)
        return false() if scopes is None else scopes.condition(standing)

    def decide(self, actor: Actor, action: Action, study: str | None = None) -> Decision:
        """Decide, and say by which rule.

        Args:
            actor: Who asks.
            action: What for.
            study: Study Instance UID; None asks whether it is allowed at all.
        """
        with reading(self._engine) as connection:
            policy, standing = self._at(connection, actor)
            if not _is_in_token(actor, action):
                return Decision(False, None, "The token is not for this.")
            rules = policy.concerning(standing.subjects, action)
            if study is None:
                return _at_all(policy, standing, action, rules)
            glass = standing.broken if action in THROUGH_GLASS else ()
            scopes = sorted({rule.scope for rule in rules} | {scope for _, scope in glass})
            held = _held(connection, scopes, standing, study)
        allowed, rule = policy.decide(standing.subjects, action, held)
        if rule is not None:
            return Decision(allowed, rule, f"{rule}.")
        for number, scope in glass:
            if scope in held:
                return Decision(True, None, f"Broken glass {number}: {scope}.")
        if not rules:
            return Decision(False, None, "No rule gives it.")
        return Decision(False, None, "No rule that gives it has this study in its scope.")

    def standing(self, actor: Actor) -> Standing:
        """Return what the actor has now."""
        return self._now(actor)[1]

    def _now(self, actor: Actor) -> tuple[Policy, Standing]:
        with reading(self._engine) as connection:
            return self._at(connection, actor)

    def _at(self, connection: Connection, actor: Actor) -> tuple[Policy, Standing]:
        version, standing = _standing(connection, actor)
        policy = self._policy
        if policy is None or policy.version != version:
            with self._loading:
                policy = self._policy
                if policy is None or policy.version != version:
                    policy = self._policy = load_policy(connection, version)
        return policy, standing


@dataclass(frozen=True)
class _Scopes:
    """Where an action is allowed, and where it is denied all the same."""

    allowed: frozenset[str]
    denied: frozenset[str]

    def condition(self, standing: Standing) -> ColumnElement[bool] | None:
        """Return what a row of `Study` must fulfil; None: nothing."""
        conditions = []
        if ALL not in self.allowed:
            conditions.append(or_(*(as_condition(each, standing) for each in sorted(self.allowed))))
        if self.denied:
            conditions.append(not_(or_(*(as_condition(each, standing) for each in sorted(self.denied)))))
        return and_(*conditions) if conditions else None


def _scopes(policy: Policy, standing: Standing, actor: Actor, action: Action) -> _Scopes | None:
    """Return where an actor may do something; None: nowhere, whatever there is."""
    if not _is_in_token(actor, action):
        return None
    rules = policy.concerning(standing.subjects, action)
    if not _at_all(policy, standing, action, rules).allowed:
        return None
    allowed = {rule.scope for rule in rules if rule.effect == "allow"}
    denied = {rule.scope for rule in rules if rule.effect == "deny"}
    if action in THROUGH_GLASS:
        allowed |= {scope for _, scope in standing.broken}
    return _Scopes(frozenset(allowed), frozenset(denied))


def _is_in_token(actor: Actor, action: Action) -> bool:
    return actor.scopes is None or action in actor.scopes


def _at_all(policy: Policy, standing: Standing, action: Action, rules: list[StoredRule]) -> Decision:
    """Decide without a study: a rule that gives it somewhere gives it, unless one takes it everywhere."""
    decided: StoredRule | None = None
    for scope in (ALL, *sorted({rule.scope for rule in rules if rule.effect == "allow"} - {ALL})):
        allowed, rule = policy.decide(standing.subjects, action, (ALL, scope))
        if allowed:
            return Decision(True, rule, f"{rule}.")
        decided = decided or rule
    if decided is None and action in THROUGH_GLASS and standing.broken:
        number, scope = standing.broken[0]
        return Decision(True, None, f"Broken glass {number}: {scope}.")
    return Decision(False, decided, f"{decided}." if decided else "No rule gives it.")


def _held(connection: Connection, scopes: list[str], standing: Standing, study: str) -> set[str]:
    """Return which of the scopes hold for a study; of one that is not there only that of all."""
    asked = [scope for scope in scopes if scope != ALL]
    if asked:
        columns = [as_condition(scope, standing).label(f"scope_{n}") for n, scope in enumerate(asked)]
        row = connection.execute(select(*columns).where(Study.study_uid == study)).one_or_none()
        return {ALL, *(scope for scope, holds in zip(asked, row or (), strict=False) if holds)}
    return {ALL}


def _standing(connection: Connection, actor: Actor) -> tuple[int, Standing]:
    """Return the number of the policy, and what the actor has."""
    asked = {"actor": actor.key, "account": actor.account or 0, "at": now()}
    found: dict[str, set[str]] = {}
    for kind, value in connection.execute(_STANDING, asked):
        found.setdefault(kind, set()).add(value)
    roles = {*actor.roles, *found.get("role", ())}
    if actor.kind == "node":
        roles.add("node")
    elif actor.kind == "local" and not roles:
        roles.add("administrator")
    broken = sorted(each.split(" ", 1) for each in found.get("broken", ()))
    standing = Standing(
        key=actor.key,
        subjects=frozenset((actor.key, *(f"role:{role}" for role in roles))),
        departments=actor.departments | found.get("department", set()),
        projects=frozenset(found.get("project", ())),
        referring=frozenset(found.get("referring", ())),
        broken=tuple((int(number), scope) for number, scope in broken),
    )
    return int(found["policy"].pop()), standing


# Put together once: that takes SQLAlchemy longer than the database takes to answer.
_TEXT = SQLString()
_STANDING = union_all(
    select(literal("policy").label("kind"), as_type(PolicyVersion.version, _TEXT).label("value")),
    select(Holding.kind, Holding.value).where(Holding.actor == bindparam("actor")),
    select(literal("referring"), BelongingRow.value).where(
        BelongingRow.account_key == bindparam("account"), BelongingRow.kind == "referring_name"
    ),
    select(literal("broken"), as_type(BrokenGlass.id, _TEXT).concat(" ").concat(BrokenGlass.scope)).where(
        BrokenGlass.actor == bindparam("actor"),
        BrokenGlass.ended_at.is_(None),
        BrokenGlass.until > bindparam("at", type_=Moment),
    ),
)
