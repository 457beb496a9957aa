"""Findings of a read beside the nodules that readers marked: what measurement and attributes are compared on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firstread.dicom.series import Study
from firstread.engine import Engine
from firstread.evaluation.marks import LEAST_READERS, Nodule
from firstread.evaluation.record import Scan
from firstread.evaluation.run import described, each_scan
from firstread.evaluation.scans import AnnotatedScan, FoundScans
from firstread.findings import Finding, ModelUse
from firstread.progress import Progress, silent
from firstread.readers.lung_nodule import LungNoduleReader


@dataclass(frozen=True)
class Pair:
    """A nodule that counts, and the finding on it; None where it was missed."""

    scan: str
    patient: str
    nodule: Nodule
    finding: Finding | None


@dataclass(frozen=True)
class ReadScans:
    """What reading the scans gave."""

    pairs: tuple[Pair, ...]
    scans: tuple[Scan, ...]
    models: tuple[ModelUse, ...]
    warnings: tuple[str, ...]


def paired(
    nodules: Sequence[Nodule], findings: Sequence[Finding], *, least_radius_mm: float = 0.0
) -> list[Finding | None]:
    """Give each nodule the finding nearest to its centre within its radius; no finding to two nodules."""
    near = sorted(
        (away, n, f)
        for n, nodule in enumerate(nodules)
        for f, finding in enumerate(findings)
        if (away := float(np.linalg.norm(np.subtract(finding.center_lps_mm, nodule.center_lps_mm))))
        <= max(nodule.diameter_mm / 2, least_radius_mm)
    )
    given: dict[int, int] = {}
    for _, n, f in near:
        if n not in given and f not in given.values():
            given[n] = f
    return [findings[given[n]] if n in given else None for n in range(len(nodules))]


def read_scans(
    found: FoundScans,
    engine: Engine,
    *,
    least_readers: int = LEAST_READERS,
    least_radius_mm: float = 0.0,
    progress: Progress = silent,
) -> ReadScans:
    """Read every scan as `firstread read` does and pair its findings with the nodules that count.

    Raises:
        NothingReadable: no scan could be read.
        ModelPackageError: the networks cannot be used.
    """
    reader = LungNoduleReader()

    def work(scan: AnnotatedScan, study: Study) -> tuple[list[Pair], Scan, tuple[ModelUse, ...]]:
        result = reader.read(study, engine, progress=progress)
        series = next(one for one in study.series if one.uid == result.series_uid)
        nodules = [nodule for nodule in scan.truth.nodules if nodule.agreed(least_readers)]
        matched = paired(nodules, result.findings, least_radius_mm=least_radius_mm)
        pairs = [
            # The mask is of no use here, and there may be thousands of scans.
            Pair(scan.name, scan.patient(series), nodule, one and one.model_copy(update={"mask": None}))
            for nodule, one in zip(nodules, matched, strict=True)
        ]
        # Remembered by the study since the read.
        volume = study.volume(series)
        return pairs, described(scan, series, volume, least_readers=least_readers), result.models

    kept, warnings = each_scan(found, work, progress=progress)
    return ReadScans(
        pairs=tuple(pair for pairs, _, _ in kept for pair in pairs),
        scans=tuple(scan for _, scan, _ in kept),
        models=kept[0][2],
        warnings=warnings,
    )
