"""Findings, nodules and reads, made by hand."""

from collections.abc import Sequence

from firstread.evaluation.marks import Mark, Nodule, merge
from firstread.evaluation.pairs import Pair, ReadScans
from firstread.findings import Attribute, Diameters, Finding, Measurement, concepts


def finding(
    x: float = 0.0,
    *,
    long: float = 10.0,
    short: float = 8.0,
    volume_mm3: float = 400.0,
    attenuation: str = "solid",
    measurements: Sequence[Measurement] = (),
    attributes: Sequence[Attribute] = (),
) -> Finding:
    return Finding(
        id="N1",
        concept=concepts.NODULE,
        probability=0.9,
        site=concepts.LUNG,
        center_lps_mm=(x, 0.0, 0.0),
        size_mm=(10.0, 10.0, 10.0),
        diameter_mm=Diameters(long=long, short=short, mean=(long + short) / 2),
        volume_mm3=volume_mm3,
        attenuation=attenuation,
        measurements=tuple(measurements),
        attributes=tuple(attributes),
        sop_instance_uid="1.2.3",
        tracking_uid="1.2.4",
    )


def marked(*marks: dict) -> Nodule:
    """A nodule at x = 0 that each mark describes."""
    given = [{"long_mm": 10.0, **mark} for mark in marks]
    (nodule,) = merge([Mark((0.0, 0.0, 0.0), **mark) for mark in given])
    return nodule


def read_of(*pairs: tuple[Nodule, Finding | None]) -> ReadScans:
    """A read in which every pair is of another patient."""
    made = [Pair(f"s{n}", f"p{n}", nodule, found) for n, (nodule, found) in enumerate(pairs)]
    return ReadScans(pairs=tuple(made), scans=(), models=(), warnings=())
