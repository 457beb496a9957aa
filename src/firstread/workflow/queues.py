"""From rows to queues: what waits in the archive's rows and no workflow is about to do is put into its queue."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, not_, or_, select, update
from sqlalchemy.orm import aliased

from firstread.archive import Archive
from firstread.archive.columns import new_token, now
from firstread.archive.database import reading, writing
from firstread.archive.models import Delivery, Job
from firstread.archive.worklist import refresh_of_job
from firstread.research.models import Deidentification
from firstread.workflow import durable

MOST = 256
"""Rows that are looked at in one sweep, the most urgent first: more than can be done before the next."""


def sweep(archive: Archive) -> None:
    """Put what waits into the queues; any number of workers may at once.

    A row whose workflow has ended, though the row says that it is to come or under way, gets another one: the rows
    were restored from a backup, or a person lets a delivery be tried again.

    Raises:
        ArchiveUnavailable: the archive's database does not answer.
    """
    moment = now()
    with reading(archive.engine) as connection:
        waiting = connection.execute(_waiting_jobs(moment)).all()
        running = connection.execute(
            select(Job.id, Job.workflow_id).where(Job.state == "running").limit(MOST)
        ).all()
        deliveries = connection.execute(_waiting(Delivery, moment)).all()
        exports = connection.execute(_waiting(Deidentification, moment)).all()
    states = durable.states([row.workflow_id for row in (*waiting, *running, *deliveries, *exports)])
    for row in waiting:
        if row.workflow_id not in states:
            durable.enqueue("reads", row.workflow_id, row.id, priority=row.priority)
    for row in deliveries:
        if row.workflow_id not in states:
            durable.enqueue("deliveries", row.workflow_id, row.id)
    for row in exports:
        if row.workflow_id not in states:
            durable.enqueue("deidentifications", row.workflow_id, row.id)
    _renew(archive, Job, ("waiting",), [row for row in waiting if states.get(row.workflow_id) is False])
    _renew(archive, Job, ("running",), [row for row in running if not states.get(row.workflow_id)])
    for table, rows in ((Delivery, deliveries), (Deidentification, exports)):
        _renew(archive, table, ("waiting",), [row for row in rows if states.get(row.workflow_id) is False])


def _waiting(table: type[Delivery | Deidentification], moment: datetime) -> Any:  # noqa: ANN401 - a statement
    """Return what waits and may be tried."""
    return (
        select(table.id, table.workflow_id)
        .where(table.state == "waiting", or_(table.next_try_at.is_(None), table.next_try_at <= moment))
        .order_by(table.id)
        .limit(MOST)
    )


def _waiting_jobs(moment: datetime) -> Any:  # noqa: ANN401 - SQLAlchemy's statement
    """Return what waits and may begin: a revision only when the one before has come to an end."""
    former = aliased(Job)
    under_way = select(former.id).where(
        former.id == Job.predecessor, former.state.in_(("waiting", "running"))
    )
    return (
        select(Job.id, Job.workflow_id, Job.priority)
        .where(
            Job.state == "waiting",
            or_(Job.next_try_at.is_(None), Job.next_try_at <= moment),
            not_(exists(under_way)),
        )
        .order_by(Job.priority, Job.id)
        .limit(MOST)
    )


def _renew(
    archive: Archive,
    table: type[Job | Delivery | Deidentification],
    state: Sequence[str],
    rows: Sequence[Any],
) -> None:
    if not rows:
        return
    with writing(archive.engine) as connection:
        for row in rows:
            same = and_(table.id == row.id, table.workflow_id == row.workflow_id, table.state.in_(state))
            values: dict[str, Any] = {"workflow_id": new_token()}
            if table is Job:
                values |= {"state": "waiting", "claim": "", "worker": ""}
            connection.execute(update(table).where(same).values(values))
            if table is Job:
                refresh_of_job(connection, row.id)
