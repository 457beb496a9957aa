"""What a demo came to, for people and for programs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from firstread.cli.demo.folder import DemoFolder
from firstread.cli.summary import print_findings
from firstread.findings import ReadResult


@dataclass(frozen=True)
class DemoOutcome:
    """What arrived.

    `seconds`: receipt, from the first slice to the last; quiet, until the study counted as complete; read; and
    delivery, until everything had arrived.
    """

    folder: DemoFolder
    images: int
    seconds: dict[str, float]
    delivered: Path
    result: ReadResult

    @property
    def total_s(self) -> float:
        """Seconds from the first slice to the last delivery."""
        return sum(self.seconds.values())

    def facts(self) -> dict[str, Any]:
        """Return what programs want to know."""
        return {
            "study_uid": self.result.study_uid,
            "images": self.images,
            "findings": len(self.result.findings),
            "category": self.result.category.value if self.result.category else None,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "result": str(self.delivered),
            "log": str(self.folder.log),
        }


def print_outcome(outcome: DemoOutcome) -> None:
    """Print what was found, how long each part of the way took, and where the report lies."""
    console = Console()
    result = outcome.result
    console.print()
    print_findings(result, console)
    if result.category is not None:
        category = f"\n{result.category.scheme} {result.category.value}: {result.category.management}"
        console.print(Text(category, style="bold"))
    parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in outcome.seconds.items())
    lines = (
        f"\nFrom the first slice to the report in the PACS: {outcome.total_s:.1f} s ({parts})",
        f"Report:          file://{outcome.delivered / 'report.html'}",
        f"The same as PDF: {outcome.delivered / 'report.pdf'}",
        f"For programs:    {outcome.delivered / 'result.json'}",
        f"The node's log:  {outcome.folder.log}",
        "\nYour own node:   firstread config example, then firstread serve (docs/how-to/run-as-a-service.md)",
    )
    for line in lines:
        # Not wrapped: a path that is broken over two lines cannot be copied.
        console.print(Text(line), soft_wrap=True)
