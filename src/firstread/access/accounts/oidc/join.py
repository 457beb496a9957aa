"""The account of a person whom the provider knows: made at the first login, kept as the provider says at each."""

from sqlalchemy import Connection, select, update

from firstread.access.accounts.account import (
    Account,
    create_account,
    find_account,
    get_account,
    set_belongings,
)
from firstread.access.accounts.models import AccountRow
from firstread.access.accounts.oidc.claims import Identity
from firstread.access.accounts.oidc.problem import Why
from firstread.access.accounts.sessions import end_sessions


def join(connection: Connection, identity: Identity) -> tuple[Account | None, Why | None]:
    """Return the account, or why there is none; commit in both cases, as what the provider took away is gone.

    An account is known by issuer and subject alone. One that has the same name by chance or by design is never given
    to somebody: an administrator links it (`firstread users link`).
    """
    person = person_of(identity.issuer, identity.subject)
    key = connection.execute(select(AccountRow.id).where(AccountRow.person == person)).scalar_one_or_none()
    if key is None:
        if not identity.roles:
            return None, "unknown"
        if find_account(connection, identity.name) is not None:
            return None, "taken"
        key = create_account(connection, identity.name).id
        link(connection, key, identity.issuer, identity.subject)
    connection.execute(
        update(AccountRow)
        .where(AccountRow.id == key)
        .values(display_name=identity.display_name, email=identity.email)
    )
    set_belongings(connection, key, "role", identity.roles, source="oidc")
    set_belongings(connection, key, "department", identity.departments, source="oidc")
    account = get_account(connection, key)
    if account.disabled or not account.roles:
        end_sessions(connection, key)
        return None, "disabled" if account.disabled else "unknown"
    return account, None


def link(connection: Connection, key: int, issuer: str, subject: str) -> None:
    """Let a person whom the provider knows be this account."""
    connection.execute(
        update(AccountRow)
        .where(AccountRow.id == key)
        .values(issuer=issuer, subject=subject, person=person_of(issuer, subject))
    )


def account_of(connection: Connection, issuer: str, subject: str) -> Account | None:
    """Return the account of a person whom the provider knows."""
    person = person_of(issuer, subject)
    key = connection.execute(select(AccountRow.id).where(AccountRow.person == person)).scalar_one_or_none()
    return None if key is None else get_account(connection, key)


def person_of(issuer: str, subject: str) -> str:
    """Return what is unique to a person among all providers."""
    return f"{issuer} {subject}"
