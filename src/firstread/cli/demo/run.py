"""The demo, step by step; each is the real thing."""

from collections.abc import Callable, Sequence
from datetime import datetime
from time import monotonic, sleep
from typing import TypeVar

from sqlalchemy import func, select

from firstread.archive import Archive, open_archive
from firstread.archive.columns import now
from firstread.archive.database import reading
from firstread.archive.models import Instance
from firstread.cli.demo.folder import DemoFolder
from firstread.cli.demo.node import PACS, QUIET_S, ROUTE, SCANNER, DemoNode, running_node
from firstread.cli.demo.outcome import DemoOutcome
from firstread.errors import FirstreadError
from firstread.network import Acceptance, Listening, Node
from firstread.network.outgoing import files_of_folder
from firstread.network.scu import Caller
from firstread.phantom import make_phantom
from firstread.phantom.series import write_series
from firstread.progress import Progress
from firstread.workflow.job_list import JobDetails, JobStatus, list_jobs, show_job
from firstread.workflow.result_folder import RESULT_JSON, load_result

SPACING_MM = (1.5, 0.75, 0.75)
LIMIT_S = 600.0
_LOOK_S = 0.1

T = TypeVar("T")
Tell = Callable[[str, float], None]
"""Called with what was done, and its seconds."""


def run_demo(folder: DemoFolder, *, tell: Tell, progress: Progress) -> DemoOutcome:
    """Send a phantom to a node, wait until its result has arrived, and return it.

    Raises:
        FirstreadError: anything did not work; the message says what.
    """
    start = monotonic()
    phantom = make_phantom(spacing_mm=SPACING_MM, progress=progress)
    images = len(write_series(phantom, folder.study))
    tell(f"A synthetic chest CT of {images} slices, as a scanner would make it", monotonic() - start)

    hearing = Listening(ae_title=PACS, port=0, acceptance=Acceptance(callers=None))
    with open_archive(folder.pacs) as kept, Node(kept, hearing) as pacs:
        start = monotonic()
        with running_node(folder, pacs.port) as node, open_archive(folder.archive) as archive:
            tell(f"A node of its own: firstread serve, DICOM port {node.peer.port}", monotonic() - start)
            return _way_of_a_study(folder, node, archive, kept, images, tell, progress)


def _way_of_a_study(
    folder: DemoFolder,
    node: DemoNode,
    archive: Archive,
    kept: Archive,
    images: int,
    tell: Tell,
    progress: Progress,
) -> DemoOutcome:
    start = now()
    sent = Caller(SCANNER).send(node.peer, files_of_folder(folder.study), progress=progress)
    received = now()
    seconds = {"receipt": (received - start).total_seconds()}
    if sent.refused:
        raise FirstreadError("The node refused the study.", remedy=f"Its log is {folder.log}.")
    tell(f"Sent to it by C-STORE, {sent.sent / seconds['receipt']:.0f} slices a second", seconds["receipt"])

    job = _wait(node, folder, lambda: _job_of_all(list_jobs(archive), received))
    seconds["quiet"] = (job.created_at - received).total_seconds()
    tell(f"Complete: nothing came for {QUIET_S} s; the route {ROUTE!r} has it read", seconds["quiet"])

    shown = _one_after_another(progress)
    details = _wait(node, folder, lambda: _read(show_job(archive, job.id), shown))
    read = details.status
    assert read.ended_at is not None
    seconds["read"] = (read.ended_at - job.created_at).total_seconds()
    tell("Read and reported, by a process that loaded the networks first", seconds["read"])

    details = _wait(node, folder, lambda: _delivered(show_job(archive, job.id)))
    arrived = max(each.sent_at for each in details.deliveries if each.sent_at)
    seconds["delivery"] = (arrived - read.ended_at).total_seconds()
    in_pacs = {each.document for each in details.deliveries if each.destination == "pacs"}
    if _count(kept) < len(in_pacs):
        raise FirstreadError("The PACS does not have the whole result.", remedy=f"The log is {folder.log}.")
    tell(f"Delivered: {len(in_pacs)} objects to the PACS, the report to a folder", seconds["delivery"])
    results = folder.results.glob(f"*/*/{RESULT_JSON}")
    delivered = max(results, key=lambda path: path.stat().st_mtime_ns).parent
    return DemoOutcome(folder, images, seconds, delivered, load_result(delivered))


def _job_of_all(jobs: Sequence[JobStatus], received: datetime) -> JobStatus | None:
    """Return the job that reads all slices, all of which were received by a moment.

    Where they paused for long on their way, what had come by then is being read already; a later revision reads all.
    """
    newest = max(jobs, key=lambda job: job.revision, default=None)
    is_whole = newest is not None and (newest.created_at >= received or newest.state == "waiting")
    return newest if is_whole else None


def _wait(node: DemoNode, folder: DemoFolder, look: Callable[[], T | None]) -> T:
    until = monotonic() + LIMIT_S
    while (found := look()) is None:
        if node.process.poll() is not None or monotonic() > until:
            raise FirstreadError("The node stopped, or takes too long.", remedy=f"Its log is {folder.log}.")
        sleep(_LOOK_S)
    return found


def _one_after_another(progress: Progress) -> Progress:
    """Return a callback for stages that are looked at now and then: each has ended when the next is seen."""
    seen: list[str] = []

    def show(stage: str, share: float) -> None:
        if stage not in seen:
            for ended in seen:
                progress(ended, 1.0)
            seen.append(stage)
        progress(stage, share)

    return show


def _read(details: JobDetails, progress: Progress) -> JobDetails | None:
    status = details.status
    if status.stage:
        progress(status.stage, status.progress)
    if status.state in ("failed", "cancelled"):
        raise FirstreadError(f"The read failed. {status.error}")
    return details if status.state == "done" else None


def _delivered(details: JobDetails) -> JobDetails | None:
    states = {each.state for each in details.deliveries}
    if "failed" in states:
        raise FirstreadError(f"A delivery failed. {next(e.error for e in details.deliveries if e.error)}")
    return details if states == {"sent"} else None


def _count(archive: Archive) -> int:
    with reading(archive.engine) as connection:
        return connection.execute(select(func.count()).select_from(Instance)).scalar_one()
