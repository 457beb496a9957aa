import pytest

from firstread.access.accounts.account import (
    account_named,
    accounts_with,
    change_account,
    create_account,
    disable_account,
    find_account,
    get_account,
    list_accounts,
    set_belongings,
)
from firstread.archive.database import reading, writing
from firstread.errors import UsageError
from tests.access.accounts.conftest import make_person

pytestmark = pytest.mark.usefixtures("quick_hashing")


def test_an_account_is_found_whatever_its_capitals_and_keeps_what_it_is(engine):
    made = make_person(
        engine, "Ada.L", display_name="Ada L.", email="ada@example.org", language="zh",
        roles=["radiologist"], departments=["Radiology"], referring_names=["LOVELACE^ADA"],
    )  # fmt: skip
    with reading(engine) as connection:
        found = find_account(connection, " ada.l ")
    assert found is not None
    assert (found.id, found.name, found.shown, found.email, found.language) == (
        made.id, "Ada.L", "Ada L.", "ada@example.org", "zh",
    )  # fmt: skip
    assert found.roles == {"radiologist"}
    assert found.departments == {"Radiology"}
    assert found.referring_names == {"LOVELACE^ADA"}
    assert found.has_password and not found.has_totp and not found.disabled


def test_a_name_is_given_once_whatever_its_capitals(engine):
    make_person(engine, "ada")
    with pytest.raises(UsageError, match="already"), writing(engine) as connection:
        create_account(connection, "ADA")
    with reading(engine) as connection:
        assert [account.name for account in list_accounts(connection)] == ["ada"]


@pytest.mark.parametrize("name", ["", " ", "a b", "-a", "a/b", "x" * 101, "a\n", "<script>"])
def test_what_cannot_be_a_name_is_refused(sqlite, name):
    with pytest.raises(UsageError), writing(sqlite) as connection:
        create_account(connection, name + "!")


def test_texts_are_one_line_and_the_language_is_one_that_there_is(sqlite):
    key = make_person(sqlite).id
    for values in ({"display_name": "a\nb"}, {"email": "x" * 201}, {"language": "fr"}):
        with pytest.raises(UsageError), writing(sqlite) as connection:
            change_account(connection, key, **values)


def test_those_whom_an_alert_may_reach_are_listed(engine):
    make_person(engine, "ada", roles=["radiologist"], departments=["Radiology"])
    make_person(engine, "ben", roles=["radiologist"], departments=["Cardiology"])
    gone = make_person(engine, "cid", roles=["radiologist"], departments=["Radiology"])
    make_person(engine, "robot", password="", kind="service", roles=["radiologist"])
    with writing(engine) as connection:
        disable_account(connection, gone.id)
    with reading(engine) as connection:
        assert [a.name for a in accounts_with(connection, role="radiologist")] == ["ada", "ben"]
        assert [a.name for a in accounts_with(connection, role="radiologist", department="Radiology")] == [
            "ada"
        ]
        assert accounts_with(connection, department="Nowhere") == []


def test_what_a_provider_gives_and_what_is_given_here_stand_side_by_side(engine):
    key = make_person(engine, roles=["auditor"]).id
    for roles in (["radiologist", "clinician"], ["clinician"]):
        with writing(engine) as connection:
            set_belongings(connection, key, "role", roles, source="oidc")
            assert get_account(connection, key).roles == {"auditor", *roles}


def test_an_account_that_is_not_there_is_named(sqlite):
    with pytest.raises(UsageError, match="'nobody'"), reading(sqlite) as connection:
        account_named(connection, "nobody")
