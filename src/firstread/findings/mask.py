"""A binary region on the voxel grid of the series that was read."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Mask:
    """Voxels that belong to a region, cropped to its bounding box.

    Attributes:
        voxels: Boolean array (slice, row, column), the crop.
        offset: Index (slice, row, column) of the crop's first voxel in the volume.
    """

    voxels: npt.NDArray[np.bool_]
    offset: tuple[int, int, int]

    @classmethod
    def crop(cls, voxels: npt.NDArray[np.bool_]) -> "Mask":
        """Crop a mask of the whole volume to the smallest box that holds it; an empty one keeps no voxel."""
        spans = []
        for axis in range(3):
            hit = np.flatnonzero(voxels.any(axis=tuple(a for a in range(3) if a != axis)))
            spans.append((int(hit[0]), int(hit[-1]) + 1) if hit.size else (0, 0))
        box = tuple(slice(a, b) for a, b in spans)
        return cls(voxels=voxels[box].copy(), offset=(spans[0][0], spans[1][0], spans[2][0]))

    def paste(self, shape: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
        """Return the mask on the whole volume of the given shape (slice, row, column)."""
        whole = np.zeros(shape, bool)
        (k, j, i), (dk, dj, di) = self.offset, self.voxels.shape
        whole[k : k + dk, j : j + dj, i : i + di] = self.voxels
        return whole
