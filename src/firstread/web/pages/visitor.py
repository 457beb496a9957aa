"""Whoever sits before a page: their session, their place among the settings, and the token of their forms."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Engine
from starlette.responses import Response

from firstread.access.accounts.cookies import BEFORE, SESSION, address_of, give_cookie, read_cookie
from firstread.access.accounts.login import Caller
from firstread.access.accounts.secret import new_secret
from firstread.access.accounts.sessions import form_token
from firstread.access.accounts.trail import actor_of
from firstread.access.gate import Denied
from firstread.access.people import Visit, check_form, visit
from firstread.settings import Settings


@dataclass(frozen=True)
class Place:
    """What the pages of accounts work with."""

    engine: Engine
    settings: Settings
    caller: Caller


def place_of(request: Request) -> Place:
    """Return the database, the settings, and where the request comes from."""
    settings: Settings = request.app.state.settings
    browser = request.headers.get("user-agent", "")
    caller = Caller(address_of(request), browser, read_cookie(request, settings, SESSION))
    return Place(request.app.state.archive.engine, settings, caller)


def visitor(request: Request) -> Visit:
    """Return whose session it is.

    Raises:
        Denied: nobody is logged in, or a change was asked for by no form of theirs.
    """
    place = place_of(request)
    found = visit(request, place.engine, place.settings)
    if found is None or found.session.waits_for:
        raise Denied("Nobody is logged in.", remedy="Log in.", status=401)
    check_form(request, found.form_token)
    request.state.actor = actor_of(found.account, place.caller.address)
    return found


Here = Annotated[Place, Depends(place_of)]
Visitor = Annotated[Visit, Depends(visitor)]


def begin_form(request: Request, settings: Settings) -> str:
    """Give the forms of a page that is there before anybody is logged in a token; return what its cookie must hold."""
    secret = read_cookie(request, settings, BEFORE) or new_secret()
    request.state.csrf = form_token(secret)
    return secret


def keep_form(response: Response, request: Request, settings: Settings, secret: str) -> Response:
    """Have the browser keep what `begin_form` returned."""
    if read_cookie(request, settings, BEFORE) != secret:
        give_cookie(response, request, settings, BEFORE, secret)
    return response


def is_own_form(request: Request, settings: Settings) -> bool:
    """Tell whether a form of `begin_form` was sent."""
    secret = read_cookie(request, settings, BEFORE)
    try:
        check_form(request, form_token(secret) if secret else "-")
    except Denied:
        return False
    return bool(secret)


def entered(request: Request, settings: Settings, response: Response, secret: str) -> Response:
    """Have the browser keep a new session, and forget what was before it."""
    give_cookie(response, request, settings, SESSION, secret)
    give_cookie(response, request, settings, BEFORE, "")
    return response
