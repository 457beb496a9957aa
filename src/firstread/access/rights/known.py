"""Actors as they would be if they called now."""

from typing import cast

from sqlalchemy import Engine, select

from firstread.access.accounts.account import get_account
from firstread.access.accounts.models import AccountRow
from firstread.access.actor import Actor, Kind
from firstread.access.rights.holdings import known_key
from firstread.archive.database import reading


def known_actor(engine: Engine, text: str) -> Actor:
    """Return the actor that a text names, with the roles and departments that the account has where there is one.

    Raises:
        UsageError: it names none.
    """
    with reading(engine) as connection:
        kind, _, name = known_key(connection, text).partition(":")
        same = (AccountRow.kind == kind, AccountRow.name == name)
        key = connection.execute(select(AccountRow.id).where(*same)).scalar_one_or_none()
        account = get_account(connection, key) if key is not None else None
    if account is None:
        return Actor(cast(Kind, kind), name)
    return Actor(
        account.kind, account.name, account=account.id, roles=account.roles, departments=account.departments
    )
