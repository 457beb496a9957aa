"""`firstread routes`: what is read, and why a study is read or not."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstread.cli.archive import AsJson, Quiet

if TYPE_CHECKING:
    from firstread.settings import Settings
    from firstread.workflow.routes import StudyFacts

routes = typer.Typer(
    help="Which readers read a study: list, check, try and change the routes.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@routes.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the routes in the order in which they are asked: those of the settings, then those of routes_file.

    \b
    Examples
      firstread routes list
      firstread routes list --json | jq '.[] | select(.enabled | not)'

    Exit codes: 0 listed, 2 a route cannot be used.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.cli.route_tables import print_routes
    from firstread.settings import load_settings
    from firstread.workflow.routes import load_routes

    loaded = load_routes(load_settings())
    if as_json:
        told = [route.model_dump(mode="json", exclude_none=True) for route in loaded]
        print(json.dumps(told, indent=1, ensure_ascii=False))
    else:
        print_routes(loaded)


@routes.command()
def check(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="File of routes to check in place of routes_file, before it is put there.",
            show_default=False,
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Check that every route can be used: its keys, conditions, reader or project, and destinations.

    \b
    Examples
      firstread routes check
      firstread routes check new-routes.toml && mv new-routes.toml ~/.config/firstread/routes.toml

    Exit codes: 0 they can, 2 a route cannot; the message names it and the key.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.settings import load_settings
    from firstread.workflow.routes import load_routes

    settings = load_settings()
    if file is not None:
        settings = settings.model_copy(update={"routes_file": file})
    loaded = load_routes(settings)
    _check_projects(settings, {route.project for route in loaded if route.project})
    if not quiet:
        print(f"{len(loaded)} routes can be used, {sum(route.enabled for route in loaded)} of them enabled.")


@routes.command()
def test(
    study: Annotated[
        str,
        typer.Argument(
            metavar="PATH|STUDY",
            help="A folder (any nesting), zip or DICOM file, or the Study Instance UID of a study in the archive.",
            show_default=False,
        ),
    ],
    source: Annotated[
        str, typer.Option(metavar="AE", help="AE title that the files of PATH shall have come from.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Say what the routes would do with a study, and why: a dry run, nothing is read.

    Only headers are looked at. Neither the patient's name nor identifier is shown.

    \b
    Examples
      firstread routes test ~/ct/patient-12 --source ER_CT
      firstread routes test 1.2.840.113619.2.55.3 --json | jq .reads

    Exit codes: 0 decided, whatever it is, 2 usage or a route cannot be used, 3 no DICOM, 5 the archive is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from dataclasses import asdict

    from firstread.cli.route_tables import print_decision
    from firstread.settings import load_settings
    from firstread.workflow.routes import decide, load_routes

    settings = load_settings()
    loaded = load_routes(settings)
    facts = _facts(settings, study, source)
    decision = decide(facts, loaded)
    if as_json:
        print(json.dumps({"facts": asdict(facts), **asdict(decision)}, indent=1, ensure_ascii=False))
    else:
        print_decision(facts, decision)


@routes.command()
def add(
    file: Annotated[
        str, typer.Argument(help="TOML with the new [[routes]], or - for standard input.", show_default=False)
    ],
    before: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Route that they come before. Default: at the end.", show_default=False
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Add routes to routes_file, from the next study on; `undo` takes it back.

    \b
    Examples
      firstread routes add stat.toml --before "chest CT"
      firstread routes add - < stat.toml

    Exit codes: 0 added, 2 a route cannot be used, and nothing was changed, 5 the file cannot be written.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.cli.acting import acting
    from firstread.settings import load_settings
    from firstread.workflow.routes.change import add_routes
    from firstread.workflow.routes.load import parse_routes, read_text

    settings = load_settings()
    with acting(Action.MANAGE_ROUTES, settings):
        text = sys.stdin.read() if file == "-" else read_text(Path(file))
        new = parse_routes(text, Path(file))
        add_routes(settings, new, before=before)
    if not quiet:
        print(f"{len(new)} routes added.")


@routes.command()
def remove(
    name: Annotated[str, typer.Argument(help="Name of the route.", show_default=False)],
    quiet: Quiet = False,
) -> None:
    """Remove a route from routes_file, from the next study on; `undo` takes it back.

    \b
    Examples
      firstread routes remove "chest CT"

    Exit codes: 0 removed, 2 the file has no such route, 5 it cannot be written.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.cli.acting import acting
    from firstread.settings import load_settings
    from firstread.workflow.routes.change import remove_route

    settings = load_settings()
    with acting(Action.MANAGE_ROUTES, settings):
        remove_route(settings, name)
    if not quiet:
        print(f"{name} removed.")


@routes.command()
def undo(quiet: Quiet = False) -> None:
    """Take back the last `add` or `remove`; a second time makes it again.

    \b
    Examples
      firstread routes undo

    Exit codes: 0 taken back, 2 there is nothing to take back, 5 the file cannot be written.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.cli.acting import acting
    from firstread.settings import load_settings
    from firstread.workflow.routes.change import undo as undo_change

    settings = load_settings()
    with acting(Action.MANAGE_ROUTES, settings):
        there = undo_change(settings)
    if not quiet:
        print(f"The file of routes is as it was before, with {len(there)} routes.")


def _check_projects(settings: "Settings", named: set[str]) -> None:
    if not named:
        return
    from firstread.archive import archive_of
    from firstread.errors import UsageError
    from firstread.research.projects import list_projects

    with archive_of(settings) as archive:
        missing = named - {each.name for each in list_projects(archive.engine)}
    if missing:
        raise UsageError(
            f"A route names the project {sorted(missing)[0]!r}, which is not there.",
            remedy="`firstread projects add NAME` makes one.",
        )


def _facts(settings: "Settings", study: str, source: str) -> "StudyFacts":
    from firstread.workflow.routes import facts_of, facts_of_folder

    if Path(study).exists():
        from firstread.dicom.discover import open_study

        return facts_of_folder(open_study(study), source=source)
    from firstread.access.action import Action
    from firstread.cli.acting import acting

    with acting(Action.READ_STUDY, settings) as (archive, grant):
        return facts_of(archive, study, within=grant.within)
