"""Accounts: made, found, changed."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from firstread.access.accounts.models import AccountRow, BelongingRow, SessionRow, TokenRow
from firstread.archive.columns import now
from firstread.errors import UsageError

Kind = Literal["person", "service"]
Belonging = Literal["role", "department", "referring_name"]
Source = Literal["local", "oidc"]

ROLES = (
    "administrator",
    "radiologist",
    "clinician",
    "technologist",
    "ai_engineer",
    "researcher",
    "auditor",
)
"""The roles that there are from the start; what each may do is data of the rights."""

LANGUAGES = ("", "en", "zh")
_NAME = re.compile(r"[^\W_][\w.@+-]{0,99}")
_LONGEST = 200


@dataclass(frozen=True)
class Account:
    """An account without its secrets.

    Args:
        id: Its key.
        kind: A person, or a program that has tokens alone.
        name: With which it logs in.
        display_name: As people read it.
        email: Where it is written to, "" where unknown.
        language: en or zh; "": as the browser prefers.
        roles: Names of its roles.
        departments: Names of its departments.
        referring_names: As DICOM calls the person in Referring Physician's Name.
        has_password: Whether it may log in with one.
        has_totp: Whether a second factor is asked for.
        issuer: The OpenID provider that it is known to, "" for a local account.
        disabled: Whether nothing of it is taken.
        created_at: When it was made.
        last_login_at: When it last logged in.
    """

    id: int
    kind: Kind
    name: str
    display_name: str = ""
    email: str = ""
    language: str = ""
    roles: frozenset[str] = frozenset()
    departments: frozenset[str] = frozenset()
    referring_names: frozenset[str] = frozenset()
    has_password: bool = False
    has_totp: bool = False
    issuer: str = ""
    disabled: bool = False
    created_at: datetime | None = None
    last_login_at: datetime | None = None

    @property
    def shown(self) -> str:
        """The name for people."""
        return self.display_name or self.name


def folded(name: str) -> str:
    """Return the name as names are compared: without capitals and spaces around it."""
    return name.strip().casefold()


def create_account(
    connection: Connection,
    name: str,
    *,
    kind: Kind = "person",
    display_name: str = "",
    email: str = "",
    language: str = "",
    roles: Collection[str] = (),
    departments: Collection[str] = (),
    referring_names: Collection[str] = (),
) -> Account:
    """Make an account that cannot log in yet: it has neither password nor provider.

    Raises:
        UsageError: the name is taken or cannot be one, or there is no such language.
    """
    name = name.strip()
    if not _NAME.fullmatch(name):
        raise UsageError(
            "An account's name has 1 to 100 letters, digits and . _ @ + -, and begins with a letter or digit.",
            remedy="Choose another name.",
        )
    _check_texts(display_name=display_name, email=email, language=language)
    row = {
        "kind": kind,
        "name": name,
        "name_folded": folded(name),
        "display_name": display_name,
        "email": email,
        "language": language,
    }
    try:
        with connection.begin_nested():
            key = connection.execute(insert(AccountRow).values(row).returning(AccountRow.id)).scalar_one()
    except IntegrityError:
        raise UsageError(f"There is an account {name} already.", remedy="Choose another name.") from None
    for belonging, values in (
        ("role", roles),
        ("department", departments),
        ("referring_name", referring_names),
    ):
        set_belongings(connection, key, belonging, values)  # type: ignore[arg-type]
    return get_account(connection, key)


def change_account(connection: Connection, key: int, **values: str) -> None:
    """Change display_name, email or language.

    Raises:
        UsageError: a text is too long, or there is no such language.
    """
    _check_texts(**values)
    connection.execute(update(AccountRow).where(AccountRow.id == key).values(values))


def disable_account(connection: Connection, key: int, *, disabled: bool = True) -> None:
    """Take nothing of an account any more, from the next request on, and end its sessions; or take it again."""
    connection.execute(update(AccountRow).where(AccountRow.id == key).values(disabled=disabled))
    if disabled:
        connection.execute(delete(SessionRow).where(SessionRow.account_key == key))


def set_belongings(
    connection: Connection, key: int, kind: Belonging, values: Iterable[str], *, source: Source = "local"
) -> None:
    """Give an account these roles, departments or referring names in place of those that the source gave before."""
    connection.execute(
        delete(BelongingRow).where(
            BelongingRow.account_key == key, BelongingRow.kind == kind, BelongingRow.source == source
        )
    )
    rows = [
        {"account_key": key, "kind": kind, "value": value[:_LONGEST], "source": source}
        for value in sorted({value.strip() for value in values} - {""})
    ]
    if rows:
        connection.execute(insert(BelongingRow), rows)


def get_account(connection: Connection, key: int) -> Account:
    """Return an account that is there."""
    return _accounts(connection, AccountRow.id == key)[0]


def find_account(connection: Connection, name: str) -> Account | None:
    """Return the account of a name, whatever its capitals."""
    found = _accounts(connection, AccountRow.name_folded == folded(name))
    return found[0] if found else None


def account_named(connection: Connection, name: str) -> Account:
    """Return the account of a name.

    Raises:
        UsageError: there is none.
    """
    found = find_account(connection, name)
    if found is None:
        raise UsageError(f"There is no account {name[:100]!r}.", remedy="`firstread users list` shows them.")
    return found


def list_accounts(connection: Connection) -> list[Account]:
    """Return every account by name."""
    return _accounts(connection)


def accounts_with(
    connection: Connection, *, role: str | None = None, department: str | None = None
) -> list[Account]:
    """Return the persons who are not disabled, and have the role and belong to the department."""
    conditions = [AccountRow.kind == "person", AccountRow.disabled.is_(False)]
    conditions += [_has("role", role)] if role is not None else []
    conditions += [_has("department", department)] if department is not None else []
    return _accounts(connection, *conditions)


def any_account(connection: Connection) -> bool:
    """Tell whether there is an account."""
    return connection.execute(select(AccountRow.id).limit(1)).first() is not None


def note_login(connection: Connection, key: int) -> None:
    """Keep when an account last logged in."""
    connection.execute(update(AccountRow).where(AccountRow.id == key).values(last_login_at=now()))


def live_tokens(connection: Connection, key: int) -> int:
    """Return how many tokens of an account are taken."""
    return connection.execute(
        select(func.count())
        .select_from(TokenRow)
        .where(TokenRow.account_key == key, TokenRow.revoked_at.is_(None), TokenRow.expires_at > now())
    ).scalar_one()


def _has(kind: Belonging, value: str) -> ColumnElement[bool]:
    return AccountRow.id.in_(
        select(BelongingRow.account_key).where(BelongingRow.kind == kind, BelongingRow.value == value)
    )


def _accounts(connection: Connection, *conditions: ColumnElement[bool]) -> list[Account]:
    rows = connection.execute(
        select(AccountRow.__table__).where(*conditions).order_by(AccountRow.name_folded)
    ).all()
    keys = [row.id for row in rows]
    belongings: dict[tuple[int, str], set[str]] = {}
    statement = select(BelongingRow.account_key, BelongingRow.kind, BelongingRow.value)
    if len(keys) <= 500:
        statement = statement.where(BelongingRow.account_key.in_(keys))
    for key, kind, value in connection.execute(statement):
        belongings.setdefault((key, kind), set()).add(value)
    return [_account(row, belongings) for row in rows]


def _account(row: Any, belongings: dict[tuple[int, str], set[str]]) -> Account:  # noqa: ANN401 - a row
    return Account(
        id=row.id,
        kind=row.kind,
        name=row.name,
        display_name=row.display_name,
        email=row.email,
        language=row.language,
        roles=frozenset(belongings.get((row.id, "role"), ())),
        departments=frozenset(belongings.get((row.id, "department"), ())),
        referring_names=frozenset(belongings.get((row.id, "referring_name"), ())),
        has_password=bool(row.password),
        has_totp=bool(row.totp),
        issuer=row.issuer,
        disabled=row.disabled,
        created_at=row.created_at,
        last_login_at=row.last_login_at,
    )


def _check_texts(**values: str) -> None:
    for name, value in values.items():
        if name not in ("display_name", "email", "language"):
            raise ValueError(name)
        if len(value) > _LONGEST or not value.isprintable():
            raise UsageError(f"The {name} of an account has at most {_LONGEST} characters on one line.")
    if values.get("language", "") not in LANGUAGES:
        raise UsageError("There is no such language.", remedy="Choose en or zh.")
