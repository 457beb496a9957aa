"""One attempt at a job: the prior, the read in a child process, the result with its deliveries."""

import hashlib
import logging
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from firstread.alerts import configuration_now, raise_for
from firstread.alerts.configuration import shipped
from firstread.archive.results import RESULTS
from firstread.errors import ArchiveUnavailable, DiskFull, FirstreadError, UsageError
from firstread.findings import ReadResult
from firstread.workflow import attempts, jobs
from firstread.workflow.attempts import Claim
from firstread.workflow.deliveries import PermanentFailure, documents_for, keep_result
from firstread.workflow.deployed import note_used
from firstread.workflow.node import Node
from firstread.workflow.priors import fetch_priors, find_prior, unread_prior
from firstread.workflow.reading import ReadOutcome, ReadRequest
from firstread.workflow.result_folder import RESULT_JSON, SR, is_complete, load_result
from firstread.workflow.summary import summary_of

FIRST_WAIT_S = 5.0  # before the second attempt; each later one waits four times as long
NO_ROOM_WAIT_S = 30.0
PRIOR_WAIT_S = 3.0
TELL_EVERY_S = 1.0

_log = logging.getLogger(__name__)

Step = Callable[..., Any]
"""Runs a function as a durable step: `step(name, function, *arguments)`; one that has ended is not run again."""


class _Ended(TypedDict):
    """What a step says, as it is kept: JSON."""

    verdict: str
    error: str


class _Prior(TypedDict):
    """The result folder to compare with, and whether a prior has to be read before."""

    folder: str | None
    unread: bool


def read_job(node: Node, job: int, workflow_id: str, step: Step) -> None:
    """Make one attempt at a job, and leave it done, failed, or waiting for the next; nothing escapes but a stop.

    Raises:
        Cancelled: the worker stops while the database is away.
    """
    held = node.patiently(
        lambda: attempts.claim(
            node.archive,
            job,
            workflow_id=workflow_id,
            worker=node.worker,
            most_attempts=node.settings.job_attempts,
        )
    )
    if held is None:
        return
    try:
        ended = _steps(node, held, step)
    except OperationalError:  # what the steps said could not be kept; the result folder is there, or not
        ended = {
            "verdict": "no room",
            "error": "The database of the queues does not answer, or its disk is full.",
        }
    _settle(node, held, ended)
    node.news.set()


def _steps(node: Node, held: Claim, step: Step) -> _Ended:
    prior: _Prior = step("prior", _prior, node, held)
    if prior["unread"]:
        return {"verdict": "prior first", "error": ""}
    ended: _Ended = step("read", _read, node, held, prior["folder"])
    if ended["verdict"] == "read":
        ended = step("result", _keep, node, held)
    return ended


def _settle(node: Node, held: Claim, ended: _Ended) -> None:
    verdict, error = ended["verdict"], ended["error"]
    archive = node.archive
    if verdict == "kept":
        _log.info("job %d done", held.job)
    elif verdict == "stopped" and node.stopping.is_set():
        node.patiently(lambda: attempts.try_later(archive, held, "", wait_s=0.0, counted=False))
    elif verdict == "prior first":
        node.patiently(lambda: attempts.try_later(archive, held, "", wait_s=PRIOR_WAIT_S, counted=False))
    elif verdict == "no room":
        _log.warning("job %d waits for room or the database", held.job)
        node.patiently(lambda: attempts.try_later(archive, held, error, wait_s=NO_ROOM_WAIT_S, counted=False))
    elif verdict == "failed" and held.attempt < node.settings.job_attempts:
        _log.warning("job %d failed in attempt %d: %s", held.job, held.attempt, error)
        wait_s = FIRST_WAIT_S * 4 ** (held.attempt - 1)
        node.patiently(lambda: attempts.try_later(archive, held, error, wait_s=wait_s, counted=True))
    elif verdict in ("failed", "refused"):
        _log.warning("job %d has failed: %s", held.job, error)
        node.patiently(lambda: attempts.give_up(archive, held, error))


def _prior(node: Node, held: Claim) -> _Prior:
    """Fetch priors and choose one; where that has to be read first, a job does so, and this one waits for it.

    A source of priors that does not answer keeps no study from being read, nor from being compared with what is here.
    """
    archive = node.archive
    if is_complete(archive.folder / held.folder):
        return {"folder": None, "unread": False}
    try:
        if _prior_is_read_first(node, held):
            return {"folder": None, "unread": True}
        if _has_fetched(node, held) and _prior_is_read_first(node, held):
            return {"folder": None, "unread": True}
        found = find_prior(archive, held.study_uid, held.reader)
    except FirstreadError as problem:
        _log.warning("job %d is read without a prior: %s", held.job, problem)
        return {"folder": None, "unread": False}
    return {"folder": str(found) if found is not None else None, "unread": False}


def _has_fetched(node: Node, held: Claim) -> bool:
    try:
        return bool(fetch_priors(node.archive, node.settings, held.study_uid))
    except FirstreadError as problem:
        _log.warning("no prior was fetched for job %d: %s", held.job, problem)
        return False


def _prior_is_read_first(node: Node, held: Claim) -> bool:
    unread = unread_prior(node.archive, held.study_uid, held.reader)
    return unread is not None and jobs.is_read_first(
        node.archive, unread, reader=held.reader, priority=held.priority, lang=held.lang
    )


def _read(node: Node, held: Claim, prior: str | None) -> _Ended:
    out = node.archive.folder / held.folder
    if is_complete(out):
        return {"verdict": "read", "error": ""}
    try:
        _make_folders(node.archive.folder, out.parent)
        with node.archive.files.at_hand(*held.files) as files:
            outcome = _in_child(node, held, files, prior, out)
    except (ArchiveUnavailable, DiskFull) as problem:
        return {"verdict": "no room", "error": str(problem)}
    except (FirstreadError, OSError) as problem:
        return {"verdict": "failed", "error": str(problem)}
    if is_complete(out):  # it was killed after its last word, or another attempt was faster
        return {"verdict": "read", "error": ""}
    return {"verdict": outcome.verdict, "error": outcome.error}


def _in_child(node: Node, held: Claim, files: Sequence[Path], prior: str | None, out: Path) -> ReadOutcome:
    archive = node.archive
    former = archive.folder / held.former if held.former else None
    request = ReadRequest(
        files=tuple(map(str, files)),
        out=str(out),
        reader=held.reader,
        lang=held.lang,
        study_uid=held.study_uid,
        series_uid=held.series_uid,
        prior=prior,
        predecessor=str(former) if former is not None and (former / SR).is_file() else None,
    )
    told = 0.0

    def tell(stage: str, share: float) -> None:
        nonlocal told
        if time.monotonic() - told > TELL_EVERY_S:
            told = time.monotonic()
            _unless_away(lambda: attempts.tell(archive, held, stage, share), None)

    return node.processes.read(
        request,
        wanted=lambda: _unless_away(lambda: attempts.is_held(archive, held), True),
        progress=tell,
        limit_s=node.settings.read_limit_s,
    )


def _deliveries(node: Node, held: Claim, folder: Path) -> list[tuple[str, str]]:
    """Return destinations and documents; a destination that the settings lost is a delivery that fails, and is seen."""
    made = []
    for name in held.destinations:
        try:
            made += [(name, document) for document in documents_for(name, node.settings, folder)]
        except PermanentFailure:
            made.append((name, RESULT_JSON))
    return made


def _unless_away(ask: Callable[[], Any], otherwise: Any) -> Any:  # noqa: ANN401 - what `ask` returns
    """Ask the database; a read goes on while it is away."""
    try:
        return ask()
    except ArchiveUnavailable:
        return otherwise


def _make_folders(archive: Path, folder: Path) -> None:
    """Make the folder of a study's results for its owner alone: it holds patients' data."""
    for each in (archive / RESULTS, folder):
        each.mkdir(mode=0o700, exist_ok=True)


def _also(node: Node, held: Claim, result: ReadResult, connection: Connection) -> None:
    """Write what is there with a result or not at all: its alerts, and models that nobody knew of."""
    _raise_alerts(node, held, result, connection)
    note_used(connection, result.models)


def _raise_alerts(node: Node, held: Claim, result: ReadResult, connection: Connection) -> None:
    """Raise the alerts of a result with it; where the site's rules cannot be used, by the rules that ship."""
    try:
        configuration = configuration_now(connection, node.settings)
    except UsageError as problem:
        _log.error("job %d raises alerts by the shipped rules: %s", held.job, problem)
        configuration = shipped()
    raise_for(connection, result, configuration, revision=held.revision)


def _keep(node: Node, held: Claim) -> _Ended:
    """Store the result objects in the archive, and write the rows; the second time changes nothing."""
    archive, folder = node.archive, node.archive.folder / held.folder
    try:
        try:
            result = load_result(folder)
        except UsageError:
            shutil.rmtree(folder)
            return {"verdict": "failed", "error": "The result that was found was damaged; it is read anew."}
        digest = hashlib.sha256((folder / RESULT_JSON).read_bytes()).hexdigest()
        keep_result(archive, folder)
        category = result.category.value if result.category is not None else ""
        if attempts.finish(
            archive,
            held,
            digest=digest,
            category=category,
            deliveries=_deliveries(node, held, folder),
            summary=summary_of(result),
            also=lambda connection: _also(node, held, result, connection),
        ):
            return {"verdict": "kept", "error": ""}
        if not attempts.is_there(archive, held.job):  # its study was removed meanwhile
            shutil.rmtree(folder, ignore_errors=True)
        return {"verdict": "stopped", "error": ""}
    except (ArchiveUnavailable, DiskFull, OSError) as problem:
        return {"verdict": "no room", "error": str(problem)}
    except FirstreadError as problem:
        return {"verdict": "refused", "error": str(problem)}
