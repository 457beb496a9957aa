"""`firstread access`: who may do what, and why."""

import typer

from firstread.cli.access.collected import datasets, projects
from firstread.cli.access.departments import departments
from firstread.cli.access.glass import glass
from firstread.cli.access.roles import roles
from firstread.cli.access.rules import deny, explain, grant, revoke, rules
from firstread.cli.access.treats import treats

access = typer.Typer(
    help="Say who may do what: rules, roles, projects, departments, patients; and which rule decides.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
access.command()(explain)
access.command()(rules)
access.command()(grant)
access.command()(deny)
access.command()(revoke)
access.add_typer(roles, name="roles")
access.add_typer(departments, name="departments")
access.add_typer(projects, name="projects")
access.add_typer(datasets, name="datasets")
access.add_typer(treats, name="treats")
access.add_typer(glass, name="break-glass")

__all__ = ["access"]
