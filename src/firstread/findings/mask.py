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

    @classmethod
    def of_label(cls, labels: npt.NDArray[np.uint8], label: int) -> "Mask":
        """Return where a label array (slice, row, column) of the whole volume holds a label, cropped.

        As `crop(labels == label)`, a slice at a time: of a long series that array alone takes hundreds of MB.
        """
        slices, rows, columns = (np.zeros(length, bool) for length in labels.shape)
        for number, plane in enumerate(labels):
            held = plane == label
            slices[number] = held.any()
            rows |= held.any(axis=1)
            columns |= held.any(axis=0)
        hits = [np.flatnonzero(axis) for axis in (slices, rows, columns)]
        k, j, i = (slice(int(hit[0]), int(hit[-1]) + 1) if hit.size else slice(0, 0) for hit in hits)
        return cls(voxels=labels[k, j, i] == label, offset=(k.start, j.start, i.start))

    def paste(self, shape: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
        """Return the mask on the whole volume of the given shape (slice, row, column)."""
        whole = np.zeros(shape, bool)
        (k, j, i), (dk, dj, di) = self.offset, self.voxels.shape
        whole[k : k + dk, j : j + dj, i : i + di] = self.voxels
        return whole
