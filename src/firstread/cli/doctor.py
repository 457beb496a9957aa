"""`firstread doctor`: does everything work here?"""

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from firstread.cli.installation_checks import Check

NOT_FINE = 5


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
) -> None:
    """Check this installation: processor, cores granted, instances, memory, networks, decoders, fonts.

    Every model package is verified and run once, and every decoder decodes a small image.

    Exit codes: 0 a read will work here, 5 it will not, and the list says what to do.
    """
    from firstread.cli.installation_checks import check_installation
    from firstread.settings import load_settings

    checks = list(check_installation(load_settings()))
    fine = all(check.state != "wrong" for check in checks)
    if as_json:
        told = {"fine": fine, "checks": [check.as_dict() for check in checks]}
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        _print(checks, fine=fine)
    if not fine:
        raise typer.Exit(NOT_FINE)


def _print(checks: "list[Check]", *, fine: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    marks = {
        "fine": Text("✓", style="green"),
        "limited": Text("!", style="yellow"),
        "wrong": Text("✗", style="bold red"),
    }
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        table.add_row(marks[check.state], Text(check.name), Text(check.found))
        if check.remedy:
            table.add_row(
                "", "", Text(f"→ {check.remedy}", style="bold" if check.state == "wrong" else "dim")
            )
    console = Console()
    console.print(table)
    console.print(
        Text("\nEverything that a read needs works here." if fine else "\nA read will not work here: see ✗.")
    )
