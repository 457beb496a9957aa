"""The report editor: `/studies/{uid}/report`. The page is a frame; what it shows comes from the API."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse, Response

from firstread.access import Action, Grant, needs
from firstread.archive.database import reading, writing
from firstread.network.dicomweb.addresses import Uid
from firstread.network.dicomweb.problems import Problem
from firstread.reports import Lang
from firstread.web.pages.asked import archive_of
from firstread.web.pages.navigation import has_page, may
from firstread.web.pages.render import page
from firstread.web.reports.asked import told, whose_study
from firstread.workflow.reporting.content import SECTIONS, SectionName
from firstread.workflow.reporting.report import open_report
from firstread.workflow.reporting.texts import SITE, KeptText, Kind, forget, keep, kept_texts
from firstread.worklist.views import owner_of

router = APIRouter(include_in_schema=False)

Reads = Annotated[Grant, Depends(needs(Action.READ_PRELIMINARY))]
Edits = Annotated[Grant, Depends(needs(Action.EDIT_REPORT))]


@router.get("/studies/{study}/report")
def edit(request: Request, study: Uid, grant: Reads) -> Response:
    """Show the editor of a study's report; who may not edit sees the same, and changes nothing."""
    archive = archive_of(request)
    with told():
        opened = open_report(archive, study, within=grant.within, actor=grant.actor)
    with reading(archive.engine) as connection:
        whose = whose_study(connection, opened.subject.study_key)
    return page(
        request,
        "report_editor.html",
        study=study,
        whose=whose,
        opened=opened,
        sections=SECTIONS,
        account=owner_of(grant.actor),
        can_edit=may(request, Action.EDIT_REPORT) is not None,
        can_sign=may(request, Action.SIGN_REPORT) is not None,
        login=getattr(request.app.state, "login_path", "") or "",
        has_view=has_page(request, f"/studies/{study}/view"),
    )


@router.get("/api/report-texts")
def list_texts(request: Request, grant: Edits, lang: Lang = "en") -> Response:
    """Return the site's templates and macros, and one's own."""
    with reading(archive_of(request).engine) as connection:
        found = kept_texts(connection, grant.actor.name, lang=lang)
    said: list[dict[str, Any]] = [
        {
            "kind": one.kind,
            "name": one.name,
            "section": one.section,
            "text": one.text,
            "mine": one.owner != SITE,
        }
        for one in found
    ]
    return JSONResponse({"texts": said})


@router.post("/api/report-texts")
def keep_text(
    request: Request,
    grant: Edits,
    kind: Annotated[Kind, Form()],
    name: Annotated[str, Form()],
    section: Annotated[SectionName, Form()],
    text: Annotated[str, Form()],
    lang: Annotated[Lang, Form()] = "en",
) -> Response:
    """Keep a text of one's own; an empty one is removed."""
    owner = grant.actor.name
    if not owner:
        raise Problem(403, "Only an account has texts of its own.", remedy="Log in.")
    with writing(archive_of(request).engine) as connection:
        if text.strip():
            keep(connection, KeptText(owner, kind, name, lang, section, text))
        else:
            forget(connection, owner, kind, name, lang, section)
    return Response(status_code=204)
