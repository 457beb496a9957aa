"""What `firstread jobs` prints."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from firstread.workflow.job_list import JobDetails, JobStatus

_STYLES = {"running": "cyan", "failed": "bold red", "cancelled": "dim", "done": "green"}


def print_jobs(found: Sequence[JobStatus], *, limit: int) -> None:
    """Print one line a job."""
    console = Console()
    if not found:
        console.print("No job.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("job", justify="right")
    for title in (
        "state",
        "priority",
        "reader",
        "revision",
        "since",
        "took",
        "category",
        "study UID",
        "remark",
    ):
        table.add_column(title, no_wrap=title != "remark", justify="right" if title == "took" else "left")
    for job in found:
        table.add_row(
            str(job.id),
            Text(_state(job), _STYLES.get(job.state, "")),
            job.priority,
            Text(job.reader),
            str(job.revision),
            _moment(job.ended_at or job.started_at or job.created_at),
            _took(job),
            Text(job.category),
            job.study_uid,
            Text(job.error),
        )
    console.print(table)
    if len(found) == limit:
        console.print(Text(f"The first {limit}; --limit shows more.", "dim"))


def print_job(found: JobDetails) -> None:
    """Print everything that is known of a job."""
    job = found.status
    console = Console()
    rows = {
        "job": f"{job.id}: {job.reader} on study {job.study_uid}, {job.images} images",
        "state": _state(job),
        "priority": job.priority,
        "route": job.route,
        "revision": str(job.revision) + (f", follows job {job.predecessor}" if job.predecessor else ""),
        "attempts": str(job.attempts),
        "worker": job.host,
        "came": _moment(job.created_at),
        "began": _moment(job.started_at),
        "ended": _moment(job.ended_at),
        "next try": _moment(job.next_try_at),
        "took": _took(job),
        "stages": ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in found.timings_s.items()),
        "category": job.category,
        "result": found.folder,
        "error": job.error,
    }
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for title, text in rows.items():
        if text:
            table.add_row(title, Text(text))
    console.print(table)
    if not found.deliveries:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("delivery", "destination", "document", "state", "attempts", "sent", "next try", "error"):
        table.add_column(title)
    for each in found.deliveries:
        table.add_row(
            str(each.id),
            Text(each.destination),
            Text(each.document),
            each.state,
            str(each.attempts),
            _moment(each.sent_at),
            _moment(each.next_try_at),
            Text(each.error),
        )
    console.print()
    console.print(table)


def _state(job: JobStatus) -> str:
    return f"{job.stage} {job.progress:.0%}" if job.state == "running" and job.stage else job.state


def _moment(moment: datetime | None) -> str:
    """Say a moment in local time."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment is not None else ""


def _took(job: JobStatus) -> str:
    if job.started_at is None or job.ended_at is None:
        return ""
    return f"{(job.ended_at - job.started_at).total_seconds():.1f} s"
