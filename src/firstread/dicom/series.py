"""Study, series and instance, as their headers tell."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

from firstread.dicom.header import number, text, texts, uid, whole
from firstread.dicom.source import Source
from firstread.errors import UsageError
from firstread.progress import Progress, silent

if TYPE_CHECKING:
    from firstread.dicom.volume import Volume


@dataclass(frozen=True, eq=False)
class Instance:
    """One stored DICOM object, without its pixels.

    Attributes:
        source: Where its bytes are.
        header: Every attribute before Pixel Data.
        sop_instance_uid: SOP Instance UID (0008,0018).
        sop_class_uid: SOP Class UID (0008,0016).
        transfer_syntax_uid: Transfer Syntax UID (0002,0010).
        pixel_offset: Byte at which the Pixel Data element starts in the source, or in the inflated data set
            for the deflated transfer syntax; None when the object has none.
    """

    source: Source = field(repr=False)
    header: Dataset = field(repr=False)
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    pixel_offset: int | None

    @property
    def number_of_frames(self) -> int:
        """Number of images in it; 0 when it has no pixels."""
        if self.pixel_offset is None:
            return 0
        frames = whole(self.header, "NumberOfFrames")
        return 1 if frames is None else max(0, frames)


@dataclass(frozen=True, eq=False)
class Series:
    """Instances that share a Series Instance UID; its attributes are those of its first instance."""

    uid: str
    study_uid: str
    instances: tuple[Instance, ...] = field(repr=False)

    @property
    def header(self) -> Dataset:
        """Header of the first instance."""
        return self.instances[0].header

    @property
    def number_of_images(self) -> int:
        """Number of stored images, frames counted one by one."""
        return sum(instance.number_of_frames for instance in self.instances)

    @cached_property
    def frame_of_reference_uid(self) -> str:
        """Frame of Reference UID; empty when there is none."""
        return uid(self.header, "FrameOfReferenceUID")

    @cached_property
    def modality(self) -> str:
        """Modality, e.g. CT."""
        return text(self.header, "Modality")

    @cached_property
    def description(self) -> str:
        """Series Description; often empty."""
        return text(self.header, "SeriesDescription")

    @cached_property
    def number(self) -> int | None:
        """Series Number."""
        return whole(self.header, "SeriesNumber")

    @cached_property
    def body_part(self) -> str:
        """Body Part Examined."""
        return text(self.header, "BodyPartExamined")

    @cached_property
    def image_type(self) -> tuple[str, ...]:
        """Image Type, e.g. ("ORIGINAL", "PRIMARY", "AXIAL")."""
        return texts(self.header, "ImageType")

    @cached_property
    def manufacturer(self) -> str:
        """Manufacturer of the scanner."""
        return text(self.header, "Manufacturer")

    @cached_property
    def model(self) -> str:
        """Manufacturer's Model Name."""
        return text(self.header, "ManufacturerModelName")

    @cached_property
    def kernel(self) -> str:
        """Convolution Kernel, as the scanner names it."""
        return text(self.header, "ConvolutionKernel")

    @cached_property
    def slice_thickness_mm(self) -> float | None:
        """Slice Thickness."""
        return number(self.header, "SliceThickness")

    @cached_property
    def contrast(self) -> str | None:
        """Contrast/Bolus Agent as written, "named in the header" when only its sequence is there, or None."""
        agent = text(self.header, "ContrastBolusAgent")
        if agent.upper() in {"", "NONE", "NO", "N", "W/O", "WITHOUT"}:
            listed = "ContrastBolusAgentSequence" in self.header and not agent
            return "named in the header" if listed else None
        return agent


@dataclass(frozen=True, eq=False)
class Study:
    """The series of one study.

    Attributes:
        study_uid: Study Instance UID.
        series: Ordered by Series Number, then UID.
        warnings: What was met on the way and left out, in sentences for the report.
    """

    study_uid: str
    series: tuple[Series, ...]
    warnings: tuple[str, ...] = ()
    _decoded: dict[str, Volume] = field(default_factory=dict, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def volume(self, series: Series, *, threads: int | None = None, progress: Progress = silent) -> Volume:
        """Return the series decoded; the last one is remembered, so that asking again costs nothing.

        Args:
            series: A series of this study.
            threads: Decoding threads; None takes one for each core that this process may use.
            progress: Called with the stage "load".

        Raises:
            UsageError: the series is not of this study.
            NothingReadable: the series holds no CT image.
            RefusedInput: it does, but no volume that could be read safely.
        """
        # Here and not above: load needs the classes of this module.
        from firstread.dicom.load import load_volume

        if series not in self.series:
            raise UsageError(f"Series {series.uid} is not part of study {self.study_uid}.")
        with self._lock:
            if series.uid not in self._decoded:
                self._decoded.clear()
                self._decoded[series.uid] = load_volume(series, threads=threads, progress=progress)
            return self._decoded[series.uid]

    def forget(self) -> None:
        """Let go of the remembered volume."""
        with self._lock:
            self._decoded.clear()
