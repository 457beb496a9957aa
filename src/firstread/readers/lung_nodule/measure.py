"""Axes, diameters and volume of an outlined nodule.

Conventions (docs/concepts/measurement.md): the outline of a slice runs between a pixel of the mask and its
neighbour outside, where the HU passes the edge; the long axis is the greatest distance between two points
of that outline, the short axis the longest chord of its hull perpendicular to it; both on the slice of
largest area.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from firstread.dicom.geometry import Geometry
from firstread.dicom.volume import Volume
from firstread.findings import Axes, Diameters, Mask
from firstread.findings.finding import Point

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

EDGE = 0.4
"""Share of nodule at which the outline crosses a pixel; that of `outline`."""
LEAST_CONTRAST_HU = 50.0
"""Less than this between nodule and surroundings tells nothing about partial volume."""
_CROSS = ndimage.generate_binary_structure(3, 1)


@dataclass(frozen=True, eq=False)
class Measured:
    """The size of a nodule.

    Attributes:
        diameter_mm: Long and short axis and their mean on the largest slice, to 0.1 mm.
        axes_lps_mm: End points of the two axes.
        volume_mm3: Voxels counted, those at the edge by their share of the nodule.
        slice_index: The slice (index in the volume) on which the area is largest.
        mean_hu: Mean attenuation of the mask's voxels.
        size_mm: Edge lengths of the bounding box along patient x, y, z.
        center_lps_mm: Centre of mass.
    """

    diameter_mm: Diameters
    axes_lps_mm: Axes
    volume_mm3: float
    slice_index: int
    mean_hu: float
    size_mm: Point
    center_lps_mm: Point


def measure_mask(volume: Volume, mask: Mask) -> Measured:
    """Measure a nodule on the native grid.

    Raises:
        ValueError: the mask is empty.
    """
    if not mask.voxels.any():
        raise ValueError("an empty mask has no size")
    geometry = volume.geometry
    region, box = _with_margin(geometry, mask, 2)
    hu = volume.hu[box].astype(float)
    shares = _shares(hu, region)
    # With nothing to go by but the voxels, a little blur takes the steps out of their outline.
    drawn = shares if shares is not None else _blurred(region)
    largest = int(region.sum((1, 2)).argmax())
    corner = np.array([span.start for span in box])
    diameters, axes = axes_of_slice(
        geometry, region[largest], drawn[largest], corner + np.array([largest, 0, 0])
    )
    hits = np.argwhere(region)
    return Measured(
        diameter_mm=diameters,
        axes_lps_mm=axes,
        volume_mm3=round(_volume_mm3(geometry, region, shares), 1),
        slice_index=int(corner[0]) + largest,
        mean_hu=round(float(hu[region].mean()), 1),
        size_mm=_size(geometry, hits),
        center_lps_mm=_point(geometry.to_lps(hits.mean(0) + corner)),
    )


def axes_of_slice(
    geometry: Geometry, plane: Bools, shares: Floats, corner: npt.ArrayLike
) -> tuple[Diameters, Axes]:
    """Measure long and short axis of a region on one slice.

    Args:
        geometry: The volume's grid.
        plane: The region's pixels (row, column).
        shares: How much of each pixel is nodule, 0 to 1; of the same shape.
        corner: Index (slice, row, column) of the first pixel in the volume.

    Returns:
        The diameters (mm) and the end points of the axes (LPS mm).
    """
    outline = _outline(plane, shares)
    points = geometry.to_lps(np.column_stack([np.zeros(len(outline)), outline]) + np.asarray(corner))
    # The slice's plane may be oblique in the patient: measure in its own two directions.
    origin = points.mean(0)
    u = geometry.affine[:3, 2] / np.linalg.norm(geometry.affine[:3, 2])
    v = geometry.affine[:3, 1] - (geometry.affine[:3, 1] @ u) * u
    v /= np.linalg.norm(v)
    flat = np.column_stack([(points - origin) @ u, (points - origin) @ v])
    hull = cv2.convexHull(flat.astype(np.float32))[:, 0].astype(float)
    long = _long_axis(hull)
    short = _short_axis(hull, long)
    lengths = [float(np.linalg.norm(end[1] - end[0])) for end in (long, short)]
    long_mm, short_mm = round(lengths[0], 1), round(lengths[1], 1)
    ends = [_point(origin + a * u + b * v) for a, b in (*long, *short)]
    return (
        Diameters(long=long_mm, short=short_mm, mean=round((lengths[0] + lengths[1]) / 2, 1)),
        Axes(long=(ends[0], ends[1]), short=(ends[2], ends[3])),
    )


def _with_margin(geometry: Geometry, mask: Mask, margin: int) -> tuple[Bools, tuple[slice, slice, slice]]:
    """Return a mask with empty voxels around it, as far as the volume goes, and where that box lies."""
    low = np.maximum(np.asarray(mask.offset) - margin, 0)
    high = np.minimum(np.asarray(mask.offset) + mask.voxels.shape + margin, geometry.shape)
    k, j, i = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    region = np.zeros(tuple(high - low), bool)
    inner = zip(np.asarray(mask.offset) - low, mask.voxels.shape, strict=True)
    region[tuple(slice(int(a), int(a) + n) for a, n in inner)] = mask.voxels
    return region, (k, j, i)


def _shares(hu: Floats, region: Bools) -> Floats | None:
    """Return how much of each voxel is nodule, from where its HU lies between the lung's and the nodule's.

    0 is lung, 1 nodule; outside the region the values beyond the next two voxels mean nothing. None where
    nodule and surroundings are alike.
    """
    rim = ndimage.binary_dilation(region, _CROSS, iterations=2) & ~region
    inner = region & ndimage.binary_dilation(~region, _CROSS)
    deep = region & ~inner
    level = float(np.median(hu[deep])) if deep.sum() >= 8 else float(np.percentile(hu[region], 90))
    lung_hu = float(np.percentile(hu[rim], 25)) if rim.any() else level
    if level - lung_hu < LEAST_CONTRAST_HU:
        return None
    return (hu - lung_hu) / (level - lung_hu)


def _blurred(region: Bools) -> Floats:
    blurred: Floats = ndimage.gaussian_filter(region.astype(float), (0, 0.7, 0.7))
    return blurred + EDGE - 0.5


def _volume_mm3(geometry: Geometry, region: Bools, shares: Floats | None) -> float:
    """Count the voxels, those next to the edge by their share.

    One outside that is more than half nodule was cut off on purpose (vessel, chest wall): it does not count.
    """
    if shares is None:
        return float(region.sum() * geometry.voxel_mm3)
    inner = region & ndimage.binary_dilation(~region, _CROSS)
    outer = shares[ndimage.binary_dilation(region, _CROSS) & ~region]
    fringe = np.clip(outer[outer < 0.5], 0, None).sum()
    counted = (region & ~inner).sum() + np.clip(shares[inner], 0, 1).sum() + fringe
    return float(counted * geometry.voxel_mm3)


def _outline(plane: Bools, shares: Floats) -> Floats:
    """Return points (row, column) where lines between neighbouring pixel centres cross the edge.

    Where both pixels are more, or both less, than EDGE nodule, the edge is taken to be half-way.
    """
    inside = np.pad(plane, 1)
    share = np.pad(shares, 1, mode="edge")
    points = []
    for axis in (0, 1):
        length = inside.shape[axis]
        one, two = np.arange(length - 1), np.arange(1, length)
        first, second = inside.take(one, axis), inside.take(two, axis)
        a, b = share.take(one, axis), share.take(two, axis)
        crossed = first != second
        within, without = np.where(first, a, b)[crossed], np.where(first, b, a)[crossed]
        clear = (within > EDGE) & (without < EDGE)
        gap = np.where(clear, within - without, 1.0)
        part = np.where(clear, (within - EDGE) / gap, 0.5)
        at = np.argwhere(crossed).astype(float)
        at[:, axis] += np.where(first[crossed], part, 1 - part)
        points.append(at)
    return np.concatenate(points) - 1.0


def _long_axis(hull: Floats) -> Floats:
    """Return the two points of a hull that are furthest apart."""
    gaps = np.linalg.norm(hull[:, None] - hull[None], axis=-1)
    first, second = np.unravel_index(int(gaps.argmax()), gaps.shape)
    return hull[[first, second]]


def _short_axis(hull: Floats, long: Floats) -> Floats:
    """Return the longest chord of a convex hull that is perpendicular to its long axis."""
    along = (long[1] - long[0]) / np.linalg.norm(long[1] - long[0])
    across = np.array([-along[1], along[0]])
    t, s = hull @ along, hull @ across
    # The chord's length is piecewise linear along the axis, so its maximum is at a vertex.
    best = (-1.0, 0.0, 0.0, 0.0)
    for at in t:
        low, high = np.inf, -np.inf
        for a in range(len(hull)):
            b = (a + 1) % len(hull)
            if min(t[a], t[b]) - 1e-6 <= at <= max(t[a], t[b]) + 1e-6:
                span = t[b] - t[a]
                share = 0.0 if abs(span) < 1e-9 else min(max((at - t[a]) / span, 0.0), 1.0)
                crossing = s[a] + share * (s[b] - s[a])
                ends = (s[a], s[b]) if abs(span) < 1e-9 else (crossing,)
                low, high = min(low, *ends), max(high, *ends)
        if high - low > best[0]:
            best = (high - low, at, low, high)
    _, at, low, high = best
    return np.array([at * along + low * across, at * along + high * across])


def _size(geometry: Geometry, hits: npt.NDArray[np.int64]) -> Point:
    """Return the edge lengths of the patient-aligned box around the voxels, their own extent included."""
    half = np.array(np.meshgrid(*[(-0.5, 0.5)] * 3, indexing="ij")).reshape(3, -1)
    reach = np.abs(geometry.affine[:3, :3] @ half).max(1)
    points = hits @ geometry.affine[:3, :3].T
    x, y, z = np.ptp(points, axis=0) + 2 * reach
    return round(float(x), 1), round(float(y), 1), round(float(z), 1)


def _point(lps_mm: npt.ArrayLike) -> Point:
    x, y, z = (round(float(v), 2) for v in np.asarray(lps_mm))
    return x, y, z
