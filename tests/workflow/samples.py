"""What tests of the path of a study put into an archive, and how they look at what became of it."""

import time

from sqlalchemy import select

from firstread.archive.database import writing
from firstread.archive.models import Job, Study
from firstread.workflow import attempts, jobs
from firstread.workflow.routes import PlannedRead
from tests.archive.samples import instances, rows

WANTED = PlannedRead(route="", reader="ball", priority="routine", destinations=(), lang="en", series_uid=None)


def receive(archive, count=3, **options):
    """Store a small study, or more of it; return its UID."""
    (uid,) = {archive.receive(each, source="CT1").study_uid for each in instances(count, **options)}
    return uid


def want(archive, *reads, study=1, again=False):
    """Make the jobs of a study; return the new ones."""
    with writing(archive.engine) as connection:
        key = connection.execute(
            select(Study.id).where(Study.study_uid.endswith(f".{study}")).with_for_update()
        ).scalar_one()
        return jobs.add_reads(connection, key, reads or (WANTED,), again=again)


def take(archive, job, *, worker="w", most_attempts=3):
    """Claim a job as its workflow does."""
    row = job_row(archive, job)
    return attempts.claim(
        archive, job, workflow_id=row.workflow_id, worker=worker, most_attempts=most_attempts
    )


def job_row(archive, job):
    return next(row for row in rows(archive, Job) if row.id == job)


def until(condition, seconds=60.0):
    """Wait until a condition holds, and return what it returned."""
    ends = time.monotonic() + seconds
    while not (held := condition()):
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.05)
    return held
