"""The surface of a mask as points with normals, coarse and even, and the box it fills."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from firstread.dicom.geometry import Geometry
from firstread.findings import Mask
from firstread.findings.finding import Point

Floats = npt.NDArray[np.float64]

BLOCK_MM: Final = 3.0
"""Voxels are pooled to blocks of about this edge: even over anisotropic voxels, and quick."""


@dataclass(frozen=True, eq=False)
class Surface:
    """Points (n, 3) on a surface, LPS mm, and its outward unit normals there."""

    points: Floats
    normals: Floats

    def thinned(self, count: int) -> "Surface":
        """Keep at most `count` points, spread evenly over their order; always the same ones."""
        if len(self.points) <= count:
            return self
        kept = np.linspace(0, len(self.points) - 1, count).astype(int)
        return Surface(points=self.points[kept], normals=self.normals[kept])


def surface_of(mask: Mask, geometry: Geometry) -> Surface:
    """Find the surface of a mask, to a fraction of a block.

    Voxels are pooled into blocks, the share of each block that belongs to the mask is smoothed, and the
    blocks at its edge are moved along the gradient to where the share is one half. Where the mask is cut off
    by the first or last slice there is no surface of the body, and no point.
    """
    if not mask.voxels.any():
        return Surface(points=np.empty((0, 3)), normals=np.empty((0, 3)))
    factor = [max(1, round(BLOCK_MM / spacing)) for spacing in geometry.spacing_mm]
    share = np.pad(_pool(mask.voxels, factor), 3)
    smooth = ndimage.gaussian_filter(share, 1.0)
    inside = smooth >= 0.5
    edge = np.argwhere(inside & ~ndimage.binary_erosion(inside))
    slope = np.stack(list(np.gradient(smooth)), axis=-1)[tuple(edge.T)]
    # From blocks to voxels to the patient; a gradient maps by the inverse transpose.
    linear = geometry.affine[:3, :3] * factor
    slope = slope @ np.linalg.inv(linear)
    steepness = np.linalg.norm(slope, axis=1)
    index = (edge - 3 + 0.5) * factor - 0.5 + mask.offset
    last = geometry.shape[0] - 1
    kept = (steepness > 1e-6) & (index[:, 0] > factor[0]) & (index[:, 0] < last - factor[0])
    edge, slope, steepness, index = edge[kept], slope[kept], steepness[kept], index[kept]
    step = (0.5 - smooth[tuple(edge.T)]) / steepness
    inward = slope / steepness[:, None]
    points = geometry.to_lps(index) + inward * np.clip(step, -BLOCK_MM, BLOCK_MM)[:, None]
    return Surface(points=points, normals=-inward)


def extent(mask: Mask, geometry: Geometry) -> tuple[Point, Point]:
    """Return the centre and edge lengths of the mask's bounding box along patient x, y, z; mm.

    Raises:
        ValueError: the mask is empty.
    """
    if not mask.voxels.any():
        raise ValueError("an empty mask has no extent")
    spans = []
    for axis in range(3):
        hit = np.flatnonzero(mask.voxels.any(axis=tuple(a for a in range(3) if a != axis)))
        spans.append((hit[0] - 0.5, hit[-1] + 0.5))
    corners = np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1).reshape(-1, 3)
    lps = geometry.to_lps(corners + mask.offset)
    low, high = lps.min(0), lps.max(0)
    center, size = (low + high) / 2, high - low
    return (
        (float(center[0]), float(center[1]), float(center[2])),
        (float(size[0]), float(size[1]), float(size[2])),
    )


def _pool(voxels: npt.NDArray[np.bool_], factor: list[int]) -> Floats:
    """Return the share of each block of voxels that is set; blocks at the far edges are filled with unset."""
    filled = [(0, -size % n) for size, n in zip(voxels.shape, factor, strict=True)]
    pooled = np.pad(voxels.view(np.uint8), filled)
    for axis, n in enumerate(factor):
        # Adding strided views is several times as fast as reshaping or `reduceat`.
        ahead = (slice(None),) * axis
        pooled = sum(
            (pooled[(*ahead, slice(k, None, n))] for k in range(1, n)),
            pooled[(*ahead, slice(0, None, n))].astype(np.uint16),
        )
    share: Floats = pooled / float(np.prod(factor))
    return share
