"""Who asks: from a request to the actor, by the cookie of a session or by a token."""

import binascii
from base64 import b64decode
from dataclasses import dataclass, replace
from hmac import compare_digest
from time import monotonic
from typing import cast

from sqlalchemy import Engine
from starlette.requests import Request

from firstread.access.accounts.account import Account, accounts_with, get_account
from firstread.access.accounts.cookies import SESSION, address_of, read_cookie
from firstread.access.accounts.login import idle_of, reauthenticate
from firstread.access.accounts.sessions import Session, find_session, form_token, note_seen
from firstread.access.accounts.tokens import find_token, note_used
from firstread.access.accounts.trail import actor_of
from firstread.access.actor import Actor
from firstread.access.gate import Denied
from firstread.archive.database import reading
from firstread.settings import Settings

__all__ = ["Visit", "accounts_with", "authenticate", "check_form", "reauthenticate", "visit"]

_ASKED_EVERY_S = 1.0
SAFE = ("GET", "HEAD", "OPTIONS")
HEADER = "x-csrf-token"
FIELD = "csrf_token"
OF_ITSELF = "x-of-itself"
"""Header of what a page asks by itself, and a stream of events cannot have."""


@dataclass(frozen=True)
class Visit:
    """A session of a browser: whose it is, what its cookie holds, and what its forms must bring."""

    account: Account
    session: Session
    secret: str

    @property
    def form_token(self) -> str:
        """What its forms must bring."""
        return form_token(self.secret)


def authenticate(request: Request, engine: Engine, settings: Settings) -> Actor | None:
    """Return who asks; None where nobody who is known does.

    A token in the header Authorization counts before the cookie; one that is not taken is nobody's request.
    Afterwards `request.state.csrf` and `.language` are those of the session.

    Raises:
        Denied: a cookie came with a change that no form of this service asked for (CSRF).
    """
    until, actor = getattr(request.state, "authenticated", (0.0, None))
    if monotonic() >= until:  # a stream of events is one request for hours
        actor = _authenticate(request, engine, settings)
        request.state.authenticated = (monotonic() + _ASKED_EVERY_S, actor)
    return cast(Actor | None, actor)


def visit(request: Request, engine: Engine, settings: Settings) -> Visit | None:
    """Return the session of a browser, even one that still waits for something; None where there is none."""
    secret = read_cookie(request, settings, SESSION)
    if not secret:
        return None
    with reading(engine) as connection:
        session = find_session(connection, secret, idle=idle_of(settings))
        account = get_account(connection, session.account) if session else None
    if session is None or account is None:
        return None
    if not _is_of_itself(request):
        note_seen(engine, session)
    request.state.csrf = form_token(secret)
    request.state.language = account.language
    return Visit(account, session, secret)


def _is_of_itself(request: Request) -> bool:
    """Tell whether an open page asks, with nobody at work: so a session ends beside a worklist that is left open."""
    return OF_ITSELF in request.headers or request.headers.get("accept") == "text/event-stream"


def check_form(request: Request, token: str) -> None:
    """Make sure that a change was asked for by a page of this service.

    The token is in the header X-CSRF-Token, or in the field csrf_token of a form, which `read_form_token` left in
    `request.state.form_token`.

    Raises:
        Denied: it was not.
    """
    if request.method in SAFE:
        return
    brought: str = request.headers.get(HEADER) or getattr(request.state, "form_token", "") or ""
    if request.headers.get("sec-fetch-site") == "cross-site" or not compare_digest(
        brought.encode(), token.encode()
    ):
        raise Denied("The form is not one of this session's.", remedy="Load the page again, and repeat it.")


async def read_form_token(request: Request) -> None:
    """Keep the token of a form for `check_form`; a dependency of everything that has forms.

    Only small forms are looked into before it is known who sends them; an upload brings the header.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    length = request.headers.get("content-length", "")
    if request.method in SAFE or kind != "application/x-www-form-urlencoded" or not length.isdigit():
        return
    if int(length) <= 65_536:
        value = (await request.form()).get(FIELD)
        request.state.form_token = value if isinstance(value, str) else ""


def _authenticate(request: Request, engine: Engine, settings: Settings) -> Actor | None:
    if "authorization" in request.headers:
        return _by_token(request, engine)
    visiting = visit(request, engine, settings)
    if visiting is not None:
        if visiting.session.waits_for:
            return None
        check_form(request, visiting.form_token)
        return _actor(visiting.account, request)
    return None


def _by_token(request: Request, engine: Engine) -> Actor | None:
    """Take `Bearer TOKEN`, or of programs that know nothing else `Basic`, with the account's name and a token."""
    scheme, _, given = request.headers["authorization"].partition(" ")
    name = None
    if scheme.lower() == "basic":
        try:
            name, _, given = b64decode(given.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        # A browser that keeps a name and a password sends them for any site's form.
        if request.method not in SAFE and request.headers.get("sec-fetch-site", "none") == "cross-site":
            raise Denied("Another site's page may not change anything.", remedy="Use firstread's own pages.")
    elif scheme.lower() != "bearer":
        return None
    with reading(engine) as connection:
        token = find_token(connection, given.strip())
        account = get_account(connection, token.account) if token else None
    if token is None or account is None or (name is not None and name.casefold() != account.name.casefold()):
        return None
    note_used(engine, token)
    return _actor(account, request, scopes=token.scopes)


def _actor(account: Account, request: Request, *, scopes: frozenset[str] | None = None) -> Actor:
    return replace(actor_of(account, address_of(request)), scopes=scopes)
