"""`firstread info`: what a folder holds, and which series would be read."""

from pathlib import Path
from typing import Annotated

import typer


def info(
    path: Annotated[
        Path, typer.Argument(help="Folder (any nesting), zip, or one DICOM file.", show_default=False)
    ],
    study: Annotated[
        str | None,
        typer.Option(metavar="UID", help="Study to show, where PATH holds several.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the same as JSON.")] = False,
) -> None:
    """Say what a folder holds: its study and series, and which one `firstread read` would take and why.

    \b
    Examples
      firstread info ~/ct/patient-12
      firstread info scan.zip --json | jq '.series[] | select(.chosen)'

    Only headers are read. Neither the patient's name nor identifier is shown.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.cli.contents import describe_study, print_contents
    from firstread.dicom.discover import open_study
    from firstread.errors import UsageError

    if not path.exists():
        raise UsageError(f"{path} does not exist.", remedy="Name a folder, a zip or a DICOM file.")
    contents = describe_study(open_study(path, study_uid=study))
    if as_json:
        print(contents.model_dump_json(indent=1))
    else:
        print_contents(contents)
