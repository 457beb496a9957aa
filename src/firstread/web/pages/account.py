"""One's own account: password, second factor, sessions, tokens. Names, roles and departments are others' to give."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from firstread.access.accounts.account import get_account
from firstread.access.accounts.login import enter, idle_of, reauthenticate
from firstread.access.accounts.passwords import PasswordRefused, check_password, set_password
from firstread.access.accounts.sessions import end_sessions, sessions_of
from firstread.access.accounts.tokens import create_token, list_tokens, revoke_token
from firstread.access.accounts.totp import (
    begin_enrolment,
    finish_enrolment,
    new_recovery_codes,
    provisioning_uri,
    qr_svg,
    recovery_codes_left,
    remove_totp,
    secret_on_offer,
)
from firstread.access.accounts.trail import actor_of, record_change
from firstread.access.action import Action
from firstread.access.gate import Denied
from firstread.access.people import Visit, check_form, visit
from firstread.archive.columns import now
from firstread.archive.database import reading, writing
from firstread.errors import UsageError
from firstread.web.pages.language import local_path
from firstread.web.pages.render import page
from firstread.web.pages.visitor import Here, Place, Visitor, entered

ACCOUNT = "/account"
FRESH = timedelta(minutes=10)
"""How long a login is proof enough for an account that has neither password nor second factor here."""

router = APIRouter()


@router.get(ACCOUNT)
def show_account(request: Request, here: Here, visiting: Visitor) -> Response:
    """Show the account."""
    return _account(request, here, visiting)


@router.post(f"{ACCOUNT}/password")
def change_password(
    request: Request,
    here: Here,
    visiting: Visitor,
    current: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    """Change the password; every session ends, and this one goes on under a new secret."""
    account = visiting.account
    if not account.has_password:
        raise Denied("The account has no password here.", remedy="Change it where you log in.")
    wrong = "differ" if password != again else ""
    try:
        check_password(
            password,
            own=(account.name, account.display_name, account.email),
            breaches=here.settings.breached_passwords,
        )
    except PasswordRefused as refused:
        wrong = wrong or refused.reason
    if wrong:
        return _account(request, here, visiting, wrong_password=wrong)
    with writing(here.engine) as connection:
        proved = _proves(connection, visiting, current)
        if proved:
            set_password(connection, account.id, password)
            _record(connection, here, visiting, "password")
            end_sessions(connection, account.id)
            secret = enter(connection, here.settings, account, here.caller, way="password")
    if not proved:
        return _account(request, here, visiting, wrong_password="proof")
    answer = RedirectResponse(f"{ACCOUNT}?done=password", status_code=303)
    return entered(request, here.settings, answer, secret)


@router.get(f"{ACCOUNT}/factor")
def show_factor(request: Request, here: Here, next: str = ACCOUNT) -> Response:
    """Show a new second factor to set up; also to whoever may do nothing else before they have one."""
    visiting = _enrolling(request, here)
    with writing(here.engine) as connection:
        begin_enrolment(connection, visiting.account.id)
    return _factor(request, here, visiting, next)


@router.post(f"{ACCOUNT}/factor")
def take_factor(
    request: Request,
    here: Here,
    code: Annotated[str, Form()] = "",
    current: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = ACCOUNT,
) -> Response:
    """Ask for the second factor from now on, and show the recovery codes, once."""
    visiting = _enrolling(request, here)
    check_form(request, visiting.form_token)
    account, waits = visiting.account, visiting.session.waits_for == "enrol"
    with writing(here.engine) as connection:
        proved = waits or _proves(connection, visiting, current)
        codes = finish_enrolment(connection, account.id, "".join(code.split())) if proved else ()
        if codes:
            _record(connection, here, visiting, "second factor set up")
            end_sessions(connection, account.id)
            way: Any = visiting.session.way
            secret = enter(connection, here.settings, account, here.caller, way=way)
    if not codes:
        return _factor(request, here, visiting, next, wrong="code" if proved else "proof")
    answer = page(request, "recovery.html", codes=codes, next=local_path(next))
    return entered(request, here.settings, answer, secret)


@router.post(f"{ACCOUNT}/recovery")
def renew_recovery(
    request: Request, here: Here, visiting: Visitor, current: Annotated[str, Form()] = ""
) -> Response:
    """Show new recovery codes in place of the old ones."""
    with writing(here.engine) as connection:
        proved = visiting.account.has_totp and _proves(connection, visiting, current)
        codes = new_recovery_codes(connection, visiting.account.id) if proved else ()
        if codes:
            _record(connection, here, visiting, "recovery codes")
    if not codes:
        return _account(request, here, visiting, wrong_factor="proof")
    return page(request, "recovery.html", codes=codes, next=ACCOUNT)


@router.post(f"{ACCOUNT}/factor/remove")
def drop_factor(
    request: Request, here: Here, visiting: Visitor, current: Annotated[str, Form()] = ""
) -> Response:
    """Ask for no second factor any more, where the settings leave that to everybody."""
    if here.settings.second_factor == "required":
        raise Denied("A second factor is required here.", remedy="Set up another in its place.")
    with writing(here.engine) as connection:
        proved = _proves(connection, visiting, current)
        if proved:
            remove_totp(connection, visiting.account.id)
            _record(connection, here, visiting, "second factor removed")
    if not proved:
        return _account(request, here, visiting, wrong_factor="proof")
    return RedirectResponse(f"{ACCOUNT}?done=factor", status_code=303)


@router.post(f"{ACCOUNT}/sessions")
def end(here: Here, visiting: Visitor, session: Annotated[int | None, Form()] = None) -> Response:
    """End one session, or without a number all others."""
    with writing(here.engine) as connection:
        if session is None:
            end_sessions(connection, visiting.account.id, but=visiting.session.id)
        else:
            end_sessions(connection, visiting.account.id, only=session)
        _record(connection, here, visiting, "sessions ended")
    return RedirectResponse(f"{ACCOUNT}?done=sessions", status_code=303)


@router.post(f"{ACCOUNT}/tokens")
def make_token(
    request: Request,
    here: Here,
    visiting: Visitor,
    name: Annotated[str, Form()] = "",
    days: Annotated[int, Form()] = 90,
    scopes: Annotated[list[str] | None, Form()] = None,
    current: Annotated[str, Form()] = "",
) -> Response:
    """Make a token, and show it once."""
    try:
        with writing(here.engine) as connection:
            proved = _proves(connection, visiting, current)
            lasts = timedelta(days=max(0, min(days, 10_000)))
            if proved:
                made = create_token(
                    connection, visiting.account.id, name.strip(), scopes=scopes or (), lasts=lasts
                )
                _record(connection, here, visiting, "token made")
    except UsageError:
        return _account(request, here, visiting, wrong_token="token")
    if not proved:
        return _account(request, here, visiting, wrong_token="proof")
    return page(request, "token.html", token=made, token_name=name.strip())


@router.post(f"{ACCOUNT}/tokens/revoke")
def drop_token(here: Here, visiting: Visitor, name: Annotated[str, Form()] = "") -> Response:
    """Take a token no more."""
    with writing(here.engine) as connection:
        if revoke_token(connection, visiting.account.id, name):
            _record(connection, here, visiting, "token revoked")
    return RedirectResponse(f"{ACCOUNT}?done=tokens", status_code=303)


def _proves(connection: Connection, visiting: Visit, given: str) -> bool:
    """Tell whether it is still who logged in: by the password or a code, or, without both, by a fresh login."""
    account = get_account(connection, visiting.account.id)
    if account.has_password or account.has_totp:
        return reauthenticate(connection, account.id, given)
    return now() - visiting.session.created_at < FRESH


def _record(connection: Connection, here: Place, visiting: Visit, what: str) -> None:
    record_change(connection, actor_of(visiting.account, here.caller.address), visiting.account, what)


def _enrolling(request: Request, here: Place) -> Visit:
    found = visit(request, here.engine, here.settings)
    if found is None or found.session.waits_for not in ("", "enrol"):
        raise Denied("Nobody is logged in.", remedy="Log in.", status=401)
    return found


def _factor(request: Request, here: Place, visiting: Visit, next: str, *, wrong: str = "") -> Response:
    with reading(here.engine) as connection:
        secret = secret_on_offer(connection, visiting.account.id)
    if not secret:
        return RedirectResponse(ACCOUNT, status_code=303)
    return page(
        request,
        "factor.html",
        status=400 if wrong else 200,
        picture=Markup(qr_svg(provisioning_uri(secret, visiting.account.name))),
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        next=local_path(next),
        wrong=wrong,
        must=visiting.session.waits_for == "enrol",
        proof=visiting.account.has_password or visiting.account.has_totp,
    )


def _account(
    request: Request,
    here: Place,
    visiting: Visit,
    *,
    wrong_password: str = "",
    wrong_factor: str = "",
    wrong_token: str = "",
) -> Response:
    with reading(here.engine) as connection:
        account = get_account(connection, visiting.account.id)
        sessions = sessions_of(connection, account.id, idle=idle_of(here.settings))
        tokens = [each for each in list_tokens(connection, account=account.id) if each.state != "revoked"]
        codes_left = recovery_codes_left(connection, account.id)
    done = request.query_params.get("done", "")
    return page(
        request,
        "account.html",
        status=400 if wrong_password or wrong_factor or wrong_token else 200,
        account=account,
        sessions=sessions,
        this_session=visiting.session.id,
        tokens=tokens,
        codes_left=codes_left,
        actions=[action.value for action in Action],
        wrong_password=wrong_password,
        wrong_factor=wrong_factor,
        wrong_token=wrong_token,
        done=done if done in ("password", "factor", "sessions", "tokens") else "",
        must_have_factor=here.settings.second_factor == "required",
        proof=account.has_password or account.has_totp,
    )
