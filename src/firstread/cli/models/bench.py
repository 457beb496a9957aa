"""`firstread models bench`: latency and throughput by streams, threads and precision."""

from typing import TYPE_CHECKING, Annotated

import typer

from firstread.cli.evaluate import Models
from firstread.cli.models.options import AsJson, Name, settings_with, shown_progress

if TYPE_CHECKING:
    from firstread.engine import ModelPackage
    from firstread.engine.bench import Bench
    from firstread.engine.precision_choice import PrecisionChoice
    from firstread.settings import Settings


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
    from firstread.cli.models.tables import print_bench
    from firstread.engine import cpu, find_package
    from firstread.engine.bench import bench_package
    from firstread.errors import UsageError

    settings = settings_with(models)
    package = find_package(name, settings=settings)
    granted = cpu.granted()
    if threads is not None and threads > granted.threads:
        raise UsageError(
            f"{threads} threads are more than the {granted.threads} that this process was granted ({granted.limit}).",
            remedy=f"Take at most {granted.threads}.",
        )
    most = threads or min(settings.threads or granted.threads, granted.threads)
    with shown_progress(quiet=quiet or as_json) as progress:
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
