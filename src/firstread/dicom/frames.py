"""Stored images with what a volume needs to know of each: place, size and how values become HU."""

import math
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from firstread.dicom.header import items, number, numbers, text, texts, uid, whole
from firstread.dicom.series import Instance, Series
from firstread.dicom.transfer_syntax import TRANSFER_SYNTAXES

Array = npt.NDArray[np.float64]

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
LEGACY_ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.2"
CT_CLASSES = {CT_IMAGE, ENHANCED_CT, LEGACY_ENHANCED_CT}

MOST_FRAMES = 5000
LARGEST_SIDE = 4096
SMALLEST_SIDE = 16
_FARTHEST_MM = 1e5
_SPACING_MM = (0.02, 10.0)


@dataclass(frozen=True, eq=False)
class Frame:
    """One stored image.

    Attributes:
        instance: The object that holds it.
        frame_number: 1-based frame of a multi-frame instance; None for a single-frame one.
        flaw: Why no volume can use it, as the end of "… images left out: "; empty when one can.
        rows: Number of rows.
        columns: Number of columns.
        position_mm: Image Position (Patient), LPS.
        orientation: Direction of increasing column index, then of increasing row index.
        spacing_mm: Distance between rows, then between columns.
        thickness_mm: Slice Thickness, where it is given.
        slope: Rescale Slope.
        intercept: Rescale Intercept.
        image_type: Image Type, or Frame Type of a multi-frame instance.
        traits: What can tell apart two reconstructions or acquisitions that share a series.
    """

    instance: Instance
    frame_number: int | None
    flaw: str
    rows: int = 0
    columns: int = 0
    position_mm: Array = field(default_factory=lambda: np.zeros(3))
    orientation: Array = field(default_factory=lambda: np.zeros(6))
    spacing_mm: tuple[float, float] = (0.0, 0.0)
    thickness_mm: float | None = None
    slope: float = 1.0
    intercept: float = 0.0
    image_type: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()

    @property
    def normal(self) -> Array:
        """Unit vector across the slice: row direction × column direction."""
        across: Array = np.cross(self.orientation[:3], self.orientation[3:])
        return across

    @property
    def frame_of_reference_uid(self) -> str:
        """Frame of Reference UID of the instance."""
        return uid(self.instance.header, "FrameOfReferenceUID")


TRAITS = (
    "ImageType",
    "ConvolutionKernel",
    "SliceThickness",
    "AcquisitionNumber",
    "ContrastBolusAgent",
    "TemporalPositionIndex",
    "ReconstructionDiameter",
    "FilterType",
    "KVP",
    "AcquisitionTime",
    "SeriesDescription",
)
"""Attributes whose values separate acquisitions in a series, the most telling first."""


def frames_of(series: Series) -> tuple[Frame, ...]:
    """List every stored image of the series, the flawed ones too; instances without pixels give none."""
    if series not in _known:
        _known[series] = tuple(frame for instance in series.instances for frame in _frames(instance))
    return _known[series]


_known: WeakKeyDictionary[Series, tuple["Frame", ...]] = WeakKeyDictionary()
"""A series is asked twice, when it is chosen and when it is loaded."""


def _frames(instance: Instance) -> list[Frame]:
    count = instance.number_of_frames
    if count == 0:
        return []
    header = instance.header
    per_frame = items(header, "PerFrameFunctionalGroupsSequence")
    if count == 1 and not per_frame:
        return [_frame(instance, None, [header])]
    if count > MOST_FRAMES:
        return [Frame(instance, None, f"more than {MOST_FRAMES} frames in one object")]
    if len(per_frame) != count:
        return [Frame(instance, None, "the position of each frame is not given")]
    shared = items(header, "SharedFunctionalGroupsSequence")[:1]
    return [_frame(instance, n, _groups(group, shared, header)) for n, group in enumerate(per_frame, start=1)]


_MACROS = (
    "PlanePositionSequence",
    "PlaneOrientationSequence",
    "PixelMeasuresSequence",
    "PixelValueTransformationSequence",
    "CTImageFrameTypeSequence",
    "CTReconstructionSequence",
    "FrameContentSequence",
)


def first_frame_groups(header: Dataset) -> list[Dataset]:
    """List the data sets that describe the first image: of a single-frame instance, its header alone."""
    per_frame = items(header, "PerFrameFunctionalGroupsSequence")[:1]
    shared = items(header, "SharedFunctionalGroupsSequence")[:1]
    return _groups(per_frame[0] if per_frame else Dataset(), shared, header)


def _groups(group: Dataset, shared: tuple[Dataset, ...], header: Dataset) -> list[Dataset]:
    """List the data sets to ask: the frame's macros, the shared ones, the top level (PS3.3 C.7.6.16)."""
    found = [item for holder in (group, *shared) for macro in _MACROS for item in items(holder, macro)[:1]]
    return [*found, header]


def _frame(instance: Instance, frame_number: int | None, places: list[Dataset]) -> Frame:
    def several(keyword: str, count: int) -> tuple[float, ...] | None:
        return next((v for place in places if (v := numbers(place, keyword, count))), None)

    def one(keyword: str) -> float | None:
        return next((v for place in places if (v := number(place, keyword)) is not None), None)

    header = instance.header
    rows, columns = whole(header, "Rows") or 0, whole(header, "Columns") or 0
    position, orientation = several("ImagePositionPatient", 3), several("ImageOrientationPatient", 6)
    spacing = several("PixelSpacing", 2)
    slope, intercept = one("RescaleSlope"), one("RescaleIntercept")
    image_type = next(
        (v for place in places for k in ("FrameType", "ImageType") if (v := texts(place, k))), ()
    )
    flaw = (
        _stored(instance, rows, columns)
        or _placed(position, orientation, spacing)
        or _rescaled(slope, intercept, next((t for p in places if (t := text(p, "RescaleType"))), ""))
    )
    if flaw or not (position and orientation and spacing and slope is not None and intercept is not None):
        return Frame(instance, frame_number, flaw, image_type=image_type)
    axes = np.array(orientation).reshape(2, 3)
    axes[0] /= np.linalg.norm(axes[0])
    axes[1] -= axes[0] * (axes[0] @ axes[1])
    axes[1] /= np.linalg.norm(axes[1])
    return Frame(
        instance,
        frame_number,
        "",
        rows=rows,
        columns=columns,
        position_mm=np.array(position),
        orientation=axes.ravel(),
        spacing_mm=(spacing[0], spacing[1]),
        thickness_mm=one("SliceThickness"),
        slope=slope,
        intercept=intercept,
        image_type=image_type,
        traits=tuple(next((t for p in places if (t := text(p, k))), "") for k in TRAITS),
    )


def _stored(instance: Instance, rows: int, columns: int) -> str:
    """Say what forbids to decode the pixels."""
    header = instance.header
    if instance.sop_class_uid not in CT_CLASSES and text(header, "Modality") != "CT":
        return "not CT"
    if instance.transfer_syntax_uid not in TRANSFER_SYNTAXES:
        return f"transfer syntax {instance.transfer_syntax_uid or 'not named'} has no decoder here"
    if not (SMALLEST_SIDE <= rows <= LARGEST_SIDE and SMALLEST_SIDE <= columns <= LARGEST_SIDE):
        return f"{rows} rows × {columns} columns is no CT matrix"
    if (samples := whole(header, "SamplesPerPixel")) not in (1, None):
        return f"{samples} samples a pixel"
    allocated, stored = whole(header, "BitsAllocated"), whole(header, "BitsStored")
    high = whole(header, "HighBit")
    if allocated not in (8, 16, 32) or stored is None or not 2 <= stored <= allocated:
        return f"{stored} of {allocated} bits a pixel"
    if high is not None and not stored - 1 <= high < allocated:
        return f"high bit {high} with {stored} of {allocated} bits"
    if whole(header, "PixelRepresentation") not in (0, 1):
        return "PixelRepresentation is missing"
    if text(header, "PhotometricInterpretation") not in ("MONOCHROME1", "MONOCHROME2", ""):
        return "not grey"
    return ""


def _placed(
    position: tuple[float, ...] | None,
    orientation: tuple[float, ...] | None,
    spacing: tuple[float, ...] | None,
) -> str:
    """Say what forbids to place the image in the patient."""
    if position is None or max(map(abs, position)) > _FARTHEST_MM:
        return "ImagePositionPatient is missing or no position"
    if orientation is None:
        return "ImageOrientationPatient is missing"
    along, down = np.array(orientation[:3]), np.array(orientation[3:])
    # PS3.3 C.7.6.2.1.1: unit vectors at right angles; scanners write them with few decimals.
    if max(abs(math.hypot(*along) - 1), abs(math.hypot(*down) - 1), abs(float(along @ down))) > 0.02:
        return "ImageOrientationPatient is not two unit vectors at right angles"
    if spacing is None or not all(_SPACING_MM[0] <= s <= _SPACING_MM[1] for s in spacing):
        return "PixelSpacing is missing or no pixel size"
    return ""


def _rescaled(slope: float | None, intercept: float | None, kind: str) -> str:
    """Say what forbids to turn stored values into HU."""
    if slope is None or intercept is None:
        return "RescaleSlope or RescaleIntercept is missing, so the values are not known to be HU"
    if not 1e-4 <= abs(slope) <= 1e3 or abs(intercept) > 1e5:
        return f"rescale {slope:g} · value + {intercept:g} gives no HU"
    if kind.upper() not in ("", "HU"):
        return f"values are {kind[:16]}, not HU"
    return ""
