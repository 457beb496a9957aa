import pytest

from firstread.access.accounts.oidc.claims import identity_of
from firstread.settings import Settings


def identity(settings=None, **claims):
    return identity_of("https://login.example", {"sub": "7", **claims}, settings or Settings())


def test_groups_that_are_names_of_roles_give_these_where_no_table_is_set():
    found = identity(groups=["radiologist", "auditor", "staff"], department="Radiology")
    assert found.roles == {"radiologist", "auditor"}
    assert found.departments == {"Radiology"}


def test_a_table_says_which_group_gives_which_role_and_nothing_else_does():
    settings = Settings(oidc_roles={"rad-staff": "radiologist", "it": "administrator"})
    assert identity(settings, groups=["rad-staff", "administrator"]).roles == {"radiologist"}
    assert identity(settings, groups="it").roles == {"administrator"}
    assert identity(settings).roles == frozenset()


def test_a_claim_may_lie_in_another_or_have_dots_in_its_name():
    settings = Settings(
        oidc_roles_claim="realm_access.roles", oidc_departments_claim="https://x.example/dept"
    )
    claims = {"realm_access": {"roles": ["clinician"]}, "https://x.example/dept": ["A", "B"]}
    assert identity(settings, **claims).roles == {"clinician"}
    assert identity(settings, **claims).departments == {"A", "B"}
    assert identity(settings, **{"realm_access.roles": "auditor"}).roles == {"auditor"}


@pytest.mark.parametrize(
    "groups", [None, 7, {"a": "radiologist"}, [["radiologist"]], [{"name": "radiologist"}], ""]
)
def test_claims_of_another_shape_give_nothing(groups):
    assert identity(groups=groups).roles == frozenset()


def test_the_name_is_one_that_an_account_may_have():
    assert identity(preferred_username="ada l/../<b>").name == "ada-l-..-b"
    assert identity(email="ada@example.org").name == "ada@example.org"
    assert identity().name == "7"
    assert identity(preferred_username="///").name == "person"
    assert identity(preferred_username="x" * 300).name == "x" * 100


def test_an_address_that_was_not_verified_is_not_written_to():
    assert identity(email="ada@example.org", email_verified=False).email == ""
    assert identity(email="ada@example.org", email_verified="false").email == ""
    assert identity(email="ada@example.org", email_verified=True).email == "ada@example.org"


def test_a_name_for_people_is_one_line():
    assert identity(name="Ada\nL\x00").display_name == "AdaL"
