"""`firstread tokens`: what programs show."""

from typing import Annotated

import typer

from firstread.access.action import Action
from firstread.cli.access.listing import Options, changing, looking, show
from firstread.cli.accounts.shared import Name, told
from firstread.cli.archive import AsJson

tokens = typer.Typer(
    help="Tokens of programs: for some actions, for a time, shown once.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings=Options,
)
TokenName = Annotated[str, typer.Argument(metavar="TOKEN", help="Name of the token.", show_default=False)]


@tokens.command()
def create(
    name: Name,
    token: TokenName,
    scope: Annotated[
        list[str],
        typer.Option(
            metavar="ACTION", help="What it is for; may be given several times.", show_default=False
        ),
    ],
    days: Annotated[int, typer.Option(help="Days until it ends, 1 to 366.")] = 90,
) -> None:
    """Make a token and print it, once: `Authorization: Bearer TOKEN`. It may do what its account may, of these actions.

    \b
    Examples
      firstread tokens create pacs nightly --scope study.read --scope study.store --days 30

    Exit codes: 0 made, 2 there is no such account or action, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from datetime import timedelta

    from firstread.access.accounts.account import account_named
    from firstread.access.accounts.tokens import create_token

    with changing(Action.MANAGE_ACCOUNTS) as connection:
        account = account_named(connection, name)
        lasts = timedelta(days=max(0, min(days, 10_000)))
        made = create_token(connection, account.id, token, scopes=scope, lasts=lasts)
        told(connection, account, "token made")
    print(made)


@tokens.command("list")
def list_(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Name of the account.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the tokens of an account, or of all, without what they are.

    \b
    Examples
      firstread tokens list
      firstread tokens list pacs --json

    Exit codes: 0 listed, 2 there is no such account, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.accounts.account import account_named
    from firstread.access.accounts.tokens import list_tokens

    with looking(Action.MANAGE_ACCOUNTS) as connection:
        account = account_named(connection, name).id if name is not None else None
        found = list_tokens(connection, account=account)
    rows = [
        {
            "account": each.account_name,
            "token": each.name,
            "begins": each.hint,
            "state": each.state,
            "scopes": ", ".join(sorted(each.scopes)),
            "ends": each.expires_at.date().isoformat(),
            "used": each.used_at.isoformat(timespec="seconds") if each.used_at else "",
        }
        for each in found
    ]
    show(rows, as_json=as_json, empty="No token.")


@tokens.command()
def revoke(name: Name, token: TokenName) -> None:
    """Take a token no more, from the next request on.

    \b
    Examples
      firstread tokens revoke pacs nightly

    Exit codes: 0 revoked, 2 there is no such token, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.accounts.account import account_named
    from firstread.access.accounts.tokens import revoke_token
    from firstread.errors import UsageError

    with changing(Action.MANAGE_ACCOUNTS) as connection:
        account = account_named(connection, name)
        if not revoke_token(connection, account.id, token):
            raise UsageError(
                f"{account.name} has no token {token[:64]!r} that is taken.",
                remedy="See `firstread tokens list`.",
            )
        told(connection, account, "token revoked")
    print(f"The token {token} of {account.name} is revoked.")
