import pytest

from firstread.archive.uids import is_uid


@pytest.mark.parametrize("value", ["1", "1.2.840.10008.1.2", "2.25." + "9" * 38, "1" * 64, "1.02.3"])
def test_uids_are_told_from(value):
    assert is_uid(value)


@pytest.mark.parametrize(
    "value", ["", ".", "1.", ".1", "1..2", "1/2", "a.1", "1" * 65, "1.2\n", "１", "1 ", "-1"]
)
def test_what_only_pretends_to_be_one(value):
    assert not is_uid(value)
