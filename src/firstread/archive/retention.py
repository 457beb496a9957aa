"""What may leave the archive, and when: by age, and when the disk fills; never what is unread or unsent."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    column,
    delete,
    exists,
    insert,
    not_,
    or_,
    select,
    table,
)
from sqlalchemy.orm import aliased

from firstread.archive.archive import Archive
from firstread.archive.columns import now
from firstread.archive.database import reading, writing
from firstread.archive.models import Delivery, Instance, Job, Patient, Removal, Result, Series, Study
from firstread.archive.results import remove_results
from firstread.archive.sources import OWN_SOURCE, PRIOR_SOURCE

SLACK_PERCENT = 5.0  # below the watermark, so that not every instance starts a clean-up
PORTION = 100

Told = Callable[[Connection, str, str, int], None]
"""Called in the transaction of a removal with Patient ID, Study Instance UID and the number of instances."""


@dataclass(frozen=True)
class Removed:
    """How much one run of retention took away."""

    studies: int = 0
    instances: int = 0
    bytes: int = 0

    def __add__(self, other: "Removed") -> "Removed":
        return Removed(
            self.studies + other.studies, self.instances + other.instances, self.bytes + other.bytes
        )


_EXPORT = table("deidentification", column("study_key"), column("state"))
"""On their way to research projects; the table is of a room above this one."""


def removable() -> ColumnElement[bool]:
    """Return the condition that a study may go: it was read, everything was sent, nobody holds it, nothing is odd.

    Read: what came was routed, it has a job, and each reader's last revision is done. Without a job, one that was
    routed to research projects alone may go, and so may a prior that was fetched, also with one that is not under way:
    it is where it was fetched from, too. Sent: every delivery is sent, and what goes to research projects is there.
    Odd: other bytes came under one of its UIDs, or another patient; a person must look first.
    """
    jobs = select(Job.id).where(Job.study_key == Study.id)
    later = aliased(Job)
    is_last = not_(
        exists(
            select(later.id).where(
                later.study_key == Job.study_key, later.reader == Job.reader, later.revision > Job.revision
            )
        )
    )
    unsent = (
        select(Delivery.id)
        .join(Result, Result.id == Delivery.result_key)
        .join(Job, Job.id == Result.job_key)
        .where(Job.study_key == Study.id, Delivery.state.not_in(("sent", "dropped")))
    )
    exports = select(_EXPORT.c.study_key).where(_EXPORT.c.study_key == Study.id)
    unexported = exports.where(_EXPORT.c.state != "done")
    exported = and_(exists(exports.correlate(Study)), not_(exists(jobs.correlate(Study))))
    came = (
        select(Instance.id).join(Series, Series.id == Instance.series_key).where(Series.study_key == Study.id)
    )
    fetched = and_(
        exists(came.where(Instance.source == PRIOR_SOURCE).correlate(Study)),
        not_(exists(came.where(Instance.source.not_in((PRIOR_SOURCE, OWN_SOURCE))).correlate(Study))),
        not_(exists(jobs.where(Job.state.in_(("waiting", "running"))).correlate(Study))),
    )
    read = and_(
        exists(jobs.correlate(Study)),
        not_(exists(jobs.where(Job.state != "done", is_last).correlate(Study))),
    )
    return and_(
        not_(Study.held),
        not_(Study.inconsistent),
        Study.conflicts == 0,
        Study.routed_at == Study.last_received_at,
        or_(read, fetched, exported),
        not_(exists(unsent.correlate(Study))),
        not_(exists(unexported.correlate(Study))),
    )


def disk_percent(archive: Archive) -> float:
    """Return how full the archive's disk is, in percent, as an ordinary user sees it."""
    usage = shutil.disk_usage(archive.folder)
    return 100.0 * usage.used / max(usage.used + usage.free, 1)


def retain(
    archive: Archive,
    *,
    keep_days: int | None,
    full_percent: float | None,
    at: datetime | None = None,
    fullness: Callable[[Archive], float] = disk_percent,
    told: Told | None = None,
) -> Removed:
    """Remove the studies that the rules let go, the longest untouched first.

    The rows go first, in one transaction a study, with the patient where it was the last one, and the files
    after: a cut in between leaves strays, which `verify` finds, and never a row without its file.

    Args:
        archive: May be in use meanwhile.
        keep_days: Days after the last instance from which a study goes; None: age is no reason.
        full_percent: Fullness of the disk (percent) above which studies go until it is `SLACK_PERCENT` lower;
            None: fullness is no reason.
        at: The present moment; None: now.
        fullness: Measures the disk.
        told: Called in the transaction of each removal.

    Raises:
        ArchiveUnavailable: the database does not answer.
    """
    removed = Removed()
    if keep_days is not None:
        before = (at or now()) - timedelta(days=keep_days)
        rule = f"older than {keep_days} days"
        removed += _remove_while(archive, rule, Study.last_received_at < before, told=told)
    if full_percent is not None and fullness(archive) > full_percent:
        low = max(full_percent - SLACK_PERCENT, 0.0)
        rule = f"disk above {full_percent:g} %"
        removed += _remove_while(archive, rule, go_on=lambda: fullness(archive) > low, told=told)
    return removed


def _remove_while(
    archive: Archive,
    rule: str,
    *conditions: ColumnElement[bool],
    go_on: Callable[[], bool] = lambda: True,
    told: Told | None,
) -> Removed:
    removed = Removed()
    while True:
        with reading(archive.engine) as connection:
            oldest = (
                select(Study.id).where(removable(), *conditions).order_by(Study.last_received_at, Study.id)
            )
            keys = connection.execute(oldest.limit(PORTION)).scalars().all()
        gone = Removed()
        for key in keys:
            if not go_on():
                return removed + gone
            gone += _remove(archive, key, rule, conditions, told)
        removed += gone
        if not gone.studies:
            return removed


def _remove(
    archive: Archive, key: int, rule: str, conditions: tuple[ColumnElement[bool], ...], told: Told | None
) -> Removed:
    with writing(archive.engine) as connection:
        # Once more, now that nobody else can write to it.
        locked = (
            select(Study.study_uid, Study.patient_key, Patient.patient_id)
            .join(Patient, Patient.id == Study.patient_key)
            .where(Study.id == key, removable(), *conditions)
        )
        study = connection.execute(locked.with_for_update(of=Study)).one_or_none()
        if study is None:
            return Removed()
        held: Any = (
            select(Instance.file, Instance.size)
            .join(Series, Series.id == Instance.series_key)
            .where(Series.study_key == key)
        )
        files = connection.execute(held).all()
        size = sum(row.size for row in files)
        connection.execute(
            insert(Removal).values(study_uid=study.study_uid, rule=rule, instances=len(files), size=size)
        )
        if told is not None:
            told(connection, study.patient_id, study.study_uid, len(files))
        connection.execute(delete(Study).where(Study.id == key))
        others = select(Study.id).where(Study.patient_key == study.patient_key)
        connection.execute(delete(Patient).where(Patient.id == study.patient_key, not_(exists(others))))
    for row in files:
        archive.files.remove(row.file)
    remove_results(archive.folder, study.study_uid)
    return Removed(1, len(files), size)
