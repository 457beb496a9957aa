"""`firstread jobs`: what is read, what waits, what failed; and what a person does about it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Literal

import typer

from firstread.cli.archive import AsJson, Quiet

State = Literal["waiting", "running", "done", "failed", "cancelled"]
Priority = Literal["stat", "urgent", "routine"]
JobNumbers = Annotated[
    list[int], typer.Argument(metavar="JOB...", help="Numbers of jobs.", show_default=False)
]

jobs = typer.Typer(
    help="List the jobs that read studies, look at one, add, retry and cancel.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@jobs.command("list")
def list_(
    state: Annotated[State | None, typer.Option(help="Only jobs in this state.", show_default=False)] = None,
    priority: Annotated[
        Priority | None, typer.Option(help="Only jobs of this priority.", show_default=False)
    ] = None,
    reader: Annotated[str | None, typer.Option(help="Only jobs of this reader.", show_default=False)] = None,
    study: Annotated[
        str | None, typer.Option(metavar="UID", help="Only jobs of this study.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Jobs to list.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List jobs: those that run, then those that wait in the order of the queue, then the others, newest first.

    No patient is named. What failed for good stays in the list until it is retried.

    \b
    Examples
      firstread jobs list
      firstread jobs list --state failed
      firstread jobs list --state waiting --priority stat --json | jq length

    Exit codes: 0 listed, 2 usage, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.cli.acting import acting
    from firstread.cli.job_tables import print_jobs
    from firstread.workflow.job_list import list_jobs

    with acting(Action.READ_JOB) as (archive, grant):
        found = list_jobs(
            archive,
            state=state,
            priority=priority,
            reader=reader,
            study_uid=study,
            limit=limit,
            within=grant.within,
        )
    if as_json:
        print(json.dumps([asdict(each) for each in found], indent=1, default=str))
    else:
        print_jobs(found, limit=limit)


@jobs.command()
def show(
    job: Annotated[int, typer.Argument(help="Number of the job.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Show one job: its state and error, how long each stage took, what it follows, where its result went.

    \b
    Examples
      firstread jobs show 17

    Exit codes: 0 shown, 2 there is no such job, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.cli.acting import acting
    from firstread.cli.job_tables import print_job
    from firstread.workflow.job_list import show_job

    with acting(Action.READ_JOB) as (archive, grant):
        found = show_job(archive, job, within=grant.within)
    if as_json:
        print(json.dumps(asdict(found), indent=1, default=str))
    else:
        print_job(found)


@jobs.command()
def add(
    study: Annotated[
        str, typer.Argument(help="Study Instance UID of a study in the archive.", show_default=False)
    ],
    reader: Annotated[
        str | None,
        typer.Option(help="Read with this reader. Default: what the routes say.", show_default=False),
    ] = None,
    priority: Annotated[Priority, typer.Option(help="With --reader: how urgent.")] = "routine",
    series: Annotated[
        str | None,
        typer.Option(
            metavar="UID",
            help="With --reader: the series to read. Default: the reader chooses.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DESTINATION",
            help="With --reader: where the result goes; may be repeated.",
            show_default=False,
        ),
    ] = None,
    lang: Annotated[Literal["en", "zh"], typer.Option(help="With --reader: language of the report.")] = "en",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Have a study read without waiting until it is quiet; with --reader whatever the routes say, and again.

    \b
    Examples
      firstread jobs add 1.2.840.113619.2.55.3
      firstread jobs add 1.2.840.113619.2.55.3 --reader lung_nodule --priority stat --to pacs

    Exit codes: 0 done, 2 there is no such study, reader or destination, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.cli.acting import acting
    from firstread.errors import UsageError
    from firstread.readers.registry import installed_readers
    from firstread.settings import load_settings
    from firstread.workflow.intake import read_now, route
    from firstread.workflow.routes import PlannedRead, load_routes

    settings = load_settings()
    if reader is not None and reader not in installed_readers():
        raise UsageError(
            f"There is no reader named {reader!r}.", remedy=f"Installed: {', '.join(installed_readers())}."
        )
    for name in to or ():
        if name not in settings.destinations:
            raise UsageError(
                f"There is no destination {name!r}.", remedy="Name it in the setting destinations."
            )
    with acting(Action.MANAGE_JOBS, settings) as (archive, grant):
        if reader is None:
            made = route(archive, study, load_routes(settings), within=grant.within)
        else:
            wanted = PlannedRead(
                route="",
                reader=reader,
                priority=priority,
                destinations=tuple(to or ()),
                lang=lang,
                series_uid=series,
            )
            made = read_now(archive, study, wanted, within=grant.within)
    if as_json:
        print(json.dumps(made))
    elif not quiet:
        print("\n".join(f"Job {job} waits." for job in made) or "Nothing new is to be read.")


@jobs.command()
def retry(job: JobNumbers, quiet: Quiet = False) -> None:
    """Let jobs that failed or were cancelled wait again, with all their attempts.

    \b
    Examples
      firstread jobs retry 17 18
      firstread jobs list --state failed --json | jq '.[].id' | xargs firstread jobs retry

    Exit codes: 0 they wait, 2 there is no such job or it is in another state, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.workflow import jobs as rows

    _each(job, rows.retry, "waits", quiet=quiet)


@jobs.command()
def cancel(job: JobNumbers, quiet: Quiet = False) -> None:
    """Cancel jobs that wait or run; a read that runs is stopped within a second.

    \b
    Examples
      firstread jobs cancel 17

    Exit codes: 0 cancelled, 2 there is no such job or it has ended, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.workflow import jobs as rows

    _each(job, rows.cancel, "is cancelled", quiet=quiet)


def _each(numbers: Sequence[int], act: "Callable[..., None]", outcome: str, *, quiet: bool) -> None:
    from firstread.access.action import Action
    from firstread.cli.acting import acting

    with acting(Action.MANAGE_JOBS) as (archive, grant):
        for number in numbers:
            act(archive, number, within=grant.within)
            if not quiet:
                print(f"Job {number} {outcome}.")
