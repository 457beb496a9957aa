"""`firstread demo`: the way of a study, from a scanner to the PACS, on this machine alone."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from firstread.cli.archive import AsJson
from firstread.cli.read import INTERRUPTED


def demo(
    out: Annotated[
        Path, typer.Option(help="Folder to make; one that a former demo made is replaced.")
    ] = Path("firstread-demo"),
    as_json: AsJson = False,
) -> None:
    """Show the node at work: a synthetic chest CT is sent to it, read by it, and the result comes back.

    A node is started on free ports of this machine alone, with its data in OUT, and stopped at the end. A scanner
    sends it the study by C-STORE; it sees that the study is complete, a route has it read, and the result goes to a
    PACS, which the demo plays too, and to a folder.

    \b
    Examples
      firstread demo
      firstread demo --out out/demo

    Exit codes: 0 everything arrived, 2 OUT holds other files, 5 something failed.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.cli.demo.folder import prepare_folder
    from firstread.cli.demo.outcome import print_outcome
    from firstread.cli.demo.run import run_demo
    from firstread.cli.progress_bars import progress_bars

    folder = prepare_folder(out)
    try:
        with progress_bars(shown=not as_json) as progress:
            outcome = run_demo(folder, tell=_ignore if as_json else _tell, progress=progress)
    except KeyboardInterrupt:
        print("firstread: stopped.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print(json.dumps(outcome.facts(), indent=1))
    else:
        print_outcome(outcome)


def _tell(step: str, seconds: float) -> None:
    print(f"{seconds:6.1f} s  {step}", flush=True)


def _ignore(step: str, seconds: float) -> None:
    """Say nothing: a program listens."""
