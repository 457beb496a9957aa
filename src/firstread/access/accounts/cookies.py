"""The cookies: of a session, and of what comes before one.

Over HTTPS their names begin with `__Host-`: a browser takes such a one only from this host, for all its paths, and
never sends it in the clear (RFC 6265bis section 4.1.3.2). SameSite is Lax: with Strict nobody who follows a link
into the reading room, or comes back from the OpenID provider, would be logged in; what changes something needs the
token of a form.
"""

from starlette.requests import Request
from starlette.responses import Response

from firstread.settings import Settings

SESSION = "firstread"
BEFORE = "firstread-form"
"""Before there is a session: what the token of the form of the login page is derived from."""

ON_THE_WAY = "firstread-oidc"
"""What must be the same when the browser comes back from the OpenID provider."""


def is_secure(request: Request, settings: Settings) -> bool:
    """Tell whether the browser speaks HTTPS: with this process, or with what stands in front under `public_url`."""
    if request.url.scheme == "https":
        return True
    public = settings.public_url
    return public is not None and public.scheme == "https" and public.host == (request.url.hostname or "")


def read_cookie(request: Request, settings: Settings, name: str) -> str:
    """Return what a cookie holds, "" where there is none."""
    return request.cookies.get(_full(name, request, settings), "")


def give_cookie(
    response: Response,
    request: Request,
    settings: Settings,
    name: str,
    value: str,
    *,
    seconds: int | None = None,
) -> None:
    """Have a browser keep a cookie, for seconds or until it is closed; "" has it forget it."""
    response.set_cookie(
        _full(name, request, settings),
        value,
        max_age=0 if not value else seconds,
        path="/",
        secure=is_secure(request, settings),
        httponly=True,
        samesite="lax",
    )


def address_of(request: Request) -> str:
    """Return from where a request comes; behind a proxy that is trusted, what that says (`web.proxies`)."""
    return request.client.host if request.client else ""


def _full(name: str, request: Request, settings: Settings) -> str:
    return f"__Host-{name}" if is_secure(request, settings) else name
