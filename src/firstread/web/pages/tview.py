"""TView's page, `/studies/{study}/view`: the viewer asks for pictures and findings by itself."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection, select
from starlette.responses import Response

from firstread.access import Action, Grant, needs
from firstread.archive.claims import holder
from firstread.archive.database import reading
from firstread.archive.models import WorklistEntry
from firstread.network.dicomweb.access import OpenArchive
from firstread.network.dicomweb.addresses import Uid
from firstread.web.outlines import newest
from firstread.web.pages.asked import study_key
from firstread.web.pages.navigation import has_page, may
from firstread.web.pages.render import page
from firstread.web.static_files import FOLDER, WITH_WEBASSEMBLY
from firstread.worklist.views import owner_of

SCRIPT = "tview/tview.js"
"""What `make viewer` builds, and a wheel brings along."""

router = APIRouter(include_in_schema=False)


@router.get("/studies/{study}/view")
def view(
    request: Request,
    archive: OpenArchive,
    grant: Annotated[Grant, Depends(needs(Action.READ_STUDY))],
    study: Uid,
) -> Response:
    """Show a study, or say that the viewer is not built."""
    with reading(archive.engine) as connection:
        key = study_key(connection, study, grant)
        claim = holder(connection, key)
        is_to_be_read = _is_to_be_read(connection, key)
    can_claim = may(request, Action.EDIT_REPORT) is not None
    preliminary = may(request, Action.READ_PRELIMINARY)
    has_result = preliminary is not None and newest(archive, study, preliminary.within) is not None
    return page(
        request,
        "tview.html",
        headers={"Content-Security-Policy": WITH_WEBASSEMBLY},
        study=study,
        is_built=(FOLDER / SCRIPT).is_file(),
        findings="on" if request.app.state.settings.viewer_findings_first else "off",
        has_result=has_result,
        has_report=has_page(request, f"/api/studies/{study}/report"),
        has_report_page=has_page(request, f"/studies/{study}/report"),
        has_worklist=has_page(request, "/"),
        claim=claim,
        is_mine=claim is not None and claim.owner == owner_of(grant.actor),
        may_claim=can_claim,
        claims=can_claim and is_to_be_read,
    )


def _is_to_be_read(connection: Connection, key: int) -> bool:
    """Tell whether a study waits for a reader: its report is not signed, and it is no prior that was fetched."""
    entry = connection.execute(
        select(WorklistEntry.listed, WorklistEntry.report).where(WorklistEntry.study_key == key)
    ).one_or_none()
    return entry is not None and entry.listed and entry.report != "signed"
