"""What the commands of `firstread access` share: the archive open for a change, and lists as tables or JSON."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firstread.access.action import Action
from firstread.cli.acting import acting

if TYPE_CHECKING:
    from sqlalchemy import Connection

Who = Annotated[
    str,
    typer.Argument(
        metavar="USER",
        help="A person's account; or service:NAME, node:AE_TITLE, local:USER of the operating system.",
        show_default=False,
    ),
]
Options = {"help_option_names": ["-h", "--help"]}


@contextmanager
def changing(action: Action = Action.MANAGE_RIGHTS) -> "Iterator[Connection]":
    """Yield a connection whose changes are kept when the block ends well."""
    from firstread.archive.database import writing

    with acting(action) as (archive, _), writing(archive.engine) as connection:
        yield connection


@contextmanager
def looking(action: Action = Action.MANAGE_RIGHTS) -> "Iterator[Connection]":
    """Yield a connection that reads."""
    from firstread.archive.database import reading

    with acting(action) as (archive, _), reading(archive.engine) as connection:
        yield connection


def show(rows: Sequence[dict[str, Any]], *, as_json: bool, empty: str) -> None:
    """Print rows as a table with their keys above, or as JSON."""
    if as_json:
        print(json.dumps(list(rows), indent=1, ensure_ascii=False, default=str))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        print(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in rows[0]:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*(Text("" if value is None else str(value)) for value in row.values()))
    Console().print(table)
