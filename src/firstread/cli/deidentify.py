"""`firstread deidentify`: DICOM files without their patients."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from firstread.cli.archive import AsJson, Quiet
from firstread.cli.read import INTERRUPTED

REFUSED = 4


def deidentify(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH…", help="Folders (any nesting), zips or DICOM files.", show_default=False
        ),
    ],
    project: Annotated[
        str, typer.Option(metavar="NAME", help="Research project: its key makes the pseudonyms.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for PATIENT/STUDY/SERIES/INSTANCE.dcm, under pseudonyms and new UIDs.",
            show_default=False,
        ),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,NAME",
            help="Options of the profile in place of the project's: clean-pixel-data, clean-graphics, "
            "clean-structured-content, clean-descriptors, full-dates, modified-dates, patient-characteristics, "
            "device-identity, uids, safe-private, institution; or none.",
            show_default=False,
        ),
    ] = None,
    blank: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LEFT,TOP,WIDTH,HEIGHT",
            help="Pixels to make black in images that may show text; without it they are refused. Needs the option "
            "clean-pixel-data.",
            show_default=False,
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write what was done into a text file that names nobody, for those who get the images.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Do and verify everything, and write nothing."),
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Take the patients out of DICOM files: PS3.15 Annex E, Basic Profile with the options of a project.

    The same patient has the same pseudonym in all of a project, UIDs fit each other, and dates are moved by the same
    number of days. Each file that is written is read again and searched for what it may not tell; if anything is
    found, nothing is left in OUT. Images that may show text, and documents, are refused.

    \b
    Examples
      firstread projects add lungs --options clean-descriptors,modified-dates
      firstread deidentify ~/ct --project lungs --out /srv/lungs
      firstread deidentify ~/ct --project lungs --dry-run
      firstread deidentify us --project lungs --options clean-pixel-data --blank 0,0,800,60 --out us-clean

    Exit codes: 0 all de-identified, 2 usage, 3 nothing could be, 4 some instances were refused, or the verifier found
    something and nothing was left, 5 the archive's database is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    import json

    from firstread.access.action import Action
    from firstread.access.this_user import this_user
    from firstread.cli.acting import acting
    from firstread.cli.deidentify_tables import as_dict, print_outcome, report_text
    from firstread.cli.progress_bars import progress_bars
    from firstread.dicom.deidentify.options import options_of
    from firstread.dicom.discover import sources
    from firstread.errors import UsageError
    from firstread.research.deidentify import deidentify as run
    from firstread.research.sealed import seal_of
    from firstread.settings import load_settings

    if (out is None) == (not dry_run):
        raise UsageError("Say where to with --out, or that nothing is to be written with --dry-run.")
    chosen = None if options is None else options_of([] if options == ["none"] else options)
    settings = load_settings()
    rectangles = _rectangles(blank or [])
    try:
        with (
            acting(Action.DEIDENTIFY, settings) as (archive, _),
            progress_bars(shown=not (quiet or as_json)) as progress,
        ):
            outcome = run(
                archive.engine,
                seal_of(settings),
                project,
                [source for path in paths for source in sources(path)],
                out,
                actor=this_user(),
                options=chosen,
                blank=rectangles,
                progress=progress,
            )
    except KeyboardInterrupt:
        print("firstread: stopped; nothing was written.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    if report is not None:
        report.write_text(report_text(outcome, project), encoding="utf-8")
    if as_json:
        print(json.dumps(as_dict(outcome), indent=1))
    elif not quiet:
        print_outcome(outcome, out)
    if outcome.refused:
        raise typer.Exit(REFUSED)


def _rectangles(written: list[str]):  # type: ignore[no-untyped-def] # noqa: ANN202
    from firstread.dicom.deidentify.pixels import Rectangle
    from firstread.errors import UsageError

    try:
        return tuple(Rectangle.parse(each) for each in written)
    except ValueError:
        raise UsageError("--blank takes LEFT,TOP,WIDTH,HEIGHT in pixels, such as 0,0,800,60.") from None
