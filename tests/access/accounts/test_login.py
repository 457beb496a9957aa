import time
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest

from firstread.access.accounts.account import disable_account, get_account
from firstread.access.accounts.login import Caller, give_code, idle_of, log_in, reauthenticate
from firstread.access.accounts.sessions import find_session
from firstread.access.accounts.totp import begin_enrolment, finish_enrolment
from firstread.archive.database import reading, writing
from firstread.settings import Settings
from tests.access.accounts.conftest import PASSWORD, make_person

pytestmark = pytest.mark.usefixtures("quick_hashing")

SETTINGS = Settings()


def shows(engine, key, given):
    with writing(engine) as connection:
        return reauthenticate(connection, key, given)


def test_who_signs_shows_the_password_or_a_code_again(engine):
    key = make_person(engine).id
    with writing(engine) as connection:
        secret = begin_enrolment(connection, key)
        codes = finish_enrolment(connection, key, pyotp.TOTP(secret).at(time.time() - 30))
    code = pyotp.TOTP(secret).now()
    assert shows(engine, key, PASSWORD)
    assert shows(engine, key, code)
    assert not shows(engine, key, code)
    assert shows(engine, key, codes[0])
    assert not shows(engine, key, "")
    with writing(engine) as connection:
        disable_account(connection, key)
    assert not shows(engine, key, PASSWORD)


def test_showing_it_again_is_tried_no_more_often_than_logging_in(engine):
    key = make_person(engine).id
    for at in range(5):
        assert not shows(engine, key, f"guess {at}")
    assert not shows(engine, key, PASSWORD)
    assert log_in(engine, SETTINGS, "ada", PASSWORD, Caller()).state == "wait"


def test_the_password_of_another_is_none(engine):
    key = make_person(engine).id
    make_person(engine, "ben", "eleven quiet otters drift")
    assert not shows(engine, key, "eleven quiet otters drift")


def test_many_guesses_at_once_are_no_more_than_one_after_the_other(sqlite):
    make_person(sqlite)
    with ThreadPoolExecutor(8) as pool:
        states = list(
            pool.map(lambda at: log_in(sqlite, SETTINGS, "ada", f"{at}", Caller()).state, range(20))
        )
    assert states.count("refused") == 5 and states.count("wait") == 15


def test_an_address_that_guesses_many_names_waits_but_not_this_computer(sqlite):
    for address, last in (("10.1.2.3", "wait"), ("127.0.0.1", "refused"), ("", "refused")):
        states = [log_in(sqlite, SETTINGS, f"{address} {at}", "x", Caller(address)).state for at in range(31)]
        assert states[-1] == last


def test_a_login_ends_what_the_browser_presented_and_is_remembered(engine):
    key = make_person(engine).id
    first = log_in(engine, SETTINGS, "ada", PASSWORD, Caller())
    second = log_in(engine, SETTINGS, "ADA", PASSWORD, Caller(presented=first.secret))
    with reading(engine) as connection:
        assert find_session(connection, first.secret, idle=idle_of(SETTINGS)) is None
        assert find_session(connection, second.secret, idle=idle_of(SETTINGS)).account == key
        assert get_account(connection, key).last_login_at is not None


@pytest.mark.parametrize("presented", ["", "x" * 43])
def test_a_code_without_a_login_before_it_is_nothing(sqlite, presented):
    assert give_code(sqlite, SETTINGS, "123456", Caller(presented=presented)).state == "refused"
    make_person(sqlite)
    entered = log_in(sqlite, SETTINGS, "ada", PASSWORD, Caller())
    assert give_code(sqlite, SETTINGS, "123456", Caller(presented=entered.secret)).state == "refused"
