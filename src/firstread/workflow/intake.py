"""From a study that came to the jobs that read it: once for all that came, whichever host is first."""

import logging
import time
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import or_, select, update

from firstread.archive import Archive
from firstread.archive.columns import now
from firstread.archive.database import reading, writing
from firstread.archive.matching import Condition
from firstread.archive.models import Study
from firstread.archive.worklist import refresh
from firstread.errors import FirstreadError, UsageError
from firstread.settings import Settings
from firstread.workflow.exports import add_exports
from firstread.workflow.jobs import add_reads, locked_study
from firstread.workflow.routes import PlannedRead, Route, decide, facts_of, load_routes

PORTION = 100
AGAIN_S = 60.0

_log = logging.getLogger(__name__)


def stable_studies(archive: Archive, *, quiet_s: float, most: int = PORTION) -> list[str]:
    """Return `most` studies of which something came since they were routed, and nothing for `quiet_s` seconds.

    Without those that an open association holds back.

    Raises:
        ArchiveUnavailable: the database does not answer.
    """
    at = now()
    with reading(archive.engine) as connection:
        return list(
            connection.execute(
                select(Study.study_uid)
                .where(
                    or_(Study.routed_at.is_(None), Study.routed_at != Study.last_received_at),
                    Study.last_received_at <= at - timedelta(seconds=quiet_s),
                    or_(Study.expected_until.is_(None), Study.expected_until <= at),
                )
                .order_by(Study.last_received_at)
                .limit(most)
            ).scalars()
        )


def route(
    archive: Archive, study_uid: str, routes: Sequence[Route], *, within: Condition | None = None
) -> tuple[int, ...]:
    """Make the jobs that the routes want of a study, and return the new ones. No rule, no read.

    Jobs and the mark that the study is routed are one transaction. Where something came meanwhile nothing is done:
    the study is not quiet.

    Raises:
        UsageError: the archive has no such study that fulfils `within`, a condition on `Study`.
        ArchiveUnavailable: the database or the disk does not answer.
    """
    with reading(archive.engine) as connection:
        seen = connection.execute(
            select(Study.last_received_at).where(Study.study_uid == study_uid)
        ).scalar_one_or_none()
    decision = decide(facts_of(archive, study_uid, within=within), routes)
    with writing(archive.engine) as connection:
        study = connection.execute(
            select(Study.id, Study.last_received_at)
            .where(Study.study_uid == study_uid)
            .with_for_update(of=Study)
        ).one_or_none()
        if study is None or study.last_received_at != seen:
            return ()
        made = add_reads(connection, study.id, decision.reads)
        add_exports(connection, study.id, decision.exports)
        connection.execute(update(Study).where(Study.id == study.id).values(routed_at=seen))
        refresh(connection, study.id)
    return made


class Intake:
    """Routes the studies of an archive as they become quiet.

    A study that cannot be routed is told in the log and tried again after `AGAIN_S`; it keeps no other waiting.
    """

    def __init__(self, archive: Archive, settings: Settings) -> None:
        self._archive = archive
        self._settings = settings
        self._not_before: dict[str, float] = {}

    def route_stable(self) -> tuple[int, ...]:
        """Route every study that is quiet by the routes that hold now, and return the jobs that are new.

        Raises:
            UsageError: the routes cannot be used; the studies wait until they can.
            ArchiveUnavailable: the database does not answer.
        """
        present = time.monotonic()
        self._not_before = {uid: at for uid, at in self._not_before.items() if at > present}
        studies = stable_studies(
            self._archive, quiet_s=self._settings.study_quiet_s, most=PORTION + len(self._not_before)
        )
        studies = [uid for uid in studies if uid not in self._not_before]
        routes = load_routes(self._settings) if studies else ()
        made: list[int] = []
        for study_uid in studies:
            try:
                made += route(self._archive, study_uid, routes)
            except FirstreadError as problem:
                self._not_before[study_uid] = present + AGAIN_S
                _log.warning("a study could not be routed: %s", type(problem).__name__)
        for job in made:
            _log.info("job %d waits", job)
        return tuple(made)


def read_now(
    archive: Archive, study_uid: str, read: PlannedRead, *, within: Condition | None = None
) -> tuple[int, ...]:
    """Make a job that a person wants, whatever the routes say; again, where the images were read before.

    Raises:
        UsageError: the archive has no such study that fulfils `within`, a condition on `Study`.
        ArchiveUnavailable: the database does not answer.
    """
    with writing(archive.engine) as connection:
        study = locked_study(connection, study_uid, within=within)
        if study is None:
            raise UsageError(
                f"The archive has no study {study_uid}.",
                remedy="`firstread archive list` shows those it has.",
            )
        return add_reads(connection, study, [read], again=True)
