"""Jobs as rows. The row is the truth: who changes it holds it, and each change is one transaction."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, insert, select, update

from firstread.archive import Archive
from firstread.archive.columns import new_token, now
from firstread.archive.database import reading, writing
from firstread.archive.models import Delivery, Job, Result, Study
from firstread.archive.results import result_folder_name
from firstread.errors import UsageError
from firstread.reports import Lang
from firstread.workflow.images import images_of
from firstread.workflow.result_folder import is_complete
from firstread.workflow.routes import PlannedRead, Priority

PRIORITIES: tuple[Priority, ...] = ("stat", "urgent", "routine")
"""By the number that the row has."""


@dataclass(frozen=True)
class Claim:
    """A job that is this attempt's: nobody else ends it as long as its row has the token.

    `files` are names in the archive, `folder` is the result folder relative to the archive's, `former` that of the
    result which this one takes the place of.
    """

    job: int
    token: str
    attempt: int
    study_uid: str
    reader: str
    priority: Priority
    lang: Lang
    series_uid: str | None
    destinations: tuple[str, ...]
    files: tuple[str, ...]
    folder: str
    former: str | None
    former_result: int | None = field(repr=False)


def add_reads(
    connection: Connection, study_key: int, reads: Sequence[PlannedRead], *, again: bool = False
) -> tuple[int, ...]:
    """Make a job for each read that is not made yet, and return the ids of those that are new.

    A job that waits reads what is there when it begins. Where a read has begun and the images are others now, the
    next revision is made.

    Args:
        connection: In a transaction that writes, in which the study is locked.
        study_key: The study.
        reads: One a reader; of several, the first.
        again: Make the next revision even where the images are the same.
    """
    made: list[int] = []
    for read in {read.reader: read for read in reversed(reads)}.values():
        series_uid = read.series_uid or ""
        images = images_of(connection, study_key, series_uid)
        priority = PRIORITIES.index(read.priority)
        last = connection.execute(
            select(Job.id, Job.state, Job.revision, Job.content, Job.priority)
            .where(Job.study_key == study_key, Job.reader == read.reader)
            .order_by(Job.revision.desc())
            .limit(1)
        ).one_or_none()
        if last is not None and last.state == "waiting":
            if priority < last.priority:  # the queue that it waits in is decided when it is put there
                values = {"priority": priority, "workflow_id": new_token()}
                connection.execute(update(Job).where(Job.id == last.id).values(values))
            continue
        if not images.files or (last is not None and last.content == images.content and not again):
            continue
        row = {
            "study_key": study_key,
            "reader": read.reader,
            "revision": last.revision + 1 if last is not None else 1,
            "predecessor": last.id if last is not None else None,
            "route": read.route,
            "series_uid": series_uid,
            "lang": read.lang,
            "destinations": json.dumps(read.destinations),
            "priority": priority,
        }
        made.append(connection.execute(insert(Job).values(row).returning(Job.id)).scalar_one())
    return tuple(made)


def is_read_first(archive: Archive, held: Claim, study_uid: str) -> bool:
    """Have a prior read as urgently as the study that is compared with it; False where it has no image to read.

    Raises:
        ArchiveUnavailable: the database does not answer.
    """
    with writing(archive.engine) as connection:
        study = connection.execute(
            select(Study.id).where(Study.study_uid == study_uid).with_for_update(of=Study)
        ).scalar_one_or_none()
        if study is None:
            return False
        wanted = PlannedRead("", held.reader, held.priority, (), held.lang, None)  # its result goes nowhere
        add_reads(connection, study, [wanted])
        pending = select(Job.id).where(
            Job.study_key == study, Job.reader == held.reader, Job.state.in_(("waiting", "running"))
        )
        return connection.execute(pending).first() is not None


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
            _end(connection, job, "failed", "No image of the study is stored any more.")
            return None
        if not is_read and row.attempts >= most_attempts:
            _end(connection, job, "failed", f"The read was begun {row.attempts} times and never ended.")
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
        connection.execute(update(Job).where(Job.id == job).values(values))
    return Claim(
        job=job,
        token=values["claim"],
        attempt=row.attempts + 1,
        study_uid=row.study_uid,
        reader=row.reader,
        priority=PRIORITIES[row.priority],
        lang=row.lang,
        series_uid=row.series_uid or None,
        destinations=tuple(json.loads(row.destinations)),
        files=images.files,
        folder=folder,
        former=former.folder if former else None,
        former_result=former.id if former else None,
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


def tell(archive: Archive, held: Claim, stage: str, share: float) -> None:
    """Write how far a read is, where it is still ours."""
    _change(archive, held, {"stage": stage, "progress": min(max(share, 0.0), 1.0)})


def is_held(archive: Archive, held: Claim) -> bool:
    """Tell whether the job is still this attempt's: not cancelled, not taken over, its study not removed."""
    with reading(archive.engine) as connection:
        return connection.execute(select(Job.id).where(_holds(held))).one_or_none() is not None


def exists(archive: Archive, job: int) -> bool:
    """Tell whether the job is there; those of a removed study are not."""
    with reading(archive.engine) as connection:
        return connection.execute(select(Job.id).where(Job.id == job)).one_or_none() is not None


def finish(
    archive: Archive, held: Claim, *, digest: str, category: str, deliveries: Sequence[tuple[str, str]]
) -> bool:
    """Write the result and its deliveries, and end the job, all in one transaction; False where it is not ours.

    Args:
        archive: Where to.
        held: The attempt.
        digest: sha256 (hex) of result.json.
        category: The study's, "" for none.
        deliveries: Name of the destination and document.

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
            "attempts": Job.attempts if counted else Job.attempts - 1,
            "error": error,
            "claim": "",
            "worker": "",
            "stage": "",
            "progress": 0.0,
        },
    )


def retry(archive: Archive, job: int) -> None:
    """Let a job that failed or was cancelled wait again, with all its attempts.

    Raises:
        UsageError: there is no such job, it is in another state, or a later revision has taken its place.
    """
    with writing(archive.engine) as connection:
        row = _found(connection, job)
        if row.state not in ("failed", "cancelled"):
            raise UsageError(
                f"Job {job} is {row.state}.", remedy="Only what failed or was cancelled is retried."
            )
        later = connection.execute(
            select(Job.id).where(
                Job.study_key == row.study_key, Job.reader == row.reader, Job.revision > row.revision
            )
        ).first()
        if later is not None:
            raise UsageError(f"Job {later.id} has taken the place of job {job}.", remedy="Retry that one.")
        values = {
            "state": "waiting",
            "workflow_id": new_token(),
            "next_try_at": None,
            "attempts": 0,
            "ended_at": None,
            "error": "",
        }
        connection.execute(update(Job).where(Job.id == job).values(values))


def cancel(archive: Archive, job: int) -> None:
    """End a job that waits or runs; a read that runs is stopped.

    Raises:
        UsageError: there is no such job, or it has ended already.
    """
    with writing(archive.engine) as connection:
        row = _found(connection, job)
        if row.state not in ("waiting", "running"):
            raise UsageError(f"Job {job} is {row.state}.", remedy="Only what waits or runs is cancelled.")
        _end(connection, job, "cancelled", "")


def _found(connection: Connection, job: int) -> Row[Any]:
    row = connection.execute(select(Job.__table__).where(Job.id == job).with_for_update()).one_or_none()
    if row is None:
        raise UsageError(
            f"There is no job {job}.", remedy="`firstread jobs list` shows those that there are."
        )
    return row


def _end(connection: Connection, job: int, state: str, error: str) -> None:
    values = {"state": state, "ended_at": now(), "error": error, "claim": ""}
    connection.execute(update(Job).where(Job.id == job).values(values))


def _holds(held: Claim) -> Any:  # noqa: ANN401 - SQLAlchemy's condition
    return and_(Job.id == held.job, Job.state == "running", Job.claim == held.token)


def _change(archive: Archive, held: Claim, values: dict[str, Any]) -> None:
    with writing(archive.engine) as connection:
        connection.execute(update(Job).where(_holds(held)).values(values))
