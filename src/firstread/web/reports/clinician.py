"""The reports that somebody may read: `/reports`, one of them, and its key images. Made for a telephone first."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse, Response
from sqlalchemy import select

from firstread.access import Action, Grant, needs
from firstread.archive import Archive
from firstread.archive.database import reading, writing
from firstread.archive.models import Instance, Series
from firstread.findings import Finding
from firstread.network.dicomweb.addresses import PREFIX, Uid
from firstread.network.dicomweb.problems import missing
from firstread.reports.rows import rows
from firstread.reports.wording import wording
from firstread.web.pages.asked import archive_of
from firstread.web.pages.navigation import has_page, may
from firstread.web.pages.render import page
from firstread.web.pages.words import age, day, person
from firstread.web.reports.asked import told, whose_study
from firstread.workflow.images import is_image
from firstread.workflow.reporting import trail
from firstread.workflow.reporting.content import SECTIONS
from firstread.workflow.reporting.documents import PDF
from firstread.workflow.reporting.listing import ListedReport, list_reports
from firstread.workflow.reporting.report import open_report
from firstread.workflow.reporting.signed_view import signed_view
from firstread.workflow.reporting.standing import review_of, standing
from firstread.workflow.result_folder import FILE_NAME

router = APIRouter(include_in_schema=False)

MOST = 200
AROUND = 12
"""Images that the light viewer shows before and after the one on which a finding is largest."""

Reads = Annotated[Grant, Depends(needs(Action.READ_REPORT))]


@router.get("/reports")
def list_(
    request: Request, grant: Reads, search: Annotated[str, Query(alias="q", max_length=200)] = ""
) -> Response:
    """List the reports that one may read: signed ones, and preliminary ones where one has the right."""
    archive, preliminary = archive_of(request), may(request, Action.READ_PRELIMINARY)
    with reading(archive.engine) as connection:
        found: list[ListedReport] = [
            *list_reports(
                connection, within=grant.within, states=("final", "amended"), search=search, limit=MOST
            )
        ]
        waiting: Sequence[ListedReport] = ()
        if preliminary is not None:
            waiting = list_reports(
                connection, within=preliminary.within, states=("preliminary",), search=search, limit=MOST
            )
    return page(
        request,
        "reports.html",
        signed=found,
        waiting=waiting,
        search=search,
        person=person,
        day=day,
        age=age,
        most=MOST,
    )


@router.get("/reports/{study}")
def show(request: Request, study: Uid, grant: Reads) -> Response:
    """Show what was signed last, or what is preliminary, clearly marked, to whom may see that."""
    archive = archive_of(request)
    with told():
        context = _signed(archive, study, grant) or _preliminary(request, archive, study)
    if context is None:
        raise missing()
    subject = context["subject"]
    with writing(archive.engine) as connection:
        trail.told(connection, grant.actor, "R", subject.study_key, study, state=context["state"])
    with reading(archive.engine) as connection:
        whose = whose_study(connection, subject.study_key)
    content, result = context["content"], subject.result
    stands = standing(result, content)
    words = wording(content.lang)
    return page(
        request,
        "report.html",
        study=study,
        whose=whose,
        sections=SECTIONS,
        stands=stands,
        rows=rows(stands, words, {}, review_of(result, content)),
        pictures=_pictures(archive, subject, stands.findings) if may(request, Action.READ_STUDY) else {},
        rendered=PREFIX,
        words=words,
        person=person,
        day=day,
        age=age,
        can_view=has_page(request, f"/studies/{study}/view") and may(request, Action.READ_STUDY) is not None,
        can_edit=may(request, Action.EDIT_REPORT) is not None,
        **context,
    )


@router.get("/reports/{study}/report.pdf")
def pdf(request: Request, study: Uid, grant: Reads) -> Response:
    """Return the PDF that was signed last."""
    archive = archive_of(request)
    with reading(archive.engine) as connection:
        signed = signed_view(connection, archive, study, within=grant.within)
    path = archive.folder / signed.signature.folder / PDF if signed is not None else None
    if path is None or not path.is_file():
        raise missing()
    return FileResponse(
        path, media_type="application/pdf", filename="report.pdf", content_disposition_type="inline"
    )


@router.get("/reports/{study}/key/{name}")
def key_picture(request: Request, study: Uid, grant: Reads, name: str) -> Response:
    """Return a key image of a report that one may read."""
    archive = archive_of(request)
    with told():
        context = _signed(archive, study, grant) or _preliminary(request, archive, study)
    file = f"key-{name}.png"
    path = archive.folder / context["subject"].folder / file if context is not None else None
    if path is None or not FILE_NAME.fullmatch(file) or not path.is_file():
        raise missing()
    return FileResponse(path, media_type="image/png")


def _signed(archive: Archive, study: str, grant: Grant) -> dict[str, Any] | None:
    with reading(archive.engine) as connection:
        found = signed_view(connection, archive, study, within=grant.within)
    if found is None:
        return None
    facts = found.facts
    return {
        "subject": facts.subject,
        "content": facts.content,
        "state": "amended" if any(one.kind == "amended" for one in facts.signatures) else "final",
        "signatures": facts.signatures,
        "amending": found.amending,
    }


def _preliminary(request: Request, archive: Archive, study: str) -> dict[str, Any] | None:
    grant = may(request, Action.READ_PRELIMINARY)
    if grant is None:
        return None
    opened = open_report(archive, study, within=grant.within)
    if opened.state != "preliminary":  # signed, and not within what one may read of signed reports
        return None
    return {
        "subject": opened.subject,
        "content": opened.content,
        "state": "preliminary",
        "signatures": (),
        "amending": False,
    }


def _pictures(archive: Archive, subject: Any, findings: Sequence[Finding]) -> dict[str, dict[str, Any]]:  # noqa: ANN401
    """Return for each finding its key image, and the images around the one on which it is largest."""
    with reading(archive.engine) as connection:
        images = (
            connection.execute(
                select(Instance.sop_instance_uid)
                .join(Series, Series.id == Instance.series_key)
                .where(
                    Series.study_key == subject.study_key,
                    Series.series_uid == subject.result.series_uid,
                    is_image(),
                )
                .order_by(Instance.number, Instance.id)
            )
            .scalars()
            .all()
        )
    places = {uid: place for place, uid in enumerate(images)}
    folder = archive.folder / subject.folder
    found: dict[str, dict[str, Any]] = {}
    for finding in findings:
        at = places.get(finding.sop_instance_uid)
        if at is None:
            continue
        first = max(0, at - AROUND)
        found[finding.id] = {
            "key": (folder / f"key-{finding.id}.png").is_file(),
            "at": at - first,
            "images": images[first : at + AROUND + 1],
        }
    return found
