"""The quality page: how radiologists and AI agree, from signed reports."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from firstread.access import Action, Grant, needs
from firstread.archive.columns import now
from firstread.archive.database import reading
from firstread.web.pages.asked import archive_of
from firstread.web.pages.render import page
from firstread.workflow.reporting.statistics import GroupBy, agreement

router = APIRouter(include_in_schema=False)

SPANS = (30, 90, 365, 0)
"""Days back from today; 0: since the beginning."""
GROUPS: tuple[GroupBy, ...] = ("model", "reader", "person", "month")


@router.get("/quality")
def quality(
    request: Request,
    grant: Annotated[Grant, Depends(needs(Action.SIGN_REPORT))],
    days: Annotated[int, Query(ge=0, le=36500)] = 90,
) -> Response:
    """Show the agreement by model, reader, person and month."""
    since = now() - timedelta(days=days) if days else datetime(1970, 1, 1, tzinfo=UTC)
    with reading(archive_of(request).engine) as connection:
        tables = {by: agreement(connection, by, since=since) for by in GROUPS}
    return page(request, "quality.html", tables=tables, days=days, spans=SPANS)
