import base64

import pytest

from firstread.errors import UsageError
from firstread.research.sealed import Unopenable, seal_of, seal_with
from firstread.settings import Settings

SEAL = seal_with("s" * 40)


def test_what_is_sealed_opens_with_the_same_key_at_the_same_place():
    assert SEAL.open(SEAL.close("秦".encode(), "row 1"), "row 1").decode() == "秦"


def test_another_key_another_place_or_one_changed_byte_does_not_open_it():
    sealed = SEAL.close(b"Mueller", "row 1")
    changed = bytearray(base64.b64decode(sealed))
    changed[-1] ^= 1
    for opener, text, place in (
        (seal_with("t" * 40), sealed, "row 1"),
        (SEAL, sealed, "row 2"),
        (SEAL, base64.b64encode(changed).decode(), "row 1"),
        (SEAL, "no base64 at all", "row 1"),
        (SEAL, "", "row 1"),
    ):
        with pytest.raises(Unopenable):
            opener.open(text, place)


def test_the_same_text_is_never_sealed_alike():
    assert SEAL.close(b"x", "p") != SEAL.close(b"x", "p")


def test_a_short_key_and_none_are_refused():
    with pytest.raises(UsageError, match="fewer"):
        seal_with("short")
    with pytest.raises(UsageError, match="crosswalk_key"):
        seal_of(Settings())


def test_the_key_is_in_no_text_of_the_seal():
    assert "ssss" not in repr(SEAL) and SEAL.key.hex() not in repr(SEAL)
