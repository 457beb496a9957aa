"""Tokens for programs: for some actions alone, for a time, shown once."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Select, insert, select, update
from sqlalchemy.exc import IntegrityError

from firstread.access.accounts.models import AccountRow, TokenRow
from firstread.access.accounts.secret import digest_of, new_secret
from firstread.access.action import Action
from firstread.archive.columns import now
from firstread.archive.database import writing
from firstread.errors import UsageError

BEGIN = "frt_"
"""How every token begins, so that one that leaks into a file is found there."""

LONGEST = timedelta(days=366)
_USED_EVERY = timedelta(minutes=5)
_HINT = 8  # characters


@dataclass(frozen=True)
class Token:
    """A token without its secret; `state` is live, expired or revoked."""

    id: int
    account: int
    account_name: str
    name: str
    hint: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None

    @property
    def state(self) -> str:
        """Whether it is taken."""
        if self.revoked_at is not None:
            return "revoked"
        return "live" if self.expires_at > now() else "expired"


def create_token(
    connection: Connection, account: int, name: str, *, scopes: Collection[str], lasts: timedelta
) -> str:
    """Make a token and return it: it cannot be shown again.

    Args:
        connection: To write with.
        account: Whose rights it has, as far as its scopes go.
        name: Unique within the account's, for people.
        scopes: Values of `Action`, at least one.
        lasts: At most 366 days.

    Raises:
        UsageError: an argument cannot be used.
    """
    unknown = sorted(set(scopes) - {action.value for action in Action})
    if unknown or not scopes:
        known = ", ".join(action.value for action in Action)
        raise UsageError(
            f"There is no action {unknown[0][:64]!r}." if unknown else "A token is for some actions.",
            remedy=f"Choose from: {known}.",
        )
    if not timedelta(0) < lasts <= LONGEST:
        raise UsageError("A token lasts for 1 to 366 days.", remedy="Make a new one when it ends.")
    if not 0 < len(name) <= 100 or not name.isprintable():
        raise UsageError("The name of a token has 1 to 100 characters.")
    secret = BEGIN + new_secret()
    try:
        with connection.begin_nested():
            connection.execute(
                insert(TokenRow).values(
                    digest=digest_of(secret),
                    account_key=account,
                    name=name,
                    hint=secret[:_HINT],
                    scopes=json.dumps(sorted(set(scopes))),
                    expires_at=now() + lasts,
                )
            )
    except IntegrityError:
        raise UsageError(
            f"The account has a token {name!r} already.", remedy="Choose another name."
        ) from None
    return secret


def find_token(connection: Connection, secret: str) -> Token | None:
    """Return the token of a secret if it is taken: not expired, not revoked, its account not disabled."""
    if not secret.startswith(BEGIN):
        return None
    row = connection.execute(
        _tokens().where(
            TokenRow.digest == digest_of(secret),
            TokenRow.revoked_at.is_(None),
            TokenRow.expires_at > now(),
            AccountRow.disabled.is_(False),
        )
    ).first()
    return None if row is None else _token(row)


def list_tokens(connection: Connection, *, account: int | None = None) -> list[Token]:
    """Return the tokens of an account, or of all, by account and name."""
    statement = _tokens().order_by(AccountRow.name_folded, TokenRow.name)
    if account is not None:
        statement = statement.where(TokenRow.account_key == account)
    return [_token(row) for row in connection.execute(statement)]


def revoke_token(connection: Connection, account: int, name: str) -> bool:
    """Take a token no more, from the next request on; tell whether it was one that was taken."""
    return (
        connection.execute(
            update(TokenRow)
            .where(TokenRow.account_key == account, TokenRow.name == name, TokenRow.revoked_at.is_(None))
            .values(revoked_at=now())
        ).rowcount
        == 1
    )


def note_used(engine: Engine, token: Token) -> None:
    """Keep that a token is in use, every five minutes."""
    if token.used_at is None or now() - token.used_at >= _USED_EVERY:
        with writing(engine) as connection:
            connection.execute(update(TokenRow).where(TokenRow.id == token.id).values(used_at=now()))


def _tokens() -> Select[Any]:
    return select(TokenRow.__table__, AccountRow.name.label("account_name")).join(
        AccountRow, AccountRow.id == TokenRow.account_key
    )


def _token(row: Any) -> Token:  # noqa: ANN401 - a row
    return Token(
        id=row.id,
        account=row.account_key,
        account_name=row.account_name,
        name=row.name,
        hint=row.hint,
        scopes=frozenset(json.loads(row.scopes)),
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
        revoked_at=row.revoked_at,
    )
