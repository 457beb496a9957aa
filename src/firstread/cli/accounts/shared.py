"""What the commands of accounts share."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from firstread.access.accounts.account import Account

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the account.", show_default=False)]


def check_roles(connection: "Connection", roles: "Collection[str]") -> None:
    """Make sure that there are these roles.

    Raises:
        UsageError: one is none.
    """
    from firstread.access.rights.change import list_roles
    from firstread.errors import UsageError

    known = {role.name for role in list_roles(connection)}
    for role in roles:
        if role not in known:
            raise UsageError(
                f"There is no role {role[:64]!r}.", remedy=f"Choose from: {', '.join(sorted(known))}."
            )


def told(connection: "Connection", account: "Account", what: str) -> None:
    """Record a change of an account by whoever calls."""
    from firstread.access.accounts.trail import record_change
    from firstread.access.this_user import this_user

    record_change(connection, this_user(), account, what)


def as_row(account: "Account") -> dict[str, str]:
    """Return what a list shows of an account."""
    return {
        "name": account.name,
        "kind": account.kind,
        "display_name": account.display_name,
        "roles": ", ".join(sorted(account.roles)),
        "departments": ", ".join(sorted(account.departments)),
        "login": login_of(account),
        "last_login": account.last_login_at.isoformat(timespec="seconds") if account.last_login_at else "",
    }


def login_of(account: "Account") -> str:
    """Say in a few words how an account logs in."""
    if account.disabled:
        return "disabled"
    if account.kind == "service":
        return "tokens"
    ways = ["provider"] * bool(account.issuer) + ["password"] * account.has_password
    return (" and ".join(ways) or "none yet") + (", second factor" if account.has_totp else "")
