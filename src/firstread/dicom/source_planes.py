"""The stored images of a series as planes in the patient, each with its slice of the volume's grid."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage
from pydicom.valuerep import format_number_as_ds

from firstread.dicom.header import items, numbers, uid, whole
from firstread.dicom.volume import Volume

_ALIGNED = 0.99
"""Cosine above which two directions count as one; headers round theirs to a few decimals."""


@dataclass(frozen=True)
class SourcePlane:
    """One stored image.

    Attributes:
        sop_class_uid: Of the instance that holds it.
        sop_instance_uid: Of the instance that holds it.
        frame_number: 1-based frame of a multi-frame instance; None for a single-frame one.
        grid_slice: Index of the nearest slice of the volume.
        position: Image Position (Patient): x, y, z of the first pixel's centre as decimal strings, mm.
    """

    sop_class_uid: str
    sop_instance_uid: str
    frame_number: int | None
    grid_slice: int
    position: tuple[str, str, str]


def source_planes(volume: Volume) -> tuple[SourcePlane, ...]:
    """Return the planes of all stored images, in the volume's order.

    A slice that was interpolated has no plane. A position is the source header's own, so that a viewer
    finds the same plane again; only where the header has none does it come from the volume's geometry.

    Raises:
        ValueError: the volume's rows and columns are not those of the stored images.
    """
    _check_aligned(volume)
    planes = []
    last = volume.geometry.shape[0] - 1
    for source, header in zip(volume.sources, volume.headers, strict=True):
        grid_slice = int(np.clip(np.rint(source.index), 0, last))
        planes.append(
            SourcePlane(
                sop_class_uid=sop_class_uid(header),
                sop_instance_uid=source.sop_instance_uid,
                frame_number=source.frame_number,
                grid_slice=grid_slice,
                position=_position(volume, header, source.frame_number, source.index),
            )
        )
    return tuple(planes)


def sop_class_uid(header: Dataset) -> str:
    """Return the SOP Class UID of a source image; CT Image Storage where the header has none."""
    return uid(header, "SOPClassUID") or str(CTImageStorage)


def orientation(volume: Volume) -> tuple[str, ...]:
    """Return Image Orientation (Patient) of the volume's slices: six decimal strings."""
    stored = _plane_value(
        volume.header,
        volume.sources[0].frame_number,
        ("PlaneOrientationSequence", "ImageOrientationPatient", 6),
    )
    if stored is not None:
        return tuple(_decimal(value) for value in stored)
    along_row = volume.geometry.affine[:3, 2] / np.linalg.norm(volume.geometry.affine[:3, 2])
    along_column = volume.geometry.affine[:3, 1] / np.linalg.norm(volume.geometry.affine[:3, 1])
    return tuple(_decimal(value) for value in (*along_row, *along_column))


def _position(
    volume: Volume, header: Dataset, frame_number: int | None, index: float
) -> tuple[str, str, str]:
    stored = _plane_value(header, frame_number, ("PlanePositionSequence", "ImagePositionPatient", 3))
    if stored is None:
        stored = list(volume.geometry.to_lps((index, 0, 0)))
    x, y, z = (_decimal(value) for value in stored)
    return x, y, z


def _plane_value(
    header: Dataset, frame_number: int | None, attribute: tuple[str, str, int]
) -> Sequence[float] | None:
    """Look an attribute up where single-frame and multi-frame headers keep it (PS3.3 C.7.6.2, C.7.6.16)."""
    sequence, keyword, count = attribute
    places = []
    if frame_number is not None:
        groups = items(header, "PerFrameFunctionalGroupsSequence")[frame_number - 1 : frame_number]
        groups += items(header, "SharedFunctionalGroupsSequence")[:1]
        places = [item for group in groups for item in items(group, sequence)[:1]]
    for place in (*places, header):
        if numbers(place, keyword, count) is not None:
            return list(place.get(keyword))
    return None


def _decimal(value: float) -> str:
    """Return a decimal string; one that the header gave keeps its spelling."""
    original = getattr(value, "original_string", None)
    return original.strip() if original else format_number_as_ds(float(value))


def _check_aligned(volume: Volume) -> None:
    _, rows, columns = volume.geometry.shape
    header = volume.header
    if (whole(header, "Rows") or rows, whole(header, "Columns") or columns) != (rows, columns):
        raise ValueError("the volume's matrix is not that of its stored images")
    directions = np.asarray(orientation(volume), float)
    for step, direction in ((2, directions[:3]), (1, directions[3:])):
        axis = volume.geometry.affine[:3, step]
        if axis @ direction < _ALIGNED * np.linalg.norm(axis) * np.linalg.norm(direction):
            raise ValueError("the volume's rows and columns do not run as those of its stored images")
