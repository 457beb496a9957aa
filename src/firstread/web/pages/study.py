"""A study's page: who it is of, what it holds, what the AI found, who reads it, and its jobs."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy import Connection, select, update
from starlette.responses import FileResponse, Response

from firstread.access import Action, Grant, needs
from firstread.archive.claims import history
from firstread.archive.database import reading, writing
from firstread.archive.models import Job, Result, Series, Study
from firstread.archive.notices import tell
from firstread.archive.results import is_result_folder
from firstread.network.dicomweb.problems import missing
from firstread.web.pages.asked import Named, archive_of, done, study_key
from firstread.web.pages.jobs import context_of_jobs
from firstread.web.pages.render import page
from firstread.workflow.job_list import list_jobs
from firstread.worklist.find import find_study
from firstread.worklist.views import owner_of

router = APIRouter(include_in_schema=False)

_DOCUMENTS = {"report.html": "text/html; charset=utf-8", "report.pdf": "application/pdf"}
_REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"
)
"""Of the report, which has its style and pictures in itself, and no script."""
_MOST_JOBS = 100

Reading = Annotated[Grant, Depends(needs(Action.READ_STUDY))]


@router.get("/studies/{study}")
def study(request: Request, study_uid: Named, grant: Reading) -> Response:
    """Show a study."""
    archive = archive_of(request)
    with reading(archive.engine) as connection:
        found = find_study(connection, study_uid, within=grant.within)
        if found is None:
            raise missing()
        key, row = found
        more = connection.execute(
            select(Study.referring_physician, Study.number_of_series, Study.number_of_instances).where(
                Study.id == key
            )
        ).one()
        series = connection.execute(
            select(
                Series.number,
                Series.modality,
                Series.description,
                Series.body_part,
                Series.number_of_instances,
            )
            .where(Series.study_key == key)
            .order_by(Series.number, Series.id)
        ).all()
        claims = history(connection, key)
        results = connection.execute(
            select(Result.job_key, Result.category, Result.created_at, Job.reader, Job.revision)
            .join(Job, Job.id == Result.job_key)
            .where(Job.study_key == key)
            .order_by(Result.id.desc())
        ).all()
    jobs = list_jobs(archive, study_uid=study_uid, within=grant.within, limit=_MOST_JOBS)
    return page(
        request,
        "study.html",
        row=row,
        more=more,
        series=series,
        claims=claims,
        results=results,
        owner=owner_of(grant.actor),
        claim_action=Action.EDIT_REPORT,
        hold_action=Action.DELETE_STUDY,
        job_action=Action.READ_JOB,
        ai_action=Action.READ_PRELIMINARY,
        **context_of_jobs(jobs, back=request.url.path),
    )


@router.post("/studies/{study}/hold")
def hold(
    request: Request,
    study_uid: Named,
    grant: Annotated[Grant, Depends(needs(Action.DELETE_STUDY))],
    held: Annotated[bool, Form()] = False,
    back: Annotated[str, Form()] = "/",
) -> Response:
    """Keep a study from retention and removal, or let go of it."""
    with writing(archive_of(request).engine) as connection:
        key = study_key(connection, study_uid, grant, locked=True)
        connection.execute(update(Study).where(Study.id == key).values(held=held))
        tell(connection, "study", study_key=key)
    return done(request, back)


@router.get("/studies/{study}/results/{job}/{name}")
def document(
    request: Request,
    study_uid: Named,
    job: int,
    name: str,
    grant: Annotated[Grant, Depends(needs(Action.READ_PRELIMINARY))],
) -> Response:
    """Return the preliminary report of a result as the AI wrote it: report.html or report.pdf."""
    if name not in _DOCUMENTS:
        raise missing()
    archive = archive_of(request)
    with reading(archive.engine) as connection:
        folder = _folder(connection, study_uid, job, grant)
    path = archive.folder / folder / name if folder is not None else None
    if path is None or not _is_there(path):
        raise missing()
    return FileResponse(
        path,
        media_type=_DOCUMENTS[name],
        headers={
            "Content-Security-Policy": _REPORT_POLICY,
            "Cache-Control": "no-store",
            "Content-Disposition": "inline",
        },
    )


def _folder(connection: Connection, study_uid: str, job: int, grant: Grant) -> str | None:
    statement = (
        select(Result.folder)
        .join(Job, Job.id == Result.job_key)
        .join(Study, Study.id == Job.study_key)
        .where(Study.study_uid == study_uid, Job.id == job)
    )
    if grant.within is not None:
        statement = statement.where(grant.within)
    folder = connection.execute(statement).scalar_one_or_none()
    return folder if folder is not None and is_result_folder(folder) else None


def _is_there(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
