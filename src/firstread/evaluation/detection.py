"""`firstread evaluate froc`: the reader's candidates on annotated scans, scored by the rules of LUNA16."""

import csv
import io
from dataclasses import dataclass

from firstread.dicom.series import Study
from firstread.engine import Engine
from firstread.evaluation.froc import Froc, Scored, ScoredScan, Truth, froc
from firstread.evaluation.marks import LEAST_READERS
from firstread.evaluation.record import Run, Scan, uses
from firstread.evaluation.run import described, each_scan
from firstread.evaluation.scans import AnnotatedScan, FoundScans
from firstread.evaluation.strata import labels
from firstread.progress import Progress, silent
from firstread.readers.lung_nodule.propose import Networks, propose

SUBMISSION_COLUMNS = ("seriesuid", "coordX", "coordY", "coordZ", "probability")
"""Of a list of candidates, as LUNA16's evaluation script reads it."""


class FrocReport(Run):
    """`froc.json`: the record and the figures."""

    threshold: float
    froc: Froc


@dataclass(frozen=True)
class DetectionResult:
    """The report, and every candidate of every scan."""

    report: FrocReport
    scans: tuple[ScoredScan, ...]


def evaluate_detection(
    found: FoundScans,
    engine: Engine,
    *,
    threshold: float | None = None,
    least_readers: int = LEAST_READERS,
    least_radius_mm: float = 0.0,
    command: str = "",
    progress: Progress = silent,
) -> DetectionResult:
    """Propose nodules on every scan and score them.

    Args:
        found: The scans.
        engine: Runs the networks.
        threshold: Probability of the operating point to report; None takes the package's, for the precision that ran.
        least_readers: Nodules that fewer marked are ignored.
        least_radius_mm: Nodules count as at least this large for a hit; 0 is LUNA16's rule.
        command: For the record.
        progress: Called with the stage "studies" and those of a read.

    Raises:
        NothingReadable: no scan could be read.
        ModelPackageError: the networks cannot be used.
    """
    networks = Networks.of(engine)

    def work(scan: AnnotatedScan, study: Study) -> tuple[ScoredScan, Scan]:
        proposal = propose(study, engine, every=True, progress=progress)
        series, geometry = proposal.choice.series, proposal.volume.geometry
        nodules = [
            Truth(
                nodule.center_lps_mm,
                nodule.diameter_mm,
                nodule.agreed(least_readers),
                labels(nodule, series, geometry, proposal.lungs),
            )
            for nodule in scan.truth.nodules
        ]
        ignored = [Truth(place, diameter_mm, counts=False) for place, diameter_mm in scan.truth.ignored]
        candidates = [Scored(one.candidate.center_lps_mm, one.probability) for one in proposal.judged]
        scored = ScoredScan(scan.name, candidates, [*nodules, *ignored], scan.patient(series))
        return scored, described(scan, series, proposal.volume, least_readers=least_readers)

    kept, warnings = each_scan(found, work, progress=progress)
    scans = tuple(scored for scored, _ in kept)
    point = networks.weights.threshold if threshold is None else threshold
    report = FrocReport(
        command=command,
        models=uses(networks.all),
        least_readers=least_readers,
        scans=tuple(scan for _, scan in kept),
        warnings=warnings,
        threshold=point,
        froc=froc(scans, threshold=point, least_radius_mm=least_radius_mm),
    )
    return DetectionResult(report, scans)


def candidates_csv(result: DetectionResult) -> str:
    """Return every candidate as the CSV that LUNA16's evaluation script reads."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(SUBMISSION_COLUMNS)
    for scan, told in zip(result.scans, result.report.scans, strict=True):
        for one in scan.candidates:
            place = [f"{value:.3f}" for value in one.center_lps_mm]
            writer.writerow([told.series_uid, *place, f"{one.score:.6f}"])
    return stream.getvalue()
