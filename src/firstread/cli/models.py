"""`firstread models`: which networks are here, what they cost, and how they are made."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from firstread.cli.read import INTERRUPTED, Threads

if TYPE_CHECKING:
    from firstread.engine import ModelPackage
    from firstread.engine.bench import Bench
    from firstread.engine.precision_choice import PrecisionChoice
    from firstread.progress import Progress
    from firstread.settings import Settings

DAMAGED = 5

Name = Annotated[
    str,
    typer.Argument(help="Name of a model package, as `firstread models list` shows it.", show_default=False),
]
Models = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Folder that is searched for model packages first. Default: the setting `models`, then the shipped ones.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the same as JSON.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the files that OUT holds.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print no table, draw no bars.")]

models = typer.Typer(
    help="List, profile and time the networks.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@models.command("list")
def list_(models: Models = None, as_json: AsJson = False) -> None:
    """List the model packages that are found: version, task, precisions, digest, folder; what auto takes here, and why.

    Each is verified. Of two of one name the first on the search path is taken.

    \b
    Examples
      firstread models list
      firstread models list --json | jq -r '.[].digest'

    Exit codes: 0 all are whole, 5 one is damaged.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.cli.inventory import list_models
    from firstread.cli.models_tables import print_list

    listed = list(list_models(_settings(models)))
    if as_json:
        print(json.dumps([one.model_dump(mode="json") for one in listed], indent=1))
    else:
        print_list(listed)
    if any(one.fault for one in listed):
        raise typer.Exit(DAMAGED)


@models.command()
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
    from firstread.cli.models_tables import print_profile
    from firstread.cli.profile_picture import profile_picture
    from firstread.engine import cpu, find_package
    from firstread.engine.profiling import profile_network
    from firstread.evaluation.output import check_output, write_output

    settings = _settings(models)
    if out is not None:
        check_output(out, ("profile.json", "profile.svg"), replace=force)
    package = find_package(name, settings=settings)
    granted = cpu.granted(override=threads if threads is not None else settings.threads)
    with _progress(quiet=quiet) as progress:
        found = profile_network(package, precision=precision or "f32", granted=granted, progress=progress)
    files = {"profile.json": found.model_dump_json(indent=1) + "\n", "profile.svg": profile_picture(found)}
    written = write_output(out, files) if out is not None else ()
    if not quiet:
        print_profile(found, top=top, written=written)


@models.command()
def bench(
    name: Name,
    seconds: Annotated[
        float,
        typer.Option(
            min=0.0, max=600.0, help="Seconds of measuring, for each precision, streams and threads."
        ),
    ] = 1.0,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1024,
            help="The most threads to use. Default: the setting `threads`, else the cores granted to this process; "
            "never more than these.",
            show_default=False,
        ),
    ] = None,
    remember: Annotated[
        bool,
        typer.Option(
            "--remember", help="From now on let the precision auto take what was fastest here, on one stream."
        ),
    ] = False,
    models: Models = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Draw no bar.")] = False,
) -> None:
    """Time a network by number of streams and threads, in each precision: latency, and tiles a second.

    A stream works on one tile; the threads are those of all streams together. A read has one stream on all threads.
    Latency is that of one tile with nothing else running; loaded: with all streams busy and one more tile waiting.

    \b
    Examples
      firstread models bench lung_nodule_detector
      firstread models bench lung_nodule_detector --seconds 5 --json > bench.json
      firstread models bench lung_nodule_detector --remember

    Measure on an idle machine.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.cli.models_tables import print_bench
    from firstread.engine import cpu, find_package
    from firstread.engine.bench import bench_package
    from firstread.errors import UsageError

    settings = _settings(models)
    package = find_package(name, settings=settings)
    granted = cpu.granted()
    if threads is not None and threads > granted.threads:
        raise UsageError(
            f"{threads} threads are more than the {granted.threads} that this process was granted ({granted.limit}).",
            remedy=f"Take at most {granted.threads}.",
        )
    most = threads or min(settings.threads or granted.threads, granted.threads)
    with _progress(quiet=quiet or as_json) as progress:
        found = bench_package(package, granted=granted, threads=most, seconds=seconds, progress=progress)
    choice = _remember(package, found, settings) if remember and len(package.precisions) > 1 else None
    if as_json:
        print(found.model_dump_json(indent=1))
    else:
        print_bench(found, choice)


def _remember(package: "ModelPackage", bench: "Bench", settings: "Settings") -> "PrecisionChoice":
    """Keep the times of a read's configuration as what the precision auto goes by."""
    from firstread.engine.precision_choice import CHOICES, PrecisionChoice, PrecisionChoices
    from firstread.errors import FirstreadError

    rows = {precision: bench.as_read(precision) for precision in package.precisions}
    times = {precision: row.latency_s for precision, row in rows.items()}
    choice = PrecisionChoice.of(package, times, threads=rows["f32"].threads)
    problem = PrecisionChoices(settings.cache_dir / CHOICES).remember(choice)
    if problem is not None:
        raise FirstreadError(
            f"The choice was not remembered: {problem}.", remedy="Correct it, or set FIRSTREAD_CACHE_DIR."
        )
    return choice


@contextmanager
def _progress(*, quiet: bool) -> "Iterator[Progress]":
    """Yield a progress callback; Ctrl-C inside ends the command with nothing written."""
    from firstread.cli.progress_bars import progress_bars

    try:
        with progress_bars(shown=not quiet) as progress:
            yield progress
    except KeyboardInterrupt:
        print("firstread: stopped; nothing was written.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None


def _settings(models: Path | None) -> "Settings":
    """Return the settings with a folder put before those that are searched."""
    from firstread.engine.packages import MANIFEST
    from firstread.errors import UsageError
    from firstread.settings import load_settings

    settings = load_settings()
    if models is None:
        return settings
    if not any(models.glob(f"*/{MANIFEST}")):
        raise UsageError(
            f"{models} holds no model package.", remedy="Name the folder in which the packages' folders lie."
        )
    return settings.model_copy(update={"models": (models, *settings.models)})
