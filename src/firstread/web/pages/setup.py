"""What a link that works once opens: the first administrator is made, or somebody chooses a password."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from firstread.access.accounts import attempts
from firstread.access.accounts.account import Account, create_account, folded, get_account
from firstread.access.accounts.links import FILE, find_link, use_link
from firstread.access.accounts.login import enter
from firstread.access.accounts.passwords import PasswordRefused, check_password, set_password
from firstread.access.accounts.sessions import end_sessions
from firstread.access.accounts.trail import actor_of, record_change
from firstread.archive.database import reading, writing
from firstread.errors import UsageError
from firstread.web.pages.render import page
from firstread.web.pages.visitor import Here, Place, begin_form, entered, is_own_form, keep_form

SETUP = "/setup"
ADMINISTRATOR = "administrator"

router = APIRouter()


@router.get(SETUP)
def show_setup(request: Request, here: Here, link: str = "") -> Response:
    """Ask for what the link is for; that alone does not use it, as mail scanners follow links."""
    return _form(request, here, link)


@router.post(SETUP)
def take_setup(
    request: Request,
    here: Here,
    link: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    """Make the administrator, or keep the password, and log in."""
    if not is_own_form(request, here.settings):
        return _form(request, here, link, wrong="stale", name=name)
    if password != again:
        return _form(request, here, link, wrong="differ", name=name)
    try:
        with writing(here.engine) as connection:
            used = use_link(connection, link)
            if used is None:
                return _gone(request)
            if used.account is None:
                account = create_account(connection, name, roles=[ADMINISTRATOR])
            else:
                account = get_account(connection, used.account)
            own = (account.name, account.display_name, account.email)
            check_password(password, own=own, breaches=here.settings.breached_passwords)
            set_password(connection, account.id, password)
            what = "password by link" if used.account is not None else "first administrator"
            record_change(connection, actor_of(account, here.caller.address), account, what)
            secret, target = _let_in(connection, here, account)
    except PasswordRefused as refused:
        return _form(request, here, link, wrong=refused.reason, name=name)
    except UsageError:
        return _form(request, here, link, wrong="account", name=name)
    with suppress(OSError):
        Path(request.app.state.archive.folder, FILE).unlink(missing_ok=True)
    return entered(request, here.settings, RedirectResponse(target, status_code=303), secret)


def _let_in(connection: Connection, here: Place, account: Account) -> tuple[str, str]:
    """End what was open with the old password; the link replaces the password and not the second factor."""
    end_sessions(connection, account.id)
    attempts.succeed(connection, name=attempts.of_name(folded(account.name)))
    waits_for, target = "", "/"
    if account.has_totp:
        waits_for, target = "code", "/login/code"
    elif here.settings.second_factor == "required":
        waits_for, target = "enrol", "/account/factor"
    secret = enter(connection, here.settings, account, here.caller, way="link", waits_for=waits_for)
    return secret, target


def _form(request: Request, here: Place, link: str, *, wrong: str = "", name: str = "") -> Response:
    with reading(here.engine) as connection:
        found = find_link(connection, link)
        account = get_account(connection, found.account) if found and found.account is not None else None
    if found is None:
        return _gone(request)
    secret = begin_form(request, here.settings)
    answer = page(
        request,
        "setup.html",
        status=400 if wrong else 200,
        link=link,
        wrong=wrong,
        account_name=account.name if account else name,
        is_first=account is None,
    )
    return keep_form(answer, request, here.settings, secret)


def _gone(request: Request) -> Response:
    return page(request, "setup_gone.html", status=410)
