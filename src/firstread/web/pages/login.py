"""Logging in and out: name and password, the second factor, and where to go then."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from firstread.access.accounts.account import change_account
from firstread.access.accounts.cookies import SESSION, give_cookie
from firstread.access.accounts.login import Entry, give_code, log_in, log_out
from firstread.access.gate import Denied
from firstread.access.people import Visit, check_form, visit
from firstread.archive.database import writing
from firstread.web.pages.language import local_path
from firstread.web.pages.provider_login import LEAVE
from firstread.web.pages.render import page
from firstread.web.pages.visitor import (
    Here,
    Place,
    Visitor,
    begin_form,
    entered,
    is_own_form,
    keep_form,
    place_of,
)

LOGIN = "/login"

router = APIRouter()


@router.get(LOGIN)
def show_login(request: Request, here: Here, next: str = "/") -> Response:
    """Ask who it is; whoever is logged in goes on at once."""
    visiting = visit(request, here.engine, here.settings)
    if visiting is not None and not visiting.session.waits_for:
        return RedirectResponse(local_path(next), status_code=303)
    return _form(request, here, next)


@router.post(LOGIN)
def take_login(
    request: Request,
    here: Here,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Try a name and a password."""
    if not is_own_form(request, here.settings):
        return _form(request, here, next, wrong="stale", status=403)
    entry = log_in(here.engine, here.settings, name[:200], password[:1000], here.caller)
    if entry.state in ("refused", "wait"):
        return _refused(request, here, next, entry)
    target = local_path(next) if entry.state == "in" else _way_on(entry.state, next)
    return entered(request, here.settings, RedirectResponse(target, status_code=303), entry.secret)


@router.get(f"{LOGIN}/code")
def show_code(request: Request, here: Here, next: str = "/") -> Response:
    """Ask for the second factor."""
    if _waiting(request, here) is None:
        return RedirectResponse(_back(next), status_code=303)
    return page(request, "login_code.html", next=local_path(next), wrong="", seconds=0)


@router.post(f"{LOGIN}/code")
def take_code(
    request: Request, here: Here, code: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "/"
) -> Response:
    """Try a code of the second factor."""
    waiting = _waiting(request, here)
    if waiting is None:
        return RedirectResponse(_back(next), status_code=303)
    check_form(request, waiting.form_token)
    entry = give_code(here.engine, here.settings, code[:64], here.caller)
    if entry.state == "in":
        answer = RedirectResponse(local_path(next), status_code=303)
        return entered(request, here.settings, answer, entry.secret)
    status, headers = _told(entry)
    return page(
        request,
        "login_code.html",
        status=status,
        headers=headers,
        next=local_path(next),
        wrong="code" if entry.state == "refused" else "wait",
        seconds=round(entry.wait_s + 0.5),
    )


@router.post("/logout")
def leave(request: Request, here: Here, visiting: Visitor) -> Response:
    """End the session, here and in the database; whom the provider let in goes on to log out there."""
    log_out(here.engine, visiting.account, here.caller)
    was_let_in_there = visiting.session.way == "oidc" and here.settings.oidc_issuer is not None
    answer = RedirectResponse(LEAVE if was_let_in_there else LOGIN, status_code=303)
    give_cookie(answer, request, here.settings, SESSION, "")
    return answer


def keep_language(request: Request, language: str) -> bool:
    """Keep the language of whoever is logged in with their account; False where nobody is."""
    here = place_of(request)
    visiting = visit(request, here.engine, here.settings)
    if visiting is None:
        return False
    try:
        check_form(request, visiting.form_token)
    except Denied:
        return False
    with writing(here.engine) as connection:
        change_account(connection, visiting.account.id, language=language)
    return True


def _form(
    request: Request,
    here: Place,
    next: str,
    *,
    wrong: str = "",
    seconds: int = 0,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    secret = begin_form(request, here.settings)
    answer = page(
        request,
        "login.html",
        status=status,
        headers=headers,
        next=local_path(next),
        wrong=wrong,
        seconds=seconds,
        has_provider=here.settings.oidc_issuer is not None,
    )
    return keep_form(answer, request, here.settings, secret)


def _refused(request: Request, here: Place, next: str, entry: Entry) -> Response:
    status, headers = _told(entry)
    seconds = round(entry.wait_s + 0.5)
    return _form(request, here, next, wrong=entry.state, seconds=seconds, status=status, headers=headers)


def _told(entry: Entry) -> tuple[int, dict[str, str]]:
    return (401, {}) if entry.state == "refused" else (429, {"Retry-After": str(round(entry.wait_s + 0.5))})


def _waiting(request: Request, here: Place) -> Visit | None:
    visiting = visit(request, here.engine, here.settings)
    return visiting if visiting is not None and visiting.session.waits_for == "code" else None


def _way_on(waits_for: str, next: str) -> str:
    path = "/login/code" if waits_for == "code" else "/account/factor"
    return f"{path}?next={quote(local_path(next), safe='')}"


def _back(next: str) -> str:
    return f"{LOGIN}?next={quote(local_path(next), safe='')}"
