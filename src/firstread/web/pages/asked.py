"""What routes of pages are asked with and answer: a study that may be seen, a form that was done."""

from typing import Annotated, Any

from fastapi import Path, Request
from sqlalchemy import Connection, select
from starlette.responses import RedirectResponse, Response

from firstread.access import Grant
from firstread.archive import Archive
from firstread.archive.models import Job, Study
from firstread.network.dicomweb.problems import missing
from firstread.web.pages.failures import wants_page
from firstread.web.pages.language import local_path

Named = Annotated[str, Path(alias="study")]
"""The UID of a study, in the path as `{study}`."""


def archive_of(request: Request) -> Archive:
    """Return the app's archive."""
    archive: Any = request.app.state.archive
    assert isinstance(archive, Archive)
    return archive


def study_key(connection: Connection, study_uid: str, grant: Grant, *, locked: bool = False) -> int:
    """Return the key of a study that may be seen.

    Args:
        connection: From `reading`, or from `writing` to lock it.
        study_uid: Its UID.
        grant: Of the request.
        locked: Until the transaction ends.

    Raises:
        Problem: 404, there is none, or it may not be seen.
    """
    statement = select(Study.id).where(Study.study_uid == study_uid)
    if grant.within is not None:
        statement = statement.where(grant.within)
    if locked:
        statement = statement.with_for_update(of=Study)
    key = connection.execute(statement).scalar_one_or_none()
    if key is None:
        raise missing()
    return key


def check_job(connection: Connection, job: int, grant: Grant) -> str:
    """Return the UID of a job's study.

    Raises:
        Problem: 404, there is no such job, or its study may not be seen.
    """
    statement = select(Study.study_uid).join(Job, Job.study_key == Study.id).where(Job.id == job)
    if grant.within is not None:
        statement = statement.where(grant.within)
    uid = connection.execute(statement).scalar_one_or_none()
    if uid is None:
        raise missing()
    return uid


def done(request: Request, back: str) -> Response:
    """Answer what was done: a browser's form goes back to a page, a script gets no content."""
    if wants_page(request):
        return RedirectResponse(local_path(back), status_code=303)
    return Response(status_code=204)
