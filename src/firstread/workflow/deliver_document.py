"""One try of a delivery: sent, waiting for the next try, or failed for good."""

import logging
from datetime import timedelta
from typing import Any, TypedDict

from sqlalchemy import Connection, case, select, update

from firstread.access.audit import Event, EventCode, record
from firstread.access.audit.subjects import patients_of
from firstread.archive.columns import new_token, now
from firstread.archive.database import reading, writing
from firstread.archive.models import Delivery, Job, Result, Study
from firstread.workflow.attempts import WORKER
from firstread.workflow.deliveries import DeliveryFailed, PassingFailure, deliver, wait_s
from firstread.workflow.node import Node
from firstread.workflow.read_job import Step

_log = logging.getLogger(__name__)


class _Ended(TypedDict):
    """How a try ended, as the step keeps it: JSON."""

    sent: bool
    passing: bool
    retry_after_s: float | None
    error: str


def deliver_document(node: Node, delivery: int, workflow_id: str, step: Step) -> None:
    """Make one try; a destination that is away is tried again, ever later, as `wait_s` says.

    Raises:
        Cancelled: the worker stops while the database is away.
    """
    row = node.patiently(lambda: _waiting(node, delivery, workflow_id))
    if row is None:
        return
    ended: _Ended = step("deliver", _deliver, node, row.destination, row.folder, row.document)
    node.patiently(lambda: _settle(node, delivery, workflow_id, row.attempts + 1, ended))


def _waiting(node: Node, delivery: int, workflow_id: str) -> Any:  # noqa: ANN401 - a row
    with reading(node.archive.engine) as connection:
        return connection.execute(
            select(
                Delivery.destination,
                Delivery.document,
                Delivery.attempts,
                case((Delivery.folder != "", Delivery.folder), else_=Result.folder).label("folder"),
            )
            .join(Result, Result.id == Delivery.result_key)
            .where(Delivery.id == delivery, Delivery.workflow_id == workflow_id, Delivery.state == "waiting")
        ).one_or_none()


def _deliver(node: Node, destination: str, folder: str, document: str) -> _Ended:
    archive = node.archive
    try:
        deliver(archive, node.settings, destination, archive.folder / folder, document)
    except DeliveryFailed as problem:
        passing = isinstance(problem, PassingFailure)
        after = problem.retry_after_s if isinstance(problem, PassingFailure) else None
        return {"sent": False, "passing": passing, "retry_after_s": after, "error": str(problem)}
    except Exception as problem:  # a fault of firstread: its text could quote the input, and so a patient
        error = f"Unexpected {type(problem).__name__}."
        return {"sent": False, "passing": True, "retry_after_s": None, "error": error}
    return {"sent": True, "passing": False, "retry_after_s": None, "error": ""}


def _settle(node: Node, delivery: int, workflow_id: str, attempts: int, ended: _Ended) -> None:
    values: dict[str, Any] = {"error": ended["error"], "next_try_at": None}
    if ended["sent"]:
        values |= {"state": "sent", "sent_at": now()}
    else:
        wait = wait_s(attempts, ended["retry_after_s"]) if ended["passing"] else None
        values["attempts"] = attempts
        if wait is None:
            values["state"] = "failed"
            _log.warning("delivery %d has failed: %s", delivery, ended["error"])
        else:
            values |= {"workflow_id": new_token(), "next_try_at": now() + timedelta(seconds=wait)}
            _log.warning("delivery %d is tried again in %.0f s: %s", delivery, wait, ended["error"])
    with writing(node.archive.engine) as connection:
        changed = connection.execute(
            update(Delivery)
            .where(Delivery.id == delivery, Delivery.workflow_id == workflow_id, Delivery.state == "waiting")
            .values(values)
        )
        if changed.rowcount and "state" in values:
            record(connection, _exported(connection, delivery, ended))


def _exported(connection: Connection, delivery: int, ended: _Ended) -> Event:
    """Return the event of a delivery that arrived, or failed for good."""
    row = connection.execute(
        select(Delivery.destination, Delivery.document, Study.study_uid)
        .join(Result, Result.id == Delivery.result_key)
        .join(Job, Job.id == Result.job_key)
        .join(Study, Study.id == Job.study_key)
        .where(Delivery.id == delivery)
    ).one()
    detail = {"destination": row.destination, "document": row.document, "delivery": str(delivery)}
    if ended["error"]:
        detail["problem"] = ended["error"]
    patients = patients_of(connection, [row.study_uid])
    return Event(EventCode.EXPORT, "R", 0 if ended["sent"] else 8, WORKER, patients, [row.study_uid], detail)
