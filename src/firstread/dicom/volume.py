"""A CT series as one array of Hounsfield units in patient space."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from firstread.dicom.geometry import Geometry


@dataclass(frozen=True)
class SourceSlice:
    """Where one stored image (instance or frame) lies on the volume's grid.

    Attributes:
        sop_instance_uid: The instance that holds the image.
        frame_number: 1-based frame of a multi-frame instance; None for a single-frame one.
        index: Position along the volume's slice axis; whole unless slices were repaired.
    """

    sop_instance_uid: str
    frame_number: int | None
    index: float


@dataclass(frozen=True, eq=False)
class Volume:
    """A series, decoded.

    Attributes:
        hu: int16 array (slice, row, column); slices ascend along the plane normal (axial: feet to head).
        geometry: Grid of `hu`.
        sources: The stored images, ascending by index. A grid slice without one was interpolated.
        header: Data set of the first source, without pixel data.
        headers: Data sets of all sources, in their order, without pixel data.
        warnings: What was repaired on the way, in sentences for the report.
    """

    hu: npt.NDArray[np.int16]
    geometry: Geometry
    sources: tuple[SourceSlice, ...]
    headers: tuple[Dataset, ...]
    warnings: tuple[str, ...] = ()

    @property
    def header(self) -> Dataset:
        """Data set of the first source, without pixel data."""
        return self.headers[0]

    def source_nearest(self, index: float) -> SourceSlice:
        """Return the stored image nearest to a position along the slice axis."""
        return min(self.sources, key=lambda source: abs(source.index - index))
