"""What rules would have made of the results that are there: a dry run over the studies of some days."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError
from sqlalchemy import Row

from firstread.alerts.rules import Fired, Rule, fired
from firstread.archive.results import is_result_folder
from firstread.findings import ReadResult

Difference = Literal["new", "other", "same", "gone"]


@dataclass(frozen=True)
class Past:
    """A study that the old or the new rules call an alert; `study` is its row of `newest_results`.

    `difference`: new, no alert before; gone, none any more; other, of another rule or level; same.
    """

    study: Row[Any]
    before: tuple[Fired, ...]
    after: tuple[Fired, ...]
    difference: Difference


@dataclass
class Tried:
    """What came of it: so many results were asked, so many could not be read, and the studies with alerts."""

    asked: int = 0
    unreadable: int = 0
    studies: list[Past] = field(default_factory=list)

    def count(self, difference: Difference) -> int:
        """Return how many studies changed in this way."""
        return sum(each.difference == difference for each in self.studies)


def try_on(folder: Path, results: Sequence[Row[Any]], before: Sequence[Rule], after: Sequence[Rule]) -> Tried:
    """Ask two sets of rules about results, and tell where they differ; nobody is told.

    Args:
        folder: The archive's.
        results: Rows of `newest_results`.
        before: The rules as they are.
        after: The rules as they would be.
    """
    tried = Tried()
    for row in results:
        result = _read(folder, row.folder)
        if result is None:
            tried.unreadable += 1
            continue
        tried.asked += 1
        was, will_be = fired(result, before), fired(result, after)
        if was or will_be:
            tried.studies.append(Past(row, tuple(was), tuple(will_be), _difference(was, will_be)))
    order: tuple[Difference, ...] = ("new", "other", "gone", "same")
    tried.studies.sort(key=lambda each: order.index(each.difference))
    return tried


def _read(folder: Path, name: str) -> ReadResult | None:
    if not is_result_folder(name):
        return None
    try:
        return ReadResult.model_validate_json((folder / name / "result.json").read_bytes())
    except (OSError, ValidationError):
        return None


def _difference(before: Sequence[Fired], after: Sequence[Fired]) -> Difference:
    if not before:
        return "new"
    if not after:
        return "gone"

    def said(found: Sequence[Fired]) -> list[tuple[str, str, list[str]]]:
        return sorted((each.rule.name, each.rule.level, [one.id for one in each.findings]) for each in found)

    return "same" if said(before) == said(after) else "other"
