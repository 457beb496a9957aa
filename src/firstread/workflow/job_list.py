"""Jobs as a person looks at them: listed by state and urgency, and one by one with what became of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, select

from firstread.archive import Archive
from firstread.archive.database import reading
from firstread.archive.matching import Condition
from firstread.archive.models import Delivery, Job, JobState, Result, Study, Worker
from firstread.errors import UsageError
from firstread.workflow.jobs import PRIORITIES
from firstread.workflow.result_folder import load_result

_ORDER = {"running": 0, "waiting": 1, "failed": 2, "cancelled": 3, "done": 4}


@dataclass(frozen=True)
class JobStatus:
    """A job. `progress` is the share of `stage` that is done, 0 to 1; `host` is that of the worker that has it."""

    id: int
    study_uid: str
    reader: str
    revision: int
    predecessor: int | None
    route: str
    state: JobState
    priority: str
    attempts: int
    stage: str
    progress: float
    images: int
    host: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    next_try_at: datetime | None
    category: str
    error: str


@dataclass(frozen=True)
class JobDelivery:
    """One document of a job's result on its way."""

    id: int
    destination: str
    document: str
    state: str
    attempts: int
    next_try_at: datetime | None
    sent_at: datetime | None
    error: str


@dataclass(frozen=True)
class JobDetails:
    """A job with its result: the folder, seconds by stage, and its deliveries."""

    status: JobStatus
    folder: str
    timings_s: dict[str, float]
    deliveries: tuple[JobDelivery, ...]


def list_jobs(
    archive: Archive,
    *,
    state: JobState | None = None,
    priority: str | None = None,
    reader: str | None = None,
    study_uid: str | None = None,
    within: Condition | None = None,
    limit: int = 50,
) -> list[JobStatus]:
    """Return jobs: those that run, then those that wait in the order of the queue, then the others, newest first.

    Args:
        archive: Where they are.
        state: Only those in this state.
        priority: Only stat, urgent or routine ones.
        reader: Only of this reader.
        study_uid: Only of this study.
        within: What a row of `Study` must fulfil; None: every study does.
        limit: So many at most.

    Raises:
        ArchiveUnavailable: the database does not answer.
    """
    waits = Job.state == "waiting"
    statement = _statement().order_by(
        case(_ORDER, value=Job.state),
        case((waits, Job.priority), else_=0),
        case((waits, Job.id), else_=-Job.id),
    )
    if state is not None:
        statement = statement.where(Job.state == state)
    if priority is not None:
        statement = statement.where(Job.priority == PRIORITIES.index(priority))
    if reader is not None:
        statement = statement.where(Job.reader == reader)
    if study_uid is not None:
        statement = statement.where(Study.study_uid == study_uid)
    if within is not None:
        statement = statement.where(within)
    with reading(archive.engine) as connection:
        return [_status(row) for row in connection.execute(statement.limit(limit))]


def show_job(archive: Archive, job: int, *, within: Condition | None = None) -> JobDetails:
    """Return one job with its result and deliveries.

    Raises:
        UsageError: there is no such job, or its study is not within the condition on `Study`.
        ArchiveUnavailable: the database does not answer.
    """
    with reading(archive.engine) as connection:
        row = connection.execute(
            _statement().where(Job.id == job, *([] if within is None else [within]))
        ).one_or_none()
        if row is None:
            raise UsageError(
                f"There is no job {job}.", remedy="`firstread jobs list` shows those that there are."
            )
        deliveries = connection.execute(
            select(
                Delivery.id,
                Delivery.destination,
                Delivery.document,
                Delivery.state,
                Delivery.attempts,
                Delivery.next_try_at,
                Delivery.sent_at,
                Delivery.error,
            )
            .join(Result, Result.id == Delivery.result_key)
            .where(Result.job_key == job)
            .order_by(Delivery.id)
        ).all()
    return JobDetails(
        _status(row),
        str(archive.folder / row.folder) if row.folder else "",
        _timings(archive, row.folder) if row.folder else {},
        tuple(JobDelivery(*each) for each in deliveries),
    )


def _statement() -> Select[Any]:
    return (
        select(Job.__table__, Study.study_uid, Worker.host, Result.category, Result.folder)
        .join(Study, Study.id == Job.study_key)
        .outerjoin(Worker, Worker.id == Job.worker)
        .outerjoin(Result, Result.job_key == Job.id)
    )


def _status(row: Any) -> JobStatus:  # noqa: ANN401 - a row
    return JobStatus(
        id=row.id,
        study_uid=row.study_uid,
        reader=row.reader,
        revision=row.revision,
        predecessor=row.predecessor,
        route=row.route,
        state=row.state,
        priority=PRIORITIES[row.priority],
        attempts=row.attempts,
        stage=row.stage,
        progress=row.progress,
        images=row.images,
        host=row.host or "",
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        next_try_at=row.next_try_at,
        category=row.category or "",
        error=row.error,
    )


def _timings(archive: Archive, folder: str) -> dict[str, float]:
    try:
        return load_result(archive.folder / folder).timings_s.model_dump()
    except UsageError:  # it was moved away; the row stands for itself
        return {}
