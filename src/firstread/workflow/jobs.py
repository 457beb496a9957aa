"""Jobs as rows: made once for each read that is wanted, and what a person does about them.

The row is the truth; each change is one transaction.
"""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from firstread.archive import Archive
from firstread.archive.columns import new_token, now
from firstread.archive.database import writing
from firstread.archive.matching import Condition
from firstread.archive.models import Job, JobState, Study
from firstread.archive.worklist import refresh, refresh_of_job
from firstread.errors import UsageError
from firstread.reports import Lang
from firstread.workflow.images import images_of
from firstread.workflow.routes import PlannedRead, Priority

PRIORITIES: tuple[Priority, ...] = ("stat", "urgent", "routine")
"""By the number that the row has."""


def add_reads(
    connection: Connection, study_key: int, reads: Sequence[PlannedRead], *, again: bool = False
) -> tuple[int, ...]:
    """Make a job for each read that is not made yet, and return the ids of those that are new.

    A job that waits reads what is there when it begins. Where a read has begun and the images are others now, or its
    result is wanted at more destinations, the next revision is made.

    Args:
        connection: In a transaction that writes, in which the study is locked.
        study_key: The study.
        reads: One a reader; of several, the first.
        again: Make the next revision even where the images are the same.
    """
    wanted: dict[str, PlannedRead] = {}
    for read in reads:
        wanted.setdefault(read.reader, read)
    made: list[int] = []
    for read in wanted.values():
        series_uid = read.series_uid or ""
        images = images_of(connection, study_key, series_uid)
        priority = PRIORITIES.index(read.priority)
        last = connection.execute(
            select(Job.id, Job.state, Job.revision, Job.content, Job.priority, Job.destinations)
            .where(Job.study_key == study_key, Job.reader == read.reader)
            .order_by(Job.revision.desc())
            .limit(1)
        ).one_or_none()
        there = json.loads(last.destinations) if last is not None else []
        more = [name for name in read.destinations if name not in there]
        if last is not None and last.state == "waiting":
            values: dict[str, Any] = {"destinations": json.dumps([*there, *more])} if more else {}
            if priority < last.priority:  # the queue that it waits in is decided when it is put there
                values |= {"priority": priority, "workflow_id": new_token()}
            if values:
                connection.execute(update(Job).where(Job.id == last.id).values(values))
            continue
        if not images.files or (last is not None and last.content == images.content and not (again or more)):
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
    refresh(connection, study_key)
    return tuple(made)


def locked_study(connection: Connection, study_uid: str, *, within: Condition | None = None) -> int | None:
    """Return the key of a study, locked until the transaction ends; None where the archive has none within this."""
    asked = [Study.study_uid == study_uid, *([] if within is None else [within])]
    return connection.execute(select(Study.id).where(*asked).with_for_update(of=Study)).scalar_one_or_none()


def is_read_first(archive: Archive, study_uid: str, *, reader: str, priority: Priority, lang: Lang) -> bool:
    """Have a prior read as urgently as the study that is compared with it; False where it has no image to read.

    Raises:
        ArchiveUnavailable: the database does not answer.
    """
    with writing(archive.engine) as connection:
        study = locked_study(connection, study_uid)
        if study is None:
            return False
        wanted = PlannedRead("", reader, priority, (), lang, None)  # its result goes nowhere
        add_reads(connection, study, [wanted])
        pending = select(Job.id).where(
            Job.study_key == study, Job.reader == reader, Job.state.in_(("waiting", "running"))
        )
        return connection.execute(pending).first() is not None


def end(connection: Connection, job: int, state: JobState, error: str = "") -> None:
    """End a job that is locked."""
    values = {"state": state, "ended_at": now(), "error": error, "claim": ""}
    connection.execute(update(Job).where(Job.id == job).values(values))
    refresh_of_job(connection, job)


def retry(archive: Archive, job: int, *, within: Condition | None = None) -> None:
    """Let a job that failed or was cancelled wait again, with all its attempts.

    Raises:
        UsageError: there is no such job within the condition on `Study`, it is in another state, or a later revision
            has taken its place.
    """
    with writing(archive.engine) as connection:
        row = _found(connection, job, within)
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
        refresh(connection, row.study_key)


def change_priority(
    archive: Archive, job: int, priority: Priority, *, within: Condition | None = None
) -> None:
    """Have a job that waits read earlier or later.

    Raises:
        UsageError: there is no such job within the condition on `Study`, or it waits no more.
    """
    with writing(archive.engine) as connection:
        row = _found(connection, job, within)
        if row.state != "waiting":
            raise UsageError(
                f"Job {job} is {row.state}.", remedy="Only what waits can be read earlier or later."
            )
        # The queue that it waits in is decided when it is put there: another workflow puts it into another.
        values = {"priority": PRIORITIES.index(priority), "workflow_id": new_token()}
        connection.execute(update(Job).where(Job.id == job).values(values))
        refresh(connection, row.study_key)


def cancel(archive: Archive, job: int, *, within: Condition | None = None) -> None:
    """End a job that waits or runs; a read that runs is stopped.

    Raises:
        UsageError: there is no such job within the condition on `Study`, or it has ended already.
    """
    with writing(archive.engine) as connection:
        row = _found(connection, job, within)
        if row.state not in ("waiting", "running"):
            raise UsageError(f"Job {job} is {row.state}.", remedy="Only what waits or runs is cancelled.")
        end(connection, job, "cancelled")


def _found(connection: Connection, job: int, within: Condition | None) -> Row[Any]:
    of_study = [] if within is None else [Job.study_key.in_(select(Study.id).where(within))]
    row = connection.execute(
        select(Job.__table__).where(Job.id == job, *of_study).with_for_update()
    ).one_or_none()
    if row is None:
        raise UsageError(
            f"There is no job {job}.", remedy="`firstread jobs list` shows those that there are."
        )
    return row
