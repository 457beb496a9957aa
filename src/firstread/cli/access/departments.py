"""`firstread access departments`: whose the studies are, and who belongs where."""

from typing import Annotated, Literal

import typer

from firstread.cli.access.listing import Options, Who, changing, looking, show
from firstread.cli.archive import AsJson

DepartmentName = Annotated[
    str, typer.Argument(metavar="DEPARTMENT", help="Name of the department.", show_default=False)
]
Sender = Annotated[
    Literal["ae", "institution", "department"],
    typer.Argument(
        metavar="KIND",
        help="ae: the sender's AE title; institution, department: the names that images have.",
        show_default=False,
    ),
]
SenderName = Annotated[
    str, typer.Argument(metavar="NAME", help="Its name, compared without case.", show_default=False)
]

departments = typer.Typer(
    help="Say which department the studies of a sender belong to, and who belongs to a department.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings=Options,
)


@departments.command("list")
def list_(as_json: AsJson = False) -> None:
    """List which senders' studies belong to which department, and who belongs to it.

    \b
    Examples
      firstread access departments list

    Exit codes: 0 listed, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights.holdings import holdings
    from firstread.archive.departments import list_departments

    with looking() as connection:
        rows = [
            {"department": department, "kind": kind, "name": value}
            for kind, value, department in list_departments(connection)
        ]
        rows += [
            {"department": name, "kind": "member", "name": actor}
            for actor, name in holdings(connection, "department")
        ]
    show(rows, as_json=as_json, empty="No sender; a study's department is what its images say.")


@departments.command("map")
def map_(kind: Sender, name: SenderName, department: DepartmentName) -> None:
    """Say which department's the studies of a sender or institution are, those that are there already included.

    \b
    Examples
      firstread access departments map ae CT_ER Emergency
      firstread access departments map institution "North Clinic" Chest

    Exit codes: 0 said, 2 a name is missing, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.archive.departments import map_department

    with changing() as connection:
        changed = map_department(connection, kind, name, department)
    print(f"{changed} studies belong to {department} now, and those that come.")


@departments.command()
def unmap(kind: Sender, name: SenderName) -> None:
    """Forget which department's the studies of a sender are; their images say it again.

    \b
    Examples
      firstread access departments unmap ae CT_ER

    Exit codes: 0 forgotten, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.archive.departments import map_department

    with changing() as connection:
        changed = map_department(connection, kind, name, None)
    print(f"{changed} studies have another department now.")


@departments.command()
def give(user: Who, department: DepartmentName) -> None:
    """Let somebody belong to a department, beside those that the account has.

    \b
    Examples
      firstread access departments give node:VIEWER Chest

    Exit codes: 0 given, 2 usage, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights import holdings

    with changing() as connection:
        holdings.give(connection, user, "department", department)
    print(f"{holdings.actor_key(user)} belongs to {department}.")


@departments.command()
def take(user: Who, department: DepartmentName) -> None:
    """Let somebody belong to a department no more; one that the account has is the account's.

    \b
    Examples
      firstread access departments take node:VIEWER Chest

    Exit codes: 0 taken, 2 somebody does not belong to it, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights import holdings

    with changing() as connection:
        holdings.take(connection, user, "department", department)
    print(f"{holdings.actor_key(user)} belongs to {department} no more.")
