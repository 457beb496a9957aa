"""`firstread models profile`: the time of every layer."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from firstread.cli.evaluate import Force, Models, Quiet
from firstread.cli.models.options import Name, settings_with, shown_progress
from firstread.cli.read import Threads


def profile(
    name: Name,
    precision: Annotated[
        Literal["f32", "int8"] | None,
        typer.Option(help="Which network of the package. Default: f32.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for profile.json and profile.svg. Default: none.", show_default=False),
    ] = None,
    top: Annotated[int, typer.Option(min=0, help="Layers to print, slowest first; 0: all.")] = 15,
    models: Models = None,
    threads: Threads = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Time every layer of a network: milliseconds, share, kernel, and the precision that it ran in.

    The network runs on noise, one tile at a time, as in a read. How much of the wall time the layers account for is
    told; the rest passes between them.

    \b
    Examples
      firstread models profile lung_nodule_detector
      firstread models profile lung_nodule_detector --precision int8 --out profile
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.cli.models.profile_picture import profile_picture
    from firstread.cli.models.tables import print_profile
    from firstread.engine import cpu, find_package
    from firstread.engine.profiling import profile_network
    from firstread.evaluation.output import check_output, write_output

    settings = settings_with(models)
    if out is not None:
        check_output(out, ("profile.json", "profile.svg"), replace=force)
    package = find_package(name, settings=settings)
    granted = cpu.granted(override=threads if threads is not None else settings.threads)
    with shown_progress(quiet=quiet) as progress:
        found = profile_network(package, precision=precision or "f32", granted=granted, progress=progress)
    files = {"profile.json": found.model_dump_json(indent=1) + "\n", "profile.svg": profile_picture(found)}
    written = write_output(out, files) if out is not None else ()
    if not quiet:
        print_profile(found, top=top, written=written)
