"""What a report said before: its versions, and how two of them differ."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from firstread.workflow.reporting.content import SECTIONS, Content
from firstread.workflow.reporting.models import ReportVersion
from firstread.workflow.reporting.report import version_content


@dataclass(frozen=True)
class Version:
    """One version of a report: its number, why and by whom it was written, and when."""

    number: int
    state: str
    why: str
    author: str
    made_at: datetime
    digest: str


def history(connection: Connection, report_key: int) -> tuple[Version, ...]:
    """Return the versions of a report, the oldest first."""
    rows = connection.execute(
        select(
            ReportVersion.number,
            ReportVersion.state,
            ReportVersion.why,
            ReportVersion.author,
            ReportVersion.made_at,
            ReportVersion.digest,
        )
        .where(ReportVersion.report_key == report_key)
        .order_by(ReportVersion.number)
    )
    return tuple(Version(*row) for row in rows)


def difference(connection: Connection, report_key: int, before: int, after: int) -> str:
    """Return how two versions differ, as a unified diff of their lines; "" where they say the same.

    Raises:
        NotThere: there is no such version.
    """
    then, now = (version_content(connection, report_key, number) for number in (before, after))
    return difference_of(then, now, before=f"version {before}", after=f"version {after}")


def difference_of(then: Content, now: Content, *, before: str = "", after: str = "") -> str:
    """Return how two contents differ, as a unified diff of their lines."""
    return "\n".join(difflib.unified_diff(lines(then), lines(now), before, after, lineterm="", n=1))


def lines(content: Content) -> Sequence[str]:
    """Return all that a content says as lines: sections, decisions, added findings, addenda."""
    said: list[str] = []
    for name in SECTIONS:
        section = content.sections.get(name)
        if section is not None and section.text:
            said += [f"[{name}]", *section.text.splitlines()]
    for finding, decision in sorted(content.decisions.items()):
        changes = ""
        if decision.edits is not None:
            given = decision.edits.model_dump(exclude_none=True, exclude={"axes_lps_mm"}, mode="json")
            changes = " " + ", ".join(f"{name}={value}" for name, value in given.items())
        reason = f": {decision.reason}" if decision.reason else ""
        said.append(f"{finding} {decision.verdict} by {decision.by}{changes}{reason}")
    for added in content.added:
        size = added.finding.diameter_mm
        measured = f" {size.long} x {size.short} mm" if size is not None else ""
        said.append(f"{added.finding.id} added by {added.by} ({added.how}){measured}")
    for addendum in content.addenda:
        said += [f"[addendum by {addendum.by}]", *addendum.text.splitlines()]
    if content.amends:
        said.append(f"amended because: {content.amends}")
    return said
