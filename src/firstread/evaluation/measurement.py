"""`firstread evaluate measurement`: diameters and volumes against the mean of the readers (Bland and Altman 1986).

Beside it stands how far each reader is from the mean of the others: nobody should be asked to agree with readers
better than they do with each other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from firstread.evaluation.marks import Mark, Nodule, Point
from firstread.evaluation.pairs import Pair, ReadScans
from firstread.evaluation.record import Run
from firstread.evaluation.statistics import Estimate, Floats, Value, mean, median, share
from firstread.evaluation.strata import size_class
from firstread.findings import Finding

ALL_SIZES = "all"
_LIMITS = 1.96
"""Standard deviations to the limits of agreement."""


@dataclass(frozen=True)
class Quantity:
    """Something that firstread and readers both measure."""

    name: str
    unit: str
    finding: Callable[[Finding], float | None]
    mark: Callable[[Mark], float | None]


QUANTITIES = (
    Quantity(
        "long diameter", "mm", lambda f: f.diameter_mm.long if f.diameter_mm else None, lambda m: m.long_mm
    ),
    Quantity(
        "mean diameter", "mm", lambda f: f.diameter_mm.mean if f.diameter_mm else None, lambda m: m.mean_mm
    ),
    Quantity(
        "sphere diameter",
        "mm",
        lambda f: float(np.cbrt(6 / np.pi * f.volume_mm3)) if f.volume_mm3 else None,
        lambda m: m.sphere_mm if m.volume_mm3 else None,
    ),
    Quantity("volume", "mm3", lambda f: f.volume_mm3, lambda m: m.volume_mm3),
)


class Compared(Value):
    """One nodule, one quantity."""

    scan: str
    center_lps_mm: Point
    size: str
    quantity: str
    value: float
    readers_mean: float
    readers: tuple[float, ...]


class ReaderCompared(Value):
    """One reader's value beside the mean of the others'."""

    scan: str
    size: str
    quantity: str
    value: float
    others_mean: float


class Agreement(Value):
    """How values agree with a reference: differences are value minus reference."""

    quantity: str
    unit: str
    size: str = Field(description="size class by the readers' mean sphere, or all")
    by: str = Field(description="firstread, or one reader against the mean of the others")
    bias: Estimate = Field(description="mean difference")
    limits_of_agreement: tuple[float, float] | None = Field(
        description="bias ± 1.96 standard deviations of the differences; None for fewer than three"
    )
    mean_absolute_error: Estimate
    median_relative_error: Estimate = Field(description="median of |difference| / reference")


class MeasurementReport(Run):
    """`measurement.json`: the record and the figures."""

    found: Estimate = Field(
        description="nodules that were found, of those that count: only they are measured"
    )
    agreement: tuple[Agreement, ...]
    values: tuple[Compared, ...]
    readers_values: tuple[ReaderCompared, ...]


def measurement_report(read: ReadScans, *, least_readers: int, command: str = "") -> MeasurementReport:
    """Compare what was measured with what readers measured."""
    ours: list[tuple[str, Compared]] = []
    theirs: list[tuple[str, ReaderCompared]] = []
    for pair in read.pairs:
        for quantity in QUANTITIES:
            values = pair.nodule.measured(quantity.mark) or _place_and_size(pair.nodule, quantity)
            ours += [(pair.patient, one) for one in _compared(pair, quantity, values)]
            theirs += [(pair.patient, one) for one in _readers(pair, quantity, values)]
    sizes = [
        ALL_SIZES,
        *dict.fromkeys(one.size for _, one in sorted(ours, key=lambda row: row[1].readers_mean)),
    ]
    rows = []
    for quantity in QUANTITIES:
        for size in sizes:
            mine = [
                row for row in ours if row[1].quantity == quantity.name and size in (ALL_SIZES, row[1].size)
            ]
            other = [
                row for row in theirs if row[1].quantity == quantity.name and size in (ALL_SIZES, row[1].size)
            ]
            if mine:
                pairs = [(patient, one.value, one.readers_mean) for patient, one in mine]
                rows.append(agreement(pairs, quantity, size=size, by="firstread"))
            if other:
                pairs = [(patient, one.value, one.others_mean) for patient, one in other]
                rows.append(agreement(pairs, quantity, size=size, by="reader"))
    return MeasurementReport(
        command=command,
        models=read.models,
        least_readers=least_readers,
        scans=read.scans,
        warnings=read.warnings,
        found=share([pair.finding is not None for pair in read.pairs], [pair.patient for pair in read.pairs]),
        agreement=tuple(rows),
        values=tuple(one for _, one in ours),
        readers_values=tuple(one for _, one in theirs),
    )


def agreement(
    rows: Sequence[tuple[str, float, float]], quantity: Quantity, *, size: str = ALL_SIZES, by: str
) -> Agreement:
    """Summarise rows of patient, value and reference.

    Args:
        rows: At least one.
        quantity: What was measured.
        size: Of which class of nodules.
        by: Who measured.
    """
    patients = [patient for patient, _, _ in rows]
    values, reference = (np.array([row[column] for row in rows], float) for column in (1, 2))
    difference: Floats = values - reference
    spread = _LIMITS * float(difference.std(ddof=1)) if len(rows) > 2 else None
    bias = float(difference.mean())
    return Agreement(
        quantity=quantity.name,
        unit=quantity.unit,
        size=size,
        by=by,
        bias=mean(difference, patients),
        limits_of_agreement=None if spread is None else (bias - spread, bias + spread),
        mean_absolute_error=mean(np.abs(difference), patients),
        median_relative_error=median(np.abs(difference) / reference, patients),
    )


def _place_and_size(nodule: Nodule, quantity: Quantity) -> tuple[float, ...]:
    """Return the diameter of a list that gives nothing else (LUNA16); it is that of the readers' mean sphere."""
    return (nodule.diameter_mm,) if quantity.name == "sphere diameter" and not nodule.marks else ()


def _compared(pair: Pair, quantity: Quantity, values: tuple[float, ...]) -> list[Compared]:
    measured = quantity.finding(pair.finding) if pair.finding else None
    if measured is None or not values:
        return []
    return [
        Compared(
            scan=pair.scan,
            center_lps_mm=pair.nodule.center_lps_mm,
            size=size_class(pair.nodule.diameter_mm),
            quantity=quantity.name,
            value=measured,
            readers_mean=float(np.mean(values)),
            readers=values,
        )
    ]


def _readers(pair: Pair, quantity: Quantity, values: tuple[float, ...]) -> list[ReaderCompared]:
    if len(values) < 2:
        return []
    return [
        ReaderCompared(
            scan=pair.scan,
            size=size_class(pair.nodule.diameter_mm),
            quantity=quantity.name,
            value=value,
            others_mean=(sum(values) - value) / (len(values) - 1),
        )
        for value in values
    ]
