"""`firstread access roles`: bundles of rights, and who holds them."""

from typing import Annotated

import typer

from firstread.cli.access.listing import Options, Who, changing, looking, show
from firstread.cli.archive import AsJson

RoleName = Annotated[str, typer.Argument(metavar="ROLE", help="Name of the role.", show_default=False)]

roles = typer.Typer(
    help="List, make and remove roles, and say who holds them; grant and deny say what a role may do.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings=Options,
)


@roles.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the roles with what they give.

    \b
    Examples
      firstread access roles list

    Exit codes: 0 listed, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights.change import list_roles
    from firstread.access.rights.holdings import holdings

    with looking() as connection:
        found, held = list_roles(connection), holdings(connection, "role")
    rows = [
        {
            "role": role.name,
            "description": role.description,
            "rights": ", ".join(
                f"{'not ' if rule.effect == 'deny' else ''}{rule.action}"
                f"{'' if rule.scope == '*' else f' in {rule.scope}'}"
                for rule in role.rules
            ),
            "held_by": ", ".join(actor for actor, name in held if name == role.name),
        }
        for role in found
    ]
    show(rows, as_json=as_json, empty="No role.")


@roles.command()
def add(
    role: RoleName,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
) -> None:
    """Make a role, without rights at first.

    \b
    Examples
      firstread access roles add physicist --description "Looks at phantoms"

    Exit codes: 0 made, 2 there is one of this name, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights.change import add_role

    with changing() as connection:
        add_role(connection, role, description)
    print(f"{role} is a role now; `firstread access grant role:{role} ACTION` gives it rights.")


@roles.command()
def remove(role: RoleName) -> None:
    """Remove a role with its rights.

    \b
    Examples
      firstread access roles remove physicist

    Exit codes: 0 removed, 2 there is none of this name, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights.change import remove_role

    with changing() as connection:
        remove_role(connection, role)
    print(f"{role} is no role any more.")


@roles.command()
def give(user: Who, role: RoleName) -> None:
    """Let somebody hold a role, beside those that the account has.

    A user of the operating system who holds no role here acts as an administrator at the command line.

    \b
    Examples
      firstread access roles give node:VIEWER technologist
      firstread access roles give local:trainee researcher

    Exit codes: 0 given, 2 there is no such role, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights import holdings

    with changing() as connection:
        holdings.give(connection, user, "role", role)
    print(f"{holdings.actor_key(user)} is {role}.")


@roles.command()
def take(user: Who, role: RoleName) -> None:
    """Let somebody hold a role no more; one that the account has is the account's.

    \b
    Examples
      firstread access roles take node:VIEWER technologist

    Exit codes: 0 taken, 2 it is not held, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights import holdings

    with changing() as connection:
        holdings.take(connection, user, "role", role)
    print(f"{holdings.actor_key(user)} is {role} no more.")
