"""Where voxels lie in the patient."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Geometry:
    """An affine voxel grid in patient coordinates (LPS, mm).

    The axes need not be orthogonal: with gantry tilt the slice step is oblique to the slice plane.

    Attributes:
        shape: Voxels along (slice, row, column).
        affine: 4×4 matrix from a voxel index (slice, row, column, 1) to (x, y, z, 1) of the voxel's centre.
    """

    shape: tuple[int, int, int]
    affine: Array

    @classmethod
    def from_axes(
        cls,
        *,
        shape: tuple[int, int, int],
        origin_lps_mm: npt.ArrayLike,
        slice_step_mm: npt.ArrayLike,
        row_step_mm: npt.ArrayLike,
        column_step_mm: npt.ArrayLike,
    ) -> "Geometry":
        """Build from the first voxel's centre and the patient vector of one step along each index."""
        affine = np.eye(4)
        affine[:3, 0] = slice_step_mm
        affine[:3, 1] = row_step_mm
        affine[:3, 2] = column_step_mm
        affine[:3, 3] = origin_lps_mm
        return cls(shape=shape, affine=affine)

    def cropped(self, box: tuple[slice, slice, slice]) -> "Geometry":
        """Return the part of the grid in a box of slices along (slice, row, column) that name start and stop."""
        affine = self.affine.copy()
        affine[:3, 3] = self.to_lps([edge.start for edge in box])
        slices, rows, columns = (edge.stop - edge.start for edge in box)
        return Geometry(shape=(slices, rows, columns), affine=affine)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Length of one step along (slice, row, column); mm."""
        slice_mm, row_mm, column_mm = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(slice_mm), float(row_mm), float(column_mm)

    @property
    def voxel_mm3(self) -> float:
        """Volume of one voxel; mm³."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    def to_lps(self, index: npt.ArrayLike) -> Array:
        """Map indices (..., 3) in (slice, row, column) to patient points (..., 3) in mm."""
        mapped: Array = np.asarray(index, float) @ self.affine[:3, :3].T + self.affine[:3, 3]
        return mapped

    def to_index(self, lps_mm: npt.ArrayLike) -> Array:
        """Map patient points (..., 3) in mm to fractional indices (..., 3) in (slice, row, column)."""
        inverse = np.linalg.inv(self.affine[:3, :3])
        mapped: Array = (np.asarray(lps_mm, float) - self.affine[:3, 3]) @ inverse.T
        return mapped
