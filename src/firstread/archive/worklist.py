"""Rows of the worklist: brought up to date by whatever changes what they are made of, and told to browsers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import Connection, exists, select, update
from sqlalchemy.dialects import postgresql, sqlite

from firstread.archive.models import Instance, Job, Result, Series, Study, WorklistEntry
from firstread.archive.notices import tell
from firstread.archive.sources import OWN_SOURCE

Stage = Literal["arriving", "queued", "reading", "preliminary", "in_review", "signed", "failed", "unread"]
STAGES: tuple[Stage, ...] = (
    "arriving",
    "queued",
    "reading",
    "preliminary",
    "in_review",
    "signed",
    "failed",
    "unread",
)
URGENCIES = ("critical", "stat", "urgent", "routine")
"""By the number that the row has."""
OF_ALERT = {"minutes": 0, "hours": 1, "days": 2}
"""The urgency that an open alert gives, by its level."""
ROUTINE = 3


def refresh(connection: Connection, study_key: int, *, listed: bool = False) -> None:
    """Bring a study's row up to date and tell browsers; what else is locked in the transaction is locked before.

    Args:
        connection: From `writing`; the changes are made already.
        study_key: The study.
        listed: It is to be read; that is never taken back.
    """
    connection.execute(
        _insert(connection).values(study_key=study_key, listed=listed).on_conflict_do_nothing()
    )
    entry = connection.execute(
        select(WorklistEntry.__table__).where(WorklistEntry.study_key == study_key).with_for_update()
    ).one()
    study = connection.execute(
        select(Study.routed_at, Study.last_received_at, Study.received_at).where(Study.id == study_key)
    ).one()
    jobs = _jobs(connection, study_key)
    told = min(jobs, key=_weight, default=None)
    results = [job for job in jobs if job.summary is not None]
    leading = max(results, key=lambda job: job.category or "", default=None)
    priority = min((job.priority for job in jobs), default=2)
    values: dict[str, Any] = {
        "listed": bool(entry.listed or listed),
        "stage": _stage(entry.report, study.routed_at == study.last_received_at, jobs),
        "priority": priority,
        "urgency": _urgency(entry.alert, priority),
        "job": told.id if told is not None else None,
        "category": (leading.category or "") if leading is not None else "",
        "summary": json.dumps(
            [chip for job in results for chip in json.loads(job.summary or "[]")], ensure_ascii=False
        ),
        "modalities": _modalities(connection, study_key),
        "since": study.received_at,
    }
    connection.execute(update(WorklistEntry).where(WorklistEntry.study_key == study_key).values(values))
    tell(connection, "study", study_key=study_key)


def refresh_of_job(connection: Connection, job: int) -> None:
    """Bring the row of a job's study up to date."""
    study = connection.execute(select(Job.study_key).where(Job.id == job)).scalar_one_or_none()
    if study is not None:
        refresh(connection, study)


def mark(
    connection: Connection,
    study_key: int,
    *,
    alert: Literal["", "minutes", "hours", "days"] | None = None,
    report: Literal["", "in_review", "signed"] | None = None,
) -> None:
    """Say what those know who look after alerts and reports, in their transaction.

    Args:
        connection: From `writing`.
        study_key: The study.
        alert: Level of its gravest alert that is open; "" when the last was closed. None: as it was.
        report: in_review from the first change by a person, signed when it is final. None: as it was.
    """
    said = {name: value for name, value in (("alert", alert), ("report", report)) if value is not None}
    connection.execute(_insert(connection).values(study_key=study_key, listed=True).on_conflict_do_nothing())
    if said:
        connection.execute(update(WorklistEntry).where(WorklistEntry.study_key == study_key).values(said))
    refresh(connection, study_key, listed=True)


@dataclass(frozen=True)
class _Job:
    """A reader's last job of a study; category and summary are of its result, None where it has none."""

    id: int
    reader: str
    state: str
    priority: int
    category: str | None
    summary: str | None


def _jobs(connection: Connection, study_key: int) -> list[_Job]:
    """Return the last revision of each reader, with its result, or the result before while it is under way."""
    rows = connection.execute(
        select(Job.id, Job.reader, Job.state, Job.priority, Result.category, Result.summary)
        .outerjoin(Result, Result.job_key == Job.id)
        .where(Job.study_key == study_key)
        .order_by(Job.revision)
    ).all()
    last: dict[str, _Job] = {}
    for row in rows:
        job = _Job(*row)
        before = last.get(job.reader)
        if before is not None and job.summary is None:
            job = replace(job, category=before.category, summary=before.summary)
        last[job.reader] = job
    return list(last.values())


_WEIGHTS = {"running": 0, "waiting": 1, "failed": 2, "done": 3, "cancelled": 4}


def _weight(job: _Job) -> tuple[int, int]:
    return _WEIGHTS[job.state], -job.id


def _stage(report: str, is_routed: bool, jobs: Sequence[_Job]) -> Stage:
    states = {job.state for job in jobs}
    if report == "signed" or report == "in_review":
        return "signed" if report == "signed" else "in_review"
    if "running" in states:
        return "reading"
    if not is_routed:
        return "arriving"
    if "waiting" in states:
        return "queued"
    if "done" in states:
        return "preliminary"
    return "failed" if "failed" in states else "unread"


def _urgency(alert: str, priority: int) -> int:
    return min(OF_ALERT.get(alert, ROUTINE), priority + 1)


def _modalities(connection: Connection, study_key: int) -> str:
    """Return what a study is called by: the modalities of what came, not those of what firstread made of it."""
    came = exists().where(Instance.series_key == Series.id, Instance.source != OWN_SOURCE)
    rows = connection.execute(
        select(Series.modality)
        .distinct()
        .where(Series.study_key == study_key, Series.modality != "", came.correlate(Series))
    ).scalars()
    return "\\".join(sorted(rows))


def _insert(connection: Connection) -> Any:  # noqa: ANN401 - of either dialect
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(WorklistEntry)
