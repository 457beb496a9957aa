"""In which language a page speaks: the account's, else the one chosen in this browser, else what it prefers."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from firstread.texts import LANGUAGES, Lang
from firstread.web.wording import preferred

COOKIE = "firstread_language"
_YEAR_S = 365 * 24 * 3600

router = APIRouter(include_in_schema=False)


def language_of(request: Request) -> Lang:
    """Return the language for a request; `request.state.language` is the account's, where somebody is logged in."""
    for chosen in (getattr(request.state, "language", None), request.cookies.get(COOKIE)):
        for lang in LANGUAGES:
            if chosen == lang:
                return lang
    return preferred(request.headers.get("accept-language", ""))


@router.post("/language")
def choose_language(
    request: Request, to: Annotated[str, Form()], back: Annotated[str, Form()] = "/"
) -> Response:
    """Speak another language from now on: the account's, where somebody is logged in, else this browser's."""
    answer = RedirectResponse(local_path(back), status_code=303)
    if to not in LANGUAGES:
        return answer
    keep = getattr(request.app.state, "keep_language", None)
    if keep is None or not keep(request, to):
        answer.set_cookie(
            COOKIE, to, max_age=_YEAR_S, httponly=True, samesite="lax", secure=request.url.scheme == "https"
        )
    return answer


def local_path(address: str) -> str:
    """Return an address if it is a path of this service, else `/`: a form must not lead elsewhere."""
    parts = urlsplit(address)
    is_local = not parts.scheme and not parts.netloc and address.startswith("/")
    return address if is_local and not address.startswith(("//", "/\\")) and "\\" not in address else "/"
