"""Attempts at a job: whoever claimed it last has it, and nobody else changes its row or ends it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, and_, insert, select, update

from firstread.access import Actor
from firstread.access.audit import Event, EventCode, record
from firstread.access.audit.subjects import patients_of
from firstread.archive import Archive
from firstread.archive.columns import new_token, now
from firstread.archive.database import reading, writing
from firstread.archive.models import Delivery, Job, Result, Study
from firstread.archive.notices import tell as tell_browsers
from firstread.archive.results import result_folder_name
from firstread.archive.worklist import refresh, refresh_of_job
from firstread.reports import Lang
from firstread.workflow.images import images_of
from firstread.workflow.jobs import PRIORITIES, end
from firstread.workflow.result_folder import is_complete
from firstread.workflow.routes import Priority

WORKER = Actor("service", "worker")
"""Who reads and delivers, in the audit trail."""


@dataclass(frozen=True)
class Claim:
    """A job that is this attempt's: nobody else ends it as long as its row has the token.

    `attempt` is its number; one that finds the result there is not `counted`. `files` are names in the archive,
    `folder` is the result folder relative to the archive's, `former` that of the result which this one takes the
    place of.
    """

    job: int
    token: str
    attempt: int
    counted: bool
    study_uid: str
    reader: str
    priority: Priority
    lang: Lang
    series_uid: str | None
    destinations: tuple[str, ...]
    files: tuple[str, ...]
    folder: str
    former: str | None
    revision: int
    former_result: int | None = field(repr=False)


def claim(archive: Archive, job: int, *, workflow_id: str, worker: str, most_attempts: int) -> Claim | None:
    """Take a job for one attempt, which is counted before anything is read; None where it is not to be read.

    A job that was begun `most_attempts` times without an end has failed: the study may be what ends the worker.

    Raises:
        ArchiveUnavailable: the database does not answer; nothing was changed.
    """
    with writing(archive.engine) as connection:
        row = connection.execute(
            select(Job.__table__, Study.study_uid)
            .join(Study, Study.id == Job.study_key)
            .where(Job.id == job, Job.workflow_id == workflow_id, Job.state.in_(("waiting", "running")))
            .with_for_update(of=Job)
        ).one_or_none()
        if row is None:
            return None
        folder = result_folder_name(row.study_uid, job)
        is_read = is_complete(archive.folder / folder)
        images = images_of(connection, row.study_key, row.series_uid)
        if not is_read and not images.files:
            end(connection, job, "failed", "No image of the study is stored any more.")
            return None
        if not is_read and row.attempts >= most_attempts:
            end(connection, job, "failed", f"The read was begun {row.attempts} times and never ended.")
            return None
        former = _former_result(connection, row.predecessor)
        values: dict[str, Any] = {"state": "running", "claim": new_token(), "worker": worker, "error": ""}
        if not is_read:
            values |= {
                "attempts": row.attempts + 1,
                "started_at": now(),
                "stage": "",
                "progress": 0.0,
                "images": len(images.files),
                "content": images.content,
            }
            detail = {"job": str(job), "reader": row.reader, "instances": str(len(images.files))}
            record(
                connection,
                Event(
                    EventCode.INSTANCES_ACCESSED, "R", 0, WORKER, patients_of(connection, [row.study_uid]),
                    [row.study_uid], detail,
                ),
            )  # fmt: skip
        connection.execute(update(Job).where(Job.id == job).values(values))
        refresh(connection, row.study_key)
    return Claim(
        job=job,
        token=values["claim"],
        attempt=row.attempts + (not is_read),
        counted=not is_read,
        study_uid=row.study_uid,
        reader=row.reader,
        priority=PRIORITIES[row.priority],
        lang=row.lang,
        series_uid=row.series_uid or None,
        destinations=tuple(json.loads(row.destinations)),
        files=images.files,
        folder=folder,
        former=former.folder if former else None,
        revision=row.revision,
        former_result=former.id if former else None,
    )


def tell(archive: Archive, held: Claim, stage: str, share: float) -> None:
    """Write how far a read is, where it is still ours."""
    with writing(archive.engine) as connection:
        values = {"stage": stage, "progress": min(max(share, 0.0), 1.0)}
        told = update(Job).where(_holds(held)).values(values).returning(Job.study_key)
        study = connection.execute(told).scalar_one_or_none()
        if study is not None:
            tell_browsers(connection, "study", study_key=study)


def is_held(archive: Archive, held: Claim) -> bool:
    """Tell whether the job is still this attempt's: not cancelled, not taken over, its study not removed."""
    with reading(archive.engine) as connection:
        return connection.execute(select(Job.id).where(_holds(held))).one_or_none() is not None


def is_there(archive: Archive, job: int) -> bool:
    """Tell whether the job is there; those of a removed study are not."""
    with reading(archive.engine) as connection:
        return connection.execute(select(Job.id).where(Job.id == job)).one_or_none() is not None


def finish(
    archive: Archive,
    held: Claim,
    *,
    digest: str,
    category: str,
    deliveries: Sequence[tuple[str, str]],
    summary: str = "[]",
    also: Callable[[Connection], object] | None = None,
) -> bool:
    """Write the result and its deliveries, and end the job, all in one transaction; False where it is not ours.

    Args:
        archive: Where to.
        held: The attempt.
        digest: sha256 (hex) of result.json.
        category: The study's, "" for none.
        deliveries: Name of the destination and document.
        summary: What a worklist shows of it, as `summary_of` writes it.
        also: Writes what else must be there with the result.

    Raises:
        ArchiveUnavailable: the database does not answer.
    """
    with writing(archive.engine) as connection:
        values = {"state": "done", "ended_at": now(), "stage": "", "progress": 1.0, "claim": "", "error": ""}
        ended = connection.execute(update(Job).where(_holds(held)).values(values).returning(Job.id))
        if ended.one_or_none() is None:
            return False
        result = connection.execute(
            insert(Result)
            .values(
                job_key=held.job,
                folder=held.folder,
                digest=digest,
                category=category,
                summary=summary,
                predecessor=held.former_result,
            )
            .returning(Result.id)
        ).scalar_one()
        rows = [
            {"result_key": result, "destination": destination, "document": document}
            for destination, document in deliveries
        ]
        if rows:
            connection.execute(insert(Delivery), rows)
        if also is not None:
            also(connection)
        refresh_of_job(connection, held.job)
        detail = {"job": str(held.job), "reader": held.reader, "result": digest}
        patients = patients_of(connection, [held.study_uid])
        record(
            connection, Event(EventCode.PROCEDURE_RECORD, "C", 0, WORKER, patients, [held.study_uid], detail)
        )
    return True


def give_up(archive: Archive, held: Claim, error: str) -> None:
    """End a job for good; it is then among those that `firstread jobs list --state failed` shows."""
    _change(archive, held, {"state": "failed", "ended_at": now(), "error": error, "claim": ""})


def try_later(archive: Archive, held: Claim, error: str, *, wait_s: float, counted: bool) -> None:
    """Let a job wait again; an attempt that is not its own fault does not count."""
    _change(
        archive,
        held,
        {
            "state": "waiting",
            "workflow_id": new_token(),
            "next_try_at": now() + timedelta(seconds=wait_s),
            "attempts": Job.attempts - 1 if held.counted and not counted else Job.attempts,
            "error": error,
            "claim": "",
            "worker": "",
            "stage": "",
            "progress": 0.0,
        },
    )


def _former_result(connection: Connection, job: int | None) -> Any:  # noqa: ANN401 - a row, or None
    """Return the last result before this one; a revision that failed has none."""
    while job is not None:
        found = connection.execute(
            select(Job.predecessor, Result.id, Result.folder)
            .outerjoin(Result, Result.job_key == Job.id)
            .where(Job.id == job)
        ).one_or_none()
        if found is None or found.folder is not None:
            return found
        job = found.predecessor
    return None


def _holds(held: Claim) -> Any:  # noqa: ANN401 - SQLAlchemy's condition
    return and_(Job.id == held.job, Job.state == "running", Job.claim == held.token)


def _change(archive: Archive, held: Claim, values: dict[str, Any]) -> None:
    with writing(archive.engine) as connection:
        connection.execute(update(Job).where(_holds(held)).values(values))
        refresh_of_job(connection, held.job)
