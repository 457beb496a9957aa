import pytest

from firstread.access.accounts.account import create_account
from firstread.alerts.recipients import Accounts, people
from firstread.archive.database import writing


@pytest.fixture
def archive(sqlite_archive):
    return sqlite_archive


@pytest.fixture
def meant(archive):
    """A function from the words of a step to the keys of those whom they mean."""
    with writing(archive.engine) as connection:
        create_account(connection, "Li", email="li@h.example", roles=["radiologist"], departments=["CT"])
        create_account(connection, "wu", roles=["radiologist"], departments=["MR"])
        create_account(connection, "smith", roles=["clinician"], referring_names=["SMITH^JOHN"])
        create_account(connection, "robot", kind="service", roles=["radiologist"])

    def ask(*words, referring=""):
        with writing(archive.engine) as connection:
            return [person.key for person in people(connection, words, Accounts(), referring=referring)]

    return ask


def test_a_role_means_its_persons_and_no_programs(meant):
    assert meant("role:radiologist") == ["account:li", "account:wu"]
    assert meant("role:radiologist@CT") == ["account:li"]
    assert meant("role:nobody") == []


def test_the_referring_physician_is_who_has_that_name_in_dicom(meant):
    assert meant("referring", referring="Smith^John^^^") == ["account:smith"]
    assert meant("referring", referring="Jones^Ann") == []
    assert meant("referring") == []


def test_an_account_is_named_in_any_capitals(meant):
    assert meant("account:LI") == ["account:li"]


def test_everybody_is_meant_once(meant):
    assert meant("account:wu", "role:radiologist", "email:A@h.example", "email:a@H.example", "anyone") == [
        "account:wu",
        "account:li",
        "email:a@h.example",
        "anyone",
    ]
