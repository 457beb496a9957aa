from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from firstread.access.accounts import sessions
from firstread.access.accounts.account import disable_account
from firstread.access.accounts.models import SessionRow
from firstread.access.accounts.sessions import (
    end_session,
    end_sessions,
    find_session,
    form_token,
    note_seen,
    open_session,
    remove_ended,
    sessions_of,
)
from firstread.archive.database import reading, writing
from tests.access.accounts.conftest import make_person

HOURS, IDLE = timedelta(hours=12), timedelta(hours=1)


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        at = datetime(2026, 1, 1, tzinfo=UTC)

        def __call__(self):
            return self.at

    clock = Clock()
    monkeypatch.setattr(sessions, "now", clock)
    return clock


def opened(engine, key, **more):
    with writing(engine) as connection:
        return open_session(connection, key, **{"way": "password", "lasts": HOURS, **more})


def found(engine, secret):
    with reading(engine) as connection:
        return find_session(connection, secret, idle=IDLE)


def test_a_session_is_found_by_a_secret_of_256_bits_that_is_not_kept(engine, clock):
    key = make_person(engine, password="").id
    secret = opened(engine, key, address="10.0.0.1", browser="Browser\n1")
    assert len(secret) == 43
    assert found(engine, secret).account == key
    assert found(engine, secret).browser == "Browser1"
    with reading(engine) as connection:
        row = connection.execute(select(SessionRow.__table__)).one()
    assert secret not in str(tuple(row))
    assert found(engine, row.digest) is None
    assert found(engine, "") is None


def test_a_session_ends_when_it_is_idle_and_when_its_time_is_over(engine, clock):
    secret = opened(engine, make_person(engine, password="").id)
    start = clock.at
    for _ in range(14):
        clock.at += timedelta(minutes=50)
        note_seen(engine, found(engine, secret))
    clock.at = start + HOURS - timedelta(seconds=1)
    assert found(engine, secret)
    clock.at += timedelta(seconds=1)
    assert found(engine, secret) is None

    other = opened(engine, make_person(engine, "ben", password="").id)
    clock.at += IDLE
    assert found(engine, other) is None
    with writing(engine) as connection:
        remove_ended(connection, idle=IDLE)
        assert connection.execute(select(SessionRow.id)).all() == []


def test_that_it_is_used_is_written_once_a_minute(engine, clock):
    secret = opened(engine, make_person(engine, password="").id)
    begin = clock.at
    clock.at += timedelta(seconds=59)
    note_seen(engine, found(engine, secret))
    assert found(engine, secret).seen_at == begin
    clock.at += timedelta(seconds=1)
    note_seen(engine, found(engine, secret))
    assert found(engine, secret).seen_at == clock.at


def test_what_the_browser_had_before_is_worth_nothing_after(engine, clock):
    key = make_person(engine, password="").id
    waiting = opened(engine, key, waits_for="code")
    secret = opened(engine, key, instead_of=waiting)
    assert found(engine, waiting) is None
    assert found(engine, secret).waits_for == ""
    assert secret != waiting


def test_a_session_that_waits_does_so_for_five_minutes_and_is_not_listed(engine, clock):
    key = make_person(engine, password="").id
    waiting = opened(engine, key, waits_for="code")
    assert found(engine, waiting).waits_for == "code"
    with reading(engine) as connection:
        assert sessions_of(connection, key, idle=IDLE) == []
    clock.at += timedelta(minutes=5)
    assert found(engine, waiting) is None


def test_sessions_are_ended_one_all_but_one_and_with_the_account(engine, clock):
    key, other = (make_person(engine, name, password="").id for name in ("ada", "ben"))
    secrets = [opened(engine, key) for _ in range(4)]
    others = opened(engine, other)
    with writing(engine) as connection:
        end_session(connection, secrets[0])
        assert end_sessions(connection, key, only=found_id(connection, secrets[1])) == 1
        assert end_sessions(connection, key, but=found_id(connection, secrets[2])) == 1
        assert end_sessions(connection, other, only=found_id(connection, secrets[2])) == 0
    assert [bool(found(engine, secret)) for secret in secrets] == [False, False, True, False]
    assert found(engine, others)
    with writing(engine) as connection:
        disable_account(connection, other)
        disable_account(connection, other, disabled=False)
    assert found(engine, others) is None


def found_id(connection, secret):
    return find_session(connection, secret, idle=IDLE).id


def test_the_token_of_forms_is_the_sessions_and_does_not_tell_its_secret():
    assert form_token("a") == form_token("a") != form_token("b")
    assert len(form_token("a")) == 64
