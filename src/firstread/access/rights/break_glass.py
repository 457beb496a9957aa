"""Breaking the glass: in an emergency somebody looks at a patient's data without a right to, says why, and is seen."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, select, update

from firstread.access.action import Action
from firstread.access.actor import Actor
from firstread.access.audit import Event, EventCode, record
from firstread.access.gate import Denied
from firstread.access.rights.models import BrokenGlass
from firstread.access.rights.rights import Rights
from firstread.access.rights.scope import parse_scope
from firstread.archive.columns import now
from firstread.archive.notices import tell
from firstread.errors import UsageError

LONGEST_MIN = 24 * 60
USUAL_MIN = 60
SHORTEST_REASON = 10
"""Characters; a reason is a sentence, and an auditor reads it."""
_KINDS = ("patient:", "study:")


@dataclass(frozen=True)
class Breaking:
    """Somebody broke the glass; nobody has looked at it yet where `reviewed_by` is ""."""

    id: int
    actor: str
    scope: str
    reason: str
    begun_at: datetime
    until: datetime
    ended_at: datetime | None
    reviewed_by: str
    reviewed_at: datetime | None


def break_glass(
    rights: Rights, connection: Connection, actor: Actor, scope: str, reason: str, minutes: int = USUAL_MIN
) -> Breaking:
    """Let an actor look at one patient's data, or at one study, for a time.

    What a rule denies stays denied. Whether there is such a patient or study is not told. The audit trail has it as a
    security alert, Emergency Override Started (PS3.15 A.5.3.10), in the same transaction.

    Args:
        rights: Say whether the actor may do this at all.
        connection: In a transaction that writes.
        actor: Who it is.
        scope: `patient:ID` or `study:UID`.
        reason: Why; it is kept for ever.
        minutes: How long, 1 to 1440.

    Raises:
        Denied: the actor may not break the glass.
        UsageError: the scope is another, the reason says too little, or the time is too long.
    """
    decision = rights.decide(actor, Action.BREAK_GLASS)
    if not decision.allowed:
        raise Denied("You may not break the glass.", remedy="It is the right access.break_glass.")
    scope, reason = parse_scope(scope), " ".join(reason.split())
    if not scope.startswith(_KINDS) or ";" in scope or scope == "patient:mine":
        raise UsageError(
            "The glass is broken for one patient or one study.", remedy="patient:ID or study:UID."
        )
    if len(reason) < SHORTEST_REASON or not reason.isprintable():
        raise UsageError("A reason is needed, in a sentence.")
    if not 1 <= minutes <= LONGEST_MIN:
        raise UsageError(f"The glass is open for 1 to {LONGEST_MIN} minutes.")
    at = now()
    values = {"actor": actor.key, "scope": scope, "reason": reason[:1000], "begun_at": at}
    made = connection.execute(
        insert(BrokenGlass).values(**values, until=at + timedelta(minutes=minutes)).returning(BrokenGlass.id)
    ).scalar_one()
    detail = {"broken glass": str(made), "scope": scope, "reason": reason[:1000], "minutes": str(minutes)}
    record(connection, _event(EventCode.EMERGENCY_OVERRIDE_STARTED, actor, scope, detail))
    tell(connection, "glass", needs=Action.READ_AUDIT)
    return next(each for each in broken_glass(connection) if each.id == made)


def end_broken_glass(connection: Connection, number: int, by: Actor, *, only_own: bool = False) -> None:
    """Close it before its time; `only_own`: as of one that is not there where another broke it.

    Raises:
        UsageError: it is not open.
    """
    if only_own and number not in {each.id for each in open_of(connection, by)}:
        raise _none()
    _change(connection, number, ended_at=now(), only_open=True)
    (closed,) = (each for each in broken_glass(connection) if each.id == number)
    detail = {"broken glass": str(number), "of": closed.actor}
    record(connection, _event(EventCode.EMERGENCY_OVERRIDE_STOPPED, by, closed.scope, detail))


def review(connection: Connection, number: int, by: str) -> None:
    """Note that an auditor has looked at it.

    Raises:
        UsageError: there is none of this number, or it is the auditor's own.
    """
    if any(each.id == number and each.actor == by for each in broken_glass(connection, unseen=True)):
        raise UsageError("Nobody reviews what they did themselves.", remedy="Another auditor looks at it.")
    _change(connection, number, reviewed_by=by, reviewed_at=now())


def broken_glass(connection: Connection, *, unseen: bool = False) -> list[Breaking]:
    """Return every time that the glass was broken, the latest first; `unseen`: those that nobody has looked at."""
    table = BrokenGlass.__table__
    statement = select(table).order_by(BrokenGlass.id.desc())
    if unseen:
        statement = statement.where(BrokenGlass.reviewed_at.is_(None))
    return [Breaking(**row) for row in connection.execute(statement).mappings()]


def open_of(connection: Connection, actor: Actor) -> list[Breaking]:
    """Return what an actor may look at through broken glass now, the latest first."""
    table = BrokenGlass.__table__
    is_open = (BrokenGlass.actor == actor.key, BrokenGlass.ended_at.is_(None), BrokenGlass.until > now())
    rows = connection.execute(select(table).where(*is_open).order_by(BrokenGlass.id.desc())).mappings()
    return [Breaking(**row) for row in rows]


def count_unseen(connection: Connection) -> int:
    """Return how often the glass was broken and nobody has looked at it yet."""
    statement = select(func.count()).select_from(BrokenGlass).where(BrokenGlass.reviewed_at.is_(None))
    return connection.execute(statement).scalar_one()


def _event(code: EventCode, actor: Actor, scope: str, detail: dict[str, str]) -> Event:
    kind, _, value = scope.partition(":")
    patients, studies = ([value], []) if kind == "patient" else ([], [value])
    return Event(code, "E", 0, actor, patients=patients, studies=studies, detail=detail)


def _change(connection: Connection, number: int, *, only_open: bool = False, **values: object) -> None:
    statement = update(BrokenGlass).where(BrokenGlass.id == number)
    if only_open:
        statement = statement.where(BrokenGlass.ended_at.is_(None), BrokenGlass.until > now())
    if connection.execute(statement.values(**values)).rowcount == 0:
        raise _none()


def _none() -> UsageError:
    return UsageError(
        "There is no such broken glass, or it is closed.", remedy="`firstread access break-glass list`."
    )
