"""What the terminal shows after an evaluation."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from firstread.evaluation.attributes import AttributesReport
from firstread.evaluation.detection import FrocReport
from firstread.evaluation.froc import AtRate
from firstread.evaluation.measurement import Agreement, MeasurementReport
from firstread.evaluation.record import RESEARCH_USE, Run
from firstread.evaluation.segmentation import SegmentationReport
from firstread.evaluation.statistics import Estimate

NOTHING = "–"
_RATES = {0.125: "1/8", 0.25: "1/4", 0.5: "1/2"}


def print_froc(report: FrocReport, written: Sequence[Path], *, console: Console | None = None) -> None:
    """Print the sensitivities, the tables by kind of nodule, and what was written."""
    console = console or Console()
    result = report.froc
    _begin(console, report)
    console.print(
        Text(
            f"{result.scans} scans of {result.patients} patients, {result.nodules_that_count} nodules of "
            f"{report.least_readers} or more readers, {result.nodules_ignored} others ignored, "
            f"{result.candidates} candidates.\n"
        )
    )
    table = _table("FP a scan", "sensitivity", "by patient", "Wilson", "found", "from")
    for rate in result.rates:
        at = _RATES.get(rate.false_positives_a_scan, f"{rate.false_positives_a_scan:g}")
        score = number(rate.threshold, 3)
        table.add_row(*_cells(at, rate.sensitivity), _found(rate.sensitivity), score)
    table.add_row(*_cells("CPM", result.cpm), "", "")
    console.print(table)
    if point := result.at_threshold:
        console.print(
            Text(
                f"\nOperating point {point.threshold:.3f}: {_found(point.sensitivity)} found, "
                f"{_spread(point.false_positives_a_scan, 2)} false positives a scan."
            )
        )
    if result.strata:
        console.print(
            Text("\nBy kind of nodule, at the false positives of all scans; last at the operating point")
        )
        console.print(_strata(report))
    _end(console, report, written)


def _strata(report: FrocReport) -> Table:
    rates = [rate for rate in report.froc.rates if rate.false_positives_a_scan >= 1]
    names = [f"at {rate.false_positives_a_scan:g}" for rate in rates]
    table = _table("", "", "nodules", *names, "operating", "Wilson", text_columns=2)
    former = ""
    for stratum in report.froc.strata:
        shown = [_at(stratum.rates, rate.false_positives_a_scan) for rate in rates]
        point = stratum.at_threshold
        last = [number(point.value), _limits(point.wilson, 2)] if point else ["", ""]
        label = stratum.label if stratum.label != former else ""
        table.add_row(label, stratum.value, str(stratum.nodules), *shown, *last)
        former = stratum.label
    return table


def _at(rates: Sequence[AtRate], wanted: float) -> str:
    return number(next(r.sensitivity.value for r in rates if r.false_positives_a_scan == wanted))


def print_segmentation(
    report: SegmentationReport, written: Sequence[Path], *, console: Console | None = None
) -> None:
    """Print Dice and the shares of the nodules inside."""
    console = console or Console()
    _begin(console, report)
    table = _table("", "value", "by patient", "Wilson", "n", "least")
    for side, told in report.dice.items():
        known = [v for one in report.dice_by_scan if (v := getattr(one, side)) is not None]
        table.add_row(*_cells(f"Dice, {side}", told, digits=3), f"{told.n} scans", number(min(known), 3))
    for group in report.inside:
        centres, volume = group.centres_inside, group.volume_inside
        table.add_row(
            *_cells(f"centres inside, {group.nodules}", centres, digits=3), f"{centres.n} nodules", NOTHING
        )
        table.add_row(
            *_cells(f"volume inside, {group.nodules}", volume, digits=3),
            f"{volume.n} nodules",
            number(group.least_volume_inside, 3),
        )
    console.print(table)
    if not report.dice:
        console.print(Text("No reference masks: no Dice."))
    _end(console, report, written)


def print_measurement(
    report: MeasurementReport, written: Sequence[Path], *, console: Console | None = None
) -> None:
    """Print bias, limits of agreement and errors."""
    console = console or Console()
    _begin(console, report)
    console.print(Text(f"Found and measured: {_share(report.found)}\n"))
    for quantity in dict.fromkeys(row.quantity for row in report.agreement):
        rows = [row for row in report.agreement if row.quantity == quantity]
        table = _table(
            f"{quantity} ({rows[0].unit.replace('mm3', 'mm³')})", "by", "n", "bias", "limits of agreement",
            "mean |error|", "median |error| / readers", text_columns=2,
        )  # fmt: skip
        for row in rows:
            table.add_row(row.size, row.by, *_agreement(row))
        console.print(table)
        console.print()
    console.print(
        Text("Readers: each against the mean of the others. Differences are against the readers' mean.")
    )
    _end(console, report, written)


def _agreement(row: Agreement) -> list[str]:
    digits = 0 if row.unit == "mm3" else 1
    return [
        str(row.bias.n),
        _spread(row.bias, digits),
        _limits(row.limits_of_agreement, digits),
        _spread(row.mean_absolute_error, digits),
        _spread(row.median_relative_error, 2),
    ]


def print_attributes(
    report: AttributesReport, written: Sequence[Path], *, console: Console | None = None
) -> None:
    """Print agreement, kappa and confusion, then the scores."""
    console = console or Console()
    _begin(console, report)
    console.print(Text(f"Found and compared: {_share(report.found)}\n"))
    console.print(Text("Readers: each against the median (scores: the mean) of the others.\n"))
    if not report.classes and not report.scores:
        console.print(Text("No nodule was found that readers rated."))
    if report.classes:
        table = _table("attribute", "by", "same class", "by patient", "Wilson", "kappa", "n")
        for row in report.classes:
            cells = _cells(row.by, row.agreement)
            table.add_row(row.attribute, *cells, _spread(row.kappa, 2), str(row.agreement.n))
        console.print(table)
    for row in (one for one in report.classes if one.by == "firstread"):
        confusion = _table(f"\n{row.attribute}: readers", *row.classes)
        for name, counts in zip(row.classes, row.confusion, strict=True):
            confusion.add_row(name, *map(str, counts))
        console.print(confusion)
    if report.scores:
        table = _table("\nscore", "by", "rank correlation", "AUC, above 3 against below", "n",
                       text_columns=2)  # fmt: skip
        for score in report.scores:
            correlation, area = _spread(score.rank_correlation, 2), _spread(score.auc, 2)
            table.add_row(score.attribute, score.by, correlation, area, str(score.auc.n))
        console.print(table)
    _end(console, report, written)


def number(value: float | None, digits: int = 2) -> str:
    """Write a number, or a dash for none."""
    if value is None:
        return NOTHING
    text = f"{value:.{digits}f}"
    return (text if float(text) else text.lstrip("-")).replace("-", "\N{MINUS SIGN}")


def _spread(told: Estimate, digits: int) -> str:
    if told.low is None or told.high is None:
        return number(told.value, digits)
    return f"{number(told.value, digits)} ({number(told.low, digits)} to {number(told.high, digits)})"


def _share(told: Estimate) -> str:
    known = f", Wilson {told.wilson[0]:.2f} to {told.wilson[1]:.2f}" if told.wilson else ""
    return f"{_found(told)} nodules{known}"


def _found(told: Estimate) -> str:
    return f"{round((told.value or 0.0) * told.n)} of {told.n}"


def _cells(name: str, told: Estimate, *, digits: int = 2) -> list[str]:
    drawn = None if told.low is None or told.high is None else (told.low, told.high)
    return [name, number(told.value, digits), _limits(drawn, digits), _limits(told.wilson, digits)]


def _limits(limits: tuple[float, float] | None, digits: int) -> str:
    return NOTHING if limits is None else f"{number(limits[0], digits)} to {number(limits[1], digits)}"


def _table(*columns: str, text_columns: int = 1) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index < text_columns else "right")
    return table


def _begin(console: Console, report: Run) -> None:
    console.print(f"[bold]{RESEARCH_USE}[/bold]", highlight=False)
    models = ", ".join(f"{use.name} {use.version} {use.precision}" for use in report.models)
    console.print(Text(f"firstread {report.firstread}; {models}. Intervals are 95 %.", style="dim"))


def _end(console: Console, report: Run, written: Sequence[Path]) -> None:
    console.print()
    for warning in report.warnings:
        console.print(Text(f"Warning: {warning}", style="yellow"))
    for path in written:
        # Not wrapped: a path that is broken over two lines cannot be copied.
        console.print(Text(str(path)), soft_wrap=True)
