"""Passwords: kept as argon2id (RFC 9106), at least 12 characters, none that is guessed first.

The rules are those of NIST SP 800-63B section 3.1.1: length, no rules of composition, no change without a reason, and a
list of what attackers try first. No password is ever cut or altered but by NFKC.
"""

import threading
import unicodedata
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.low_level import Type
from sqlalchemy import Connection, select, update

from firstread.access.accounts.guessable import why_guessable
from firstread.access.accounts.models import AccountRow
from firstread.archive.columns import now
from firstread.errors import UsageError


class PasswordRefused(UsageError):
    """A password may not be used; `reason` is length, few, repeats, keyboard, name, common or listed."""

    def __init__(self, reason: str) -> None:
        super().__init__(REASONS[reason], remedy="Choose several unrelated words.")
        self.reason = reason


SHORTEST, LONGEST = 12, 256  # characters
REASONS = {
    "length": f"A password has {SHORTEST} to {LONGEST} characters.",
    "few": "The password has few different characters.",
    "repeats": "The password repeats itself.",
    "keyboard": "The password goes along the keyboard or the alphabet.",
    "name": "The password is little more than a name of the account.",
    "common": "The password is little more than a common one.",
    "listed": "The password is in the list of known ones.",
}
_AT_ONCE = threading.BoundedSemaphore(4)  # each takes 64 MiB
_HASHER = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4, type=Type.ID)
"""RFC 9106 section 4, the second recommended choice: 3 passes over 64 MiB in 4 lanes."""


def check_password(password: str, *, own: tuple[str, ...] = (), breaches: Path | None = None) -> None:
    """Make sure that a new password may be used.

    Args:
        password: As typed.
        own: Names of the account and of the person, which it must not consist of.
        breaches: File of digests of known passwords; see `guessable`.

    Raises:
        PasswordRefused: it is too short or too long, or would be guessed early.
        UsageError: the file cannot be used.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordRefused("length")
    if why := why_guessable(password, own=own, breaches=breaches):
        raise PasswordRefused(why)


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password, with its salt and parameters."""
    with _AT_ONCE:
        return _HASHER.hash(_normal(password))


def set_password(connection: Connection, key: int, password: str) -> None:
    """Keep a password that was checked; sessions and links are the caller's to end."""
    connection.execute(
        update(AccountRow)
        .where(AccountRow.id == key)
        .values(password=hash_password(password), password_at=now())
    )


def stored_hash(connection: Connection, name_folded: str) -> tuple[int | None, str]:
    """Return the key and the hash of the account that may log in by this name; None and "" where there is none."""
    row = connection.execute(
        select(AccountRow.id, AccountRow.password).where(
            AccountRow.name_folded == name_folded,
            AccountRow.kind == "person",
            AccountRow.disabled.is_(False),
            AccountRow.password != "",
        )
    ).first()
    return (None, "") if row is None else (row.id, row.password)


def is_password(password: str, hashed: str) -> bool:
    """Tell whether a password is that of a hash; "" takes as long as any other, and is never matched."""
    with _AT_ONCE:
        try:
            matched = _HASHER.verify(hashed or _nobodys(), _normal(password[:LONGEST]))
        except (Argon2Error, InvalidHashError):
            return False
    return bool(hashed) and matched and len(password) <= LONGEST


def renewed(password: str, hashed: str) -> str | None:
    """Return a new hash of a password that matched, where the old one was made with weaker parameters."""
    return hash_password(password) if _HASHER.check_needs_rehash(hashed) else None


@cache
def _nobodys() -> str:
    return _HASHER.hash("the password of nobody")


def _normal(password: str) -> str:
    """One keyboard composes accents, another does not (NIST SP 800-63B section 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
