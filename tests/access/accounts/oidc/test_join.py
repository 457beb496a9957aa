from dataclasses import replace

import pytest

from firstread.access.accounts.account import disable_account, get_account, set_belongings
from firstread.access.accounts.oidc.claims import Identity
from firstread.access.accounts.oidc.join import account_of, join, link
from firstread.archive.database import writing
from tests.access.accounts.conftest import make_person

pytestmark = pytest.mark.usefixtures("quick_hashing")

ADA = Identity(
    "https://login.example",
    "7",
    "ada",
    "Ada L",
    "ada@example.org",
    frozenset({"radiologist"}),
    frozenset({"Radiology"}),
)


def joined(engine, identity):
    with writing(engine) as connection:
        return join(connection, identity)


def test_the_first_login_makes_the_account_and_the_next_ones_keep_it_as_the_provider_says(engine):
    made, why = joined(engine, ADA)
    assert (made.name, made.display_name, made.roles, made.departments, why) == (
        "ada", "Ada L", {"radiologist"}, {"Radiology"}, None,
    )  # fmt: skip
    assert not made.has_password
    changed = replace(
        ADA,
        name="lovelace",
        display_name="Ada Lovelace",
        roles=frozenset({"clinician"}),
        departments=frozenset(),
    )
    again, _ = joined(engine, changed)
    assert (again.id, again.name, again.display_name, again.roles, again.departments) == (
        made.id, "ada", "Ada Lovelace", {"clinician"}, frozenset(),
    )  # fmt: skip


def test_nobody_takes_an_account_by_its_name(engine):
    """Account takeover: a local administrator, and another person of the provider's."""
    make_person(engine, "ada", roles=["administrator"])
    assert joined(engine, replace(ADA, name="ADA")) == (None, "taken")
    joined(engine, replace(ADA, name="ben"))
    assert joined(engine, replace(ADA, subject="8", name="ben")) == (None, "taken")
    assert (
        joined(engine, replace(ADA, issuer="https://login.example 7", subject="x", name="ben"))[1] == "taken"
    )


def test_an_administrator_links_an_account_to_a_person(engine):
    local = make_person(engine, "ada", roles=["administrator"])
    with writing(engine) as connection:
        link(connection, local.id, ADA.issuer, ADA.subject)
        assert account_of(connection, ADA.issuer, ADA.subject).id == local.id
    found, _ = joined(engine, ADA)
    assert found.id == local.id
    assert found.roles == {"administrator", "radiologist"}


def test_who_has_no_role_any_more_is_not_let_in_and_what_they_had_is_gone(engine):
    assert joined(engine, replace(ADA, roles=frozenset())) == (None, "unknown")
    made, _ = joined(engine, ADA)
    assert joined(engine, replace(ADA, roles=frozenset())) == (None, "unknown")
    with writing(engine) as connection:
        assert get_account(connection, made.id).roles == frozenset()
        set_belongings(connection, made.id, "role", ["auditor"])
    assert joined(engine, replace(ADA, roles=frozenset()))[0].roles == {"auditor"}


def test_a_disabled_account_stays_so(engine):
    made, _ = joined(engine, ADA)
    with writing(engine) as connection:
        disable_account(connection, made.id)
    assert joined(engine, ADA) == (None, "disabled")
