"""Logging in with the hospital's OpenID provider: there, back, and out when the provider says so."""

from threading import Lock
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from firstread.access.accounts.account import Account
from firstread.access.accounts.cookies import ON_THE_WAY, give_cookie, read_cookie
from firstread.access.accounts.login import enter
from firstread.access.accounts.oidc import OidcProblem, Relying
from firstread.access.accounts.oidc.flow import WAY_LASTS_S
from firstread.access.accounts.oidc.join import account_of, join
from firstread.access.accounts.sessions import end_sessions
from firstread.access.accounts.trail import actor_of, record_change, record_refusal
from firstread.access.gate import is_loopback
from firstread.archive.database import writing
from firstread.errors import UsageError
from firstread.network.dicomweb.problems import missing
from firstread.settings import Settings
from firstread.web.pages.language import local_path
from firstread.web.pages.render import page
from firstread.web.pages.visitor import Here, Place, entered

BEGIN = "/login/oidc"
BACK = f"{BEGIN}/callback"
LEAVE = f"{BEGIN}/leave"

router = APIRouter()
_making = Lock()


@router.get(BEGIN)
def go(request: Request, here: Here, next: str = "/") -> Response:
    """Send the browser to the provider."""
    try:
        way = _relying(request).begin(_back(request, here.settings), local_path(next))
    except OidcProblem as problem:
        return _refused(request, here, problem.why)
    answer = RedirectResponse(way.address, status_code=303)
    give_cookie(answer, request, here.settings, ON_THE_WAY, way.cookie, seconds=WAY_LASTS_S)
    return answer


@router.get(BACK)
def come_back(request: Request, here: Here) -> Response:
    """Take what the browser came back with; what it kept for the way is used up."""
    cookie = read_cookie(request, here.settings, ON_THE_WAY)
    account: Account | None = None
    try:
        identity, next = _relying(request).finish(
            dict(request.query_params), cookie, _back(request, here.settings)
        )
        with writing(here.engine) as connection:
            account, why = join(connection, identity)
            secret = (
                enter(connection, here.settings, account, here.caller, way="oidc")
                if account is not None
                else ""
            )
    except OidcProblem as problem:
        why = problem.why
    if account is None:
        return _refused(request, here, why or "failed")
    answer = RedirectResponse(local_path(next), status_code=303)
    give_cookie(answer, request, here.settings, ON_THE_WAY, "")
    return entered(request, here.settings, answer, secret)


@router.get(LEAVE)
def leave(request: Request, here: Here) -> Response:
    """Take who is logged out here to the provider, to log out there (OpenID Connect RP-Initiated Logout 1.0).

    By a page, not by a redirection of the form that logged out: the policy of pages lets no form end at another host.
    """
    home = _back(request, here.settings).removesuffix(BACK) + "/login"
    try:
        there = _relying(request).leave(home)
    except OidcProblem:
        there = ""
    if not there:
        return RedirectResponse("/login", status_code=303)
    return page(request, "login_left.html", headers={"Refresh": f"0; url={there}"}, there=there)


@router.post(f"{BEGIN}/logout")
def log_out(request: Request, here: Here, logout_token: Annotated[str, Form()] = "") -> Response:
    """End the sessions of whom the provider logged out; the provider calls, no browser."""
    try:
        issuer, subject = _relying(request).logged_out(logout_token)
    except OidcProblem as problem:
        return JSONResponse({"error": "invalid_request"}, 503 if problem.why == "away" else 400)
    with writing(here.engine) as connection:
        account = account_of(connection, issuer, subject)
        if account is not None:
            end_sessions(connection, account.id)
            record_change(
                connection, actor_of(account, here.caller.address), account, "logged out by the provider"
            )
    return Response(status_code=200)


def _relying(request: Request) -> Relying:
    """Return the app's own, made with the first login."""
    settings: Settings = request.app.state.settings
    if settings.oidc_issuer is None:
        raise missing()
    with _making:
        made: Relying | None = getattr(request.app.state, "relying", None)
        if made is None:
            made = request.app.state.relying = Relying(settings)
        return made


def _back(request: Request, settings: Settings) -> str:
    """Return where the provider sends the browser; a Host header alone is not believed."""
    if settings.public_url is not None:
        return str(settings.public_url).rstrip("/") + BACK
    if is_loopback(request.url.hostname or ""):
        return f"{request.url.scheme}://{request.url.netloc}{BACK}"
    raise UsageError("Single sign-on needs to know this installation's address.", remedy="Set public_url.")


def _refused(request: Request, here: Place, why: str) -> Response:
    record_refusal(here.engine, None, why=f"provider: {why}", address=here.caller.address)
    answer = page(request, "login_refused.html", status=503 if why == "away" else 401, why=why)
    give_cookie(answer, request, here.settings, ON_THE_WAY, "")
    return answer
