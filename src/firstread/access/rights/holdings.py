"""What actors hold beside their accounts: roles, departments, projects, and the names by which DICOM knows them."""

from typing import Literal, get_args

from sqlalchemy import Connection, delete, insert, select

from firstread.access.accounts.models import AccountRow
from firstread.access.actor import Kind
from firstread.access.rights.models import Collection, Holding, Role
from firstread.errors import UsageError

HoldingKind = Literal["role", "department", "project", "referring"]


def actor_key(text: str) -> str:
    """Return an actor as `KIND:NAME`; a name alone is a person's.

    Raises:
        UsageError: it names none.
    """
    kind, colon, name = text.strip().partition(":")
    if not colon:
        kind, name = "person", kind
    if kind not in get_args(Kind) or not name or not name.isprintable() or len(name) > 256:
        raise UsageError(
            "An actor cannot be read.",
            remedy="Write a person's account, or service:NAME, node:AE_TITLE or local:USER.",
        )
    return f"{kind}:{name.strip()}"


def known_key(connection: Connection, text: str) -> str:
    """Return an actor as `actor_key` does, an account's name as the account has it, whatever its capitals here."""
    key = actor_key(text)
    kind, _, name = key.partition(":")
    if kind not in ("person", "service"):
        return key
    same = (AccountRow.kind == kind, AccountRow.name_folded == name.casefold())
    found = connection.execute(select(AccountRow.name).where(*same)).scalar_one_or_none()
    return f"{kind}:{found or name}"


def give(connection: Connection, actor: str, kind: HoldingKind, value: str) -> None:
    """Let an actor hold something; where it does already, nothing changes.

    Args:
        connection: In a transaction that writes.
        actor: As `actor_key` takes it.
        kind: What it is.
        value: Which one.

    Raises:
        UsageError: there is no such role or project, or no such actor can be.
    """
    key, value = known_key(connection, actor), value.strip()
    known = {
        "role": select(Role.id).where(Role.name == value),
        "project": select(Collection.id).where(Collection.kind == "project", Collection.name == value),
    }.get(kind)
    if not value or (known is not None and connection.execute(known).first() is None):
        raise UsageError(f"There is no such {kind}.", remedy=f"`firstread access {kind}s` lists them.")
    same = (Holding.actor == key, Holding.kind == kind, Holding.value == value)
    if connection.execute(select(Holding.id).where(*same)).first() is None:
        connection.execute(insert(Holding).values(actor=key, kind=kind, value=value))


def take(connection: Connection, actor: str, kind: HoldingKind, value: str) -> None:
    """Let an actor hold something no more.

    Raises:
        UsageError: it does not hold it.
    """
    same = (
        Holding.actor == known_key(connection, actor),
        Holding.kind == kind,
        Holding.value == value.strip(),
    )
    if connection.execute(delete(Holding).where(*same)).rowcount == 0:
        raise UsageError(f"The actor does not hold this {kind}.")


def holdings(connection: Connection, kind: HoldingKind) -> list[tuple[str, str]]:
    """Return who holds what of a kind, as pairs of actor and value."""
    rows = connection.execute(
        select(Holding.actor, Holding.value)
        .where(Holding.kind == kind)
        .order_by(Holding.value, Holding.actor)
    )
    return [(row.actor, row.value) for row in rows]
