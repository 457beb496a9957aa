"""Nodules of known size in noise and blur, as a scanner would show them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from firstread.dicom.geometry import Geometry
from firstread.dicom.volume import SourceSlice, Volume

LUNG_HU = -860.0
Bodies = list[tuple["Sphere | Vessel | Wall", float]]


@dataclass(frozen=True)
class Sphere:
    """A ball, or an ellipsoid where radii (x, y, z; mm) are given; centre in LPS mm."""

    center: tuple[float, float, float]
    radii: tuple[float, float, float]

    def distance(self, x: npt.ArrayLike, y: npt.ArrayLike, z: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return about the signed distance to the surface (negative inside); mm."""
        a, b, c = self.radii
        dx, dy, dz = (np.asarray(v) - o for v, o in zip((x, y, z), self.center, strict=True))
        level = np.sqrt((dx / a) ** 2 + (dy / b) ** 2 + (dz / c) ** 2)
        slope = np.sqrt((dx / a**2) ** 2 + (dy / b**2) ** 2 + (dz / c**2) ** 2) / np.maximum(level, 1e-6)
        return (level - 1) / np.maximum(slope, 1e-6)


@dataclass(frozen=True)
class Vessel:
    """A straight tube through a point; mm."""

    through: tuple[float, float, float]
    direction: tuple[float, float, float]
    radius: float

    def distance(self, x: npt.ArrayLike, y: npt.ArrayLike, z: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the signed distance to the surface (negative inside); mm."""
        d = np.asarray(self.direction) / np.linalg.norm(self.direction)
        dx, dy, dz = (np.asarray(v) - o for v, o in zip((x, y, z), self.through, strict=True))
        along = dx * d[0] + dy * d[1] + dz * d[2]
        square = dx**2 + dy**2 + dz**2 - along**2
        return np.sqrt(np.maximum(square, 0)) - self.radius


@dataclass(frozen=True)
class Wall:
    """The chest wall behind y mm, curved as a cylinder along z that the lung fills; mm."""

    y: float
    curve: float = 120.0

    def distance(self, x: npt.ArrayLike, y: npt.ArrayLike, z: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the signed distance to the pleura (negative in the wall); mm."""
        return (
            self.curve
            - np.sqrt(np.asarray(x) ** 2 + (np.asarray(y) - self.y + self.curve) ** 2)
            + 0 * np.asarray(z)
        )


def scan(
    bodies: Bodies,
    *,
    half_mm: float,
    pixel_mm: float = 0.7,
    slice_mm: float = 1.25,
    noise_hu: float = 25.0,
    blur_mm: float = 0.55,
    seed: int = 0,
) -> Volume:
    """Scan bodies (with their HU; later ones cover earlier ones) in lung around the origin.

    Slices average over their thickness, pixels are blurred by a Gaussian of `blur_mm`, noise is as wide.
    """
    within = max(1, round(slice_mm / 0.6))
    slices, pixels = int(2 * half_mm / slice_mm) + 1, int(2 * half_mm / pixel_mm) + 1
    # The patient's zero lies nowhere in particular on the grid.
    shift = np.random.default_rng(seed + 1).uniform(-0.5, 0.5, 3)
    fine = (np.arange(slices * within) + 0.5) / within - 0.5
    origin = np.array(
        [
            (-(pixels - 1) / 2 + shift[0]) * pixel_mm,
            (-(pixels - 1) / 2 + shift[1]) * pixel_mm,
            (-(slices - 1) / 2 + shift[2]) * slice_mm,
        ]
    )
    x = (origin[0] + np.arange(pixels) * pixel_mm)[None, None, :]
    y = (origin[1] + np.arange(pixels) * pixel_mm)[None, :, None]
    z = (origin[2] + fine * slice_mm)[:, None, None]
    hu = np.full((len(fine), pixels, pixels), LUNG_HU)
    for body, level in bodies:
        share = np.clip(0.5 - body.distance(x, y, z) / pixel_mm, 0, 1)
        hu += share * (level - hu)
    hu = hu.reshape(slices, within, pixels, pixels).mean(1)
    hu = ndimage.gaussian_filter(hu, (0, blur_mm / pixel_mm, blur_mm / pixel_mm))
    noise = np.random.default_rng(seed).normal(size=hu.shape)
    noise = ndimage.gaussian_filter(noise, (0, 0.7, 0.7))
    hu += noise * (noise_hu / noise.std())
    geometry = Geometry.from_axes(
        shape=hu.shape,
        origin_lps_mm=origin,
        slice_step_mm=(0, 0, slice_mm),
        row_step_mm=(0, pixel_mm, 0),
        column_step_mm=(pixel_mm, 0, 0),
    )
    sources = tuple(SourceSlice(f"1.2.{k + 1}", None, float(k)) for k in range(len(hu)))
    return Volume(hu=np.round(hu).astype(np.int16), geometry=geometry, sources=sources, headers=())


def lung_labels(
    volume: Volume, *, wall: Wall | None = None, label: int = 1, block_mm: float = 2.0
) -> npt.NDArray[np.uint8]:
    """Label everything before the wall as one lung, in steps as coarse as a network's mask has."""
    k, j, i = np.indices(volume.geometry.shape)
    points = volume.geometry.to_lps(np.stack([k, j, i], -1))
    x, y, z = (np.round(points[..., a] / block_mm) * block_mm for a in range(3))
    inside = np.ones(volume.geometry.shape, bool) if wall is None else wall.distance(x, y, z) > 0
    return np.where(inside, label, 0).astype(np.uint8)
