"""`firstread users sessions` and `revoke`: where somebody is logged in, and the end of it."""

from typing import Annotated

import typer

from firstread.access.action import Action
from firstread.cli.access.listing import changing, looking, show
from firstread.cli.accounts.shared import Name, told
from firstread.cli.archive import AsJson


def sessions(name: Name, as_json: AsJson = False) -> None:
    """List the sessions in which an account is logged in.

    \b
    Examples
      firstread users sessions ada

    Exit codes: 0 listed, 2 there is no such account, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.accounts.account import account_named
    from firstread.access.accounts.login import idle_of
    from firstread.access.accounts.sessions import sessions_of
    from firstread.settings import load_settings

    with looking(Action.MANAGE_ACCOUNTS) as connection:
        account = account_named(connection, name)
        found = sessions_of(connection, account.id, idle=idle_of(load_settings()))
    rows = [
        {
            "number": each.id,
            "way": each.way,
            "address": each.address,
            "browser": each.browser,
            "since": each.created_at.isoformat(timespec="seconds"),
            "seen": each.seen_at.isoformat(timespec="seconds"),
        }
        for each in found
    ]
    show(rows, as_json=as_json, empty="No session.")


def revoke(
    name: Name,
    session: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Only this session.", show_default=False)
    ] = None,
) -> None:
    """End the sessions of an account with its next request.

    \b
    Examples
      firstread users revoke ada
      firstread users revoke ada --session 12

    Exit codes: 0 ended, 2 there is no such account or session, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.accounts.account import account_named
    from firstread.access.accounts.sessions import end_sessions
    from firstread.errors import UsageError

    with changing(Action.MANAGE_ACCOUNTS) as connection:
        account = account_named(connection, name)
        ended = end_sessions(connection, account.id, only=session)
        if session is not None and not ended:
            raise UsageError(
                f"{account.name} has no session {session}.", remedy="See `firstread users sessions`."
            )
        told(connection, account, "sessions ended")
    print(f"{ended} sessions of {account.name} ended.")
