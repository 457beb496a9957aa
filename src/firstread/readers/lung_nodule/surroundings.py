"""What lies around a candidate: a small cube of equal steps, with the lung it belongs to."""

from dataclasses import dataclass

import edt
import fill_voids
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from firstread.dicom.geometry import Geometry
from firstread.dicom.volume import Volume
from firstread.readers.lung_nodule.grid import (
    extent_lps_mm,
    labels_on,
    reading_grid,
    resample,
    sample,
)

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

LUNG_HU = (-960.0, -700.0)
"""Range in which the attenuation of aerated lung around a nodule is believed."""
USUAL_LUNG_HU = -860.0
"""Taken where no aerated lung is left around."""
AERATED_HU = -500.0
"""Below this a voxel of the lung mask counts as aerated lung."""
LARGEST_HALF_MM = 80.0
"""Half the edge of the largest cube; what is larger than that is no longer outlined as one nodule."""


@dataclass(frozen=True, eq=False)
class Surroundings:
    """A cube around a candidate.

    Attributes:
        grid: Patient-aligned grid of the cube.
        step_mm: Edge of its voxels.
        hu: float32 HU (z, y, x).
        inside: Where a nodule of this lung may lie: the lung, its notches closed, its edge smoothed.
        lung_hu: Attenuation of the aerated lung around.
        seed: Index (z, y, x) of the candidate's centre, fractional.
    """

    grid: Geometry
    step_mm: float
    hu: Floats
    inside: Bools
    lung_hu: float
    seed: npt.NDArray[np.float64]

    def distances_mm(self, point: npt.ArrayLike) -> Floats:
        """Distance of each voxel's centre from a point given as an index (z, y, x)."""
        k, j, i = (
            np.square((np.arange(length, dtype=np.float32) - np.float32(at)) * np.float32(self.step_mm))
            for length, at in zip(self.hu.shape, np.asarray(point, float), strict=True)
        )
        squared: Floats = k[:, None, None] + j[None, :, None] + i[None, None, :]
        return np.sqrt(squared)

    def depths_mm(self, region: Bools) -> Floats:
        """Distance of each voxel of a region from the nearest voxel outside it; a cube's border is open."""
        return _depths_mm(region, self.step_mm)

    def box(self, point: npt.ArrayLike, radius_mm: float) -> tuple[slice, slice, slice]:
        """Return the part of the cube within a distance of a point (index z, y, x) along each axis."""
        reach = radius_mm / self.step_mm
        k, j, i = (
            slice(max(0, int(at - reach)), min(length, int(at + reach) + 2))
            for at, length in zip(np.asarray(point, float), self.hu.shape, strict=True)
        )
        return k, j, i

    def part(self, box: tuple[slice, slice, slice]) -> "Surroundings":
        """Return a part of the cube as a smaller one."""
        start = np.array([span.start for span in box])
        affine = self.grid.affine.copy()
        affine[:3, 3] = self.grid.to_lps(start)
        k, j, i = self.hu[box].shape
        return Surroundings(
            grid=Geometry(shape=(k, j, i), affine=affine),
            step_mm=self.step_mm,
            hu=self.hu[box],
            inside=self.inside[box],
            lung_hu=self.lung_hu,
            seed=self.seed - start,
        )


def look_around(
    volume: Volume, lungs: npt.NDArray[np.uint8], *, center_lps_mm: npt.ArrayLike, diameter_mm: float
) -> Surroundings:
    """Cut the cube around a candidate; step and size follow the estimated diameter (mm)."""
    center = np.asarray(center_lps_mm, float)
    step = float(np.clip(0.3 + 0.03 * diameter_mm, 0.4, 2.0))
    half = min(1.1 * diameter_mm + 5.0, LARGEST_HALF_MM)
    grid = reading_grid(center - half, center + half, spacing_mm=step)
    hu = resample(volume, grid).astype(np.float32)
    inside = _inside(volume, lungs, grid, center=center, diameter_mm=diameter_mm)
    aerated = hu[inside & (hu < AERATED_HU)]
    return Surroundings(
        grid=grid,
        step_mm=step,
        hu=hu,
        inside=inside,
        lung_hu=float(np.clip(np.median(aerated) if aerated.size else USUAL_LUNG_HU, *LUNG_HU)),
        seed=grid.to_index(center),
    )


def _inside(
    volume: Volume,
    lungs: npt.NDArray[np.uint8],
    grid: Geometry,
    *,
    center: npt.NDArray[np.float64],
    diameter_mm: float,
) -> Bools:
    """Return where in the cube a nodule of the nearest lung may lie; found on a coarser grid, for speed."""
    lower, upper = extent_lps_mm(grid)
    step = max(1.6 * grid.spacing_mm[0], 0.8)
    coarse = reading_grid(lower, upper, spacing_mm=step)
    seed = coarse.to_index(center)
    lung = _lung_of(labels_on(lungs, volume.geometry, coarse), seed)
    if not lung.any():
        return np.ones(grid.shape, bool)
    # Notches that vessels and small nodules leave in a mask close at a few millimetres.
    closed = _closed(lung, step, radius_mm=min(0.5 * diameter_mm + 2.0, 8.0))
    # A mass on the pleura may have been left out altogether: its bay has to be bridged widely.
    at = np.indices(lung.shape).reshape(3, -1).T
    middle = np.linalg.norm(at - seed, axis=1).reshape(lung.shape) * step <= max(
        0.35 * diameter_mm, 1.5 * step
    )
    if closed[middle].mean() < 0.85:
        closed = _closed(closed, step, radius_mm=0.75 * diameter_mm)
    # The mask's voxels are often coarse: the blur rounds their steps off.
    soft = ndimage.gaussian_filter(closed.astype(np.float32), 1.0 / step)
    inside: Bools = sample((soft * 1000).astype(np.int16), coarse, grid) > 500
    return inside


def _lung_of(labels: npt.NDArray[np.uint8], seed: npt.NDArray[np.float64]) -> Bools:
    """Return the lung that is nearest to the seed."""
    places = np.argwhere(labels > 0)
    if not places.size:
        return np.zeros(labels.shape, bool)
    nearest = places[np.square(places - seed).sum(1).argmin()]
    lung: Bools = labels == labels[tuple(nearest)]
    return lung


def _closed(lung: Bools, step_mm: float, *, radius_mm: float) -> Bools:
    """Close with a ball and fill what is enclosed, in space and in each slice."""
    grown = _depths_mm(~lung, step_mm) <= radius_mm
    closed: Bools = fill_voids.fill((_depths_mm(grown, step_mm) > radius_mm) | lung)
    for plane in closed:
        plane[:] = fill_voids.fill(np.ascontiguousarray(plane))
    return closed


def _depths_mm(region: Bools, step_mm: float) -> Floats:
    depths: Floats = edt.edt(region, black_border=False) * np.float32(step_mm)
    return depths
