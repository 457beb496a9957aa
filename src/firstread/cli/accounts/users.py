"""`firstread users`: who may log in, and as what."""

import json
import sys
from typing import Annotated

import typer

from firstread.access.action import Action
from firstread.cli.access.listing import Options, changing, looking, show
from firstread.cli.accounts.shared import Name, as_row, check_roles, login_of, told
from firstread.cli.archive import AsJson

users = typer.Typer(
    help="Accounts of people and programs: make, list, change and disable them, and end their sessions.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings=Options,
)

DisplayName = Annotated[str | None, typer.Option(help="As people read it, as under a report.")]
Email = Annotated[str | None, typer.Option(help="Where alerts are sent.")]
Language = Annotated[str | None, typer.Option(metavar="en|zh", help="Of the pages; default: the browser's.")]
Departments = Annotated[
    list[str] | None,
    typer.Option("--department", metavar="NAME", help="That it belongs to; may be given several times."),
]
ReferringNames = Annotated[
    list[str] | None,
    typer.Option(
        "--referring-name",
        metavar="NAME",
        help="As DICOM calls the person in Referring Physician's Name; may be given several times.",
    ),
]


@users.command()
def add(
    name: Name,
    role: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE", help="Role of the account; may be given several times."),
    ] = None,
    service: Annotated[
        bool, typer.Option("--service", help="A program, which has tokens and no password.")
    ] = False,
    display_name: DisplayName = None,
    email: Email = None,
    language: Language = None,
    department: Departments = None,
    referring_name: ReferringNames = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Take the password from standard input, for scripts.")
    ] = False,
) -> None:
    """Make an account. A person gets a link, shown here once, with which they choose their password within a day.

    \b
    Examples
      firstread users add ada --role radiologist --department Radiology --display-name "Ada Lovelace"
      firstread users add pacs --service --role technologist
      pass show firstread/admin | firstread users add admin --role administrator --password-stdin

    Exit codes: 0 made, 2 the name is taken or an option cannot be used, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.accounts.account import create_account
    from firstread.access.accounts.links import link_url, new_link
    from firstread.access.accounts.passwords import check_password, set_password
    from firstread.errors import UsageError
    from firstread.settings import load_settings

    settings = load_settings()
    if service and password_stdin:
        raise UsageError(
            "A service account has no password.", remedy="Make a token: firstread tokens create."
        )
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else ""
    if password_stdin:
        own = (name, display_name or "", email or "")
        check_password(password, own=own, breaches=settings.breached_passwords)
    with changing(Action.MANAGE_ACCOUNTS) as connection:
        check_roles(connection, role or ())
        account = create_account(
            connection,
            name,
            kind="service" if service else "person",
            display_name=display_name or "",
            email=email or "",
            language=language or "",
            roles=role or (),
            departments=department or (),
            referring_names=referring_name or (),
        )
        told(connection, account, "made")
        if password_stdin:
            set_password(connection, account.id, password)
        secret = None if service or password_stdin else new_link(connection, account.id)
    print(f"{account.name} is an account now." if secret is None else link_url(settings, secret))


@users.command("list")
def list_(
    role: Annotated[str | None, typer.Option(help="Only those with this role.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """List the accounts.

    \b
    Examples
      firstread users list
      firstread users list --role administrator --json

    Exit codes: 0 listed, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.accounts.account import list_accounts

    with looking(Action.MANAGE_ACCOUNTS) as connection:
        found = list_accounts(connection)
    rows = [as_row(account) for account in found if role is None or role in account.roles]
    show(rows, as_json=as_json, empty="No account; `firstread serve` makes a link for the first.")


@users.command("show")
def show_(name: Name, as_json: AsJson = False) -> None:
    """Show an account: its roles, how it logs in, and whether it has to wait after failed logins.

    \b
    Examples
      firstread users show ada

    Exit codes: 0 shown, 2 there is none, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.accounts import attempts
    from firstread.access.accounts.account import account_named, folded, live_tokens
    from firstread.access.accounts.totp import recovery_codes_left
    from firstread.archive.columns import now

    with looking(Action.MANAGE_ACCOUNTS) as connection:
        account = account_named(connection, name)
        failures, until = attempts.waiting(connection, attempts.of_name(folded(account.name)))
        facts = {
            **as_row(account),
            "email": account.email,
            "language": account.language,
            "referring_names": ", ".join(sorted(account.referring_names)),
            "provider": account.issuer,
            "recovery_codes": recovery_codes_left(connection, account.id),
            "live_tokens": live_tokens(connection, account.id),
            "failed_logins": failures,
            "waits_until": until.isoformat(timespec="seconds") if until and until > now() else "",
        }
    if as_json:
        print(json.dumps(facts, indent=1, ensure_ascii=False))
    else:
        show(
            [{"what": key.replace("_", " "), "is": value} for key, value in facts.items()],
            as_json=False,
            empty="",
        )


@users.command("set")
def set_(
    name: Name,
    display_name: DisplayName = None,
    email: Email = None,
    language: Language = None,
    department: Departments = None,
    referring_name: ReferringNames = None,
) -> None:
    """Change an account: what is given takes the place of what was; "" empties it.

    \b
    Examples
      firstread users set ada --email ada@hospital.example --referring-name "LOVELACE^ADA"

    Exit codes: 0 changed, 2 there is none or an option cannot be used, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.accounts.account import account_named, change_account, set_belongings

    texts = {"display_name": display_name, "email": email, "language": language}
    given = {key: value for key, value in texts.items() if value is not None}
    with changing(Action.MANAGE_ACCOUNTS) as connection:
        account = account_named(connection, name)
        if given:
            change_account(connection, account.id, **given)
        if department is not None:
            set_belongings(connection, account.id, "department", department)
        if referring_name is not None:
            set_belongings(connection, account.id, "referring_name", referring_name)
        told(connection, account, "changed")
    print(f"{account.name} is changed.")


@users.command()
def roles(
    name: Name,
    role: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ROLE]...", help="Its roles from now on; none: it has none.", show_default=False
        ),
    ] = None,
) -> None:
    """Give an account these roles in place of those it had, from its next request on.

    What an OpenID provider gives is not changed: the provider says it anew at each login.

    \b
    Examples
      firstread users roles ada radiologist auditor

    Exit codes: 0 given, 2 there is no such account or role, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.accounts.account import account_named, get_account, set_belongings

    with changing(Action.MANAGE_ACCOUNTS) as connection:
        account = account_named(connection, name)
        check_roles(connection, role or ())
        set_belongings(connection, account.id, "role", role or ())
        told(connection, account, "roles: " + ", ".join(sorted(role or ())))
        now_has = sorted(get_account(connection, account.id).roles)
    print(f"{account.name}: {', '.join(now_has) or 'no role'}.")


@users.command()
def disable(
    name: Name,
    undo: Annotated[bool, typer.Option("--undo", help="Take it again.")] = False,
) -> None:
    """Take nothing of an account any more, from its next request on: its sessions end, its tokens are refused.

    \b
    Examples
      firstread users disable ada
      firstread users disable ada --undo

    Exit codes: 0 done, 2 there is none, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.accounts.account import account_named, disable_account

    with changing(Action.MANAGE_ACCOUNTS) as connection:
        account = account_named(connection, name)
        disable_account(connection, account.id, disabled=not undo)
        told(connection, account, "enabled" if undo else "disabled")
    print(f"{account.name} is {'enabled' if undo else 'disabled'}.")


@users.command("reset-link")
def reset_link(
    name: Name,
    second_factor: Annotated[
        bool,
        typer.Option("--second-factor", help="Forget the second factor, too, as where its device is lost."),
    ] = False,
) -> None:
    """Show a link, once, with which somebody chooses a new password within a day; earlier links are worth nothing.

    Until it is used the old password holds; then every session of the account ends.

    \b
    Examples
      firstread users reset-link ada
      firstread users reset-link ada --second-factor

    Exit codes: 0 made, 2 there is none or it is a program's, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.accounts.account import account_named
    from firstread.access.accounts.links import link_url, new_link
    from firstread.access.accounts.totp import remove_totp
    from firstread.errors import UsageError
    from firstread.settings import load_settings

    with changing(Action.MANAGE_ACCOUNTS) as connection:
        account = account_named(connection, name)
        if account.kind == "service":
            raise UsageError(
                "A service account has no password.", remedy="Make a token: firstread tokens create."
            )
        if second_factor:
            remove_totp(connection, account.id)
        secret = new_link(connection, account.id)
        told(connection, account, "link" + (" and no second factor" if second_factor else ""))
    print(link_url(load_settings(), secret))


@users.command()
def unlock(name: Name) -> None:
    """Forget the failed logins of an account, so that nobody has to wait for it.

    \b
    Examples
      firstread users unlock ada

    Exit codes: 0 forgotten, 2 there is none, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.accounts import attempts
    from firstread.access.accounts.account import account_named, folded

    with changing(Action.MANAGE_ACCOUNTS) as connection:
        account = account_named(connection, name)
        attempts.succeed(connection, name=attempts.of_name(folded(account.name)))
        told(connection, account, "unlocked")
    print(f"{account.name} may log in.")


@users.command()
def link(
    name: Name,
    subject: Annotated[
        str, typer.Argument(metavar="SUBJECT", help="The person's `sub` at the provider.", show_default=False)
    ],
) -> None:
    """Let a person whom the OpenID provider of the settings knows log in as this account.

    \b
    Examples
      firstread users link ada 248289761001

    Exit codes: 0 linked, 2 there is none, no provider is set, or the person has an account, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.accounts.account import account_named
    from firstread.access.accounts.oidc.join import account_of
    from firstread.access.accounts.oidc.join import link as link_account
    from firstread.errors import UsageError
    from firstread.settings import load_settings

    issuer = load_settings().oidc_issuer
    with changing(Action.MANAGE_ACCOUNTS) as connection:
        if issuer is None:
            raise UsageError("No OpenID provider is set.", remedy="Set oidc_issuer.")
        account = account_named(connection, name)
        other = account_of(connection, issuer, subject)
        if other is not None and other.id != account.id:
            raise UsageError(
                f"That person is {other.name} already.", remedy="Disable that account, or link it."
            )
        link_account(connection, account.id, issuer, subject)
        told(connection, account, "linked to the provider")
    print(f"{account.name} logs in by {login_of(account)} and the provider.")
