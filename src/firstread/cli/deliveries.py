"""`firstread deliveries`: what became of results on their way, the way back for those that failed, and the way out."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from firstread.cli.archive import AsJson

if TYPE_CHECKING:
    from firstread.workflow.deliveries import DeliveryStatus

deliveries = typer.Typer(
    help="Follow results on their way to their destinations; try again what failed, or give it up.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

To = Annotated[
    str | None,
    typer.Option("--destination", metavar="NAME", help="Only to this destination.", show_default=False),
]


@deliveries.command("list")
def list_(
    state: Annotated[
        Literal["waiting", "sent", "failed", "dropped"] | None,
        typer.Option("--state", help="Only those in this state.", show_default=False),
    ] = None,
    destination: To = None,
    study: Annotated[
        str | None,
        typer.Option("--study", metavar="UID", help="Only of the study with this UID.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Deliveries to list, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest first: one document of a result to one destination each.

    Failed means for good: the destination refused, or it was tried for a day.

    \b
    Examples
      firstread deliveries list
      firstread deliveries list --state failed --destination pacs

    Exit codes: 0 listed, 2 usage, 5 the database is away.
    """  # fmt: skip  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.cli.acting import acting
    from firstread.workflow.deliveries import list_deliveries

    with acting(Action.READ_JOB) as (archive, grant):
        listed = list_deliveries(
            archive,
            states=(state,) if state else (),
            destination=destination,
            study_uid=study,
            limit=limit,
            within=grant.within,
        )
    if as_json:
        print(json.dumps([asdict(each) for each in listed], indent=1, ensure_ascii=False, default=str))
    else:
        _print_deliveries(listed, limit)


@deliveries.command()
def retry(
    ids: Annotated[
        list[int] | None,
        typer.Argument(
            metavar="[ID...]",
            help="Deliveries, as `list` numbers them; none: all that failed.",
            show_default=False,
        ),
    ] = None,
    destination: To = None,
    as_json: AsJson = False,
) -> None:
    """Try deliveries again, at once and as often as new ones. The node that runs does it.

    \b
    Examples
      firstread deliveries retry --destination pacs
      firstread deliveries retry 17 18

    Exit codes: 0 done, 2 usage, 3 there was nothing to try again, 5 the database is away.
    """  # fmt: skip  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.cli.acting import acting
    from firstread.errors import NothingReadable
    from firstread.workflow.deliveries import retry_deliveries

    with acting(Action.MANAGE_JOBS) as (archive, grant):
        tried = retry_deliveries(archive, ids or (), destination=destination, within=grant.within)
    if as_json:
        print(json.dumps({"retried": list(tried)}))
    elif tried:
        print(f"{len(tried)} to be tried again.")
    if not tried:
        raise NothingReadable(
            "There is no such delivery that failed or waits.", remedy="`firstread deliveries list` shows all."
        )


@deliveries.command()
def drop(
    ids: Annotated[
        list[int] | None,
        typer.Argument(
            metavar="[ID...]",
            help="Deliveries, as `list` numbers them; none: all to the destination.",
            show_default=False,
        ),
    ] = None,
    destination: To = None,
    as_json: AsJson = False,
) -> None:
    """Give deliveries up that failed or wait, for one because their destination is no more.

    What was not sent keeps its study from retention; what was dropped does not. `retry` takes it back by its number.

    \b
    Examples
      firstread deliveries drop --destination old-pacs
      firstread deliveries drop 17 18

    Exit codes: 0 done, 2 usage, 3 there was nothing to drop, 5 the database is away.
    """  # fmt: skip  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.cli.acting import acting
    from firstread.errors import NothingReadable, UsageError
    from firstread.workflow.deliveries import drop_deliveries

    if not ids and destination is None:
        raise UsageError("Which deliveries?", remedy="Name their numbers, or --destination.")
    with acting(Action.MANAGE_JOBS) as (archive, grant):
        dropped = drop_deliveries(archive, ids or (), destination=destination, within=grant.within)
    if as_json:
        print(json.dumps({"dropped": list(dropped)}))
    elif dropped:
        print(f"{len(dropped)} dropped.")
    if not dropped:
        raise NothingReadable(
            "There is no such delivery that failed or waits.", remedy="`firstread deliveries list` shows all."
        )


def _print_deliveries(listed: "list[DeliveryStatus]", limit: int) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not listed:
        console.print("No delivery.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("id", "state", "destination", "document", "tries", "next try", "study UID", "error"):
        table.add_column(title, justify="right" if title in ("id", "tries") else "left")
    colours = {"sent": "green", "failed": "bold red", "waiting": "", "dropped": "dim"}
    for each in listed:
        due = each.next_try_at.strftime("%Y-%m-%d %H:%M:%S UTC") if each.next_try_at else ""
        table.add_row(
            str(each.id),
            Text(each.state, colours[each.state]),
            Text(each.destination),
            Text(each.document),
            str(each.attempts),
            due if each.state == "waiting" else "",
            Text(each.study_uid),
            Text(each.error if each.state != "sent" else ""),
        )
    console.print(table)
    if len(listed) == limit:
        console.print(Text(f"The newest {limit}; --limit shows more.", "dim"))
