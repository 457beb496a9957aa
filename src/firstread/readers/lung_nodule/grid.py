"""The grids on which the networks look, cut from a volume's own grid.

A reading grid is aligned with the patient: index (0, 0, 0) is its point of lowest z, y and x; slices go
from feet to head, rows from front to back, columns from the patient's right to left.
"""

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from firstread.cores import share_out
from firstread.dicom.geometry import Geometry
from firstread.dicom.header import number
from firstread.dicom.volume import Volume

AIR_HU = -1000
THICKEST_MM = 10.0
"""A greater slice thickness in a header is not believed."""
_ALIGNED_MM = 1e-3


def reading_grid(
    lower_lps_mm: npt.ArrayLike,
    upper_lps_mm: npt.ArrayLike,
    *,
    spacing_mm: float | tuple[float, float, float],
) -> Geometry:
    """Return the patient-aligned grid that covers a box given by two corners (x, y, z; mm).

    Args:
        lower_lps_mm: The corner of lowest x, y, z.
        upper_lps_mm: The opposite one.
        spacing_mm: Edge of the cubic voxels, or their edges along z, y, x.
    """
    lower, upper = np.asarray(lower_lps_mm, float), np.asarray(upper_lps_mm, float)
    dz, dy, dx = spacing_mm if isinstance(spacing_mm, tuple) else (spacing_mm,) * 3
    x, y, z = (int(n) for n in np.maximum(np.ceil((upper - lower) / (dx, dy, dz)), 0) + 1)
    return Geometry.from_axes(
        shape=(z, y, x),
        origin_lps_mm=lower,
        slice_step_mm=(0, 0, dz),
        row_step_mm=(0, dy, 0),
        column_step_mm=(dx, 0, 0),
    )


def slice_profile_mm(volume: Volume) -> float:
    """Return over how much of z a slice averages: its thickness where the header says more than the distance; mm."""
    distance = volume.geometry.spacing_mm[0]
    thickness = number(volume.header, "SliceThickness") if volume.headers else None
    return max(distance, min(thickness or 0.0, THICKEST_MM))


def extent_lps_mm(geometry: Geometry) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the lowest and the highest (x, y, z) of a grid's voxel centres; mm."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in geometry.shape], indexing="ij")).reshape(3, -1).T
    points = geometry.to_lps(corners)
    return points.min(0), points.max(0)


def resample(volume: Volume, grid: Geometry, *, smooth: bool = False) -> npt.NDArray[np.int16]:
    """Sample a volume's HU on a reading grid by linear interpolation; air where the volume has no voxel.

    Args:
        volume: What is sampled.
        grid: A patient-aligned grid, as `reading_grid` gives.
        smooth: Average over the grid's voxel first; for grids much coarser than the volume.
    """
    return sample(volume.hu, volume.geometry, grid, smooth=smooth)


def sample(
    array: npt.NDArray[np.int16], source: Geometry, grid: Geometry, *, smooth: bool = False
) -> npt.NDArray[np.int16]:
    """Sample an int16 array that lies on `source` on another grid, as `resample` does for a volume."""
    matrix, offset = index_map(grid, source)
    if smooth:
        factors = [max(round(float(abs(matrix[a, a]))), 1) for a in range(3)]
        array, matrix, offset = _block_mean(array, matrix, offset, factors)
    if is_aligned(matrix, grid):
        return _sample_aligned(array, np.diag(matrix), offset, grid.shape)
    sampled: npt.NDArray[np.int16] = ndimage.affine_transform(
        array, matrix, offset, output_shape=grid.shape, order=1, mode="constant", cval=AIR_HU
    )
    return sampled


def index_map(of: Geometry, to: Geometry) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return what takes a grid's indices (z, y, x) to another's: a matrix (3 × 3), and what is added."""
    both = np.linalg.inv(to.affine) @ of.affine
    return both[:3, :3], both[:3, 3]


def is_aligned(matrix: npt.NDArray[np.float64], grid: Geometry) -> bool:
    """Tell whether a matrix (3 × 3, grid's indices to another grid's) turns nothing: its axes are the other's axes."""
    off_diagonal = np.abs(matrix - np.diag(np.diag(matrix)))
    return bool((off_diagonal * np.asarray(grid.shape)).max() < _ALIGNED_MM)


def _block_mean(
    array: npt.NDArray[np.int16],
    matrix: npt.NDArray[np.float64],
    offset: npt.NDArray[np.float64],
    factors: list[int],
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    slices, rows, columns = (n // f for n, f in zip(array.shape, factors, strict=True))
    fk, fj, fi = factors
    if min(slices, rows, columns) < 2:
        return array, matrix, offset
    reduced = np.empty((slices, rows, columns), np.int16)

    def reduce(k: int) -> None:
        thick = array[k * fk, : rows * fj, : columns * fi].astype(np.float32)
        for another in range(k * fk + 1, (k + 1) * fk):
            cv2.add(thick, array[another, : rows * fj, : columns * fi], dst=thick, dtype=cv2.CV_32F)
        reduced[k] = cv2.resize(thick, (columns, rows), interpolation=cv2.INTER_AREA) / np.float32(fk)

    share_out(reduce, range(slices))
    scale = np.asarray(factors, float)
    return reduced, matrix / scale[:, None], (offset - (scale - 1) / 2) / scale


def _sample_aligned(
    array: npt.NDArray[np.int16],
    step: npt.NDArray[np.float64],
    offset: npt.NDArray[np.float64],
    shape: tuple[int, int, int],
) -> npt.NDArray[np.int16]:
    slices, rows, columns = shape
    # Only what is seen is converted: a candidate's cube is a small part of a slice.
    seen_rows = _seen(array.shape[1], step[1], offset[1], rows)
    seen_columns = _seen(array.shape[2], step[2], offset[2], columns)
    array = array[:, seen_rows, seen_columns]
    shift = offset[2] - seen_columns.start, offset[1] - seen_rows.start
    warp = np.array([[step[2], 0, shift[0]], [0, step[1], shift[1]]], np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    planes: dict[int, npt.NDArray[np.float32]] = {}
    sampled = np.full(shape, AIR_HU, np.int16)

    def plane(k: int) -> npt.NDArray[np.float32]:
        if k not in planes:
            warped = cv2.warpAffine(
                array[k].astype(np.float32),
                warp,
                (columns, rows),
                flags=flags,
                borderMode=cv2.BORDER_CONSTANT,
                borderValue=float(AIR_HU),
            )
            planes[k] = np.asarray(warped, np.float32)
        return planes[k]

    last = array.shape[0] - 1
    tolerance = 0.5
    for k in range(slices):
        position = offset[0] + step[0] * k
        if not -tolerance <= position <= last + tolerance:
            continue
        position = min(max(position, 0.0), float(last))
        below = min(int(position), last)
        weight = position - below
        if weight < 1e-6 or below == last:
            sampled[k] = plane(below)
        else:
            cv2.addWeighted(
                plane(below), 1 - weight, plane(below + 1), weight, 0.0, dst=sampled[k], dtype=cv2.CV_16S
            )
        for old in [p for p in planes if abs(p - position) > 2]:
            del planes[old]
    return sampled


def _seen(length: int, step: float, offset: float, count: int) -> slice:
    """Return the indices of an axis, one at least, that interpolation at offset + step × (0 … count - 1) looks at."""
    ends = (offset, offset + step * (count - 1))
    first = min(max(int(np.floor(min(ends))) - 1, 0), length - 1)
    last = min(max(int(np.ceil(max(ends))) + 1, first), length - 1)
    return slice(first, last + 1)


def labels_on(labels: npt.NDArray[np.uint8], grid: Geometry, target: Geometry) -> npt.NDArray[np.uint8]:
    """Sample a label array on another grid, nearest neighbour; 0 outside."""
    matrix, offset = index_map(target, grid)
    if is_aligned(matrix, target):
        picks = []
        for axis in range(3):
            index = np.rint(offset[axis] + matrix[axis, axis] * np.arange(target.shape[axis])).astype(int)
            picks.append(
                (np.clip(index, 0, labels.shape[axis] - 1), (index >= 0) & (index < labels.shape[axis]))
            )
        found = labels
        # Along z last: that repeats whole slices.
        for axis in (2, 1, 0):
            index, valid = picks[axis]
            found = found.take(index, axis)
            if not valid.all():
                np.moveaxis(found, axis, 0)[~valid] = 0
        return found
    nearest: npt.NDArray[np.uint8] = ndimage.affine_transform(
        labels, matrix, offset, output_shape=target.shape, order=0, mode="constant", cval=0
    )
    return nearest
