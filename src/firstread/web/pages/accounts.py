"""All accounts, for who manages them: make one, say its roles, give a new link, disable it, let it try again."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from firstread.access import Action, Grant, needs
from firstread.access.accounts import attempts
from firstread.access.accounts.account import (
    Account,
    create_account,
    disable_account,
    find_account,
    folded,
    list_accounts,
    set_belongings,
)
from firstread.access.accounts.links import link_url, new_link
from firstread.access.accounts.sessions import end_sessions
from firstread.access.accounts.totp import remove_totp
from firstread.access.accounts.trail import record_change
from firstread.access.rights.change import list_roles
from firstread.archive.database import reading, writing
from firstread.errors import UsageError
from firstread.network.dicomweb.problems import missing
from firstread.web.pages.render import page
from firstread.web.pages.visitor import Here, Place

ACCOUNTS = "/accounts"
Manager = Annotated[Grant, Depends(needs(Action.MANAGE_ACCOUNTS))]

router = APIRouter()


@router.get(ACCOUNTS)
def show_accounts(request: Request, here: Here, grant: Manager) -> Response:
    """List the accounts."""
    return _accounts(request, here)


@router.post(ACCOUNTS)
def add_account(
    request: Request,
    here: Here,
    grant: Manager,
    name: Annotated[str, Form()] = "",
    display_name: Annotated[str, Form()] = "",
    email: Annotated[str, Form()] = "",
    department: Annotated[str, Form()] = "",
    roles: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Make a person's account, and show the link with which they choose their password."""
    try:
        with writing(here.engine) as connection:
            account = create_account(
                connection,
                name,
                display_name=display_name.strip(),
                email=email.strip(),
                roles=_known(connection, roles),
                departments=department.split(","),
            )
            record_change(connection, grant.actor, account, "made")
            secret = new_link(connection, account.id)
    except UsageError:
        return _accounts(request, here, wrong=True)
    return _link(request, here, account, secret)


@router.post(f"{ACCOUNTS}/roles")
def change_roles(
    here: Here,
    grant: Manager,
    name: Annotated[str, Form()],
    roles: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Give an account these roles in place of those given here before."""
    with writing(here.engine) as connection:
        account = _named(connection, name)
        chosen = _known(connection, roles)
        set_belongings(connection, account.id, "role", chosen)
        record_change(connection, grant.actor, account, f"roles: {', '.join(chosen)}")
    return _back()


@router.post(f"{ACCOUNTS}/link")
def give_link(
    request: Request,
    here: Here,
    grant: Manager,
    name: Annotated[str, Form()],
    factor: Annotated[bool, Form()] = False,
) -> Response:
    """Show a link with which somebody chooses a new password; forget the second factor, too, where asked."""
    with writing(here.engine) as connection:
        account = _named(connection, name)
        if account.kind != "person":
            raise missing()
        if factor:
            remove_totp(connection, account.id)
        record_change(connection, grant.actor, account, "link" + (" and no second factor" if factor else ""))
        secret = new_link(connection, account.id)
    return _link(request, here, account, secret)


@router.post(f"{ACCOUNTS}/disable")
def disable(
    here: Here, grant: Manager, name: Annotated[str, Form()], undo: Annotated[bool, Form()] = False
) -> Response:
    """Take nothing of an account any more, or take it again."""
    with writing(here.engine) as connection:
        account = _named(connection, name)
        disable_account(connection, account.id, disabled=not undo)
        record_change(connection, grant.actor, account, "enabled" if undo else "disabled")
    return _back()


@router.post(f"{ACCOUNTS}/sessions")
def end(here: Here, grant: Manager, name: Annotated[str, Form()]) -> Response:
    """Log somebody out everywhere, and forget their failed logins."""
    with writing(here.engine) as connection:
        account = _named(connection, name)
        end_sessions(connection, account.id)
        attempts.succeed(connection, name=attempts.of_name(folded(account.name)))
        record_change(connection, grant.actor, account, "sessions ended, unlocked")
    return _back()


def _accounts(request: Request, here: Place, *, wrong: bool = False) -> Response:
    with reading(here.engine) as connection:
        found = list_accounts(connection)
        roles = [role.name for role in list_roles(connection)]
    return page(
        request, "accounts.html", status=400 if wrong else 200, accounts=found, roles=roles, wrong=wrong
    )


def _link(request: Request, here: Place, account: Account, secret: str) -> Response:
    port = request.url.port if here.settings.public_url is None else None
    return page(
        request,
        "account_link.html",
        account=account,
        link=link_url(here.settings, secret, port=port, scheme=request.url.scheme),
    )


def _named(connection: Connection, name: str) -> Account:
    found = find_account(connection, name)
    if found is None:
        raise missing()
    return found


def _known(connection: Connection, roles: list[str] | None) -> list[str]:
    known = {role.name for role in list_roles(connection)}
    return sorted(known & set(roles or ()))


def _back() -> Response:
    return RedirectResponse(ACCOUNTS, status_code=303)
