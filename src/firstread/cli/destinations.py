"""`firstread destinations`: where results may go, and whether they would arrive."""

import json
from typing import Annotated

import typer

from firstread.cli.archive import AsJson

destinations = typer.Typer(
    help="List the destinations of the settings, and try them.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@destinations.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the destinations that the settings name, and which of them cannot work as they are set. None is called.

    Secrets are not shown.

    \b
    Examples
      firstread destinations list

    Exit codes: 0 listed, 2 a setting cannot be used.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from firstread.destinations import TAKEN
    from firstread.settings import load_settings
    from firstread.workflow.deliveries import unusable_destinations

    settings = load_settings()
    wrong = unusable_destinations(settings)
    named = sorted(settings.destinations.items())
    taken = {name: TAKEN[each.kind] if each.documents is None else each.documents for name, each in named}
    if as_json:
        listed = [
            {
                "name": name,
                "kind": each.kind,
                "address": each.place,
                "documents": list(taken[name]),
                "secret": name in settings.destination_secrets,
                "problem": wrong.get(name, ""),
            }
            for name, each in named
        ]
        print(json.dumps(listed, indent=1))
        return
    if not named:
        print("No destination.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("name", "kind", "address", "documents", "secret", "problem"):
        table.add_column(title)
    for name, each in named:
        documents = "event" if each.kind == "webhook" else " ".join(taken[name])
        secret = "set" if name in settings.destination_secrets else ""
        table.add_row(
            *map(Text, (name, each.kind, each.place, documents, secret)), Text(wrong.get(name, ""), "red")
        )
    Console().print(table)


@destinations.command()
def test(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As the settings name it.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Try a destination without a result: does it answer, and hear this node?

    A DICOM node is asked with C-ECHO, DICOMweb with a search that finds nothing; a folder is written to, and a
    webhook gets a signed ping.

    \b
    Examples
      firstread destinations test pacs

    Exit codes: 0 it works, 2 there is no such destination or its settings cannot be used, 5 it does not work.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.errors import UsageError
    from firstread.settings import load_settings
    from firstread.workflow.deliveries.deliver import way_to

    settings = load_settings()
    if name not in settings.destinations:
        known = ", ".join(sorted(settings.destinations)) or "none"
        raise UsageError(f"There is no destination {name[:64]!r}.", remedy=f"The settings name: {known}.")
    told = way_to(name, settings).test()
    print(json.dumps({"destination": name, "told": told}) if as_json else f"{told}.")
