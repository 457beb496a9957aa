"""What the commands of routes print."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from firstread.workflow.routes import Check, Decision, Route, StudyFacts, Verdict

_WHY = {
    "prior": "It was fetched to compare with: no route is asked.",
    "no images": "It has no images: no route is asked.",
}


def print_routes(routes: Sequence[Route]) -> None:
    """Print one line a route."""
    console = Console()
    if not routes:
        console.print("There is no route: nothing is read by itself.")
        return
    table = _table("route", "reader", "priority", "results to", "when", "unless")
    for route in routes:
        cells = (
            route.name,
            route.does,
            route.priority,
            ", ".join(route.destinations),
            str(route.when),
            str(route.unless or ""),
        )
        table.add_row(*(Text(cell, "" if route.enabled else "dim strike") for cell in cells))
    console.print(table)
    disabled = sum(not route.enabled for route in routes)
    if disabled:
        console.print(Text(f"{disabled} disabled, struck out.", "dim"))


def print_decision(facts: StudyFacts, decision: Decision) -> None:
    """Print a study, every route with its conditions, and what is read in the end."""
    console = Console()
    console.print(Text(f"Study {facts.study_uid}", "bold"), Text(facts.study_description))
    numbers = {series.series_uid: f"series {n}" for n, series in enumerate(facts.series, start=1)}
    if facts.series:
        table = _table("", "modality", "body part", "description", "kernel", "thickness", "images")
        for series in facts.series:
            thickness = "" if series.slice_thickness_mm is None else f"{series.slice_thickness_mm:g} mm"
            cells = (
                numbers[series.series_uid],
                series.modality,
                series.body_part,
                series.series_description,
                series.kernel,
                thickness,
                str(series.images),
            )
            table.add_row(*map(Text, cells))
        console.print(table)
    for verdict in decision.explanation:
        console.print()
        console.print(
            Text(f"{verdict.route} ", "bold"), Text(f"({verdict.reader}): {_outcome(verdict)}"), sep=""
        )
        if verdict.checks:
            console.print(_checks(verdict.checks, numbers))
    console.print()
    if decision.why:
        console.print(_WHY[decision.why])
    elif not decision.explanation:
        console.print("There is no route: nothing is read by itself.")
    elif not decision.reads and not decision.exports:
        console.print("No route fits: it is not read.")
    for read in decision.reads:
        what = numbers[read.series_uid] if read.series_uid else "the series that it chooses"
        where = f"results to {', '.join(read.destinations)}" if read.destinations else "results stay here"
        console.print(Text(f"{read.reader} reads {what}, {read.priority}, by route {read.route}; {where}."))
    for export in decision.exports:
        to = f"project {export.project}, to {', '.join(export.destinations)}"
        console.print(
            Text(f"{len(export.series)} series go without the patient to {to}, by route {export.route}.")
        )


def _outcome(verdict: Verdict) -> str:
    return f"{verdict.outcome} {verdict.after}" if verdict.after else verdict.outcome


def _checks(checks: Sequence[Check], numbers: dict[str, str]) -> Table:
    table = _table("", "of", "condition", "found")
    for check in checks:
        table.add_row(
            Text("✓", "green") if check.lets_pass else Text("✗", "red"),
            numbers.get(check.series_uid, "study"),
            Text(f"{'unless ' if check.excludes else ''}{check.condition} {check.wanted}"),
            Text(check.found),
        )
    return table


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(title)
    return table
