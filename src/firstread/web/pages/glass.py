"""Emergency access: ask for it with a reason, see until when it is open, close it; and the auditor's look at each."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from firstread.access import Action, Grant, needs
from firstread.access.audit.about import about
from firstread.access.rights import Rights
from firstread.access.rights.break_glass import (
    LONGEST_MIN,
    SHORTEST_REASON,
    USUAL_MIN,
    break_glass,
    broken_glass,
    end_broken_glass,
    open_of,
    review,
)
from firstread.archive.columns import now
from firstread.archive.database import reading, writing
from firstread.archive.uids import is_uid
from firstread.errors import UsageError
from firstread.web.pages.asked import archive_of
from firstread.web.pages.render import page

router = APIRouter(include_in_schema=False)

GLASS = "/break-glass"
MINUTES = (15, 30, USUAL_MIN, 240, LONGEST_MIN)
_LONGEST_REASON = 1000

Breaks = Annotated[Grant, Depends(needs(Action.BREAK_GLASS))]
Audits = Annotated[Grant, Depends(needs(Action.READ_AUDIT))]
Number = Annotated[int, Form(ge=1)]


@router.get(GLASS)
def ask(request: Request, grant: Breaks, study: str = "", patient: str = "") -> Response:
    """Show the form, and what is open."""
    return _form(request, grant, kind="study" if study else "patient", value=study or patient)


@router.post(GLASS)
def begin(
    request: Request,
    grant: Breaks,
    kind: Annotated[str, Form()] = "",
    value: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    minutes: Annotated[int, Form()] = USUAL_MIN,
) -> Response:
    """Break the glass for one patient or one study; whether there is one is not told."""
    value, wrong = value.strip(), ""
    if not value or ";" in value or (kind == "study" and not is_uid(value)):
        wrong = "value"
    elif len(" ".join(reason.split())) < SHORTEST_REASON or len(reason) > _LONGEST_REASON:
        wrong = "reason"
    if not wrong:
        try:
            with writing(archive_of(request).engine) as connection:
                rights = Rights(archive_of(request).engine)
                break_glass(rights, connection, grant.actor, f"{kind}:{value}", reason, minutes)
            return RedirectResponse(GLASS, status_code=303)
        except UsageError:
            wrong = "other"
    return _form(request, grant, kind=kind, value=value, reason=reason, minutes=minutes, wrong=wrong)


@router.post(f"{GLASS}/end")
def end(request: Request, grant: Breaks, number: Number) -> Response:
    """Close what one broke oneself."""
    with writing(archive_of(request).engine) as connection:
        end_broken_glass(connection, number, grant.actor, only_own=True)
    return RedirectResponse(GLASS, status_code=303)


@router.get(f"{GLASS}/log")
def log(request: Request, grant: Audits) -> Response:
    """List every time that the glass was broken, the latest first."""
    with reading(archive_of(request).engine) as connection:
        found = broken_glass(connection)
    return page(request, "glass_log.html", found=found, own=grant.actor.key, at=now())


@router.post(f"{GLASS}/review")
def look(request: Request, grant: Audits, number: Number) -> Response:
    """Note that an auditor has looked at it."""
    with writing(archive_of(request).engine) as connection:
        review(connection, number, grant.actor.key)
    about(request.scope).detail["broken glass reviewed"] = str(number)
    return RedirectResponse(f"{GLASS}/log", status_code=303)


def _form(
    request: Request,
    grant: Grant,
    *,
    kind: str,
    value: str,
    reason: str = "",
    minutes: int = USUAL_MIN,
    wrong: str = "",
) -> Response:
    # The form is no access yet; the breaking is recorded with itself.
    about(request.scope).told = not wrong
    with reading(archive_of(request).engine) as connection:
        found = open_of(connection, grant.actor)
    return page(
        request,
        "glass.html",
        status=400 if wrong else 200,
        kind=kind,
        value=value,
        reason=reason,
        minutes=minutes,
        wrong=wrong,
        choices=MINUTES,
        shortest=SHORTEST_REASON,
        longest=_LONGEST_REASON,
        found=[(each, *each.scope.split(":", 1)) for each in found],
    )
