"""`firstread projects`: research projects, and what their pseudonyms stand for."""

import json
from pathlib import Path
from typing import Annotated

import typer

from firstread.cli.archive import AsJson, Quiet

projects = typer.Typer(
    help="Research projects: make and list them, and explain their pseudonyms.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the project.", show_default=False)]


@projects.command()
def add(
    name: Name,
    options: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,NAME",
            help="Options of the confidentiality profile, as `firstread deidentify --help` names them. "
            "Default: none, the Basic Profile alone.",
            show_default=False,
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Make a project, with a key of its own that is made now and never again.

    \b
    Examples
      firstread projects add lungs --options clean-descriptors,modified-dates,patient-characteristics

    Exit codes: 0 made, 2 usage or the setting crosswalk_key is missing, 5 the archive's database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.access.this_user import this_user
    from firstread.cli.acting import acting
    from firstread.dicom.deidentify.options import options_of
    from firstread.research.projects import add_project
    from firstread.research.sealed import seal_of
    from firstread.settings import load_settings

    chosen = options_of(options or [])
    settings = load_settings()
    with acting(Action.OPERATE, settings) as (archive, _):
        add_project(archive.engine, seal_of(settings), name, chosen, actor=this_user())
    if not quiet:
        print(f"Project {name} made, with {', '.join(sorted(chosen)) or 'the Basic Profile alone'}.")


@projects.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the projects, their options, and how many patients and studies each has.

    \b
    Examples
      firstread projects list

    Exit codes: 0 listed, 5 the archive's database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.cli.acting import acting
    from firstread.research.projects import list_projects

    with acting(Action.DEIDENTIFY) as (archive, _):
        found = list_projects(archive.engine)
    if as_json:
        told = [
            {
                "name": each.name,
                "options": list(each.options),
                "created_at": each.created_at.isoformat(),
                "patients": each.patients,
                "studies": each.studies,
            }
            for each in found
        ]
        print(json.dumps(told, indent=1))
        return
    for each in found:
        options = ", ".join(each.options) or "Basic Profile alone"
        print(f"{each.name}: {each.patients} patients, {each.studies} studies; {options}")
    if not found:
        print("No project.")


@projects.command()
def crosswalk(
    name: Name,
    pseudonyms: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PSEUDONYM…", help="Only these patients or UIDs. Default: all.", show_default=False
        ),
    ] = None,
) -> None:
    """Say which patients and studies a project's pseudonyms stand for, as JSON: it identifies, and is audited.

    \b
    Examples
      firstread projects crosswalk lungs P3KQ7ZJ5W2XAB
      firstread projects crosswalk lungs > for-the-trustee-only.json

    Exit codes: 0 told, 2 there is no such project or pseudonym, 5 the key does not open it or the database is away,
    6 the right crosswalk.read was not given.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.access.this_user import this_user
    from firstread.archive.database import reading
    from firstread.cli.acting import acting
    from firstread.errors import UsageError
    from firstread.research.crosswalk import explain
    from firstread.research.projects import project_named
    from firstread.research.sealed import seal_of
    from firstread.settings import load_settings

    settings = load_settings()
    with acting(Action.READ_CROSSWALK, settings) as (archive, _):
        seal = seal_of(settings)
        with reading(archive.engine) as connection:
            project = project_named(connection, seal, name)
        found = explain(archive.engine, seal, project, actor=this_user(), pseudonyms=pseudonyms or ())
    if pseudonyms and not found:
        raise UsageError("The project has no such pseudonym.", remedy="It is written as in the images.")
    told = [{"kind": each.kind, "pseudonym": each.pseudonym, "original": each.original} for each in found]
    print(json.dumps(told, indent=1, ensure_ascii=False))


@projects.command("new-key")
def new_key() -> None:
    """Print a new key for the setting crosswalk_key: keep it in a file for the node's user alone, and a copy elsewhere.

    \b
    Examples
      (umask 077; firstread projects new-key > /etc/firstread/crosswalk.key)

    Exit codes: 0 printed.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    import secrets

    print(secrets.token_urlsafe(32))


@projects.command()
def rekey(
    former: Annotated[
        Path,
        typer.Argument(help="File of the key that crosswalk_key was before.", show_default=False),
    ],
    quiet: Quiet = False,
) -> None:
    """Close every project's key and crosswalk with the key that crosswalk_key is now; pseudonyms stay the same.

    \b
    Examples
      firstread projects new-key > new.key
      FIRSTREAD_CROSSWALK_KEY_FILE=new.key firstread projects rekey /etc/firstread/crosswalk.key
      mv new.key /etc/firstread/crosswalk.key

    Exit codes: 0 closed with the new key, 2 usage, 5 the former key does not open it, and nothing was changed.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.access.this_user import this_user
    from firstread.cli.acting import acting
    from firstread.errors import UsageError
    from firstread.research.projects import reseal
    from firstread.research.sealed import seal_of, seal_with
    from firstread.settings import load_settings

    settings = load_settings()
    with acting(Action.OPERATE, settings) as (archive, _):
        try:
            old = seal_with(former.read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError):
            raise UsageError(f"The key in {former} cannot be read.") from None
        changed = reseal(archive.engine, old, seal_of(settings), actor=this_user())
    if not quiet:
        print(f"{changed} rows closed with the new key.")


@projects.command()
def studies(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Only of this project.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Studies to list, newest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the studies that routes send to projects: waiting, done or failed, and why.

    \b
    Examples
      firstread projects studies lungs
      firstread projects studies --json | jq '.[] | select(.state == "failed")'

    Exit codes: 0 listed, 5 the archive's database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from dataclasses import asdict

    from firstread.access.action import Action
    from firstread.cli.acting import acting
    from firstread.workflow.exports import list_exports

    with acting(Action.DEIDENTIFY) as (archive, grant):
        found = list_exports(archive, project=name, limit=limit, within=grant.within)
    if as_json:
        print(json.dumps([asdict(each) for each in found], indent=1, default=str))
        return
    for each in found:
        told = f"{each.instances} instances, {each.refused} refused" if each.state == "done" else each.error
        print(f"{each.id}: {each.state}, {each.project} to {each.destination}, {each.study_uid}; {told}")
    if not found:
        print("No study is on its way to a project.")


@projects.command()
def retry(
    ids: Annotated[
        list[int] | None,
        typer.Argument(
            metavar="ID…",
            help="Numbers from `firstread projects studies`. Default: all that failed.",
            show_default=False,
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Let studies on their way to projects be tried again, at once.

    \b
    Examples
      firstread projects retry
      firstread projects retry 12 13

    Exit codes: 0 they wait, 5 the archive's database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.cli.acting import acting
    from firstread.workflow.exports import retry_exports

    with acting(Action.MANAGE_JOBS) as (archive, grant):
        again = retry_exports(archive, ids or (), within=grant.within)
    if not quiet:
        print(f"{len(again)} wait again.")
