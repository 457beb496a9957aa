"""`firstread alerts`: what is critical, whom it was told, who has acknowledged it, and why a rule fires."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from firstread.cli.archive import AsJson, Quiet

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from firstread.access import Grant
    from firstread.alerts import Configuration
    from firstread.archive import Archive
    from firstread.findings import ReadResult

alerts = typer.Typer(
    help="Critical alerts: list, show, acknowledge, confirm, downgrade and cancel them; try and check the rules.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Number = Annotated[
    int, typer.Argument(metavar="ALERT", help="Its number, as `list` has it.", show_default=False)
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept.", show_default=False)]


@alerts.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Those that have ended too.")] = False,
    level: Annotated[
        Literal["minutes", "hours", "days"] | None,
        typer.Option("--level", help="Only of this level.", show_default=False),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option("--study", metavar="UID", help="Only of the study with this UID.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Alerts to list.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the open alerts, the most urgent first, with the time that is left.

    \b
    Examples
      firstread alerts list
      firstread alerts list --all --study 1.2.840.113619.2.55.3

    Exit codes: 0 listed, 2 usage, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from dataclasses import asdict

    from firstread.access import Action
    from firstread.alerts.models import OPEN
    from firstread.alerts.queries import list_alerts
    from firstread.archive.database import reading
    from firstread.cli.acting import acting
    from firstread.cli.alert_tables import print_alerts

    with acting(Action.READ_ALERT) as (archive, grant), reading(archive.engine) as connection:
        listed = list_alerts(
            connection,
            within=grant.within,
            states=() if every else OPEN,
            levels=(level,) if level else (),
            study_uid=study,
            limit=limit,
        )
    if as_json:
        _print_json([asdict(each) for each in listed])
    else:
        print_alerts(listed)


@alerts.command()
def show(
    alert: Number,
    as_fhir: Annotated[
        bool, typer.Option("--fhir", help="Its record as a FHIR R4 Communication (LOINC 73568-8).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show an alert with all that happened to it: whom it was told, how, and who acknowledged it.

    \b
    Examples
      firstread alerts show 17
      firstread alerts show 17 --fhir

    Exit codes: 0 shown, 2 usage, 3 there is no such alert, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from dataclasses import asdict

    from firstread.access import Action
    from firstread.alerts.queries import find_alert
    from firstread.archive.database import reading
    from firstread.cli.acting import acting
    from firstread.cli.alert_tables import print_record

    with acting(Action.READ_ALERT) as (archive, grant), reading(archive.engine) as connection:
        record = _found(find_alert(connection, alert, grant.within))
    if as_fhir:
        from firstread.alerts.communication import recorded

        print(recorded(record).model_dump_json(indent=1, exclude_none=True))
    elif as_json:
        _print_json(asdict(record))
    else:
        print_record(record)


@alerts.command()
def acknowledge(
    alert: Number,
    how: Annotated[
        Literal["direct", "telephone", "message"],
        typer.Option("--how", help="How the recipient was told."),
    ] = "telephone",
    to: Annotated[str, typer.Option("--to", metavar="NAME", help="Who was told.", show_default=False)] = "",
    read_back: Annotated[
        str, typer.Option("--read-back", metavar="TEXT", help="The words in which they repeated it.")
    ] = "",
    quiet: Quiet = False,
) -> None:
    """Write down that somebody was told and took notice; the clock stops.

    \b
    Examples
      firstread alerts acknowledge 17 --to "Dr Smith" --read-back "large pneumothorax, right"

    Exit codes: 0 done, 2 usage, 3 there is no such alert, 4 it has ended, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.alerts import acts

    with _changing() as (connection, configuration, grant):
        _found(
            acts.acknowledge(
                connection,
                alert,
                grant.actor,
                configuration,
                how=how,
                recipient=to,
                read_back=read_back,
                within=grant.within,
            )
        )
    if not quiet:
        print(f"Alert {alert} is acknowledged.")


@alerts.command()
def confirm(alert: Number, quiet: Quiet = False) -> None:
    """Write down that a radiologist saw the finding too; the clock goes on.

    \b
    Examples
      firstread alerts confirm 17

    Exit codes: 0 done, 2 usage, 3 there is no such alert, 4 it has ended, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.alerts import acts

    with _changing() as (connection, _, grant):
        _found(acts.confirm(connection, alert, grant.actor, within=grant.within))
    if not quiet:
        print(f"Alert {alert} is confirmed.")


@alerts.command()
def downgrade(
    alert: Number,
    level: Annotated[Literal["hours", "days"], typer.Option("--to", help="The level from now on.")],
    reason: Reason,
    quiet: Quiet = False,
) -> None:
    """Make an alert less urgent.

    \b
    Examples
      firstread alerts downgrade 17 --to days --reason "known for years"

    Exit codes: 0 done, 2 usage, 3 there is no such alert, 4 it has ended, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.alerts import acts

    with _changing() as (connection, configuration, grant):
        _found(
            acts.downgrade(connection, alert, grant.actor, level, reason, configuration, within=grant.within)
        )
    if not quiet:
        print(f"Alert {alert} is of the level {level}.")


@alerts.command()
def cancel(alert: Number, reason: Reason, quiet: Quiet = False) -> None:
    """End an alert that is none.

    \b
    Examples
      firstread alerts cancel 17 --reason "a skin fold"

    Exit codes: 0 done, 2 usage, 3 there is no such alert, 4 it has ended, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.alerts import acts

    with _changing() as (connection, _, grant):
        _found(acts.cancel(connection, alert, grant.actor, reason, within=grant.within))
    if not quiet:
        print(f"Alert {alert} is cancelled.")


@alerts.command()
def close(alert: Number, quiet: Quiet = False) -> None:
    """Close an alert that was acknowledged, before it closes by itself.

    \b
    Examples
      firstread alerts close 17

    Exit codes: 0 done, 2 usage, 3 there is no such alert, 4 nobody has acknowledged it, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.alerts import acts

    with _changing() as (connection, _, grant):
        _found(acts.close(connection, alert, grant.actor, within=grant.within))
    if not quiet:
        print(f"Alert {alert} is closed.")


@alerts.command()
def chain(
    level: Annotated[
        Literal["minutes", "hours", "days"] | None,
        typer.Argument(metavar="[LEVEL]", help="minutes, hours or days; none: all.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say whom an alert of each level is told, by which channels, and when the next step follows.

    \b
    Examples
      firstread alerts chain
      firstread alerts chain minutes

    Exit codes: 0 said, 2 the site's file cannot be used.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.alerts import load_configuration
    from firstread.alerts.models import LEVELS
    from firstread.cli.alert_tables import print_chain
    from firstread.settings import load_settings

    configuration = load_configuration(load_settings())
    levels = [level] if level else list(LEVELS)
    chains = {each: configuration.chain_of(each) for each in levels}
    if as_json:
        _print_json({each: found.model_dump(mode="json") for each, found in chains.items()})
        return
    for each, found in chains.items():
        print_chain(each, found, configuration.clocks.of(each))


@alerts.command()
def rules(as_json: AsJson = False) -> None:
    """List the rules that hold, in the order in which they are asked, with their levels.

    Those that ship, as the site's file and then the page /alert-rules changed them.

    \b
    Examples
      firstread alerts rules

    Exit codes: 0 listed, 2 the site's rules cannot be used, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access import Action
    from firstread.alerts import configuration_now
    from firstread.archive.database import reading
    from firstread.cli.acting import acting
    from firstread.cli.alert_tables import print_rules
    from firstread.settings import load_settings

    settings = load_settings()
    with acting(Action.MANAGE_ALERTS, settings) as (archive, _), reading(archive.engine) as connection:
        loaded = configuration_now(connection, settings).rules
    if as_json:
        _print_json([each.model_dump(mode="json", exclude_defaults=True) for each in loaded])
    else:
        print_rules(loaded)


@alerts.command()
def check(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="File to check in place of alerts_file, before it is put there.", show_default=False
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Check that the site's file can be used: its rules, clocks, chains, channels, and their secrets.

    \b
    Examples
      firstread alerts check
      firstread alerts check new-alerts.toml && mv new-alerts.toml /etc/firstread/alerts.toml

    Exit codes: 0 it can, 2 it cannot; the message names the key.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.alerts import load_configuration
    from firstread.alerts.channels.senders import unusable_channels
    from firstread.errors import UsageError
    from firstread.settings import load_settings

    settings = load_settings()
    if file is not None:
        settings = settings.model_copy(update={"alerts_file": file})
    configuration = load_configuration(settings)
    for name, problem in unusable_channels(configuration, settings).items():
        raise UsageError(f"The channel {name}: {problem}")
    if not quiet:
        counted = len(configuration.rules), len(configuration.chains), len(configuration.channels)
        print("{} rules, {} chains and {} channels can be used.".format(*counted))


@alerts.command()
def test(
    read: Annotated[
        str,
        typer.Argument(
            metavar="RESULT",
            help="result.json, the folder that holds it, or the Study Instance UID of a study in the archive.",
            show_default=False,
        ),
    ],
    every: Annotated[bool, typer.Option("--all", help="Rules that do not fire too, and why not.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say which rules would fire on a result, and why: a dry run, nobody is told.

    \b
    Examples
      firstread alerts test out/demo/result.json
      firstread alerts test 1.2.840.113619.2.55.3 --all

    Exit codes: 0 said, 2 usage or the site's rules cannot be used, 3 there is no result, 5 the archive is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access import Action
    from firstread.alerts import configuration_now
    from firstread.alerts.dry_run import dry_run
    from firstread.archive.database import reading
    from firstread.cli.acting import acting
    from firstread.cli.alert_tables import print_dry_run
    from firstread.settings import load_settings

    settings = load_settings()
    with (
        acting(Action.READ_PRELIMINARY, settings) as (archive, grant),
        reading(archive.engine) as connection,
    ):
        path = _result_of(connection, archive, read, grant)
        configuration = configuration_now(connection, settings)
    tried = dry_run(_result(path), configuration)
    if as_json:
        _print_json(tried)
    else:
        print_dry_run(tried, every=every)


@alerts.command()
def stats(
    days: Annotated[
        int | None, typer.Option(min=1, help="Only of the last so many days.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say how many alerts are open and overdue, and how long acknowledging took: median and 95 % of them.

    \b
    Examples
      firstread alerts stats --days 30

    Exit codes: 0 said, 2 usage, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from dataclasses import asdict
    from datetime import timedelta

    from firstread.access import Action
    from firstread.alerts.queries import statistics
    from firstread.archive.columns import now
    from firstread.archive.database import reading
    from firstread.cli.acting import acting
    from firstread.cli.alert_tables import print_statistics

    with acting(Action.READ_ALERT) as (archive, grant), reading(archive.engine) as connection:
        since = now() - timedelta(days=days) if days else None
        numbers = statistics(connection, within=grant.within, since=since)
    if as_json:
        _print_json(asdict(numbers))
    else:
        print_statistics(numbers)


@contextmanager
def _changing() -> "Iterator[tuple[Connection, Configuration, Grant]]":
    from firstread.access import Action
    from firstread.alerts import load_configuration
    from firstread.archive.database import writing
    from firstread.cli.acting import acting
    from firstread.settings import load_settings

    settings = load_settings()
    configuration = load_configuration(settings)
    with acting(Action.MANAGE_ALERTS, settings) as (archive, grant), writing(archive.engine) as connection:
        yield connection, configuration, grant


def _found(found: Any) -> Any:  # noqa: ANN401 - whatever was asked for
    from firstread.errors import NothingReadable

    if not found:
        raise NothingReadable("There is no such alert.", remedy="`firstread alerts list --all` shows all.")
    return found


def _result_of(connection: "Connection", archive: "Archive", read: str, grant: "Grant") -> Path:
    """Return where the result is: of a study the newest that may be seen."""
    from firstread.archive.results import newest_results
    from firstread.errors import NothingReadable

    path = Path(read)
    if path.exists():
        return path
    found = newest_results(connection, study_uid=read, within=grant.within)
    if not found:
        raise NothingReadable("There is no result of that.", remedy="Name a result.json.")
    folder: str = found[0].folder
    return archive.folder / folder


def _result(path: Path) -> "ReadResult":
    from pydantic import ValidationError

    from firstread.errors import NothingReadable, UsageError
    from firstread.findings import ReadResult

    try:
        path = path / "result.json" if path.is_dir() else path
        return ReadResult.model_validate_json(path.read_bytes())
    except OSError as error:
        raise NothingReadable(f"{path} cannot be read: {error.strerror}.") from None
    except ValidationError:
        raise UsageError(f"{path} is no result.", remedy="Name a result.json.") from None


def _print_json(told: Any) -> None:  # noqa: ANN401 - what json.dumps takes
    print(json.dumps(told, indent=1, ensure_ascii=False, default=str))
