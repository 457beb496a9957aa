"""TView's page, `/studies/{study}/view`: the viewer asks for pictures and findings by itself."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import select
from starlette.responses import Response

from firstread.access import Action, Grant, needs
from firstread.archive import Archive
from firstread.archive.database import reading
from firstread.archive.models import Study
from firstread.network.dicomweb.access import OpenArchive
from firstread.network.dicomweb.addresses import Uid
from firstread.network.dicomweb.problems import missing
from firstread.web.outlines import newest
from firstread.web.pages.navigation import has_page, may
from firstread.web.pages.render import page
from firstread.web.static_files import FOLDER, WITH_WEBASSEMBLY

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
    if not _is_there(archive, grant, study):
        raise missing()
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
    )


def _is_there(archive: Archive, grant: Grant, study: str) -> bool:
    statement = select(Study.id).where(Study.study_uid == study)
    if grant.within is not None:
        statement = statement.where(grant.within)
    with reading(archive.engine) as connection:
        return connection.execute(statement).first() is not None
