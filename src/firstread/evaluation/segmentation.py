"""`firstread evaluate segmentation`: the lungs against reference masks, and whether marked nodules lie in them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import Field

from firstread.dicom.choose import choose_series
from firstread.dicom.geometry import Geometry
from firstread.dicom.series import Study
from firstread.engine import Engine
from firstread.evaluation.marks import LEAST_READERS, Point
from firstread.evaluation.record import Run, Scan, uses
from firstread.evaluation.reference_lungs import find_references, read_reference
from firstread.evaluation.run import described, each_scan
from firstread.evaluation.scans import AnnotatedScan, FoundScans
from firstread.evaluation.statistics import Estimate, Value, mean, share
from firstread.progress import Progress, silent
from firstread.readers.lung_nodule.lungs import LEFT, RIGHT, segment_lungs
from firstread.readers.lung_nodule.propose import LUNGS

_STEP_MM = 0.5
"""Between the points that stand for a ball."""

Labels = npt.NDArray[np.uint8]


class LungDice(Value):
    """Overlap of two masks of one scan, 0 to 1 (Dice 1945); None where both are empty."""

    scan: str
    right: float | None
    left: float | None
    both: float | None


class NoduleInLung(Value):
    """Where a marked nodule lies in the lung mask."""

    scan: str
    center_lps_mm: Point
    diameter_mm: float
    readers: int | None
    centre_inside: bool
    volume_inside: float = Field(description="share of the sphere that stands for it, 0 to 1")


class NodulesInLungs(Value):
    """How many marked nodules lie in the lung mask."""

    nodules: str = Field(description="which nodules")
    centres_inside: Estimate
    volume_inside: Estimate = Field(description="mean over the nodules of the share of their volume")
    least_volume_inside: float | None = Field(description="of the nodule that is worst off")


class SegmentationReport(Run):
    """`segmentation.json`: the record and the figures."""

    dice: dict[str, Estimate] = Field(
        description="right, left, both: mean over scans; empty without a reference"
    )
    dice_by_scan: tuple[LungDice, ...]
    inside: tuple[NodulesInLungs, ...]
    nodules: tuple[NoduleInLung, ...]


def dice(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> float | None:
    """Return twice the overlap over the sum of two masks of one shape; None where both are empty."""
    total = int(np.count_nonzero(one)) + int(np.count_nonzero(other))
    return 2 * int(np.count_nonzero(one & other)) / total if total else None


def ball_inside(
    inside: npt.NDArray[np.bool_], geometry: Geometry, center_lps_mm: Point, diameter_mm: float
) -> tuple[bool, float]:
    """Tell whether a ball's centre lies in a mask, and the share of its volume that does.

    Args:
        inside: Mask (slice, row, column).
        geometry: Of the mask.
        center_lps_mm: (x, y, z) of the ball.
        diameter_mm: Of the ball.
    """
    # Points rather than voxels, so that a ball smaller than a slice is still judged by its volume.
    radius = diameter_mm / 2
    count = int(np.ceil(radius / _STEP_MM))
    steps = (np.arange(-count, count) + 0.5) * _STEP_MM
    offsets = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    offsets = offsets[np.linalg.norm(offsets, axis=1) <= radius]
    index = np.rint(geometry.to_index(np.vstack([np.zeros(3), offsets]) + np.array(center_lps_mm))).astype(
        int
    )
    there = np.all((index >= 0) & (index < geometry.shape), axis=1)
    hit = np.zeros(len(index), bool)
    hit[there] = inside[tuple(index[there].T)]
    return bool(hit[0]), float(hit[1:].mean())


def evaluate_segmentation(
    found: FoundScans,
    engine: Engine,
    *,
    reference: Path | None = None,
    least_readers: int = LEAST_READERS,
    command: str = "",
    progress: Progress = silent,
) -> SegmentationReport:
    """Segment the lungs of every scan and compare.

    Args:
        found: The scans.
        engine: Runs the network.
        reference: Folder of DICOM Segmentations with the lungs of some of the scans; None leaves Dice out.
        least_readers: Nodules that as many marked are reported apart.
        command: For the record.
        progress: Called with the stages "studies", "open", "load" and "segment".

    Raises:
        UsageError: the folder of references is missing or holds no segmentation.
        NothingReadable: no scan could be read.
        ModelPackageError: the network cannot be used.
    """
    references: Mapping[str, Path] = find_references(reference) if reference else {}
    network = engine.network(LUNGS)

    def work(scan: AnnotatedScan, study: Study) -> tuple[str, Scan, LungDice | None, list[NoduleInLung]]:
        series = choose_series(study).series
        volume = study.volume(series, threads=engine.threads, progress=progress)
        lungs = segment_lungs(volume, network, progress=progress)
        overlap = None
        if series.uid in references:
            overlap = _overlap(
                scan.name, lungs.labels, read_reference(references[series.uid], volume.geometry)
            )
        inside = lungs.labels > 0
        nodules = []
        for nodule in scan.truth.nodules:
            centre, volume_share = ball_inside(
                inside, volume.geometry, nodule.center_lps_mm, nodule.diameter_mm
            )
            nodules.append(
                NoduleInLung(
                    scan=scan.name,
                    center_lps_mm=nodule.center_lps_mm,
                    diameter_mm=nodule.diameter_mm,
                    readers=nodule.readers,
                    centre_inside=centre,
                    volume_inside=volume_share,
                )
            )
        told = described(scan, series, volume, least_readers=least_readers)
        return scan.patient(series), told, overlap, nodules

    kept, warnings = each_scan(found, work, progress=progress)
    rows = [(patient, nodule) for patient, _, _, nodules in kept for nodule in nodules]
    agreed = [row for row in rows if row[1].readers is None or row[1].readers >= least_readers]
    overlaps = [(patient, overlap) for patient, _, overlap, _ in kept if overlap is not None]
    if references and len(overlaps) < len(kept):
        warnings = (*warnings, f"{len(kept) - len(overlaps)} scans have no reference mask.")
    return SegmentationReport(
        command=command,
        models=uses([network]),
        least_readers=least_readers,
        scans=tuple(scan for _, scan, _, _ in kept),
        warnings=warnings,
        dice=_mean_dice(overlaps) if overlaps else {},
        dice_by_scan=tuple(overlap for _, overlap in overlaps),
        inside=(_inside(f"marked by {least_readers} or more", agreed), _inside("all that were marked", rows)),
        nodules=tuple(nodule for _, nodule in rows),
    )


def _overlap(scan: str, ours: Labels, theirs: Labels) -> LungDice:
    return LungDice(
        scan=scan,
        right=dice(ours == RIGHT, theirs == RIGHT),
        left=dice(ours == LEFT, theirs == LEFT),
        both=dice(ours > 0, theirs > 0),
    )


def _mean_dice(overlaps: Sequence[tuple[str, LungDice]]) -> dict[str, Estimate]:
    told = {}
    for side in ("right", "left", "both"):
        known = [(p, v) for p, one in overlaps if (v := getattr(one, side)) is not None]
        told[side] = mean([value for _, value in known], [patient for patient, _ in known])
    return told


def _inside(which: str, rows: Sequence[tuple[str, NoduleInLung]]) -> NodulesInLungs:
    patients = [patient for patient, _ in rows]
    shares = [nodule.volume_inside for _, nodule in rows]
    return NodulesInLungs(
        nodules=which,
        centres_inside=share([nodule.centre_inside for _, nodule in rows], patients),
        volume_inside=mean(shares, patients),
        least_volume_inside=min(shares, default=None),
    )
