"""One scan after the other through the reader; one that cannot be read is told of and does not stop the others."""

from collections.abc import Callable
from typing import TypeVar

from firstread.dicom.series import Series, Study
from firstread.dicom.volume import Volume
from firstread.errors import Cancelled, FirstreadError, ModelPackageError, NothingReadable
from firstread.evaluation.record import Scan
from firstread.evaluation.scans import AnnotatedScan, FoundScans
from firstread.progress import Progress, silent

T = TypeVar("T")


def each_scan(
    found: FoundScans, work: Callable[[AnnotatedScan, Study], T], *, progress: Progress = silent
) -> tuple[list[T], tuple[str, ...]]:
    """Do some work on every scan.

    Args:
        found: The scans.
        work: From a scan and its opened study to what is kept of it; only one study is in memory at a time.
        progress: Called with the stage "studies", and by the work with its own.

    Returns:
        What the work returned, in order; and what was left out, those of `found` first, in sentences.

    Raises:
        NothingReadable: no scan could be read.
        ModelPackageError: the networks cannot be used; no scan could be read then.
        Cancelled: raised by `progress`, passed on.
    """
    kept: list[T] = []
    warnings = list(found.warnings)
    for done, scan in enumerate(found.scans):
        progress("studies", done / len(found.scans))
        try:
            study = scan.open(progress=progress)
            kept.append(work(scan, study))
        except (Cancelled, ModelPackageError):
            raise
        except FirstreadError as problem:
            warnings.append(f"{scan.name} could not be read and is in no figure: {problem.message}")
    progress("studies", 1.0)
    if not kept:
        raise NothingReadable("None of the scans could be read.", remedy=" ".join(warnings[:3]))
    return kept, tuple(warnings)


def described(scan: AnnotatedScan, series: Series, volume: Volume, *, least_readers: int) -> Scan:
    """Return what the record says of a scan that was read."""
    agreed = sum(nodule.agreed(least_readers) for nodule in scan.truth.nodules)
    return Scan(
        name=scan.name,
        series_uid=series.uid,
        spacing_mm=volume.geometry.spacing_mm,
        slice_thickness_mm=series.slice_thickness_mm,
        manufacturer=series.manufacturer,
        kernel=series.kernel,
        nodules=agreed,
        other_nodules=len(scan.truth.nodules) - agreed,
    )
