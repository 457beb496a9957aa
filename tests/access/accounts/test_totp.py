import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from sqlalchemy import select

from firstread.access.accounts import totp
from firstread.access.accounts.account import get_account
from firstread.access.accounts.models import RecoveryCodeRow
from firstread.access.accounts.totp import (
    begin_enrolment,
    finish_enrolment,
    new_recovery_codes,
    provisioning_uri,
    qr_svg,
    recovery_codes_left,
    remove_totp,
    take_code,
)
from firstread.archive.database import writing
from tests.access.accounts.conftest import make_person

MOMENT = datetime(2026, 1, 1, 12, 0, 5, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        at = MOMENT

        def __call__(self):
            return self.at

    clock = Clock()
    monkeypatch.setattr(totp, "now", clock)
    return clock


def enrolled(engine, clock):
    """A person with a second factor, its secret, and the recovery codes."""
    key = make_person(engine, password="").id
    with writing(engine) as connection:
        secret = begin_enrolment(connection, key)
        codes = finish_enrolment(connection, key, pyotp.TOTP(secret).at(clock.at))
    clock.at += timedelta(seconds=60)
    return key, secret, codes


def test_the_factor_is_asked_for_once_a_code_of_it_was_shown(engine, clock):
    key = make_person(engine, password="").id
    with writing(engine) as connection:
        secret = begin_enrolment(connection, key)
        assert finish_enrolment(connection, key, "000000") == ()
        assert not get_account(connection, key).has_totp
        assert len(finish_enrolment(connection, key, pyotp.TOTP(secret).at(clock.at))) == 10
        assert get_account(connection, key).has_totp


@pytest.mark.parametrize(
    ("seconds", "taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)]
)
def test_a_clock_may_be_off_by_one_step(sqlite, clock, seconds, taken):
    key, secret, _ = enrolled(sqlite, clock)
    clock.at += timedelta(minutes=10)
    with writing(sqlite) as connection:
        assert (
            take_code(connection, key, pyotp.TOTP(secret).at(clock.at + timedelta(seconds=seconds))) is taken
        )


def test_a_code_is_taken_once_and_none_before_it_after_it(engine, clock):
    key, secret, _ = enrolled(engine, clock)
    code, earlier = (pyotp.TOTP(secret).at(clock.at - timedelta(seconds=s)) for s in (0, 30))
    with writing(engine) as connection:
        assert take_code(connection, key, f" {code[:3]} {code[3:]}")
        assert not take_code(connection, key, code)
        assert not take_code(connection, key, earlier)


def test_the_code_that_set_it_up_is_not_taken_again(engine, clock):
    key = make_person(engine, password="").id
    with writing(engine) as connection:
        code = pyotp.TOTP(begin_enrolment(connection, key)).at(clock.at)
        assert finish_enrolment(connection, key, code)
        assert not take_code(connection, key, code)


def test_a_recovery_code_replaces_the_device_once(engine, clock):
    key, _, codes = enrolled(engine, clock)
    with writing(engine) as connection:
        assert take_code(connection, key, codes[3].upper())
        assert not take_code(connection, key, codes[3])
        assert take_code(connection, key, codes[4].replace("-", ""))
        assert recovery_codes_left(connection, key) == 8
        new_recovery_codes(connection, key)
        assert not take_code(connection, key, codes[5])
        assert recovery_codes_left(connection, key) == 10


def test_recovery_codes_are_kept_as_digests_and_are_one_accounts(engine, clock):
    _, _, codes = enrolled(engine, clock)
    other = make_person(engine, "ben", password="").id
    with writing(engine) as connection:
        begin_enrolment(connection, other)
        kept = set(connection.execute(select(RecoveryCodeRow.digest)).scalars())
        assert not kept & {code for shown in codes for code in (shown, shown.replace("-", ""))}
        assert not take_code(connection, other, codes[0])


@pytest.mark.parametrize("code", ["", "12345", "1234567", "１２３４５６", "abcdef", "-12345", "0x1234"])
def test_what_is_no_code_is_refused(sqlite, clock, code):
    key, _, _ = enrolled(sqlite, clock)
    with writing(sqlite) as connection:
        assert not take_code(connection, key, code)


def test_without_a_second_factor_no_code_is_taken(sqlite, clock):
    key, secret, codes = enrolled(sqlite, clock)
    with writing(sqlite) as connection:
        remove_totp(connection, key)
        assert not take_code(connection, key, pyotp.TOTP(secret).at(clock.at))
        assert not take_code(connection, key, codes[0])
        assert not get_account(connection, key).has_totp


def test_the_picture_says_what_an_app_reads_and_holds_no_script():
    uri = provisioning_uri("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "ada")
    assert pyotp.parse_uri(uri).secret == "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    picture = ET.fromstring(qr_svg(uri))
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    names = {each.tag.rpartition("}")[2] for each in picture.iter()}
    assert names == {"svg", "path", "g"} or names == {"svg", "path"}
    assert not any(
        name == "style" or name.startswith("on") for each in picture.iter() for name in each.attrib
    )
