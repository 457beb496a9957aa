"""`firstread read`: a folder of DICOM in, a result folder out."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from firstread.findings import ReadResult

INTERRUPTED = 130  # 128 + SIGINT, as shells count

Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1024,
        help="CPU threads. Default: the setting `threads`, else the cores granted to this process.",
        show_default=False,
    ),
]


def read(
    path: Annotated[
        Path,
        typer.Argument(
            help="Folder (any nesting), zip, or one multi-frame file with a chest CT.", show_default=False
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Result folder to make. Default: firstread-NAME here, NAME being that of PATH.",
            show_default=False,
        ),
    ] = None,
    reader: Annotated[
        str | None,
        typer.Option(help="Reader to use. Default: the first that accepts the study.", show_default=False),
    ] = None,
    precision: Annotated[
        Literal["auto", "f32", "int8"] | None,
        typer.Option(
            help="Number format of the networks. Default: the setting `precision`, else auto: "
            "the fastest on this CPU that passed the accuracy limit.",
            show_default=False,
        ),
    ] = None,
    threads: Threads = None,
    prior: Annotated[
        Path | None,
        typer.Option(help="Earlier result (folder or result.json) to compare with.", show_default=False),
    ] = None,
    lang: Annotated[Literal["en", "zh"], typer.Option(help="Language of the report.")] = "en",
    study: Annotated[
        str | None,
        typer.Option(metavar="UID", help="Study to read, where PATH holds several.", show_default=False),
    ] = None,
    series: Annotated[
        str | None,
        typer.Option(
            metavar="UID",
            help="Series to read, instead of the one firstread would choose.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the result that OUT holds.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print result.json on standard output.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")] = False,
) -> None:
    """Read a chest CT: find, measure and categorise nodules, and write a preliminary report.

    \b
    OUT then holds
      report.html, report.pdf    the preliminary report, for people
      result.json                every finding, for programs
      report.fhir.json           the same as FHIR resources
      sr.dcm, seg.dcm, key-*,
      report.dcm                 the same as DICOM objects, for the PACS

    \b
    Examples
      firstread read ~/ct/patient-12
      firstread read scan.zip --out results/scan --lang zh
      firstread read followup --prior firstread-baseline
      firstread read ct --json --quiet | jq '.findings[].diameter_mm.mean'

    OUT appears only when it is complete.
    Exit codes: 0 read, 2 usage, 3 nothing readable, 4 refused input, 5 internal.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.cli.progress_bars import progress_bars
    from firstread.workflow.read_study import read_study

    if out is None:
        out = default_out(path)
    try:
        with progress_bars(shown=not (quiet or as_json)) as progress:
            result = read_study(
                path,
                out,
                reader=reader,
                precision=precision,
                threads=threads,
                prior=prior,
                lang=lang,
                study_uid=study,
                series_uid=series,
                replace=force,
                progress=progress,
            )
    except KeyboardInterrupt:
        print("firstread: stopped; nothing was written.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    _tell(result, out, as_json=as_json, quiet=quiet)


def default_out(path: Path) -> Path:
    """Return the folder of the result of `path` where none was named: firstread-NAME, here."""
    name = path.resolve()
    return Path(f"firstread-{(name.stem if name.is_file() else name.name) or 'study'}")


def _tell(result: "ReadResult", out: Path, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        from firstread.workflow.result_folder import RESULT_JSON

        sys.stdout.write((out / RESULT_JSON).read_text(encoding="utf-8"))
    elif not quiet:
        from firstread.cli.summary import print_summary

        print_summary(result, out)
