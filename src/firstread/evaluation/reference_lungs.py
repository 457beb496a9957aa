"""Reference masks of the lungs, from DICOM Segmentations as firstread and annotation tools write them."""

import re
from pathlib import Path

import highdicom
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage

from firstread.dicom.discover import open_study
from firstread.dicom.geometry import Geometry
from firstread.dicom.header import items, text, uid
from firstread.dicom.quiet import quiet
from firstread.dicom.source import FileSource
from firstread.errors import FirstreadError, NothingReadable, UsageError
from firstread.readers.lung_nodule.grid import labels_on
from firstread.readers.lung_nodule.lungs import LEFT, RIGHT

_LUNG = {"39607008", "T-28000"}
_SIDED = {"3341006": RIGHT, "44029006": LEFT, "T-28100": RIGHT, "T-28500": LEFT}
"""Right lung and left lung of SNOMED CT, and of the retired SRT."""
_SIDES = {"24028007": RIGHT, "7771000": LEFT, "G-A100": RIGHT, "G-A101": LEFT}
_LABELS = (
    (re.compile(r"\bright lung\b|\blung,? right\b", re.I), RIGHT),
    (re.compile(r"\bleft lung\b|\blung,? left\b", re.I), LEFT),
)


def find_references(folder: Path) -> dict[str, Path]:
    """Find the DICOM Segmentations under a folder, by the series that each was drawn on.

    Raises:
        UsageError: the folder is not there, it holds no segmentation, or two of one series.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder.", remedy="Name the folder of the reference masks.")
    found: dict[str, Path] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            study = open_study(path)
        except FirstreadError:
            continue
        for instance in (one for series in study.series for one in series.instances):
            source = instance.source
            if instance.sop_class_uid != SegmentationStorage or not isinstance(source, FileSource):
                continue
            for series in items(instance.header, "ReferencedSeriesSequence"):
                drawn_on = uid(series, "SeriesInstanceUID")
                if drawn_on in found:
                    raise UsageError(
                        f"{path} and {found[drawn_on]} are both masks of the series {drawn_on}.",
                        remedy="Leave the one that is the reference.",
                    )
                found[drawn_on] = path
    if not found:
        raise UsageError(
            f"{folder} holds no DICOM Segmentation that names its series.",
            remedy="Export the reference masks as DICOM SEG.",
        )
    return found


def read_reference(path: Path, geometry: Geometry) -> npt.NDArray[np.uint8]:
    """Read the lungs of a DICOM Segmentation on a volume's grid, nearest neighbour: 1 right, 2 left.

    Raises:
        NothingReadable: it has no segment that is a right or left lung, or cannot be read.
    """
    labels = np.zeros(geometry.shape, np.uint8)
    try:
        with quiet():
            seg = highdicom.seg.segread(path)
            sides = {int(item.SegmentNumber): _side(item) for item in seg.SegmentSequence}
            for side in (RIGHT, LEFT):
                numbers = [number for number, told in sides.items() if told == side]
                if not numbers:
                    continue
                volume = seg.get_volume(
                    segment_numbers=numbers, combine_segments=True, relabel=True, allow_missing_positions=True
                )
                grid = Geometry(shape=volume.spatial_shape, affine=np.asarray(volume.affine, float))
                labels[labels_on((volume.array > 0).astype(np.uint8), grid, geometry) > 0] = side
    except Exception as problem:  # whatever a damaged or foreign file provokes in a parser
        raise NothingReadable(
            f"The reference {path} cannot be read: {type(problem).__name__}: {problem}.",
            remedy="Export it again as a binary DICOM SEG.",
        ) from problem
    if not any(sides.values()):
        raise NothingReadable(
            f"The reference {path} has no segment that is a right or a left lung.",
            remedy="Label the segments 'right lung' and 'left lung'.",
        )
    return labels


def _side(segment: Dataset) -> int:
    """Tell which lung a segment is by its codes, else by its label; 0 for anything else."""
    for kind in items(segment, "SegmentedPropertyTypeCodeSequence"):
        code = text(kind, "CodeValue")
        if code in _SIDED:
            return _SIDED[code]
        if code in _LUNG:
            for modifier in items(kind, "SegmentedPropertyTypeModifierCodeSequence"):
                if side := _SIDES.get(text(modifier, "CodeValue")):
                    return side
    label = text(segment, "SegmentLabel")
    return next((side for pattern, side in _LABELS if pattern.search(label)), 0)
