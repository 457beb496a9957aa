"""The tables of people and programs: account, what it belongs to, session, token, link, recovery code, attempts.

Of every secret only a hash is kept, but of the second factor's, which both sides must know.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from firstread.archive.columns import Key, now
from firstread.archive.models import Base


class AccountRow(Base):
    """A person, or a program (a service account), that may log in or bring a token.

    `kind` is person or service. `name` is unique whatever its capitals. `password` is its argon2id hash, "" where
    there is none. `totp` is the secret of the second factor (RFC 6238) as `totp_secret` keeps it, `totp_new` one that
    was shown and not confirmed yet; `totp_step` the time step of the last code that was taken. `issuer` and `subject`
    are those of the OpenID provider, "" for a local account; `person` makes them unique: None for a local account.
    """

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    name_folded: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="")
    password: Mapped[str] = mapped_column(default="")
    password_at: Mapped[datetime | None]
    totp: Mapped[str] = mapped_column(default="")
    totp_new: Mapped[str] = mapped_column(default="")
    totp_step: Mapped[int] = mapped_column(default=0)
    issuer: Mapped[str] = mapped_column(default="")
    subject: Mapped[str] = mapped_column(default="")
    person: Mapped[str | None] = mapped_column(unique=True)
    disabled: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_login_at: Mapped[datetime | None]


class BelongingRow(Base):
    """Something that an account has several of: a role, a department, a name by which DICOM calls the person.

    `kind` is role, department or referring_name; `source` says who gave it: local or oidc.
    """

    __tablename__ = "account_belonging"
    __table_args__ = (
        UniqueConstraint("account_key", "kind", "value", "source"),
        Index(None, "kind", "value"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_key: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    kind: Mapped[str]
    value: Mapped[str]
    source: Mapped[str] = mapped_column(default="local")


class SessionRow(Base):
    """A browser that is logged in, or half so.

    `digest` is the sha256 (hex) of what its cookie holds. `waits_for` is "" for a session that admits, else what is
    missing: `code` (the second factor). `way` is password, oidc or link.
    """

    __tablename__ = "session"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    account_key: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    way: Mapped[str]
    waits_for: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")
    browser: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]


class TokenRow(Base):
    """A token for programs: `digest` is its sha256 (hex), `hint` how it begins, `scopes` a JSON list of actions."""

    __tablename__ = "token"
    __table_args__ = (UniqueConstraint("account_key", "name"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    account_key: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    name: Mapped[str]
    hint: Mapped[str]
    scopes: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class LinkRow(Base):
    """A link that works once: for the first administrator (no account yet), or to choose a password."""

    __tablename__ = "account_link"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    account_key: Mapped[int | None] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RecoveryCodeRow(Base):
    """A code that replaces the second factor once; `digest` is its sha256 (hex)."""

    __tablename__ = "recovery_code"
    __table_args__ = (UniqueConstraint("account_key", "digest"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    account_key: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    digest: Mapped[str]
    used_at: Mapped[datetime | None]


class AttemptRow(Base):
    """How often a login failed of late under a name, known or not, or from an address; `key` is a digest of which."""

    __tablename__ = "login_attempt"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(index=True)
    blocked_until: Mapped[datetime | None]
