"""What the terminal shows after a read."""

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from firstread.findings import Finding, ReadResult


def print_summary(result: ReadResult, out: Path, *, console: Console | None = None) -> None:
    """Print the findings, the impression, the warnings, the files and the seconds by stage."""
    console = console or Console()
    print_findings(result, console)
    if result.impression:
        console.print(Text("\nImpression", style="bold"))
        console.print(Text(result.impression))
    for warning in result.warnings:
        console.print(Text(f"Warning: {warning}", style="yellow"))
    console.print()
    console.print(Text(_seconds(result), style="dim"))
    for name in sorted(path.name for path in out.iterdir()):
        # Not wrapped: a path that is broken over two lines cannot be copied.
        console.print(Text(str(out / name)), soft_wrap=True)


def print_findings(result: ReadResult, console: Console) -> None:
    """Print the notice and the findings."""
    console.print(f"[bold]{result.notice}[/bold]", highlight=False)
    console.print(_findings(result.findings) if result.findings else "No finding.")


def _findings(findings: tuple[Finding, ...]) -> Table:
    compared = any(finding.comparison for finding in findings)
    schemes = list(dict.fromkeys(finding.category.scheme for finding in findings if finding.category))
    scheme = schemes[0] if len(schemes) == 1 else ""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("", "finding", "place", "type"):
        table.add_column(column)
    for column in ("mean mm", "long × short", "mm³", "prob."):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column(scheme or "category", no_wrap=True)
    if compared:
        table.add_column("change")
    for finding in findings:
        size, category = finding.diameter_mm, finding.category
        cells = [
            finding.id,
            finding.concept.meaning,
            place(finding),
            finding.attenuation or "",
            f"{size.mean:.1f}" if size else "",
            f"{size.long:.1f} × {size.short:.1f}" if size else "",
            f"{finding.volume_mm3:.0f}" if finding.volume_mm3 is not None else "",
            f"{finding.probability:.2f}",
            (category.value if scheme else f"{category.scheme} {category.value}") if category else "",
        ]
        if compared:
            cells.append(finding.comparison.change if finding.comparison else "")
        table.add_row(*map(Text, cells))
    return table


def place(finding: Finding) -> str:
    """Say in words where a finding lies, as finely as the reader could tell."""
    if finding.lobe:
        return f"{finding.lobe} lobe"
    side = f"{finding.laterality} lung" if finding.laterality else finding.site.meaning.lower()
    return f"{side}, {finding.zone} zone" if finding.zone else side


def _seconds(result: ReadResult) -> str:
    stages = result.timings_s.model_dump()
    total = stages.pop("total")
    return f"{total:.1f} s: " + ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in stages.items())
