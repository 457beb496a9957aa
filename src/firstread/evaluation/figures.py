"""The plots of an evaluation: the FROC curve, and Bland and Altman's plot."""

import math

from firstread.evaluation.detection import FrocReport
from firstread.evaluation.froc import RATES
from firstread.evaluation.measurement import ALL_SIZES, MeasurementReport
from firstread.evaluation.plot import Plot, even_ticks
from firstread.evaluation.record import RESEARCH_USE

OURS, READERS = "#1d5fa8", "#a3acb6"
_RATE_NAMES = ("1/8", "1/4", "1/2", "1", "2", "4", "8", "16")


def froc_figure(report: FrocReport) -> str:
    """Return the FROC curve with the band of its 95 % interval and the operating point, as SVG."""
    froc = report.froc
    precision = ", ".join(f"{use.name} {use.precision}" for use in report.models)
    plot = Plot(
        title=f"FROC: {froc.nodules_that_count} nodules in {froc.scans} scans",
        subtitle=f"firstread {report.firstread}; {precision}",
        x_label="false positives a scan",
        y_label="sensitivity",
        x=(RATES[0], 16.0),
        y=(0.0, 1.0),
        footer=f"{RESEARCH_USE} Band: 95 % interval, patients drawn anew.",
        scale_x=math.log2,
    )
    rates = [2.0**k for k in range(-3, 5)]
    plot.ticks(x=list(zip(rates, _RATE_NAMES, strict=True)), y=even_ticks(0.0, 1.0, about=5))
    low, middle, high = [], [], []
    for rate in froc.curve:
        told, at = rate.sensitivity, rate.false_positives_a_scan
        if told.value is None:
            continue
        middle.append((at, told.value))
        if told.low is not None and told.high is not None:
            low.append((at, told.low))
            high.append((at, told.high))
    if low:
        plot.band(low, high, colour=OURS)
    if middle:
        plot.line(middle, colour=OURS)
    point = froc.at_threshold
    if point and point.sensitivity.value is not None and point.false_positives_a_scan.value is not None:
        # Fewer than 1/8 a scan lies left of the axis: it is drawn on it.
        at = min(max(point.false_positives_a_scan.value, RATES[0]), 16.0)
        plot.dots([(at, point.sensitivity.value)], colour=OURS, radius=6)
        over = point.sensitivity.value > 0.9
        side = "end" if at > 2 else "start"
        plot.note(
            (at * (0.92 if side == "end" else 1.08), point.sensitivity.value - (0.055 if over else -0.03)),
            f"threshold {point.threshold:.3g}",
            anchor=side,
        )
    return plot.svg()


def bland_altman_figure(report: MeasurementReport, *, quantity: str) -> str | None:
    """Return the differences over the means with bias and limits of agreement, as SVG; None without a value.

    Args:
        report: Of `measurement_report`.
        quantity: Name of one of `measurement.QUANTITIES`.
    """
    ours = [one for one in report.values if one.quantity == quantity]
    readers = [one for one in report.readers_values if one.quantity == quantity]
    row = next(
        (
            one
            for one in report.agreement
            if (one.quantity, one.size, one.by) == (quantity, ALL_SIZES, "firstread")
        ),
        None,
    )
    if row is None or row.bias.value is None:
        return None
    dots = [((one.value + one.readers_mean) / 2, one.value - one.readers_mean) for one in ours]
    grey = [((one.value + one.others_mean) / 2, one.value - one.others_mean) for one in readers]
    lines = {"bias": row.bias.value}
    if row.limits_of_agreement:
        lines |= {"−1.96 SD": row.limits_of_agreement[0], "+1.96 SD": row.limits_of_agreement[1]}
    right = 1.12 * max(x for x, _ in [*dots, *grey])
    reach = 1.15 * max(*(abs(y) for _, y in [*dots, *grey]), *map(abs, lines.values()), 0.5)
    unit = row.unit.replace("mm3", "mm³")
    plot = Plot(
        title=f"{quantity.capitalize()}: firstread against the mean of the readers",
        subtitle=f"{len(ours)} nodules; grey: each reader against the mean of the others",
        x_label=f"mean of the two ({unit})",
        y_label=f"difference ({unit})",
        x=(0.0, right),
        y=(-reach, reach),
        footer=RESEARCH_USE,
    )
    plot.ticks(x=even_ticks(0.0, right), y=even_ticks(-reach, reach))
    plot.dots(grey, colour=READERS, radius=3)
    for name, value in lines.items():
        plot.line([(0.0, value), (right, value)], colour=OURS, dashed=name != "bias")
        plot.note(
            (right, value + 0.02 * reach),
            f"{name}: {value:+.1f}".replace("-", "−"),
            colour=OURS,
            anchor="end",
        )
    plot.dots(dots, colour=OURS, radius=5)
    return plot.svg()
