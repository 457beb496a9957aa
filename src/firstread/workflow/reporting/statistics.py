"""How AI and radiologists agree: what became of findings in signed reports, by reader, model, person and month."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import mean, median
from typing import Any, Literal

from sqlalchemy import Connection, func, select

from firstread.workflow.reporting.models import DecidedFinding, Report, Signing

GroupBy = Literal["reader", "model", "person", "month"]


@dataclass(frozen=True)
class Agreement:
    """What became of the findings of a group, in the newest signature of each report.

    Attributes:
        name: Of the group: a reader, a model, a person, or a month as 2026-05.
        reports: Signed reports.
        accepted: Findings of the AI that were accepted.
        edited: Those that were corrected.
        rejected: Those that were rejected.
        added: Findings that people added.
        unreviewed: Findings of the AI that were signed with nobody having decided of them.
        size_pairs: Findings that have a size of both.
        bias_mm: Mean of the person's mean diameter minus the AI's, of edited ones; None without any.
        absolute_mm: Median of the absolute difference, of edited ones.
        recategorised: Edited findings that have another category now.
    """

    name: str
    reports: int
    accepted: int
    edited: int
    rejected: int
    added: int
    unreviewed: int
    size_pairs: int
    bias_mm: float | None
    absolute_mm: float | None
    recategorised: int

    @property
    def reviewed(self) -> int:
        """How many of the AI's findings somebody decided of."""
        return self.accepted + self.edited + self.rejected

    @property
    def precision(self) -> float | None:
        """Share of the reviewed findings that stand; no measure of truth: people erred as well."""
        return (self.accepted + self.edited) / self.reviewed if self.reviewed else None

    @property
    def sensitivity(self) -> float | None:
        """Share of the findings that people let stand or added which the AI had found."""
        stands = self.accepted + self.edited
        return stands / (stands + self.added) if stands + self.added else None


def agreement(
    connection: Connection,
    by: GroupBy = "model",
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[Agreement, ...]:
    """Return the agreement of each group, by name.

    Args:
        connection: To the archive's database.
        by: What a group has in common.
        since: Signed from then on.
        until: Signed before then.
    """
    newest = select(func.max(Signing.id).label("id")).group_by(Signing.report_key).subquery()
    statement = (
        select(DecidedFinding, Signing.report_key)
        .join(Signing, Signing.id == DecidedFinding.signing_key)
        .join(newest, newest.c.id == Signing.id)
        .join(Report, Report.id == Signing.report_key)
    )
    if since is not None:
        statement = statement.where(DecidedFinding.signed_at >= since)
    if until is not None:
        statement = statement.where(DecidedFinding.signed_at < until)
    groups: dict[str, list[Any]] = {}
    for row in connection.execute(statement):
        name = row.signed_at.strftime("%Y-%m") if by == "month" else getattr(row, by)
        groups.setdefault(name, []).append(row)
    return tuple(_of(name, rows) for name, rows in sorted(groups.items()))


def _of(name: str, rows: Sequence[Any]) -> Agreement:
    counted = {verdict: 0 for verdict in ("accepted", "edited", "rejected", "added", "unreviewed")}
    for row in rows:
        counted[row.verdict] += 1
    edited = [row for row in rows if row.verdict == "edited"]
    differences = [
        row.person_mm - row.ai_mm for row in edited if row.person_mm is not None and row.ai_mm is not None
    ]
    return Agreement(
        name=name,
        reports=len({row.report_key for row in rows}),
        **counted,
        size_pairs=len(differences),
        bias_mm=round(mean(differences), 2) if differences else None,
        absolute_mm=round(median(map(abs, differences)), 2) if differences else None,
        recategorised=sum(row.ai_category != row.person_category for row in edited),
    )
