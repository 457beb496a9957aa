"""`firstread archive`: what is stored, and how it gets in and leaves."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from firstread.cli.read import INTERRUPTED

REFUSED = 4

AsJson = Annotated[bool, typer.Option("--json", help="Print the same as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")]

archive = typer.Typer(
    help="Store DICOM files durably, list what is stored, and let go of what is done.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@archive.command()
def add(
    path: Annotated[Path, typer.Argument(help="Folder (any nesting) or one DICOM file.", show_default=False)],
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Store every DICOM file of a folder; the files themselves are left alone.

    Each is on the disk, flushed, and in the database before it counts. What is there already is recognised; other
    bytes under the same SOP Instance UID are kept apart. Cut off, the same command goes on.

    \b
    Examples
      firstread archive add /media/cd/DICOM
      firstread archive add export --json | jq .refused

    Exit codes: 0 stored, 2 usage, 4 some files were refused, 5 the disk is full or the database away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.archive.add import add_folder
    from firstread.cli.acting import acting
    from firstread.cli.archive_tables import added_as_dict, print_added
    from firstread.cli.progress_bars import progress_bars

    try:
        with (
            acting(Action.STORE_STUDY) as (opened, _),
            progress_bars(shown=not (quiet or as_json)) as progress,
        ):
            added = add_folder(opened, path, progress=progress)
    except KeyboardInterrupt:
        print("firstread: stopped; what was stored stays. Run the same again to go on.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print(json.dumps(added_as_dict(added), indent=1, ensure_ascii=False))
    elif not quiet:
        print_added(added)
    if added.refused:
        raise typer.Exit(REFUSED)


@archive.command("list")
def list_(
    match: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEYWORD=VALUE",
            help="Only studies that match: a DICOM keyword and a value, with * and ?, a range of dates, or several "
            "UIDs separated by commas. Several options must all match.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Studies to list, newest first.")] = 50,
    identify: Annotated[
        bool, typer.Option("--identify", help="Show the patient's name, identifier, birth date and sex too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the studies of the archive, newest first.

    Neither the patient's name nor identifier is shown, unless asked for.

    \b
    Examples
      firstread archive list
      firstread archive list --match StudyDate=20250101- --match ModalitiesInStudy=CT
      firstread archive list --match 'PatientName=doe*' --identify
      firstread archive list --json | jq -r '.[].StudyInstanceUID'

    Exit codes: 0 listed, 2 a keyword or value cannot be matched, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.archive.database import reading
    from firstread.archive.query import ATTRIBUTES, find
    from firstread.cli.acting import acting
    from firstread.cli.archive_tables import print_studies
    from firstread.errors import UsageError

    keys = {}
    for one in match or []:
        keyword, equals, value = one.partition("=")
        if not equals:
            raise UsageError(
                "--match takes KEYWORD=VALUE.", remedy="For example: --match StudyDate=20250101-20251231"
            )
        keys[keyword.strip()] = value
    with acting(Action.READ_STUDY) as (opened, grant), reading(opened.engine) as connection:
        studies = find(connection, "study", keys, limit=limit, within=grant.within)
    if not identify:
        for study in studies:
            for keyword in ATTRIBUTES["patient"]:
                study.pop(keyword)
    if as_json:
        print(json.dumps(studies, indent=1, ensure_ascii=False))
    else:
        print_studies(studies, identify=identify, limit=limit)


@archive.command()
def retain(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Remove the studies that the settings archive_keep_days and archive_full_percent let go.

    Never one that is unread or unsent, that a person holds, or under whose UIDs other bytes or another patient came.

    \b
    Examples
      firstread archive retain
      FIRSTREAD_ARCHIVE_KEEP_DAYS=90 firstread archive retain --json

    Exit codes: 0 done, 2 neither setting is set, 5 the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from dataclasses import asdict

    from firstread.access.action import Action
    from firstread.access.audit.deleted import deletion_by
    from firstread.access.this_user import this_user
    from firstread.archive.retention import retain as retain_archive
    from firstread.cli.acting import acting
    from firstread.errors import UsageError
    from firstread.settings import load_settings

    settings = load_settings()
    if settings.archive_keep_days is None and settings.archive_full_percent is None:
        raise UsageError(
            "No rule says what may be removed.", remedy="Set archive_keep_days or archive_full_percent."
        )
    with acting(Action.OPERATE, settings) as (opened, _):
        removed = retain_archive(
            opened,
            keep_days=settings.archive_keep_days,
            full_percent=settings.archive_full_percent,
            told=deletion_by(this_user(), rule="retention"),
        )
    if as_json:
        print(json.dumps(asdict(removed), indent=1))
    elif not quiet:
        print(f"{removed.studies} studies removed: {removed.instances} instances, {removed.bytes >> 20} MiB.")
