from datetime import timedelta

import pytest

from firstread.access import Actor
from firstread.access.audit import Event, EventCode, record_now
from firstread.access.audit.search import Wanted, all_events, events_after, head, one, search
from firstread.archive.columns import now
from firstread.archive.database import reading
from tests.access.audit.trail import accessed, write_trail


@pytest.fixture
def trail(archive):
    write_trail(archive.engine, 5)
    record_now(
        archive.engine,
        Event(EventCode.LOGIN, "E", 8, Actor("person", "eve\0")),
        Event(EventCode.LOGOUT, "E", 0, Actor("person", "mei")),
    )
    with reading(archive.engine) as connection:
        yield connection


def numbers(found):
    return [each.number for each in found]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(), [7, 6, 5, 4, 3, 2, 1]),
        (Wanted(patient="P2"), [3]),
        (Wanted(study="1.2.3.4"), [5]),
        (Wanted(patient="1.2.3.4"), []),
        (Wanted(actor="eve\0"), [6]),
        (Wanted(actor="mei", code=EventCode.LOGOUT), [7]),
        (Wanted(code=EventCode.LOGIN), [6]),
        (Wanted(failed=True), [6]),
        (Wanted(patient="P2", study="1.2.3.4"), []),
        (Wanted(since=now() + timedelta(days=1)), []),
        (Wanted(until=now() - timedelta(days=1)), []),
        (Wanted(since=now() - timedelta(days=1), until=now() + timedelta(days=1)), [7, 6, 5, 4, 3, 2, 1]),
    ],
)
def test_events_are_found_by_what_an_auditor_asks(trail, wanted, expected):
    assert numbers(search(trail, wanted, limit=100)) == expected
    assert numbers(all_events(trail, wanted)) == expected[::-1]


def test_the_newest_are_listed_and_the_next_are_given(trail):
    assert numbers(search(trail, Wanted(), limit=2)) == [7, 6]
    assert numbers(events_after(trail, 2, limit=2)) == [3, 4]


def test_an_event_is_given_as_it_was_recorded(trail):
    found = one(trail, 3)
    assert found.code is EventCode.INSTANCES_ACCESSED
    assert found.content["patients"] == accessed(2).patients
    assert head(trail).number == 7
    assert one(trail, 8) is None
