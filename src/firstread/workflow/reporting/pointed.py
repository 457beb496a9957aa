"""Findings where a person points: the series is kept decoded, so that the answer comes at once."""

import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from firstread.archive import Archive
from firstread.archive.database import reading
from firstread.dicom.discover import study_from
from firstread.dicom.seg_masks import with_structure_masks
from firstread.dicom.source import FileSource
from firstread.dicom.volume import Volume
from firstread.errors import FirstreadError, RefusedInput
from firstread.findings import Finding
from firstread.findings.concepts import LUNG
from firstread.findings.finding import Point
from firstread.workflow.images import images_of
from firstread.workflow.reporting.subject import Subject
from firstread.workflow.result_folder import SEG

KEPT = 2
"""Series that are kept decoded; one of 300 slices takes 240 MB with its lungs."""


@dataclass(eq=False)
class _Kept:
    """One series, decoded by whoever comes first."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    volume: Volume | None = None
    lungs: npt.NDArray[np.uint8] | None = None


class Pointed:
    """Measures at points in the series that results are of; threads may share it."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def prepare(self, subject: Subject) -> None:
        """Begin to decode the series of a result beside, so that `find` answers at once; what fails is told by that."""

        def decode() -> None:
            with suppress(FirstreadError, OSError, ValueError):
                self._series(subject)

        threading.Thread(target=decode, name="decodes a series", daemon=True).start()

    def find(self, subject: Subject, center_lps_mm: Point, *, diameter_mm: float | None = None) -> Finding:
        """Return the nodule at a point (LPS, mm), described but not categorised.

        Args:
            subject: The study, and the result whose series the point is in.
            center_lps_mm: The point.
            diameter_mm: Its size as the person estimates it.

        Raises:
            RefusedInput: the point is outside the series, nothing stands out there, or the series is not as it was
                when it was read.
            NothingReadable: the series is gone.
            ArchiveUnavailable: the archive does not answer.
        """
        volume, lungs = self._series(subject)
        index = volume.geometry.to_index(center_lps_mm)
        if not (np.all(index >= -0.5) and np.all(index <= np.array(volume.geometry.shape) - 0.5)):
            raise RefusedInput("The point is outside the series.", remedy="Point into the images.")
        # Here and not above: with the readers comes the engine, which takes a second to load.
        from firstread.readers.lung_nodule.seeded import finding_at

        found = finding_at(volume, lungs, center_lps_mm, diameter_mm=diameter_mm)
        if found is None:
            raise RefusedInput(
                "Nothing stands out there that could be outlined.",
                remedy="Point into the middle of the nodule, or enter its size by hand.",
            )
        return found

    def _series(self, subject: Subject) -> tuple[Volume, npt.NDArray[np.uint8]]:
        with self._lock:
            kept = self._kept.setdefault(subject.result_key, _Kept())
            self._kept.move_to_end(subject.result_key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        with kept.lock:
            if kept.volume is None or kept.lungs is None:
                kept.volume, kept.lungs = self._decoded(subject)
            return kept.volume, kept.lungs

    def _decoded(self, subject: Subject) -> tuple[Volume, npt.NDArray[np.uint8]]:
        result = subject.result
        with reading(self._archive.engine) as connection:
            names = images_of(connection, subject.study_key, result.series_uid).files
        with self._archive.files.at_hand(*names) as paths:
            study = study_from([FileSource(path) for path in paths], study_uid=subject.study_uid)
            (series,) = (one for one in study.series if one.uid == result.series_uid)
            volume = study.volume(series)
        study.forget()
        if result.grid is not None and volume.geometry.shape != result.grid.shape:
            raise RefusedInput(
                "The series is not as it was when it was read.",
                remedy="Wait for the new read, or enter by hand.",
            )
        lungs = np.zeros(volume.geometry.shape, np.uint8)
        seg = self._archive.folder / subject.folder / SEG
        if seg.is_file():
            for structure in with_structure_masks(result, seg).structures:
                if structure.mask is not None and structure.site == LUNG:
                    lungs[structure.mask.paste(lungs.shape)] = 2 if structure.laterality == "left" else 1
        return volume, lungs
