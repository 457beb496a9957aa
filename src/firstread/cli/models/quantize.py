"""`firstread models quantize`: a copy of a package with an INT8 network that keeps its accuracy."""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Literal

import typer

from firstread.cli.evaluate import Models
from firstread.cli.models.options import Name, PackagesOut, settings_with, shown_progress


def quantize(
    name: Name,
    samples: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="FOLDER",
            help="Folder of npz files: a tile in HU as `input`, and labels as `truth` where there are any. Needed.",
            show_default=False,
        ),
    ] = None,
    out: PackagesOut = None,
    max_drop: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="By how much the metric may be lower than that of FP32.")
    ] = 0.005,
    metric: Annotated[
        Literal["dice", "agreement", "auc"] | None,
        typer.Option(
            help="What judges. Default: dice for a segmentation; else auc against labels, agreement without.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="Output that is judged. Default: the first.", show_default=False)
    ] = None,
    exact: Annotated[
        tuple[int, int],
        typer.Option(
            metavar="FIRST LAST",
            min=0,
            help="So many of the first and of the last convolutions stay in floating point: they lose most.",
        ),
    ] = (0, 0),
    models: Models = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a package that is there.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")] = False,
) -> None:
    """Make a copy of a package with an INT8 network that keeps its accuracy.

    Every other sample is quantised with, the rest judge. Layers go back to floating point until the metric holds; where
    no layer can be in INT8 nothing is written. Needs the extra `convert`.

    \b
    Examples
      firstread models quantize net --data tiles --out quantized
      firstread models quantize net --data tiles --max-drop 0.001 --metric agreement --out quantized
      firstread models quantize net --data tiles --exact 3 2 --out quantized

    Exit codes: 0 made, 2 usage, 4 the accuracy does not hold, 5 internal or NNCF is missing.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.cli.models.tables import print_quantized
    from firstread.engine import find_package
    from firstread.engine.quantization import quantize, read_samples
    from firstread.errors import UsageError

    if samples is None:
        raise UsageError(
            "A network is quantised with samples of what it will see.", remedy="Name them with --data."
        )
    package = find_package(name, settings=settings_with(models))
    read = read_samples(samples, package)
    # NNCF draws bars of its own on standard output.
    with shown_progress(quiet=quiet) as progress, redirect_stdout(sys.stderr):
        found = quantize(
            package,
            read,
            max_drop=max_drop,
            out=out or Path(),
            metric=metric,
            output=output,
            exact=exact,
            force=force,
            progress=progress,
        )
    if not quiet:
        print_quantized(found)
