"""Checking the trail: every event is what was recorded, none is missing, and their order is that of their numbers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from firstread.access.audit.chain import BEGINNING, SealKey, link, searchable, subjects
from firstread.access.audit.models import AuditEvent, AuditHead, AuditSubject

PORTION = 1000
MOST_FAULTS = 1000
"""More are not told: the trail is somebody else's by then."""


@dataclass(frozen=True)
class Anchor:
    """Where the chain ended at some time, kept outside the database."""

    number: int
    chain: str


@dataclass(frozen=True)
class Fault:
    """What is wrong, and at which event; `number` 0 is the head of the chain."""

    number: int
    problem: str


@dataclass(frozen=True)
class Verification:
    """How many events there are, how many of them a key at hand seals, and every fault in the order of the trail."""

    events: int
    sealed: int
    head: Anchor | None
    faults: tuple[Fault, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def verify(
    connection: Connection,
    *,
    keys: Mapping[str, SealKey] | None = None,
    anchors: Sequence[Anchor] = (),
) -> Verification:
    """Check the whole trail.

    Args:
        connection: From `reading`.
        keys: Those that seal or sealed, by name. From the first sealed event on each must have a seal of one of them.
        anchors: Ends of the chain that were written down earlier.
    """
    found = _Check(keys or {}, {each.number: each.chain for each in anchors})
    last = 0
    while portion := connection.execute(
        select(AuditEvent).where(AuditEvent.id > last).order_by(AuditEvent.id).limit(PORTION)
    ).all():
        by_event = _subjects_of(connection, portion)
        for row in portion:
            found.check(row, by_event.get(row.id, []))
        last = portion[-1].id
    head = connection.execute(select(AuditHead)).one_or_none()
    found.end(head)
    return Verification(
        found.events,
        found.sealed,
        None if head is None else Anchor(head.number, head.chain),
        tuple(found.faults[:MOST_FAULTS]),
    )


class _Check:
    def __init__(self, keys: Mapping[str, SealKey], anchors: dict[int, str]) -> None:
        self._keys = keys
        self._anchors = anchors
        self._last = 0
        self._may_follow: tuple[str, ...] = (BEGINNING,)  # either may be what the next event was chained to
        self._is_sealed = False
        self.events = self.sealed = 0
        self.faults: list[Fault] = []

    def check(self, row: Row[Any], found_by: list[tuple[str, str]]) -> None:
        """Check the next event."""
        self.events += 1
        if row.id != self._last + 1:
            self._miss(self._last + 1, row.id - 1)
            self._may_follow = ()
        problem = self._problem(row, found_by)
        if problem:
            self.faults.append(Fault(row.id, problem))
        known = self._anchors.pop(row.id, row.chain)
        if known != row.chain:
            self.faults.append(Fault(row.id, "its hash is another than the one that was written down"))
        self._last = row.id

    def end(self, head: Row[Any] | None) -> None:
        """Check where the trail ends."""
        if head is None:
            if self._last:
                self.faults.append(Fault(0, "the head of the chain is missing"))
        elif head.number > self._last:
            self._miss(self._last + 1, head.number)
        elif head.number < self._last or head.chain not in self._may_follow:
            self.faults.append(Fault(0, "the head of the chain is not at its end"))
        elif wrong := self._wrong_seal(head, head.number):
            self.faults.append(Fault(0, f"the head of the chain: {wrong}"))
        self.faults += [
            Fault(number, "it was written down, and is missing") for number in sorted(self._anchors)
        ]

    def _problem(self, row: Row[Any], found_by: list[tuple[str, str]]) -> str:
        before, self._may_follow = self._may_follow, (row.chain,)
        linked = [link(each, row.content) for each in before]
        if before and row.chain not in linked:
            self._may_follow = (row.chain, *linked)
            return "it was changed, or its hash was"
        try:
            said = json.loads(row.content)
            problem = _unlike(row, said, found_by)
        except (ValueError, KeyError, TypeError, AttributeError):
            return "it is no event"
        return problem or self._wrong_seal(row, row.id)

    def _wrong_seal(self, row: Row[Any], number: int) -> str:
        if not row.sealer and not row.seal:
            return "its seal is missing" if self._is_sealed else ""
        self._is_sealed = True
        if not self._keys:
            return ""
        key = self._keys.get(row.sealer)
        if key is None:
            return "its seal is of a key that is not at hand"
        if not key.is_seal(row.seal, number, row.chain):
            return "its seal is false"
        self.sealed += number == getattr(row, "id", 0)
        return ""

    def _miss(self, first: int, last: int) -> None:
        what = "it is missing" if first == last else f"it and all up to {last} are missing"
        self.faults.append(Fault(first, what))


def _unlike(row: Row[Any], said: dict[str, Any], found_by: list[tuple[str, str]]) -> str:
    """Tell whether the columns that are searched say something else than the event."""
    if said["n"] != row.id:
        return f"it was event {said['n']}, and was moved"
    same = (
        said["at"] == row.at.isoformat(timespec="microseconds")
        and (said["code"], said["subtype"], said["outcome"]) == (row.code, row.subtype, row.outcome)
        and searchable(said["actor"]["name"]) == row.actor
        and subjects(said["patients"], said["studies"]) == sorted(found_by)
    )
    return "" if same else "what it is searched by was changed"


def _subjects_of(connection: Connection, portion: Sequence[Row[Any]]) -> dict[int, list[tuple[str, str]]]:
    listed: dict[int, list[tuple[str, str]]] = {}
    for key, kind, value in _subject_rows(connection, portion[0].id, portion[-1].id):
        listed.setdefault(key, []).append((kind, value))
    return listed


def _subject_rows(connection: Connection, first: int, last: int) -> Iterator[tuple[int, str, str]]:
    statement = select(AuditSubject.event_key, AuditSubject.kind, AuditSubject.value).where(
        AuditSubject.event_key.between(first, last)
    )
    for row in connection.execute(statement):
        yield row.event_key, row.kind, row.value
