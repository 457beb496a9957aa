"""Links that work once: with the first the administrator is made, with the others somebody chooses a password."""

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, delete, insert, or_, select, text, update

from firstread.access.accounts.account import any_account
from firstread.access.accounts.models import AccountRow, LinkRow
from firstread.access.accounts.secret import digest_of, new_secret
from firstread.archive.columns import now
from firstread.archive.disk import on_disk
from firstread.settings import Settings

LASTS = timedelta(hours=24)
FILE = "first-login-link"
_LOCK = 7_318_221_907  # of PostgreSQL, as that of the migrations


@dataclass(frozen=True)
class Link:
    """A link that may be used: `account` is whose password it sets; None: it makes the first administrator."""

    id: int
    account: int | None


def new_link(connection: Connection, account: int | None, *, lasts: timedelta = LASTS) -> str:
    """Return the secret of a new link; one for an account takes the place of its earlier ones."""
    moment = now()
    gone = LinkRow.expires_at <= moment
    connection.execute(
        delete(LinkRow).where(gone if account is None else or_(gone, LinkRow.account_key == account))
    )
    secret = new_secret()
    connection.execute(
        insert(LinkRow).values(digest=digest_of(secret), account_key=account, expires_at=moment + lasts)
    )
    return secret


def first_link(connection: Connection) -> str | None:
    """Return the secret of a link that makes the first administrator; None where there is an account."""
    return None if any_account(connection) else new_link(connection, None)


def find_link(connection: Connection, secret: str) -> Link | None:
    """Return the link of a secret if it may be used; that alone does not use it."""
    row = connection.execute(
        select(LinkRow.id, LinkRow.account_key)
        .outerjoin(AccountRow, AccountRow.id == LinkRow.account_key)
        .where(
            LinkRow.digest == digest_of(secret),
            LinkRow.used_at.is_(None),
            LinkRow.expires_at > now(),
            or_(LinkRow.account_key.is_(None), AccountRow.disabled.is_(False)),
        )
    ).first()
    if row is None or (row.account_key is None and any_account(connection)):
        return None
    return Link(row.id, row.account_key)


def use_link(connection: Connection, secret: str) -> Link | None:
    """Use a link up and return it; None where it may not be used. Of many at once one gets it."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    link = find_link(connection, secret)
    if link is None:
        return None
    used = connection.execute(
        update(LinkRow).where(LinkRow.id == link.id, LinkRow.used_at.is_(None)).values(used_at=now())
    )
    return link if used.rowcount == 1 else None


def link_url(settings: Settings, secret: str, *, port: int | None = None, scheme: str = "") -> str:
    """Return the URL of a link: under `public_url`, else on this computer at the port of the web service."""
    public = settings.public_url
    scheme = scheme or ("https" if settings.api_tls_certificate else "http")
    base = str(public).rstrip("/") if public else f"{scheme}://127.0.0.1:{port or settings.api_port}"
    return f"{base}/setup?link={secret}"


def write_link(folder: Path, url: str) -> Path:
    """Write the URL of a first link into a file that its owner alone reads, and return its path.

    Raises:
        ArchiveUnavailable, ArchiveFull: it cannot be written.
    """
    path = folder / FILE
    with on_disk(path):
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(handle, "w", encoding="utf-8") as file:
            file.write(url + "\n")
    return path
