"""Failures as pages, for people: what was wrong, and what to do next. Programs get them as JSON, as before."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from firstread.access.gate import Denied
from firstread.archive.uids import is_uid
from firstread.errors import FirstreadError
from firstread.network.dicomweb.addresses import PREFIX
from firstread.network.dicomweb.problems import status_of
from firstread.web.pages.render import page

_TOLD = (400, 401, 403, 404, 409, 503)
"""Statuses with texts of their own, `failure.404_title` and `failure.404_next`."""


def wants_page(request: Request) -> bool:
    """Tell whether a browser asks for a page, not a script or a program for data."""
    accepts = request.headers.get("accept", "")
    return "text/html" in accepts and not request.url.path.startswith((f"{PREFIX}/", "/api/"))


def failure(request: Request, status: int, *, message: str = "", remedy: str = "") -> Response:
    """Return the page of a failure."""
    key = str(status) if status in _TOLD else "other"
    study = request.path_params.get("study", "") if status in (403, 404) else ""
    return page(
        request,
        "failure.html",
        status=status,
        code=status,
        key=key,
        message=message,
        remedy=remedy,
        study=study if is_uid(study) else "",
    )


def install_failures(app: FastAPI) -> None:
    """Put pages before the answers that the app has for its failures so far."""

    def status(error: Any) -> tuple[int, str, str]:  # noqa: ANN401 - whatever was raised
        if isinstance(error, FirstreadError):
            return status_of(error), error.message, error.remedy
        if isinstance(error, HTTPException):
            return error.status_code, "", ""
        return (400, "", "") if isinstance(error, RequestValidationError) else (500, "", "")

    for kind in (FirstreadError, HTTPException, RequestValidationError, Exception):
        before: Any = app.exception_handlers[kind]
        app.add_exception_handler(kind, _told(before, status))


def _told(
    before: Callable[[Request, Any], Awaitable[Response]], status: Callable[[Any], tuple[int, str, str]]
) -> Callable[[Request, Any], Awaitable[Response]]:
    async def told(request: Request, error: Any) -> Response:  # noqa: ANN401 - whatever was raised
        if not wants_page(request):
            return await before(request, error)
        code, message, remedy = status(error)
        login = getattr(request.app.state, "login_path", None)
        if isinstance(error, Denied) and code == 401 and login:
            target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"{login}?next={quote(target, safe='')}", status_code=303)
        return failure(request, code, message=message, remedy=remedy)

    return told
