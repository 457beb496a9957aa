"""Lungs and nodules as one DICOM Segmentation (PS3.3 A.51), bit-packed, on the source's own matrix.

A segment a structure, then a segment a nodule. Only frames with a voxel in them are written. Frames lie
where stored images lie, never between them, and keep the full matrix: viewers built on Cornerstone refuse
a cropped matrix and frames without a source image (OHIF/Viewers issues 1761 and 2345).

The data set is built directly: highdicom's constructor needs every segment as a full array and took 4 to
5 s and 1.6 GB for 261 slices and six segments; highdicom reads the result back in the tests.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, SegmentationStorage
from pydicom.valuerep import format_number_as_ds

from firstread.dicom.coded import coded
from firstread.dicom.derived_object import (
    derived_object,
    frame_of_reference,
    instance_reference,
    source_instances,
)
from firstread.dicom.device import algorithm_items
from firstread.dicom.header import number, text
from firstread.dicom.quiet import quiet
from firstread.dicom.result_codes import ABNORMAL_STRUCTURE, ANATOMICAL_STRUCTURE
from firstread.dicom.source_planes import SourcePlane, orientation, source_planes
from firstread.dicom.uids import derive_uid
from firstread.dicom.volume import Volume
from firstread.findings import NOTICE, Algorithm, Code, Finding, Mask, ReadResult, Structure
from firstread.findings.concepts import LEFT, RIGHT

SERIES_NUMBER = 9902

_SEGMENTATION = Code(value="113076", scheme="DCM", meaning="Segmentation")
_SOURCE_IMAGE = Code(value="121322", scheme="DCM", meaning="Source image for image processing operation")

_LUNG_COLOURS = ((48000, 30000, 26000), (48000, 30000, 39000))
"""CIELab as unsigned 16-bit (PS3.3 C.10.7.1.1): two muted blues, right and left."""
_NODULE_COLOUR = (46000, 52000, 47000)
"""CIELab as unsigned 16-bit: orange."""
_LABEL = 64
"""Characters of Segment Label (VR LO)."""


@dataclass(frozen=True)
class _Segment:
    label: str
    category: Code
    kind: Code
    laterality: str | None
    site: Code | None
    tracking_id: str
    tracking_uid: str
    algorithms: tuple[Algorithm, ...]
    colour: tuple[int, int, int]
    mask: Mask


def build_seg(
    result: ReadResult, volume: Volume, *, created: datetime, deflated: bool = False
) -> Dataset | None:
    """Return the segmentation of the read's structures and nodules, or None when none has a mask.

    Args:
        result: The read; masks lie on the volume's grid.
        volume: The series that was read, with the headers of all its images.
        created: Date and time of the content.
        deflated: Write with the deflated transfer syntax: much smaller, but not every archive
            takes it.

    Raises:
        ValueError: the volume's rows and columns are not those of its stored images.
    """
    segments = _segments(result)
    if not segments:
        return None
    with quiet():
        return _segmentation(result, volume, segments, created=created, deflated=deflated)


def _segmentation(
    result: ReadResult,
    volume: Volume,
    segments: Sequence[_Segment],
    *,
    created: datetime,
    deflated: bool,
) -> Dataset:
    planes = source_planes(volume)
    frames = [
        (number, plane, pixels)
        for number, segment in enumerate(segments, start=1)
        for plane, pixels in _frames(segment.mask, planes)
    ]
    pixel_data = _pack([pixels for _, _, pixels in frames], volume.geometry.shape[1:])

    dataset = derived_object(
        result,
        volume,
        sop_class=SegmentationStorage,
        modality="SEG",
        kind="SEG",
        series_number=SERIES_NUMBER,
        created=created,
        content=hashlib.sha256(pixel_data).hexdigest(),
    )
    _add_image(dataset, segments, volume)
    dataset.FrameOfReferenceUID = frame_of_reference(result, volume)
    dataset.PositionReferenceIndicator = text(volume.header, "PositionReferenceIndicator") or None
    dataset.SegmentSequence = [_description(number, one) for number, one in enumerate(segments, start=1)]
    dataset.NumberOfFrames = len(frames)
    _add_dimensions(dataset)
    dataset.SharedFunctionalGroupsSequence = [_shared_groups(volume)]
    dataset.PerFrameFunctionalGroupsSequence = _per_frame_groups(
        [(n, plane) for n, plane, _ in frames], planes
    )
    _add_referenced_series(dataset, result, volume)
    dataset.PixelData = pixel_data
    dataset["PixelData"].VR = "OB"
    if deflated:
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return dataset


def seg_reference(seg: Dataset, result: ReadResult) -> Dataset:
    """Return as much of a segmentation as a report refers to: its UIDs, its segments, and the nodules' frames."""
    numbers = segment_numbers(seg)
    nodules = {numbers.get(finding.tracking_uid) for finding in result.findings}
    brief = Dataset()
    for keyword in ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "SegmentSequence"):
        setattr(brief, keyword, getattr(seg, keyword))
    brief.PerFrameFunctionalGroupsSequence = [
        group
        for group in seg.PerFrameFunctionalGroupsSequence
        if group.SegmentIdentificationSequence[0].ReferencedSegmentNumber in nodules
    ]
    return brief


def segment_numbers(seg: Dataset) -> dict[str, int]:
    """Map each segment's Tracking UID to its number."""
    return {str(item.TrackingUID): int(item.SegmentNumber) for item in seg.SegmentSequence}


def structure_tracking_uid(result: ReadResult, structure: Structure) -> str:
    """Return the Tracking UID of a structure of normal anatomy in this series."""
    return derive_uid("structure", result.series_uid, structure.name)


def _segments(result: ReadResult) -> list[_Segment]:
    segments = [_of_structure(result, one, one.mask) for one in result.structures if _filled(one.mask)]
    segments += [_of_finding(one, one.mask) for one in result.findings if _filled(one.mask)]
    return segments


def _filled(mask: Mask | None) -> bool:
    return mask is not None and bool(mask.voxels.any())


def _of_structure(result: ReadResult, structure: Structure, mask: Mask | None) -> _Segment:
    assert mask is not None
    return _Segment(
        label=structure.name[:_LABEL],
        category=ANATOMICAL_STRUCTURE,
        kind=structure.site,
        laterality=structure.laterality,
        site=None,
        tracking_id=structure.name[:_LABEL],
        tracking_uid=structure_tracking_uid(result, structure),
        algorithms=(structure.algorithm,),
        colour=_LUNG_COLOURS[structure.laterality == "left"],
        mask=mask,
    )


def _of_finding(finding: Finding, mask: Mask | None) -> _Segment:
    assert mask is not None
    size = f" {finding.diameter_mm.mean:.1f} mm" if finding.diameter_mm else ""
    return _Segment(
        label=f"{finding.id} {finding.concept.meaning}{size}"[:_LABEL],
        category=ABNORMAL_STRUCTURE,
        kind=finding.concept,
        laterality=finding.laterality,
        site=finding.site,
        tracking_id=finding.id,
        tracking_uid=finding.tracking_uid,
        algorithms=finding.algorithms,
        colour=_NODULE_COLOUR,
        mask=mask,
    )


def _frames(
    mask: Mask, planes: Sequence[SourcePlane]
) -> Iterator[tuple[SourcePlane, tuple[npt.NDArray[np.bool_], int, int]]]:
    """Yield the stored images that the mask crosses: the plane, and its crop with row and column offset."""
    first, row, column = mask.offset
    crossed = False
    for plane in planes:
        if 0 <= plane.grid_slice - first < len(mask.voxels):
            crop: npt.NDArray[np.bool_] = np.asarray(mask.voxels[plane.grid_slice - first])
            if crop.any():
                crossed = True
                yield plane, (crop, row, column)
    if not crossed:
        # All its slices were interpolated: a segment without a frame would be lost to every viewer, so its
        # outline goes to the stored image nearest to its middle.
        middle = first + (len(mask.voxels) - 1) / 2
        nearest = min(planes, key=lambda plane: abs(plane.grid_slice - middle))
        yield nearest, (np.asarray(mask.voxels.any(axis=0)), row, column)


def _pack(frames: Sequence[tuple[npt.NDArray[np.bool_], int, int]], matrix: tuple[int, ...]) -> bytes:
    """Pack frames one after another, eight pixels a byte, the first in the lowest bit (PS3.5 8.1.1)."""
    rows, columns = matrix
    bits = rows * columns
    packed = bytearray()
    carried = np.zeros(0, bool)
    whole = np.zeros((rows, columns), bool)
    for crop, row, column in frames:
        box = (slice(row, row + crop.shape[0]), slice(column, column + crop.shape[1]))
        whole[box] = crop
        # Frames follow each other without padding, so a matrix that is no multiple of 8 carries bits over.
        stream = np.concatenate([carried, whole.ravel()]) if carried.size or bits % 8 else whole.ravel()
        full = stream.size - stream.size % 8
        packed += np.packbits(stream[:full], bitorder="little").tobytes()
        carried = stream[full:].copy()
        whole[box] = False
    if carried.size:
        packed += np.packbits(carried, bitorder="little").tobytes()
    if len(packed) % 2:
        packed += b"\0"
    return bytes(packed)


def _add_image(dataset: Dataset, segments: Sequence[_Segment], volume: Volume) -> None:
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = volume.geometry.shape[1:]
    dataset.BitsAllocated = 1
    dataset.BitsStored = 1
    dataset.HighBit = 0
    dataset.PixelRepresentation = 0
    dataset.LossyImageCompression = "00"
    dataset.BurnedInAnnotation = "NO"
    dataset.BodyPartExamined = "CHEST"
    dataset.SegmentationType = "BINARY"
    dataset.SegmentsOverlap = "YES" if _overlap(segments) else "NO"
    dataset.ContentLabel = "FIRSTREAD"
    dataset.ContentDescription = NOTICE
    dataset.ContentCreatorName = None


def _overlap(segments: Sequence[_Segment]) -> bool:
    return any(
        _share_voxel(one.mask, other.mask)
        for index, one in enumerate(segments)
        for other in segments[index + 1 :]
    )


def _share_voxel(one: Mask, other: Mask) -> bool:
    of_one, of_other = [], []
    for axis in range(3):
        start = max(one.offset[axis], other.offset[axis])
        stop = min(one.offset[axis] + one.voxels.shape[axis], other.offset[axis] + other.voxels.shape[axis])
        if start >= stop:
            return False
        of_one.append(slice(start - one.offset[axis], stop - one.offset[axis]))
        of_other.append(slice(start - other.offset[axis], stop - other.offset[axis]))
    return bool((one.voxels[tuple(of_one)] & other.voxels[tuple(of_other)]).any())


def _description(number: int, segment: _Segment) -> Dataset:
    """Return a Segment Description Macro item (PS3.3 C.8.20.4)."""
    item = Dataset()
    item.SegmentNumber = number
    item.SegmentLabel = segment.label
    item.SegmentDescription = NOTICE
    item.SegmentAlgorithmType = "AUTOMATIC"
    item.SegmentAlgorithmName = segment.algorithms[-1].name[:_LABEL] if segment.algorithms else "firstread"
    if segment.algorithms:
        # One item: highdicom refuses a segment that names several. The SR names them all.
        item.SegmentationAlgorithmIdentificationSequence = algorithm_items(segment.algorithms[-1:])
    item.SegmentedPropertyCategoryCodeSequence = [coded(segment.category)]
    kind = coded(segment.kind)
    side = {"right": RIGHT, "left": LEFT}.get(segment.laterality or "")
    if segment.site is None:
        if side:
            kind.SegmentedPropertyTypeModifierCodeSequence = [coded(side)]
    else:
        site = coded(segment.site)
        if side:
            site.AnatomicRegionModifierSequence = [coded(side)]
        item.AnatomicRegionSequence = [site]
    item.SegmentedPropertyTypeCodeSequence = [kind]
    item.TrackingID = segment.tracking_id
    item.TrackingUID = segment.tracking_uid
    item.RecommendedDisplayCIELabValue = list(segment.colour)
    return item


def _add_dimensions(dataset: Dataset) -> None:
    """Index frames by segment, then by position (PS3.3 C.7.6.17)."""
    organization = Dataset()
    organization.DimensionOrganizationUID = derive_uid("dimensions", dataset.SOPInstanceUID)
    dataset.DimensionOrganizationSequence = [organization]
    indices = []
    for pointer, group, label in (
        ("ReferencedSegmentNumber", "SegmentIdentificationSequence", "Segment Number"),
        ("ImagePositionPatient", "PlanePositionSequence", "Image Position Patient"),
    ):
        index = Dataset()
        index.DimensionOrganizationUID = organization.DimensionOrganizationUID
        index.DimensionIndexPointer = Tag(pointer)
        index.FunctionalGroupPointer = Tag(group)
        index.DimensionDescriptionLabel = label
        indices.append(index)
    dataset.DimensionIndexSequence = indices


def _shared_groups(volume: Volume) -> Dataset:
    slice_mm, row_mm, column_mm = volume.geometry.spacing_mm
    normal = np.cross(volume.geometry.affine[:3, 2], volume.geometry.affine[:3, 1])
    # With gantry tilt the slices lie closer together along their normal than the table moved.
    between_mm = abs(volume.geometry.affine[:3, 0] @ normal) / np.linalg.norm(normal)
    thickness = number(volume.header, "SliceThickness") or slice_mm
    measures = Dataset()
    measures.SliceThickness = format_number_as_ds(float(thickness))
    measures.SpacingBetweenSlices = format_number_as_ds(float(between_mm))
    measures.PixelSpacing = [format_number_as_ds(row_mm), format_number_as_ds(column_mm)]
    plane = Dataset()
    plane.ImageOrientationPatient = list(orientation(volume))
    shared = Dataset()
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [plane]
    return shared


def _per_frame_groups(
    frames: Sequence[tuple[int, SourcePlane]], planes: Sequence[SourcePlane]
) -> list[Dataset]:
    # What depends on the plane alone is built once and shared by the segments that cross it.
    place = {id(plane): index for index, plane in enumerate(planes, start=1)}
    positions: dict[int, Dataset] = {}
    sources: dict[int, Dataset] = {}
    segments: dict[int, Dataset] = {}
    groups = []
    for segment, plane in frames:
        index = place[id(plane)]
        if index not in positions:
            positions[index], sources[index] = _position(plane), _derivation(plane)
        if segment not in segments:
            segments[segment] = Dataset()
            segments[segment].ReferencedSegmentNumber = segment
        content = Dataset()
        content.DimensionIndexValues = [segment, index]
        group = Dataset()
        group.FrameContentSequence = ItemSequence([content])
        group.PlanePositionSequence = ItemSequence([positions[index]])
        group.DerivationImageSequence = ItemSequence([sources[index]])
        group.SegmentIdentificationSequence = ItemSequence([segments[segment]])
        groups.append(group)
    return groups


def _position(plane: SourcePlane) -> Dataset:
    item = Dataset()
    item.ImagePositionPatient = list(plane.position)
    return item


def _derivation(plane: SourcePlane) -> Dataset:
    source = instance_reference(plane.sop_class_uid, plane.sop_instance_uid)
    if plane.frame_number is not None:
        source.ReferencedFrameNumber = plane.frame_number
    source.SpatialLocationsPreserved = "YES"
    source.PurposeOfReferenceCodeSequence = [coded(_SOURCE_IMAGE)]
    derivation = Dataset()
    derivation.SourceImageSequence = [source]
    derivation.DerivationCodeSequence = [coded(_SEGMENTATION)]
    return derivation


def _add_referenced_series(dataset: Dataset, result: ReadResult, volume: Volume) -> None:
    """Refer to the series that was segmented (PS3.3 C.12.2)."""
    series = Dataset()
    series.SeriesInstanceUID = result.series_uid
    series.ReferencedInstanceSequence = source_instances(volume)
    dataset.ReferencedSeriesSequence = [series]
