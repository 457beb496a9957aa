"""`firstread access projects` and `datasets`: studies that belong together whatever their department."""

from typing import TYPE_CHECKING, Annotated

import typer

from firstread.cli.access.listing import Options, Who, changing, looking, show
from firstread.cli.archive import AsJson

if TYPE_CHECKING:
    from firstread.access.rights.collections import CollectionKind

Project = Annotated[str, typer.Argument(metavar="PROJECT", help="Name of the project.", show_default=False)]
DataSet = Annotated[str, typer.Argument(metavar="DATASET", help="Name of the data set.", show_default=False)]
Studies = Annotated[
    list[str], typer.Argument(metavar="STUDY...", help="Study Instance UIDs.", show_default=False)
]

projects = typer.Typer(
    help="Make projects, put studies into them, and say who belongs to them.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings=Options,
)
datasets = typer.Typer(
    help="Make data sets and put studies into them; rules name them as dataset:NAME.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings=Options,
)


@projects.command("list")
def list_projects(as_json: AsJson = False) -> None:
    """List the projects with how many studies they have.

    \b
    Examples
      firstread access projects list

    Exit codes: 0 listed, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    _list("project", as_json=as_json)


@projects.command("create")
def create_projects(project: Project) -> None:
    """Make a project.

    \b
    Examples
      firstread access projects create screening

    Exit codes: 0 made, 2 there is one of this name, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights.collections import add_collection

    with changing() as connection:
        add_collection(connection, "project", project)
    print(f"{project} is a project now.")


@projects.command("remove")
def remove_projects(project: Project) -> None:
    """Remove a project; its studies stay in the archive.

    \b
    Examples
      firstread access projects remove screening

    Exit codes: 0 removed, 2 there is none of this name, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights.collections import remove_collection

    with changing() as connection:
        remove_collection(connection, "project", project)
    print(f"{project} is a project no more.")


@projects.command("put")
def put_projects(project: Project, study: Studies) -> None:
    """Put studies into a project.

    \b
    Examples
      firstread access projects put screening 1.2.840.113619.2.55.3

    Exit codes: 0 put, 2 there is no such project or study, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights.collections import add_study

    with changing() as connection:
        for uid in study:
            add_study(connection, "project", project, uid)
    print(f"{len(study)} studies are in {project}.")


@projects.command("drop")
def drop_projects(project: Project, study: Studies) -> None:
    """Take studies out of a project; they stay in the archive.

    \b
    Examples
      firstread access projects drop screening 1.2.840.113619.2.55.3

    Exit codes: 0 taken out, 2 they are not in it, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights.collections import remove_study

    with changing() as connection:
        for uid in study:
            remove_study(connection, "project", project, uid)
    print(f"{len(study)} studies are out of {project}.")


@projects.command()
def give(user: Who, project: Project) -> None:
    """Let somebody belong to a project.

    \b
    Examples
      firstread access projects give carol screening

    Exit codes: 0 given, 2 there is no such project, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights import holdings

    with changing() as connection:
        holdings.give(connection, user, "project", project)
    print(f"{holdings.actor_key(user)} belongs to {project}.")


@projects.command()
def take(user: Who, project: Project) -> None:
    """Let somebody belong to a project no more.

    \b
    Examples
      firstread access projects take carol screening

    Exit codes: 0 taken, 2 somebody does not belong to it, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights import holdings

    with changing() as connection:
        holdings.take(connection, user, "project", project)
    print(f"{holdings.actor_key(user)} belongs to {project} no more.")


@datasets.command("list")
def list_datasets(as_json: AsJson = False) -> None:
    """List the data sets with how many studies they have.

    \b
    Examples
      firstread access datasets list

    Exit codes: 0 listed, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    _list("dataset", as_json=as_json)


@datasets.command("create")
def create_datasets(dataset: DataSet) -> None:
    """Make a data set.

    \b
    Examples
      firstread access datasets create screening

    Exit codes: 0 made, 2 there is one of this name, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights.collections import add_collection

    with changing() as connection:
        add_collection(connection, "dataset", dataset)
    print(f"{dataset} is a data set now.")


@datasets.command("remove")
def remove_datasets(dataset: DataSet) -> None:
    """Remove a data set; its studies stay in the archive.

    \b
    Examples
      firstread access datasets remove screening

    Exit codes: 0 removed, 2 there is none of this name, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights.collections import remove_collection

    with changing() as connection:
        remove_collection(connection, "dataset", dataset)
    print(f"{dataset} is a data set no more.")


@datasets.command("put")
def put_datasets(dataset: DataSet, study: Studies) -> None:
    """Put studies into a data set.

    \b
    Examples
      firstread access datasets put screening 1.2.840.113619.2.55.3

    Exit codes: 0 put, 2 there is no such data set or study, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights.collections import add_study

    with changing() as connection:
        for uid in study:
            add_study(connection, "dataset", dataset, uid)
    print(f"{len(study)} studies are in {dataset}.")


@datasets.command("drop")
def drop_datasets(dataset: DataSet, study: Studies) -> None:
    """Take studies out of a data set; they stay in the archive.

    \b
    Examples
      firstread access datasets drop screening 1.2.840.113619.2.55.3

    Exit codes: 0 taken out, 2 they are not in it, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.rights.collections import remove_study

    with changing() as connection:
        for uid in study:
            remove_study(connection, "dataset", dataset, uid)
    print(f"{len(study)} studies are out of {dataset}.")


def _list(kind: "CollectionKind", *, as_json: bool) -> None:
    from firstread.access.rights.collections import list_collections
    from firstread.access.rights.holdings import holdings

    with looking() as connection:
        found = list_collections(connection, kind)
        members = holdings(connection, "project") if kind == "project" else []
    rows = [
        {
            kind: each.name,
            "studies": each.studies,
            **(
                {"members": ", ".join(actor for actor, name in members if name == each.name)}
                if kind == "project"
                else {}
            ),
        }
        for each in found
    ]
    show(rows, as_json=as_json, empty=f"No {kind}.")
