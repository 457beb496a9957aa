import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from firstread.access.accounts import links
from firstread.access.accounts.account import disable_account
from firstread.access.accounts.links import find_link, first_link, new_link, use_link, write_link
from firstread.archive.database import reading, writing
from tests.access.accounts.conftest import make_person


def test_a_link_works_once_and_looking_at_it_does_not_use_it(engine):
    with writing(engine) as connection:
        secret = first_link(connection)
        assert find_link(connection, secret).account is None
        assert find_link(connection, secret)
        assert use_link(connection, secret)
        assert find_link(connection, secret) is None
        assert use_link(connection, secret) is None
        assert find_link(connection, "another") is None


def test_of_many_at_once_one_gets_it(engine):
    key = make_person(engine, password="").id
    with writing(engine) as connection:
        secret = new_link(connection, key)

    def use(_):
        with writing(engine) as connection:
            return use_link(connection, secret)

    with ThreadPoolExecutor(8) as pool:
        assert sum(link is not None for link in pool.map(use, range(16))) == 1


def test_with_an_account_no_link_makes_an_administrator(engine):
    with writing(engine) as connection:
        secret = first_link(connection)
    make_person(engine, password="")
    with writing(engine) as connection:
        assert first_link(connection) is None
        assert use_link(connection, secret) is None


def test_two_hosts_that_start_each_have_a_link_and_one_administrator_is_made(engine):
    with writing(engine) as connection:
        first, second = first_link(connection), first_link(connection)
    with writing(engine) as connection:
        assert find_link(connection, first) and find_link(connection, second)

    def go(secret):
        with writing(engine) as connection:
            if use_link(connection, secret) is None:
                return False
            from firstread.access.accounts.account import create_account

            create_account(connection, "admin")
            return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(go, (first, second))) == [False, True]


def test_a_link_ends_after_a_day_with_the_next_one_and_with_its_account(engine, monkeypatch):
    key = make_person(engine, password="").id
    with writing(engine) as connection:
        old, new = new_link(connection, key), new_link(connection, key)
        assert find_link(connection, old) is None
        assert find_link(connection, new).account == key
    monkeypatch.setattr(links, "now", lambda: datetime.now(UTC) + timedelta(hours=24))
    with reading(engine) as connection:
        assert find_link(connection, new) is None
    monkeypatch.undo()
    with writing(engine) as connection:
        disable_account(connection, key)
        assert find_link(connection, new) is None


def test_the_file_of_the_link_is_its_owners_alone(tmp_path):
    (tmp_path / links.FILE).write_text("old")
    path = write_link(tmp_path, "http://127.0.0.1/setup?link=x")
    assert path.read_text() == "http://127.0.0.1/setup?link=x\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
