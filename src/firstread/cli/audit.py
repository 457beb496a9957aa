"""`firstread audit`: the trail of who did what, verified, searched and handed over."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from firstread.cli.archive import AsJson

if TYPE_CHECKING:
    from firstread.access.audit.search import Recorded, Wanted
    from firstread.access.audit.verify import Anchor

audit = typer.Typer(
    help="Verify, search and hand over the audit trail: who did what to whose data.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
FAULTY = 5

Since = Annotated[
    datetime | None,
    typer.Option("--since", help="From this moment on, UTC.", show_default=False),
]
Until = Annotated[
    datetime | None, typer.Option("--until", help="Before this moment, UTC.", show_default=False)
]
By = Annotated[
    str | None,
    typer.Option("--actor", help="Name of who did it: an account, an AE title.", show_default=False),
]
Kind = Annotated[
    str | None,
    typer.Option("--kind", help="Kind of event, such as query, export or login.", show_default=False),
]
OfPatient = Annotated[
    str | None, typer.Option("--patient", metavar="ID", help="About this patient.", show_default=False)
]
OfStudy = Annotated[
    str | None, typer.Option("--study", metavar="UID", help="About this study.", show_default=False)
]
Failed = Annotated[bool, typer.Option("--failed", help="Only what was refused or failed.")]


@audit.command()
def verify(
    anchors: Annotated[
        list[Path] | None,
        typer.Option(
            "--anchor",
            help="File of heads that `firstread audit head` printed earlier, one a line. May be given several times.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the whole trail: no event was changed, none is missing, and their order is as it was.

    Whoever owns the database can cut off the newest events together with the head; an anchor that is kept elsewhere
    shows it. Whoever can write it can compute a chain anew; the setting audit_key or an anchor shows that.

    \b
    Examples
      firstread audit verify
      firstread audit verify --anchor /mnt/safe/heads.jsonl --json

    Exit codes: 0 sound, 2 usage, 5 something was changed or is missing, or the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from dataclasses import asdict

    from firstread.access.action import Action
    from firstread.access.audit.chain import keys_of
    from firstread.access.audit.verify import verify as verify_trail
    from firstread.archive.database import reading
    from firstread.cli.acting import acting
    from firstread.settings import load_settings

    known = [anchor for path in anchors or () for anchor in _anchors(path)]
    settings = load_settings()
    with acting(Action.READ_AUDIT, settings) as (archive, _):
        secrets = [*([settings.audit_key] if settings.audit_key else []), *settings.audit_former_keys]
        keys = keys_of([each.get_secret_value().encode() for each in secrets])
        with reading(archive.engine) as connection:
            found = verify_trail(connection, keys=keys, anchors=known)
    if as_json:
        print(json.dumps({"sound": found.sound, **asdict(found)}, indent=1))
    else:
        for fault in found.faults:
            print(f"event {fault.number}: {fault.problem}" if fault.number else fault.problem)
        sealed = f", {found.sealed} of them sealed" if keys else ", not sealed: there is no audit_key"
        print(f"{found.events} events{sealed}; {'sound' if found.sound else f'{len(found.faults)} faults'}.")
    if not found.sound:
        raise typer.Exit(FAULTY)


@audit.command()
def search(
    since: Since = None,
    until: Until = None,
    actor: By = None,
    kind: Kind = None,
    patient: OfPatient = None,
    study: OfStudy = None,
    failed: Failed = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Events to list, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List events, newest first. That it was searched is an event too.

    \b
    Examples
      firstread audit search --patient 12345
      firstread audit search --kind login --failed --since 2026-01-01
      firstread audit search --actor mei --json | jq '.[].content.studies'

    Exit codes: 0 listed, 2 usage, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.access.audit.search import search as search_trail
    from firstread.archive.database import reading
    from firstread.cli.acting import acting

    wanted = _wanted(since, until, actor, kind, patient, study, failed=failed)
    with acting(Action.READ_AUDIT) as (archive, _), reading(archive.engine) as connection:
        found = search_trail(connection, wanted, limit=limit)
    if as_json:
        print(json.dumps([_as_dict(each) for each in found], indent=1, ensure_ascii=False))
    else:
        _print_events(found)


@audit.command()
def show(
    number: Annotated[int, typer.Argument(help="Number of the event.", min=1, show_default=False)],
    as_: Annotated[
        Literal["json", "dicom"], typer.Option("--format", help="json, or the DICOM audit message.")
    ] = "json",
) -> None:
    """Show all of one event.

    \b
    Examples
      firstread audit show 4711
      firstread audit show 4711 --format dicom

    Exit codes: 0 shown, 2 usage, 3 there is no such event, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.access.audit.message import message_of
    from firstread.access.audit.search import one
    from firstread.archive.database import reading
    from firstread.cli.acting import acting
    from firstread.errors import NothingReadable
    from firstread.settings import load_settings

    settings = load_settings()
    with acting(Action.READ_AUDIT, settings) as (archive, _):
        with reading(archive.engine) as connection:
            found = one(connection, number)
        if found is None:
            raise NothingReadable(
                "There is no such event.", remedy="`firstread audit search` lists the newest."
            )
        if as_ == "dicom":
            sys.stdout.buffer.write(message_of(found, source=settings.audit_source) + b"\n")
        else:
            print(json.dumps(_as_dict(found), indent=1, ensure_ascii=False))


@audit.command()
def export(
    since: Since = None,
    until: Until = None,
    actor: By = None,
    kind: Kind = None,
    patient: OfPatient = None,
    study: OfStudy = None,
    failed: Failed = False,
    as_: Annotated[
        Literal["dicom", "json"],
        typer.Option("--format", help="dicom: audit messages (PS3.15 A.5); json: events as they are hashed."),
    ] = "dicom",
) -> None:
    """Write events to standard output, oldest first, one a line.

    \b
    Examples
      firstread audit export > audit.xml
      firstread audit export --since 2026-01-01 --format json | gzip > audit-2026.jsonl.gz

    Exit codes: 0 written, 2 usage, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.access.audit.message import message_of
    from firstread.access.audit.search import all_events
    from firstread.archive.database import reading
    from firstread.cli.acting import acting
    from firstread.settings import load_settings

    wanted, settings = _wanted(since, until, actor, kind, patient, study, failed=failed), load_settings()
    with (
        acting(Action.READ_AUDIT, settings) as (archive, _),
        reading(archive.engine) as connection,
    ):
        for each in all_events(connection, wanted):
            if as_ == "dicom":
                sys.stdout.buffer.write(message_of(each, source=settings.audit_source) + b"\n")
            else:
                print(json.dumps(_as_dict(each), ensure_ascii=False))


@audit.command()
def head() -> None:
    r"""Print where the chain ends, as one line of JSON: an anchor, to be kept where nobody of this host can write.

    \b
    Examples
      firstread audit head >> /mnt/safe/heads.jsonl
      firstread audit verify --anchor /mnt/safe/heads.jsonl

    Exit codes: 0 printed, 3 nothing was recorded yet, 5 the database is away.
    """
    from firstread.access.action import Action
    from firstread.access.audit.search import head as head_of
    from firstread.archive.database import reading
    from firstread.cli.acting import acting
    from firstread.errors import NothingReadable

    with acting(Action.READ_AUDIT, recorded=False) as (archive, _), reading(archive.engine) as connection:
        found = head_of(connection)
    if found is None:
        raise NothingReadable("Nothing was recorded yet.")
    at = datetime.now(UTC).isoformat(timespec="seconds")
    print(json.dumps({"number": found.number, "chain": found.chain, "at": at}))


def _wanted(
    since: datetime | None,
    until: datetime | None,
    actor: str | None,
    kind: str | None,
    patient: str | None,
    study: str | None,
    *,
    failed: bool,
) -> "Wanted":
    from firstread.access.audit import EventCode
    from firstread.access.audit.search import Wanted
    from firstread.errors import UsageError

    code = None
    if kind is not None:
        name = kind.upper().replace("-", "_").replace(" ", "_")
        if name not in EventCode.__members__:
            listed = ", ".join(each.lower().replace("_", "-") for each in EventCode.__members__)
            raise UsageError("There is no such kind of event.", remedy=f"One of: {listed}.")
        code = EventCode[name]
    since, until = (moment and moment.replace(tzinfo=UTC) for moment in (since, until))
    return Wanted(since, until, actor, code, patient, study, failed)


def _anchors(path: Path) -> Iterator["Anchor"]:
    from firstread.access.audit.verify import Anchor
    from firstread.errors import UsageError

    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip():
                said = json.loads(line)
                yield Anchor(int(said["number"]), str(said["chain"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(
            f"{path} holds no heads.", remedy="Name a file of lines that `firstread audit head` printed."
        ) from None


def _as_dict(recorded: "Recorded") -> dict[str, object]:
    return {
        "number": recorded.number,
        "event": recorded.code.meaning,
        "content": recorded.content,
        "chain": recorded.chain,
    }


def _print_events(found: "list[Recorded]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not found:
        console.print("No event.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("number", "when, UTC", "event", "outcome", "actor", "from", "patients", "studies"):
        table.add_column(title, justify="right" if title == "number" else "left")
    for each in found:
        said = each.content
        table.add_row(
            str(each.number),
            str(said["at"])[:19].replace("T", " "),
            Text(each.code.meaning),
            "" if said["outcome"] == 0 else Text("refused or failed", "bold red"),
            Text(_shown([said["actor"]["name"]])),
            Text(_shown([said["actor"]["address"]])),
            Text(_shown(said["patients"])),
            Text(_shown(said["studies"])),
        )
    console.print(table)


def _shown(values: list[str], most: int = 3) -> str:
    listed = ["".join(c if c.isprintable() else "?" for c in value) for value in values[:most]]
    return ", ".join(listed) + (f" and {len(values) - most} more" if len(values) > most else "")
