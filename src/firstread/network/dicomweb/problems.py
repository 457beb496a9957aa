"""How failures are told to a web client: a status, and a sentence that quotes nothing of the request or a patient."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from firstread.access.gate import Denied
from firstread.errors import ArchiveFull, ArchiveUnavailable, FirstreadError, RefusedInput, UsageError

_log = logging.getLogger("firstread.network")

RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request cannot be understood."},
    403: {"description": "The peer may not do this."},
    404: {"description": "It is not there."},
    406: {"description": "It cannot be given as the client accepts it."},
    409: {"description": "What is stored forbids it."},
    413: {"description": "The request is too large."},
    415: {"description": "The body's media type is not taken."},
    500: {"description": "A fault of firstread, or a stored file is damaged."},
    503: {"description": "The archive does not answer; try again."},
    507: {"description": "The archive's disk is full."},
}
"""Descriptions of what may be answered but success, for the OpenAPI document."""


class Problem(FirstreadError):
    """A failure with an HTTP status of its own."""

    def __init__(self, status: int, message: str, *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.status = status


def missing() -> Problem:
    """Return the answer for what is not in the archive."""
    return Problem(404, "It is not in the archive.")


def not_acceptable(offered: str) -> Problem:
    """Return the answer where nothing that is accepted can be given."""
    return Problem(
        406, "None of the accepted media types can be given.", remedy=f"What can be given: {offered}."
    )


def status_of(error: FirstreadError) -> int:
    """Return the HTTP status of a failure."""
    if isinstance(error, Problem | Denied):
        return error.status
    if isinstance(error, ArchiveFull):
        return 507
    if isinstance(error, ArchiveUnavailable):
        return 503
    if isinstance(error, UsageError):
        return 400
    return 409 if isinstance(error, RefusedInput) else 500


def install(app: FastAPI) -> None:
    """Have an app answer all its failures in one form: {"error": …, "remedy": …}."""

    def told(status: int, error: str, remedy: str = "") -> JSONResponse:
        headers = {"Retry-After": "10"} if status == 503 else None
        return JSONResponse({"error": error, "remedy": remedy}, status, headers)

    @app.exception_handler(FirstreadError)
    async def named(request: Request, error: FirstreadError) -> JSONResponse:
        return told(status_of(error), error.message, error.remedy)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        # What was sent is not repeated; only parameters that the OpenAPI document names are.
        place = error.errors()[0]["loc"] if error.errors() else ()
        return told(
            400, f"The parameter {place[-1] if place else '?'} cannot be used.", "See the OpenAPI document."
        )

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": str(error.detail), "remedy": ""}, error.status_code, error.headers)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        _log.error("a request failed with %s", type(error).__name__)
        return told(500, "firstread failed.", "See its log.")
