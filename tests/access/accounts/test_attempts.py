from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from firstread.access.accounts import attempts
from firstread.access.accounts.attempts import begin, forget_old, of_address, of_name, succeed, waiting
from firstread.archive.database import open_engine, reading, writing


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        at = datetime(2026, 1, 1, tzinfo=UTC)

        def __call__(self):
            return self.at

    clock = Clock()
    monkeypatch.setattr(attempts, "now", clock)
    return clock


def test_after_the_free_failures_each_wait_is_twice_the_one_before(engine, clock):
    name = of_name("ada")
    waits = []
    for _ in range(14):
        assert begin(engine, [name]) == 0.0
        wait = begin(engine, [name])
        waits.append(wait)
        if wait == 0.0:  # that one was an attempt, too
            waits.append(begin(engine, [name]))
        clock.at += timedelta(seconds=max(waits[-1], 0.0))
    told = [wait for wait in waits if wait]
    assert told[:7] == [15, 30, 60, 120, 240, 480, 900]
    assert set(told[7:]) == {900}


def test_the_wait_is_that_of_the_database_and_so_of_every_process(engine, clock):
    for _ in range(5):
        assert begin(engine, [of_name("ada")]) == 0.0
    other = open_engine(engine.url.render_as_string(hide_password=False))
    assert begin(other, [of_name("ada")]) == 15.0
    assert begin(other, [of_name("ben")]) == 0.0
    other.dispose()


def test_many_attempts_at_once_are_counted_one_by_one(engine, clock):
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: begin(engine, [of_name("ada")]), range(24)))
    assert waits.count(0.0) == 5


def test_success_forgets_the_name_but_not_what_else_failed_from_the_address(engine, clock):
    name, address = of_name("ada"), of_address("10.1.2.3")
    for guessed in ("b", "c", "d"):
        begin(engine, [of_name(guessed), address])
    begin(engine, [name, address])
    with writing(engine) as connection:
        succeed(connection, name=name, address=address)
    with reading(engine) as connection:
        assert waiting(connection, name) == (0, None)
        assert waiting(connection, address) == (3, None)


def test_one_address_that_tries_many_names_waits(engine, clock):
    address = of_address("10.1.2.3")
    for at in range(30):
        assert begin(engine, [of_name(f"name {at}"), address]) == 0.0
    assert begin(engine, [of_name("another"), address]) == 15.0
    assert begin(engine, [of_name("another"), of_address("10.1.2.4")]) == 0.0


def test_what_was_refused_for_now_does_not_make_the_wait_longer(engine, clock):
    for _ in range(40):
        begin(engine, [of_name("ada")])
    assert begin(engine, [of_name("ada")]) == 15.0


def test_addresses_of_one_network_of_ipv6_are_one():
    assert of_address("2001:db8::1") == of_address("2001:db8::ffff:1")
    assert of_address("2001:db8::1") != of_address("2001:db8:0:1::1")
    assert of_address("::ffff:10.0.0.1") == of_address("10.0.0.1")


def test_after_a_day_failures_are_forgotten(engine, clock):
    for _ in range(8):
        begin(engine, [of_name("ada")])
    clock.at += timedelta(hours=25)
    assert begin(engine, [of_name("ada")]) == 0.0
    with reading(engine) as connection:
        assert waiting(connection, of_name("ada")) == (1, None)
    clock.at += timedelta(hours=25)
    with writing(engine) as connection:
        forget_old(connection)
        assert waiting(connection, of_name("ada")) == (0, None)
