import pyotp
import pytest
from sqlalchemy import select, update

from firstread.access.accounts.models import AccountRow
from firstread.access.accounts.totp import begin_enrolment, finish_enrolment, secret_on_offer, take_code
from firstread.access.accounts.totp_secret import close_all
from firstread.access.sealed import Unopenable
from firstread.archive import archive_of
from firstread.archive.columns import now
from firstread.archive.database import reading, writing
from firstread.settings import Settings
from tests.access.accounts.conftest import make_person

OLD, NEW = "old key " * 5, "new key " * 5


@pytest.fixture
def started(tmp_path, database_url):
    """A function that opens the same archive with other keys, as a process that starts does."""
    opened = []

    def start(key=None, *former):
        while opened:
            opened.pop().close()
        archive = archive_of(
            Settings(
                archive_dir=tmp_path / "archive",
                database_url=database_url,
                second_factor_key=key,
                second_factor_former_keys=list(former),
            )
        )
        opened.append(archive)
        return archive.engine, close_all(archive.engine)

    yield start
    while opened:
        opened.pop().close()


def enrol(engine):
    """A person with a second factor, its secret and recovery codes."""
    key = make_person(engine, password="").id
    with writing(engine) as connection:
        secret = begin_enrolment(connection, key)
        assert secret_on_offer(connection, key) == secret
        return key, secret, finish_enrolment(connection, key, pyotp.TOTP(secret).now())


def takes(engine, key, secret):
    """Whether the present code is taken."""
    with writing(engine) as connection:
        connection.execute(update(AccountRow).values(totp_step=0))
        return take_code(connection, key, pyotp.TOTP(secret).at(now()))


def kept(engine):
    with reading(engine) as connection:
        return connection.execute(select(AccountRow.totp)).scalar_one()


def test_with_a_key_the_database_does_not_have_the_secret_and_codes_are_taken(started):
    engine, _ = started(OLD)
    key, secret, _ = enrol(engine)
    assert secret not in kept(engine)
    assert takes(engine, key, secret)


def test_what_was_kept_in_the_clear_is_closed_on_the_next_start_with_a_key(started, caplog):
    engine, _ = started()
    key, secret, _ = enrol(engine)
    assert kept(engine) == secret
    assert started()[1] == 0 and "in the clear" in caplog.text
    engine, closed = started(OLD)
    assert closed == 1 and secret not in kept(engine)
    assert takes(engine, key, secret)


def test_the_key_is_replaced_and_each_host_opens_what_the_other_closed(started):
    engine, _ = started(OLD)
    key, secret, _ = enrol(engine)
    former = kept(engine)
    engine, closed = started(OLD, NEW)  # first every host gets to know the new key
    assert closed == 0
    engine, closed = started(NEW, OLD)
    assert closed == 1 and kept(engine) != former
    assert takes(engine, key, secret)
    engine, _ = started(OLD, NEW)  # a host that was not restarted yet
    assert takes(engine, key, secret)
    engine, _ = started(NEW, OLD)
    engine, closed = started(NEW)
    assert closed == 0 and takes(engine, key, secret)


def test_without_its_key_a_second_factor_is_still_asked_for_and_recovery_codes_are_taken(started, caplog):
    engine, _ = started(OLD)
    key, secret, codes = enrol(engine)
    before = kept(engine)
    engine, closed = started(NEW)
    assert closed == 0 and kept(engine) == before
    assert not takes(engine, key, secret)
    assert "cannot be opened" in caplog.text and secret not in caplog.text
    with writing(engine) as connection:
        assert take_code(connection, key, codes[0])


def test_a_secret_of_another_account_is_no_secret(started):
    engine, _ = started(OLD)
    enrol(engine)
    thief = make_person(engine, name="eve", password="").id
    with reading(engine) as connection:
        stolen = connection.execute(select(AccountRow.totp).where(AccountRow.id != thief)).scalar_one()
    with writing(engine) as connection:
        connection.execute(update(AccountRow).where(AccountRow.id == thief).values(totp_new=stolen))
        with pytest.raises(Unopenable):
            secret_on_offer(connection, thief)
