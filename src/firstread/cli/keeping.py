"""`firstread backup`, `restore` and `verify`: the archive kept safe."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstread.cli.archive import AsJson, Quiet
from firstread.cli.read import INTERRUPTED

if TYPE_CHECKING:
    from firstread.archive import Archive
    from firstread.archive.backup import Copied
    from firstread.progress import Progress

FAULTY = 5


def backup(
    folder: Annotated[
        Path, typer.Argument(help="Folder of the backup; it may hold an earlier one.", show_default=False)
    ],
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Copy the archive into a folder: the rows of one moment, and every file, verified on the way.

    The archive may be in use meanwhile. The next backup into the same folder copies only what is new.

    \b
    Examples
      firstread backup /mnt/backup/firstread
      firstread backup /mnt/backup/firstread --quiet || alert-somebody

    Exit codes: 0 complete, 2 usage, 5 a file is missing or damaged in the archive, or a disk is full.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.archive.backup import backup as back_up

    with _opened(shown=not (quiet or as_json)) as (archive, progress):
        copied = back_up(archive, folder, progress=progress)
    _tell(copied, str(folder), as_json=as_json, quiet=quiet)


def restore(
    folder: Annotated[Path, typer.Argument(help="Folder that `firstread backup` wrote.", show_default=False)],
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Fill an empty archive from a backup, every file verified; SQLite and PostgreSQL take each other's backups.

    \b
    Examples
      firstread restore /mnt/backup/firstread
      FIRSTREAD_ARCHIVE_DIR=/srv/new firstread restore /mnt/backup/firstread && firstread verify

    Exit codes: 0 complete, 2 no backup or the archive is not empty, 4 a forged backup, 5 a file is missing or damaged.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.access.action import Action
    from firstread.archive.backup import restore as restore_archive
    from firstread.cli.acting import record_command

    # An archive whose trail has begun is not empty; that it was restored is the first event after those restored.
    with _opened(shown=not (quiet or as_json), recorded=False) as (archive, progress):
        copied = restore_archive(archive, folder, progress=progress)
        record_command(archive, Action.OPERATE)
    _tell(copied, "the archive", as_json=as_json, quiet=quiet)


def verify(
    tidy: Annotated[
        bool,
        typer.Option(
            "--tidy",
            help="Remove files that no row names and that are older than an hour: a process was killed before it "
            "acknowledged them.",
        ),
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Check every stored file against the sha256 that it came with.

    \b
    Examples
      firstread verify
      firstread verify --json | jq .faults

    Exit codes: 0 every file is as it came, 5 one is missing, damaged or unreadable, or the database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.archive.verify import verify as verify_archive
    from firstread.cli.archive_tables import print_verification

    with _opened(shown=not (quiet or as_json)) as (archive, progress):
        found = verify_archive(archive, tidy=tidy, progress=progress)
    if as_json:
        print(json.dumps({"sound": found.sound, **asdict(found)}, indent=1))
    elif not quiet:
        print_verification(found)
    if not found.sound:
        raise typer.Exit(FAULTY)


@contextmanager
def _opened(*, shown: bool, recorded: bool = True) -> Iterator[tuple["Archive", "Progress"]]:
    from firstread.access.action import Action
    from firstread.cli.acting import acting
    from firstread.cli.progress_bars import progress_bars

    try:
        with (
            acting(Action.OPERATE, recorded=recorded) as (archive, _),
            progress_bars(shown=shown) as progress,
        ):
            yield archive, progress
    except KeyboardInterrupt:
        print("firstread: stopped; run the same again.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None


def _tell(copied: "Copied", place: str, *, as_json: bool, quiet: bool) -> None:
    from firstread.cli.archive_tables import print_copied

    if as_json:
        print(json.dumps(asdict(copied), indent=1))
    elif not quiet:
        print_copied(copied, place)
    if copied.faults:
        raise typer.Exit(FAULTY)
