"""One try to bring a study to a research project without its patient: done, waiting for the next try, or failed."""

import json
import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypedDict

from sqlalchemy import select, update

from firstread.access import Actor
from firstread.archive.columns import new_token, now
from firstread.archive.database import reading, writing
from firstread.archive.models import Study
from firstread.dicom.deidentify.folder import Outcome
from firstread.dicom.source import FileSource
from firstread.errors import ArchiveUnavailable, FirstreadError
from firstread.network.configured import caller_of, peer_of
from firstread.network.outgoing import files_of_folder
from firstread.network.scu import PeerFailed
from firstread.research.deidentify import deidentify
from firstread.research.models import Deidentification, ResearchProject
from firstread.research.sealed import seal_of
from firstread.workflow.deliveries import PassingFailure, PermanentFailure, wait_s
from firstread.workflow.deliveries.deliver import way_to
from firstread.workflow.deliveries.documents import destination_named
from firstread.workflow.exports import files_to_export
from firstread.workflow.node import Node
from firstread.workflow.read_job import Step

ACTOR = Actor("service", "research routes")

_log = logging.getLogger(__name__)


class _Ended(TypedDict):
    """How a try ended, as the step keeps it: JSON."""

    done: bool
    passing: bool
    retry_after_s: float | None
    instances: int
    refused: int
    error: str


def deidentify_study(node: Node, number: int, workflow_id: str, step: Step) -> None:
    """Make one try; a destination or database that is away is tried again, ever later, as `wait_s` says.

    Raises:
        Cancelled: the worker stops while the database is away.
    """
    row = node.patiently(lambda: _waiting(node, number, workflow_id))
    if row is None:
        return
    ended: _Ended = step("deidentify", _try, node, row.project, row.destination, list(row.files))
    node.patiently(lambda: _settle(node, number, workflow_id, row.attempts + 1, ended))


@dataclass(frozen=True)
class _Work:
    project: str
    destination: str
    attempts: int
    files: tuple[str, ...]


def _waiting(node: Node, number: int, workflow_id: str) -> _Work | None:
    with reading(node.archive.engine) as connection:
        row = connection.execute(
            select(
                Deidentification.study_key,
                Deidentification.destination,
                Deidentification.series,
                Deidentification.attempts,
                ResearchProject.name.label("project"),
            )
            .join(ResearchProject, ResearchProject.id == Deidentification.project_key)
            .join(Study, Study.id == Deidentification.study_key)
            .where(
                Deidentification.id == number,
                Deidentification.workflow_id == workflow_id,
                Deidentification.state == "waiting",
            )
        ).one_or_none()
        if row is None:
            return None
        return _Work(
            row.project,
            row.destination,
            row.attempts,
            files_to_export(connection, row.study_key, json.loads(row.series)),
        )


def _try(node: Node, project: str, destination: str, files: Sequence[str]) -> _Ended:
    failed: _Ended = {
        "done": False,
        "passing": False,
        "retry_after_s": None,
        "instances": 0,
        "refused": 0,
        "error": "",
    }
    try:
        outcome = _bring(node, project, destination, files)
    except (PassingFailure, ArchiveUnavailable) as problem:
        after = problem.retry_after_s if isinstance(problem, PassingFailure) else None
        return {**failed, "passing": True, "retry_after_s": after, "error": str(problem)}
    except FirstreadError as problem:
        return {**failed, "error": str(problem)}
    except Exception as problem:  # a fault of firstread: its text could quote the input, and so a patient
        return {**failed, "passing": True, "error": f"Unexpected {type(problem).__name__}."}
    return {
        **failed,
        "done": True,
        "instances": outcome.instances,
        "refused": outcome.refused.total(),
    }


def _bring(node: Node, project: str, destination: str, files: Sequence[str]) -> Outcome:
    """De-identify into the folder of a destination, or into one that is sent from and then removed.

    Raises:
        PassingFailure, ArchiveUnavailable: it is worth trying again.
        FirstreadError: it is not.
    """
    settings, archive = node.settings, node.archive
    chosen = destination_named(destination, settings)
    with archive.files.at_hand(*files) as paths:
        sources = [FileSource(path) for path in paths if path.is_file()]
        if chosen.kind == "folder":
            base = Path(chosen.place)
            if not base.is_dir():  # it may be a mount
                raise PassingFailure(f"{base} is not there.")
            return deidentify(
                archive.engine, seal_of(settings), project, sources, base / project, actor=ACTOR
            )
        with tempfile.TemporaryDirectory(prefix="deidentified-", dir=archive.folder) as folder:
            out = Path(folder)
            outcome = deidentify(archive.engine, seal_of(settings), project, sources, out, actor=ACTOR)
            _send(node, destination, chosen.kind, out)
            return outcome


def _send(node: Node, destination: str, kind: str, folder: Path) -> None:
    if kind == "dicom":
        caller = replace(caller_of(node.settings), tries=1)
        try:
            sent = caller.send(peer_of(node.settings, destination), files_of_folder(folder))
        except PeerFailed as error:
            raise PassingFailure(error.message, remedy=error.remedy) from None
        for _, status in sent.refused:
            raise PermanentFailure(f"{destination} refused an instance with status {status:04X}.")
        return
    way = way_to(destination, node.settings)
    for path in sorted(folder.rglob("*.dcm")):
        way.deliver(node.archive, path.parent, path.name)


def _settle(node: Node, number: int, workflow_id: str, attempts: int, ended: _Ended) -> None:
    values: dict[str, Any] = {"error": ended["error"], "next_try_at": None}
    if ended["done"]:
        values |= {
            "state": "done",
            "ended_at": now(),
            "instances": ended["instances"],
            "refused": ended["refused"],
        }
    else:
        wait = wait_s(attempts, ended["retry_after_s"]) if ended["passing"] else None
        values["attempts"] = attempts
        if wait is None:
            values |= {"state": "failed", "ended_at": now()}
            _log.warning("de-identification %d has failed: %s", number, ended["error"])
        else:
            values |= {"workflow_id": new_token(), "next_try_at": now() + timedelta(seconds=wait)}
            _log.warning("de-identification %d is tried again in %.0f s", number, wait)
    with writing(node.archive.engine) as connection:
        connection.execute(
            update(Deidentification)
            .where(
                Deidentification.id == number,
                Deidentification.workflow_id == workflow_id,
                Deidentification.state == "waiting",
            )
            .values(values)
        )
