"""The masks of a read, back from its segmentation object."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.dataset import Dataset

from firstread.dicom.header import text
from firstread.dicom.quiet import quiet
from firstread.dicom.seg import structure_tracking_uid
from firstread.errors import FirstreadError
from firstread.findings import Grid, Mask, ReadResult

LARGEST_BYTES = 512 * 2**20
"""A segmentation of 2,000 slices and 20 segments is smaller."""
_ALONG_MM = 0.01


def with_structure_masks(result: ReadResult, path: Path) -> ReadResult:
    """Return the result with the masks of its structures as `seg.dcm` holds them, on the result's grid.

    Frames between the grid's slices go to the nearest. A segment of another result is left out.

    Raises:
        FirstreadError: the file is not a segmentation that firstread wrote for this result.
    """
    if result.grid is None:
        return result
    grid = result.grid
    wanted = {structure_tracking_uid(result, structure): structure.name for structure in result.structures}
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ValueError("it is larger than any segmentation of firstread")
        with quiet():
            found = _masks(path, result, grid, wanted)
    except FirstreadError:
        raise
    except Exception as problem:  # whatever a damaged or foreign file provokes in a parser
        raise FirstreadError(
            f"{path} cannot be used: {type(problem).__name__}: {problem}.",
            remedy="Read the prior study again, or remove the file: its boxes are compared then.",
        ) from problem
    structures = tuple(s.model_copy(update={"mask": found.get(s.name)}) for s in result.structures)
    return result.model_copy(update={"structures": structures})


def finding_masks(result: ReadResult, path: Path) -> dict[str, Mask]:
    """Return the masks of the findings as `seg.dcm` holds them, by the findings' ids, on the result's grid.

    A finding that has no segment is left out, and so is every other segment.

    Raises:
        FirstreadError: the file is not a segmentation that firstread wrote for this result.
    """
    if result.grid is None:
        return {}
    wanted = {finding.tracking_uid: finding.id for finding in result.findings}
    found: dict[str, dict[int, npt.NDArray[np.bool_]]] = {}
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ValueError("it is larger than any segmentation of firstread")
        with quiet():
            for name, k, plane in _planes(_opened(path, result, result.grid), result.grid, wanted):
                slices = found.setdefault(name, {})
                slices[k] = slices[k] | plane if k in slices else plane
    except Exception as problem:  # whatever a damaged or foreign file provokes in a parser
        raise FirstreadError(
            f"{path} cannot be used: {type(problem).__name__}.", remedy="Read the study again."
        ) from problem
    return {name: _stacked(slices) for name, slices in found.items()}


def _stacked(slices: dict[int, npt.NDArray[np.bool_]]) -> Mask:
    first, last = min(slices), max(slices)
    none = np.zeros_like(slices[first])
    mask = Mask.crop(np.stack([slices.get(k, none) for k in range(first, last + 1)]))
    k, j, i = mask.offset
    return Mask(voxels=mask.voxels, offset=(first + k, j, i))


def _opened(path: Path, result: ReadResult, grid: Grid) -> Dataset:
    seg = dcmread(path)
    if text(seg, "Modality") != "SEG" or str(seg.StudyInstanceUID) != result.study_uid:
        raise ValueError("it is not the segmentation of this result")
    rows, columns = int(seg.Rows), int(seg.Columns)
    if (rows, columns) != grid.shape[1:]:
        raise ValueError(f"its matrix is {rows} × {columns}, the result's {grid.shape[1]} × {grid.shape[2]}")
    return seg


def _masks(path: Path, result: ReadResult, grid: Grid, wanted: dict[str, str]) -> dict[str, Mask]:
    seg = _opened(path, result, grid)
    names = {wanted.get(str(item.TrackingUID)) for item in seg.SegmentSequence}
    whole = {name: np.zeros(grid.shape, bool) for name in names if name is not None}
    for name, k, plane in _planes(seg, grid, wanted):
        whole[name][k] |= plane
    return {name: Mask.crop(voxels) for name, voxels in whole.items()}


def _planes(
    seg: Dataset, grid: Grid, wanted: dict[str, str]
) -> Iterator[tuple[str, int, npt.NDArray[np.bool_]]]:
    """Yield the frames of the segments whose Tracking UIDs are wanted: name, slice of the grid, (row, column)."""
    names = {int(item.SegmentNumber): wanted.get(str(item.TrackingUID)) for item in seg.SegmentSequence}
    affine = np.array(grid.affine)
    inverse = np.linalg.inv(affine[:, :3])
    pixels = np.frombuffer(seg.PixelData, np.uint8)
    rows, columns = grid.shape[1:]
    size = rows * columns
    for number, frame in enumerate(seg.PerFrameFunctionalGroupsSequence):
        name = names.get(int(frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber))
        if name is None:
            continue
        place = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        k, j, i = inverse @ (place - affine[:, 3])
        slice_index = int(np.rint(k))
        if not 0 <= slice_index < grid.shape[0] or max(abs(j), abs(i)) > 0.5 + _ALONG_MM:
            raise ValueError("a frame lies outside the result's grid")
        first = number * size
        bits = np.unpackbits(pixels[first // 8 : -(-(first + size) // 8)], bitorder="little")
        yield name, slice_index, bits[first % 8 : first % 8 + size].reshape(rows, columns).astype(bool)
