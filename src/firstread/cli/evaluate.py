"""`firstread evaluate`: how well the reader does on annotated scans, as tables, JSON and plots."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from firstread.cli.read import INTERRUPTED, Threads

if TYPE_CHECKING:
    from firstread.engine import Engine
    from firstread.evaluation.scans import FoundScans
    from firstread.progress import Progress

Folder = Annotated[
    Path, typer.Argument(help="Folder that holds the DICOM studies, at any depth.", show_default=False)
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="Folder for the files. Default: firstread-evaluation-NAME here, NAME being that of FOLDER.",
        show_default=False,
    ),
]
Annotations = Annotated[
    Path | None,
    typer.Option(
        metavar="CSV",
        help="LUNA16's annotations.csv. Default: the annotations.json beside the slices of each scan.",
        show_default=False,
    ),
]
Excluded = Annotated[
    Path | None,
    typer.Option(
        metavar="CSV",
        help="LUNA16's annotations_excluded.csv: places that count neither way. Only with --annotations.",
        show_default=False,
    ),
]
Unannotated = Annotated[
    Literal["skip", "empty"],
    typer.Option(help="Scans that no annotation mentions: leave them out, or take them as without a nodule."),
]
LeastReaders = Annotated[
    int,
    typer.Option(min=1, help="Readers who must have marked a nodule for it to count; LUNA16: 3 of 4."),
]
LeastRadius = Annotated[
    float,
    typer.Option(
        min=0.0,
        max=20.0,
        metavar="MM",
        help="A hit may be this far from the centre of a nodule that is smaller; mm. 0: LUNA16's rule.",
    ),
]
PrecisionOption = Annotated[
    Literal["auto", "f32", "int8"] | None,
    typer.Option(
        help="Number format of the networks. Default: the setting `precision`, else auto.", show_default=False
    ),
]
Models = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Folder that is searched for model packages first. Default: the setting `models`, then the shipped ones.",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the files that OUT holds.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print no table, draw no bars.")]

evaluate = typer.Typer(
    help="Measure the reader on annotated scans: detection, lungs, measurement, attributes.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@evaluate.command()
def froc(
    folder: Folder,
    out: Out = None,
    annotations: Annotations = None,
    excluded: Excluded = None,
    unannotated: Unannotated = "skip",
    least_readers: LeastReaders = 3,
    least_radius_mm: LeastRadius = 0.0,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Probability of the operating point to report. Default: that of the model package.",
            show_default=False,
        ),
    ] = None,
    precision: PrecisionOption = None,
    models: Models = None,
    threads: Threads = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Measure detection: the sensitivity at 1/8 to 8 false positives a scan, by the rules of LUNA16.

    A candidate hits a nodule within its radius. Nodules of three or more readers count; other marks are ignored. Writes
    froc.json, froc.svg and candidates.csv.

    \b
    Examples
      firstread evaluate froc scans
      firstread evaluate froc luna16 --annotations annotations.csv --excluded annotations_excluded.csv
      firstread evaluate froc scans --least-readers 1 --precision f32 --out f32

    Research use: no clinical validation. Exit codes as those of `firstread read`.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.cli.evaluation_tables import print_froc
    from firstread.evaluation.detection import candidates_csv, evaluate_detection
    from firstread.evaluation.figures import froc_figure
    from firstread.evaluation.output import check_output, write_output

    destination = out or _default_out(folder)
    check_output(destination, ("froc.json", "froc.svg", "candidates.csv"), replace=force)
    with _prepared(
        folder, annotations, excluded, unannotated, precision, models, threads, quiet=quiet
    ) as ready:
        found, engine, progress = ready
        result = evaluate_detection(
            found,
            engine,
            threshold=threshold,
            least_readers=least_readers,
            least_radius_mm=least_radius_mm,
            command=_command(),
            progress=progress,
        )
    written = write_output(
        destination,
        {
            "froc.json": result.report.model_dump_json(indent=1) + "\n",
            "froc.svg": froc_figure(result.report),
            "candidates.csv": candidates_csv(result),
        },
    )
    if not quiet:
        print_froc(result.report, written)


@evaluate.command()
def segmentation(
    folder: Folder,
    out: Out = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder of DICOM Segmentations with the right lungs: Dice is reported against them.",
            show_default=False,
        ),
    ] = None,
    annotations: Annotations = None,
    excluded: Excluded = None,
    unannotated: Unannotated = "skip",
    least_readers: LeastReaders = 3,
    precision: PrecisionOption = None,
    models: Models = None,
    threads: Threads = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Measure the lung masks: Dice against references, and the share of the marked nodules that lie in them.

    Writes segmentation.json.

    \b
    Examples
      firstread evaluate segmentation scans
      firstread evaluate segmentation scans --reference masks --unannotated empty

    Research use: no clinical validation. Exit codes as those of `firstread read`.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.cli.evaluation_tables import print_segmentation
    from firstread.evaluation.output import check_output, write_output
    from firstread.evaluation.segmentation import evaluate_segmentation

    destination = out or _default_out(folder)
    check_output(destination, ("segmentation.json",), replace=force)
    with _prepared(
        folder, annotations, excluded, unannotated, precision, models, threads, quiet=quiet
    ) as ready:
        found, engine, progress = ready
        report = evaluate_segmentation(
            found,
            engine,
            reference=reference,
            least_readers=least_readers,
            command=_command(),
            progress=progress,
        )
    written = write_output(destination, {"segmentation.json": report.model_dump_json(indent=1) + "\n"})
    if not quiet:
        print_segmentation(report, written)


@evaluate.command()
def measurement(
    folder: Folder,
    out: Out = None,
    annotations: Annotations = None,
    excluded: Excluded = None,
    unannotated: Unannotated = "skip",
    least_readers: LeastReaders = 3,
    least_radius_mm: LeastRadius = 0.0,
    precision: PrecisionOption = None,
    models: Models = None,
    threads: Threads = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Measure diameters and volumes against the mean of the readers: bias, limits of agreement, errors.

    Only nodules that were found are measured. Beside it stands each reader against the mean of the others. Writes
    measurement.json, diameter.svg and volume.svg.

    \b
    Examples
      firstread evaluate measurement scans
      firstread evaluate measurement scans --least-readers 1 --out results

    Research use: no clinical validation. Exit codes as those of `firstread read`.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.cli.evaluation_tables import print_measurement
    from firstread.evaluation.figures import bland_altman_figure
    from firstread.evaluation.measurement import measurement_report
    from firstread.evaluation.output import check_output, write_output
    from firstread.evaluation.pairs import read_scans

    destination = out or _default_out(folder)
    check_output(destination, ("measurement.json", "diameter.svg", "volume.svg"), replace=force)
    with _prepared(
        folder, annotations, excluded, unannotated, precision, models, threads, quiet=quiet
    ) as ready:
        found, engine, progress = ready
        read = read_scans(
            found, engine, least_readers=least_readers, least_radius_mm=least_radius_mm, progress=progress
        )
    report = measurement_report(read, least_readers=least_readers, command=_command())
    plots = {
        "diameter.svg": bland_altman_figure(report, quantity="mean diameter")
        or bland_altman_figure(report, quantity="sphere diameter"),
        "volume.svg": bland_altman_figure(report, quantity="volume"),
    }
    written = write_output(
        destination,
        {
            "measurement.json": report.model_dump_json(indent=1) + "\n",
            **{name: plot for name, plot in plots.items() if plot is not None},
        },
    )
    if not quiet:
        print_measurement(report, written)


@evaluate.command()
def attributes(
    folder: Folder,
    out: Out = None,
    annotations: Annotations = None,
    excluded: Excluded = None,
    unannotated: Unannotated = "skip",
    least_readers: LeastReaders = 3,
    least_radius_mm: LeastRadius = 0.0,
    precision: PrecisionOption = None,
    models: Models = None,
    threads: Threads = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Compare what nodules are said to be with the readers' ratings: attenuation, calcification, scores.

    Only nodules that were found are compared. Beside it stands how well readers agree with each other. Writes
    attributes.json.

    \b
    Examples
      firstread evaluate attributes scans

    Research use: no clinical validation. Exit codes as those of `firstread read`.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from firstread.cli.evaluation_tables import print_attributes
    from firstread.evaluation.attributes import attributes_report
    from firstread.evaluation.output import check_output, write_output
    from firstread.evaluation.pairs import read_scans

    destination = out or _default_out(folder)
    check_output(destination, ("attributes.json",), replace=force)
    with _prepared(
        folder, annotations, excluded, unannotated, precision, models, threads, quiet=quiet
    ) as ready:
        found, engine, progress = ready
        read = read_scans(
            found, engine, least_readers=least_readers, least_radius_mm=least_radius_mm, progress=progress
        )
    report = attributes_report(read, least_readers=least_readers, command=_command())
    written = write_output(destination, {"attributes.json": report.model_dump_json(indent=1) + "\n"})
    if not quiet:
        print_attributes(report, written)


@contextmanager
def _prepared(
    folder: Path,
    annotations: Path | None,
    excluded: Path | None,
    unannotated: Literal["skip", "empty"],
    precision: Literal["auto", "f32", "int8"] | None,
    models: Path | None,
    threads: int | None,
    *,
    quiet: bool,
) -> "Iterator[tuple[FoundScans, Engine, Progress]]":
    """Yield the scans, an engine and a progress callback; Ctrl-C inside ends the command with nothing written."""
    from firstread.cli.progress_bars import progress_bars
    from firstread.engine import Engine
    from firstread.engine.packages import MANIFEST
    from firstread.errors import UsageError
    from firstread.evaluation.scans import find_scans

    if models is not None and not any(models.glob(f"*/{MANIFEST}")):
        raise UsageError(
            f"{models} holds no model package.", remedy="Name the folder in which the packages' folders lie."
        )
    try:
        with progress_bars(shown=not quiet) as progress:
            found = find_scans(
                folder,
                annotations=annotations,
                excluded=excluded,
                unannotated_are_empty=unannotated == "empty",
                progress=progress,
            )
            with Engine(threads=threads, precision=precision, models=(models,) if models else ()) as engine:
                yield found, engine, progress
    except KeyboardInterrupt:
        print("firstread: stopped; nothing was written.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None


def _default_out(folder: Path) -> Path:
    return Path(f"firstread-evaluation-{folder.resolve().name or 'scans'}")


def _command() -> str:
    return shlex.join(["firstread", *sys.argv[1:]])
