"""The deliveries as rows: what became of each, the way back for those that failed, and the way out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Update, select, update

from firstread.archive import Archive
from firstread.archive.database import reading, writing
from firstread.archive.matching import Condition
from firstread.archive.models import Delivery, DeliveryState, Job, Result, Study


@dataclass(frozen=True)
class DeliveryStatus:
    """One document of a result on its way to one destination. `error` is that of the last try; it names no patient."""

    id: int
    study_uid: str
    reader: str
    destination: str
    document: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    next_try_at: datetime | None
    sent_at: datetime | None
    error: str


def list_deliveries(
    archive: Archive,
    *,
    states: Sequence[DeliveryState] = (),
    destination: str | None = None,
    study_uid: str | None = None,
    limit: int = 100,
    within: Condition | None = None,
) -> list[DeliveryStatus]:
    """Return deliveries, newest first.

    Args:
        archive: Where they are.
        states: Only these; none: all.
        destination: Only to this one.
        study_uid: Only of this study.
        limit: So many at most.
        within: What a row of `Study` must fulfil; None: every study does.

    Raises:
        ArchiveUnavailable: the database does not answer.
    """
    statement = (
        select(
            Delivery.id,
            Study.study_uid,
            Job.reader,
            Delivery.destination,
            Delivery.document,
            Delivery.state,
            Delivery.attempts,
            Delivery.created_at,
            Delivery.next_try_at,
            Delivery.sent_at,
            Delivery.error,
        )
        .join(Result, Result.id == Delivery.result_key)
        .join(Job, Job.id == Result.job_key)
        .join(Study, Study.id == Job.study_key)
        .order_by(Delivery.id.desc())
        .limit(limit)
    )
    if states:
        statement = statement.where(Delivery.state.in_(states))
    if destination is not None:
        statement = statement.where(Delivery.destination == destination)
    if study_uid is not None:
        statement = statement.where(Study.study_uid == study_uid)
    if within is not None:
        statement = statement.where(within)
    with reading(archive.engine) as connection:
        return [DeliveryStatus(**row) for row in connection.execute(statement).mappings()]


def retry_deliveries(
    archive: Archive,
    ids: Sequence[int] = (),
    *,
    destination: str | None = None,
    within: Condition | None = None,
) -> tuple[int, ...]:
    """Let deliveries be tried again, at once and as often as new ones; return which.

    Args:
        archive: Where they are.
        ids: These, be they failed, dropped or waiting for their next try; none: all that failed.
        destination: Only those to this one.
        within: What a row of `Study` must fulfil; None: every study does.

    Raises:
        ArchiveUnavailable: the database does not answer.
    """
    which = Delivery.state != "sent" if ids else Delivery.state == "failed"
    again = update(Delivery).where(which).values(state="waiting", attempts=0, next_try_at=None)
    return _changed(archive, again, ids, destination, within)


def drop_deliveries(
    archive: Archive,
    ids: Sequence[int] = (),
    *,
    destination: str | None = None,
    within: Condition | None = None,
) -> tuple[int, ...]:
    """Give deliveries up that failed or wait, so that they keep no study from retention; return which.

    One that is on its way at this moment may still arrive. `retry_deliveries` takes it back.

    Args:
        archive: Where they are.
        ids: These; none: all to the destination.
        destination: Only those to this one.
        within: What a row of `Study` must fulfil; None: every study does.

    Raises:
        ValueError: neither is named.
        ArchiveUnavailable: the database does not answer.
    """
    if not ids and destination is None:
        raise ValueError("which deliveries?")
    which = Delivery.state.in_(("failed", "waiting"))
    drop = update(Delivery).where(which).values(state="dropped", next_try_at=None)
    return _changed(archive, drop, ids, destination, within)


def _changed(
    archive: Archive,
    change: Update,
    ids: Sequence[int],
    destination: str | None,
    within: Condition | None,
) -> tuple[int, ...]:
    """Change those of the deliveries that are named; none named: all. Return which."""
    if ids:
        change = change.where(Delivery.id.in_(ids))
    if destination is not None:
        change = change.where(Delivery.destination == destination)
    if within is not None:
        results = select(Result.id).join(Job, Job.id == Result.job_key).join(Study, Study.id == Job.study_key)
        change = change.where(Delivery.result_key.in_(results.where(within)))
    with writing(archive.engine) as connection:
        return tuple(sorted(connection.execute(change.returning(Delivery.id)).scalars()))
