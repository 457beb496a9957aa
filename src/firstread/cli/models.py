"""`firstread models`: which networks are here, what they cost, and how they are made."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from firstread.cli.evaluate import Force, Models, Quiet
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
AsJson = Annotated[bool, typer.Option("--json", help="Print the same as JSON.")]
PackagesOut = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Folder in which the package's folder is made. Default: here.",
        show_default=False,
    ),
]

models = typer.Typer(
    help="List, profile, time, convert and quantise the networks.",
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


@models.command()
def convert(
    source: Annotated[
        Path,
        typer.Argument(help="ONNX file, TorchScript file, or folder of a MONAI Bundle.", show_default=False),
    ],
    name: Annotated[
        str | None,
        typer.Option(
            help="Name of the package: lower-case letters, digits, _. Default: that of SOURCE.",
            show_default=False,
        ),
    ] = None,
    out: PackagesOut = None,
    task: Annotated[
        Literal["segmentation", "detection", "candidate"] | None,
        typer.Option(help="What the network is for. Default: what a bundle tells.", show_default=False),
    ] = None,
    spacing_mm: Annotated[
        tuple[float, float, float] | None,
        typer.Option(
            metavar="Z Y X",
            help="Spacing of the voxels that it was trained on, mm. Needed, but for a bundle that holds a detector.",
            show_default=False,
        ),
    ] = None,
    patch: Annotated[
        tuple[int, int, int] | None,
        typer.Option(
            metavar="Z Y X",
            help="Tile that the network sees, voxels. Default: the shape that it was exported with.",
            show_default=False,
        ),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=4096, help="Samples a run.")] = 1,
    window_hu: Annotated[
        tuple[float, float] | None,
        typer.Option(
            metavar="LOW HIGH",
            help="HU that are clipped to and scaled, inside the graph. Default: the network takes HU.",
            show_default=False,
        ),
    ] = None,
    scaled_to: Annotated[
        tuple[float, float],
        typer.Option(
            metavar="LOW HIGH", help="What the ends of the window become. Default: 0 1.", show_default=False
        ),
    ] = (0.0, 1.0),
    axes: Annotated[
        str | None,
        typer.Option(
            metavar="LETTERS",
            help="Directions in which the network's three axes grow: one each of S or I, P or A, L or R; MONAI: RAS. "
            "Default: SPL, as firstread has them.",
            show_default=False,
        ),
    ] = None,
    outputs: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Names for the outputs, in order, comma-separated. Default: theirs.",
            show_default=False,
        ),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(help="Version of the package. Default: the bundle's, else 1.0.0.", show_default=False),
    ] = None,
    reader: Annotated[str, typer.Option(help="Reader that it is for.")] = "unassigned",
    licence: Annotated[
        str, typer.Option(help="SPDX identifier of the weights' licence.")
    ] = "LicenseRef-unknown",
    intended_use: Annotated[
        str | None,
        typer.Option(
            help="What it may be used for. Default: the bundle's words, else none.", show_default=False
        ),
    ] = None,
    sha256: Annotated[
        str | None,
        typer.Option(
            metavar="HEX", help="What the digest of the network's file must be.", show_default=False
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a package that is there.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")] = False,
) -> None:
    """Make a model package of a network that was exported as ONNX, as TorchScript, or as a MONAI Bundle.

    ONNX needs nothing more; TorchScript needs the extra `convert`. Pickles (.pt, .pth, .ckpt) are never opened, but
    for the weights of a bundle's RetinaNet, which are read as weights only.

    \b
    Examples
      firstread models convert net.onnx --task segmentation --spacing-mm 1 1 1 --window-hu -1000 400
      firstread models convert net.ts --name nodules --task detection --spacing-mm 1 1 1 --patch 96 96 96
      firstread models convert spleen_ct_segmentation --axes RAS --spacing-mm 2 1.5 1.5 --window-hu -57 164
      firstread models convert lung_nodule_ct_detection --name lung_nodule_detector --patch 160 256 192

    Exit codes: 0 made, 2 usage, 4 the network cannot be taken, 5 internal or PyTorch is missing.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.engine.conversion import Facts, convert

    facts = Facts(
        name=name or _package_name(source),
        task=task,
        spacing_mm=spacing_mm,
        version=version,
        reader=reader,
        licence=licence,
        intended_use=intended_use,
        patch=patch,
        batch=batch,
        window_hu=window_hu,
        scaled_to=scaled_to,
        axes=axes,
        outputs=tuple(outputs.split(",")) if outputs else None,
    )
    with _progress(quiet=quiet) as progress:
        package = convert(source, facts, out=out or Path(), sha256=sha256, force=force, progress=progress)
    if not quiet:
        from firstread.cli.models_tables import print_package

        print_package(package)


@models.command()
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

    Exit codes: 0 made, 2 usage, 4 the accuracy does not hold, 5 internal or NNCF is missing.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.cli.models_tables import print_quantized
    from firstread.engine import find_package
    from firstread.engine.quantization import quantize, read_samples
    from firstread.errors import UsageError

    if samples is None:
        raise UsageError(
            "A network is quantised with samples of what it will see.", remedy="Name them with --data."
        )
    package = find_package(name, settings=_settings(models))
    read = read_samples(samples, package)
    # NNCF draws bars of its own on standard output.
    with _progress(quiet=quiet) as progress, redirect_stdout(sys.stderr):
        found = quantize(
            package,
            read,
            max_drop=max_drop,
            out=out or Path(),
            metric=metric,
            output=output,
            force=force,
            progress=progress,
        )
    if not quiet:
        print_quantized(found)


def _package_name(source: Path) -> str:
    """Return a package's name that is like that of a file or folder."""
    path = source.resolve()
    words = (path.name if path.is_dir() else path.stem).lower()
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in words).lstrip(
        "_0123456789"
    )


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
