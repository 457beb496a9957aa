"""DBOS: the workflows and queues in which jobs and deliveries survive the process that runs them.

DBOS keeps one instance a process, and finds functions by their registered names; so the node that they work with is
the process's too. Its database holds numbers and verdicts, and nothing of a patient. What is to be done stands in the
archive's rows: were this database lost, `queues.sweep` would fill another from them.
"""

import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal

from dbos import DBOS, DBOSConfig, Serializer

from firstread.archive import Archive
from firstread.archive.database import PATIENCE
from firstread.errors import UsageError
from firstread.workflow.deidentify_study import deidentify_study
from firstread.workflow.deliver_document import deliver_document
from firstread.workflow.node import Node
from firstread.workflow.read_job import read_job

VERSION = "firstread-1"
"""Of the steps, not of the build: a workflow that an older build began is gone on with as long as this is the same."""
SCHEMA = "firstread_workflows"
DATABASE = "workflows.sqlite"
POLL_S = 0.5
DELIVERIES_AT_ONCE = 8
CONNECTIONS = 8
PORTION = 500

Queue = Literal["reads", "deliveries", "deidentifications"]
ACTIVE = ("ENQUEUED", "DELAYED", "PENDING")

_node: Node | None = None
_active: set[str] = set()


class _Json(Serializer):
    """Numbers, texts and lists. DBOS would pickle, and who can write to the database could then run code."""

    def name(self) -> str:
        return "firstread_json"

    def serialize(self, data: Any) -> str:  # noqa: ANN401 - as DBOS declares it
        return json.dumps(data, default=lambda value: type(value).__name__)

    def deserialize(self, serialized_data: str) -> Any:  # noqa: ANN401 - as DBOS declares it
        return json.loads(serialized_data)


def _step(name: str, function: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 - of any step
    return DBOS.run_step({"name": name}, function, *arguments)


# Attempts are counted in the rows.
@DBOS.workflow(name="reads", max_recovery_attempts=None)
def _read(job: int) -> None:
    with _running() as (node, workflow_id):
        read_job(node, job, workflow_id, _step)


@DBOS.workflow(name="deliveries", max_recovery_attempts=None)
def _deliver(delivery: int) -> None:
    with _running() as (node, workflow_id):
        deliver_document(node, delivery, workflow_id, _step)


@DBOS.workflow(name="deidentifications", max_recovery_attempts=None)
def _deidentify(number: int) -> None:
    with _running() as (node, workflow_id):
        deidentify_study(node, number, workflow_id, _step)


@contextmanager
def _running() -> Iterator[tuple[Node, str]]:
    """Note for `stranded` that a workflow runs in this process."""
    node, workflow_id = _node, DBOS.workflow_id
    assert node is not None and workflow_id is not None
    _active.add(workflow_id)
    try:
        yield node, workflow_id
    finally:
        _active.discard(workflow_id)


def launch(node: Node) -> None:
    """Begin to take work from the queues.

    Raises:
        UsageError: this process has a worker already.
    """
    global _node
    if _node is not None:
        raise UsageError("This process has a worker already.", remedy="Start another process.")
    _node = node
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())  # it would add one of its own
    config: DBOSConfig = {
        "name": "firstread",
        "system_database_url": _database_url(node.archive),
        "dbos_system_schema": SCHEMA,
        "sys_db_pool_size": CONNECTIONS,
        "executor_id": node.worker,
        "application_version": VERSION,
        "serializer": _Json(),
        "log_level": "WARNING",
    }
    try:
        DBOS(config=config)
        DBOS.launch()
        DBOS.register_queue(
            "reads",
            worker_concurrency=node.processes.at_once,
            global_concurrency=node.settings.reads_total,
            polling_interval_sec=POLL_S,
        )
        DBOS.register_queue("deliveries", worker_concurrency=DELIVERIES_AT_ONCE, polling_interval_sec=POLL_S)
        DBOS.register_queue("deidentifications", worker_concurrency=1, polling_interval_sec=POLL_S)
    except BaseException:
        stop(0)
        raise


def stop(grace_s: int) -> None:
    """Take no more work, and give what runs so many seconds to end."""
    global _node
    DBOS.destroy(workflow_completion_timeout_sec=grace_s)
    _node = None


def enqueue(queue: Queue, workflow_id: str, number: int, *, priority: int = 0) -> None:
    """Put a job or delivery into its queue; a second time changes nothing. The lowest priority comes first."""
    DBOS.enqueue_workflow_with_options(
        {
            "workflow_name": queue,
            "queue_name": queue,
            "workflow_id": workflow_id,
            "priority": priority + 1,
            "app_version": VERSION,
        },
        number,
    )


def states(workflow_ids: Sequence[str]) -> dict[str, bool]:
    """Return those workflows that are known, each with whether it is still to end."""
    found: dict[str, bool] = {}
    for at in range(0, len(workflow_ids), PORTION):
        portion = list(workflow_ids[at : at + PORTION])
        for known in DBOS.list_workflows(workflow_ids=portion, load_input=False, load_output=False):
            found[known.workflow_id] = known.status in ACTIVE
    return found


def executors() -> set[str]:
    """Return the workers that have begun workflows and not ended them."""
    running = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
    return {each.executor_id for each in running if each.executor_id is not None}


def take_over(workers: Sequence[str]) -> None:
    """Put what workers had begun back into the queues: whoever takes it first, in one transaction, has it.

    A worker that was not lost after all finds that its workflows are no longer its own.
    """
    DBOS._recover_pending_workflows(list(workers))


def stranded() -> set[str]:
    """Return what this worker is to have begun, and does not run: it was about to, or could not write that it ended."""
    assert _node is not None
    begun = DBOS.list_workflows(
        status="PENDING", executor_id=_node.worker, load_input=False, load_output=False
    )
    return {each.workflow_id for each in begun} - _active


def abandon(workflow_ids: Iterable[str]) -> None:
    """End workflows that nobody runs; the rows that still need one get another."""
    DBOS.cancel_workflows(list(workflow_ids))


def forget(before: str) -> None:
    """Delete workflows that ended before a moment (ISO 8601)."""
    ended = DBOS.list_workflows(
        status=["SUCCESS", "ERROR", "CANCELLED"],
        completed_before=before,
        limit=PORTION,
        load_input=False,
        load_output=False,
    )
    if ended:
        DBOS.delete_workflows([each.workflow_id for each in ended])


def _database_url(archive: Archive) -> str:
    url = archive.engine.url
    if url.get_backend_name() == "postgresql":
        patient = url.update_query_dict({name: str(value) for name, value in PATIENCE.items()})
        return patient.set(drivername="postgresql").render_as_string(hide_password=False)
    path = Path(str(url.database)).with_name(DATABASE)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")  # the file keeps it
    return f"sqlite:///{path}"
