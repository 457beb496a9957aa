import time

import pytest
from argon2 import PasswordHasher

from firstread.access.accounts.account import disable_account
from firstread.access.accounts.passwords import (
    check_password,
    hash_password,
    is_password,
    renewed,
    stored_hash,
)
from firstread.archive.database import reading, writing
from firstread.errors import UsageError
from tests.access.accounts.conftest import PASSWORD, make_person


def test_a_password_is_kept_as_argon2id_with_a_salt_of_its_own():
    first, second = hash_password(PASSWORD), hash_password(PASSWORD)
    assert first.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert first != second
    assert is_password(PASSWORD, first)
    assert not is_password(PASSWORD + " ", first)


def test_composed_and_decomposed_accents_are_one_password():
    assert is_password("ne\u0301buleuse orange", hash_password("n\u00e9buleuse orange"))


@pytest.mark.parametrize("hashed", ["", "$argon2id$broken", "plain"])
def test_no_password_is_that_of_no_hash(hashed):
    assert not is_password("the password of nobody", hashed)
    assert not is_password("", hashed)


def test_a_weaker_hash_is_made_anew_when_its_password_is_known():
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    assert is_password(PASSWORD, weak)
    assert renewed(PASSWORD, weak).startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert renewed(PASSWORD, hash_password(PASSWORD)) is None


@pytest.mark.parametrize("password", ["short", "elevenchars", "x" * 257])
def test_a_password_has_a_length(password):
    with pytest.raises(UsageError, match="12 to 256"):
        check_password(password)


def test_a_long_password_counts_whole():
    long = "".join(chr(97 + at % 26) + str(at) for at in range(100))[:256]
    assert is_password(long, hash_password(long))
    assert not is_password(long + "x", hash_password(long))


def test_who_may_not_log_in_has_no_hash(sqlite):
    make_person(sqlite, "ada")
    make_person(sqlite, "robot", kind="service")
    gone = make_person(sqlite, "gone")
    make_person(sqlite, "new", password="")
    with writing(sqlite) as connection:
        disable_account(connection, gone.id)
    with reading(sqlite) as connection:
        assert stored_hash(connection, "ada")[1].startswith("$argon2id$")
        for name in ("robot", "gone", "new", "nobody"):
            assert stored_hash(connection, name) == (None, "")


def test_an_unknown_name_takes_the_work_of_a_known_one():
    """In seconds of the processor, as those of the clock are others' too."""
    hashed = hash_password(PASSWORD)
    is_password("warm", "")

    def seconds(kept):
        took = []
        for _ in range(5):
            before = time.process_time()
            is_password("a wrong password", kept)
            took.append(time.process_time() - before)
        return min(took)

    assert 0.5 < seconds(hashed) / seconds("") < 2.0
