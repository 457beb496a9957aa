"""Sessions of browsers: a secret in a cookie, its digest here; looked up with every request, so that an end is one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Engine, delete, insert, or_, select, update

from firstread.access.accounts.models import AccountRow, SessionRow
from firstread.access.accounts.secret import derived, digest_of, new_secret
from firstread.archive.columns import now
from firstread.archive.database import writing

Way = Literal["password", "oidc", "link"]
WAITING_LASTS = timedelta(minutes=5)
"""How long a session may wait for the second factor."""

SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is kept when a session was last used; not each request is written down."""

_BROWSER = 200


@dataclass(frozen=True)
class Session:
    """A session as it is found by its cookie: whose it is, and what it still waits for."""

    id: int
    account: int
    way: str
    waits_for: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    address: str
    browser: str


def open_session(
    connection: Connection,
    account: int,
    *,
    way: Way,
    lasts: timedelta,
    waits_for: str = "",
    address: str = "",
    browser: str = "",
    instead_of: str | None = None,
) -> str:
    """Open a session under a new secret, and return that, for the cookie.

    Args:
        connection: To write with.
        account: Whose it is.
        way: How they logged in.
        lasts: After which it ends, however much it is used.
        waits_for: What is missing before it admits to anything, "" for nothing.
        address: From where.
        browser: As it names itself.
        instead_of: Secret that the browser had so far; that session ends, whoever's it was.
    """
    if instead_of:
        end_session(connection, instead_of)
    secret = new_secret()
    moment = now()
    connection.execute(
        insert(SessionRow).values(
            digest=digest_of(secret),
            account_key=account,
            way=way,
            waits_for=waits_for,
            address=address,
            browser="".join(filter(str.isprintable, browser))[:_BROWSER],
            created_at=moment,
            seen_at=moment,
            expires_at=moment + (min(lasts, WAITING_LASTS) if waits_for else lasts),
        )
    )
    return secret


def find_session(connection: Connection, secret: str, *, idle: timedelta) -> Session | None:
    """Return the session of a cookie; None where it ended, was idle for too long, or its account is disabled."""
    moment = now()
    row = connection.execute(
        select(SessionRow.__table__)
        .join(AccountRow, AccountRow.id == SessionRow.account_key)
        .where(
            SessionRow.digest == digest_of(secret),
            SessionRow.expires_at > moment,
            SessionRow.seen_at > moment - idle,
            AccountRow.disabled.is_(False),
        )
    ).first()
    return None if row is None else _session(row)


def note_seen(engine: Engine, session: Session) -> None:
    """Keep that a session is in use, once a minute."""
    if now() - session.seen_at >= SEEN_EVERY:
        with writing(engine) as connection:
            connection.execute(update(SessionRow).where(SessionRow.id == session.id).values(seen_at=now()))


def sessions_of(connection: Connection, account: int, *, idle: timedelta) -> list[Session]:
    """Return the sessions of an account that admit, the latest used first."""
    moment = now()
    rows = connection.execute(
        select(SessionRow.__table__)
        .where(
            SessionRow.account_key == account,
            SessionRow.waits_for == "",
            SessionRow.expires_at > moment,
            SessionRow.seen_at > moment - idle,
        )
        .order_by(SessionRow.seen_at.desc(), SessionRow.id.desc())
    )
    return [_session(row) for row in rows]


def end_session(connection: Connection, secret: str) -> None:
    """End the session of a cookie."""
    connection.execute(delete(SessionRow).where(SessionRow.digest == digest_of(secret)))


def end_sessions(
    connection: Connection, account: int, *, only: int | None = None, but: int | None = None
) -> int:
    """End the sessions of an account: all, `only` one, or all but one; return how many."""
    statement = delete(SessionRow).where(SessionRow.account_key == account)
    if only is not None:
        statement = statement.where(SessionRow.id == only)
    if but is not None:
        statement = statement.where(SessionRow.id != but)
    return connection.execute(statement).rowcount


def remove_ended(connection: Connection, *, idle: timedelta) -> None:
    """Remove what no cookie opens any more."""
    moment = now()
    connection.execute(
        delete(SessionRow).where(or_(SessionRow.expires_at <= moment, SessionRow.seen_at <= moment - idle))
    )


def form_token(secret: str) -> str:
    """Return what a form must bring beside the cookie: no other site can know it (CSRF)."""
    return derived(secret, "form")


def _session(found: Any) -> Session:  # noqa: ANN401 - a row
    return Session(
        found.id,
        found.account_key,
        found.way,
        found.waits_for,
        found.created_at,
        found.seen_at,
        found.expires_at,
        found.address,
        found.browser,
    )
