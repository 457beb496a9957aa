"""The jobs: what is read, waits or failed; and what a person does about one."""

from collections.abc import Sequence
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from firstread.access import Action, Grant, needs
from firstread.archive.database import reading
from firstread.archive.models import JobState
from firstread.errors import UsageError
from firstread.web.pages.asked import archive_of, check_job, done
from firstread.web.pages.render import page
from firstread.workflow.job_list import JobStatus, list_jobs
from firstread.workflow.jobs import PRIORITIES, cancel, change_priority, retry

router = APIRouter(include_in_schema=False)

MOST = 200
_STATES: tuple[JobState, ...] = get_args(JobState)

Managing = Annotated[Grant, Depends(needs(Action.MANAGE_JOBS))]


@router.get("/jobs")
def jobs(request: Request, grant: Annotated[Grant, Depends(needs(Action.READ_JOB))]) -> Response:
    """Show the jobs: those that run, then those that wait in the order of the queue, then the others."""
    said = request.query_params.get("state", "")
    state = said if said in _STATES else None
    found = list_jobs(archive_of(request), state=state, within=grant.within, limit=MOST)
    target = f"/jobs?state={state}" if state else "/jobs"
    return page(
        request,
        "jobs.html",
        states=_STATES,
        chosen=state or "",
        most=MOST,
        **context_of_jobs(found, back=target),
    )


def context_of_jobs(found: Sequence[JobStatus], *, back: str) -> dict[str, Any]:
    """Return what the table of jobs needs; `back` is where its forms lead."""
    return {"jobs": found, "priorities": PRIORITIES, "manage_action": Action.MANAGE_JOBS, "back": back}


@router.post("/jobs/{job}/{act}")
def change(
    request: Request,
    job: int,
    act: str,
    grant: Managing,
    priority: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "/jobs",
) -> Response:
    """Retry or cancel a job, or change its priority."""
    archive = archive_of(request)
    with reading(archive.engine) as connection:
        check_job(connection, job, grant)
    if act == "retry":
        retry(archive, job, within=grant.within)
    elif act == "cancel":
        cancel(archive, job, within=grant.within)
    elif act == "priority" and priority in PRIORITIES:
        change_priority(archive, job, priority, within=grant.within)
    else:
        raise UsageError(
            "That cannot be done to a job.", remedy="Retry or cancel it, or change its priority."
        )
    return done(request, back)
