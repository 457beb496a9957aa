"""Smooth scalar fields on a coarse grid: distances to surfaces, negative inside."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.interpolate import PchipInterpolator

Floats = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Grid:
    """An isotropic grid in body coordinates: x to the left, y to the back, z to the head; mm.

    Attributes:
        origin: Centre of the first voxel, (z, y, x).
        step: Edge of a voxel.
        shape: Voxels along (z, y, x).
    """

    origin: tuple[float, float, float]
    step: float
    shape: tuple[int, int, int]

    def axes(self) -> tuple[Floats, Floats, Floats]:
        """Return broadcastable coordinates (z, y, x)."""
        lines = [
            (start + self.step * np.arange(count)).astype(np.float32)
            for start, count in zip(self.origin, self.shape, strict=True)
        ]
        return lines[0][:, None, None], lines[1][None, :, None], lines[2][None, None, :]

    def sample(self, field: Floats, points: Points) -> Points:
        """Interpolate a field at body points (n, 3) given as (x, y, z); mm."""
        index: Points = (np.asarray(points)[:, ::-1] - np.asarray(self.origin)) / self.step
        values: Points = ndimage.map_coordinates(field, index.T, order=1, mode="nearest", output=np.float64)
        return values

    def coarse_noise(self, rng: np.random.Generator, scale_mm: float) -> Floats:
        """Draw a smooth random field, about unit standard deviation, that varies over scale_mm."""
        count = [int(np.ceil(n * self.step / scale_mm)) + 3 for n in self.shape]
        seeds = rng.standard_normal(count).astype(np.float32)
        index = np.meshgrid(
            *[np.arange(n) * (self.step / scale_mm) + 1 for n in self.shape], indexing="ij", sparse=True
        )
        # Separable linear interpolation, then a light blur, is an order of magnitude faster than splines.
        field = seeds
        for axis, line in enumerate(index):
            at = line.ravel()
            low = np.floor(at).astype(int)
            share = (at - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
            share = share * share * (3 - 2 * share)
            field = np.take(field, low, axis) * (1 - share) + np.take(field, low + 1, axis) * share
        return field * np.float32(1.5)


@dataclass(frozen=True, eq=False)
class Space:
    """Design coordinates of a grid's voxels: the anatomy is drawn once, each person is a warp of it.

    The design is an adult whose lungs are 225 mm high and whose chest is 266 mm wide between the ribs.

    Attributes:
        grid: The grid, in body coordinates.
        scale: Size of the person relative to the design along x, y, z.
        x, y, z: Design coordinates, arrays of the grid's shape; mm.
    """

    grid: Grid
    scale: tuple[float, float, float]
    x: Floats
    y: Floats
    z: Floats

    @classmethod
    def warped(
        cls, grid: Grid, rng: np.random.Generator, *, scale: tuple[float, float, float], amplitude_mm: float
    ) -> "Space":
        """Scale the design, then shift every voxel by a smooth random vector: no two sides are alike."""
        z, y, x = grid.axes()
        shift: list[Floats] = [grid.coarse_noise(rng, 75.0) * np.float32(amplitude_mm) for _ in range(3)]
        axes = [
            ((axis + by) / np.float32(s)).astype(np.float32, copy=False)
            for axis, by, s in zip((x, y, z), shift, scale, strict=True)
        ]
        return cls(grid, scale, axes[0], axes[1], axes[2])

    def back(self, points: npt.ArrayLike) -> Points:
        """Map design points (n, 3), (x, y, z), to the body points where the warp puts them."""
        design = np.asarray(points, float).reshape(-1, 3)
        scale = np.asarray(self.scale)
        at: Points = design * scale
        for _ in range(3):
            warped = np.stack([self.grid.sample(axis, at) for axis in (self.x, self.y, self.z)], axis=1)
            at += (design - warped) * scale
        return at

    def profile(self, knots: dict[float, float]) -> Floats:
        """Return a quantity given at some design heights, interpolated smoothly over z."""
        heights = np.arange(-150, 420, 0.5)
        table = PchipInterpolator(list(knots), list(knots.values()))(
            np.clip(heights, min(knots), max(knots))
        ).astype(np.float32)
        at = np.clip((self.z + np.float32(150)) * np.float32(2), 0, len(heights) - 1).astype(np.int32)
        values: Floats = np.take(table, at)
        return values

    def ellipsoid(self, center: Sequence[float], radii: Sequence[float], *, turn_deg: float = 0.0) -> Floats:
        """Return the approximate distance to an ellipsoid, turned about z (towards the left-front)."""
        dx, dy, dz = (
            self.x - np.float32(center[0]),
            self.y - np.float32(center[1]),
            self.z - np.float32(center[2]),
        )
        if turn_deg:
            c, s = np.float32(np.cos(np.deg2rad(turn_deg))), np.float32(np.sin(np.deg2rad(turn_deg)))
            dx, dy = dx * c - dy * s, dx * s + dy * c
        rx, ry, rz = (np.float32(r) for r in radii)
        dx, dy, dz = dx / rx, dy / ry, dz / rz
        length = np.sqrt(dx * dx + dy * dy + dz * dz)
        slope = np.sqrt((dx / rx) ** 2 + (dy / ry) ** 2 + (dz / rz) ** 2) + np.float32(1e-4)
        distance: Floats = length * (length - 1) / slope
        return distance

    def tube(self, path: npt.ArrayLike, radius: npt.ArrayLike, *, reach_mm: float = 8.0) -> Floats:
        """Return the distance to a tube along ideal points (n, 3); exact within reach_mm, larger beyond.

        Args:
            path: Points (x, y, z) in mm.
            radius: One radius, or one a point.
            reach_mm: How far from the surface distances are computed.
        """
        field = np.full(self.grid.shape, reach_mm, np.float32)
        radii = np.broadcast_to(np.asarray(radius, float), len(np.asarray(path)))
        stamp_tube(field, self.grid, self.back(path), radii, reach=reach_mm)
        return field


def stamp_tube(
    field: Floats,
    grid: Grid,
    path: Points,
    radii: Points,
    *,
    reach: float = 8.0,
    squash: tuple[float, float, float] = (1, 1, 1),
) -> None:
    """Lower a distance field to that of a polyline of tapered capsules, each in its own small box.

    Args:
        field: Distances (z, y, x), changed in place.
        grid: Grid of the field.
        path: Points (n, 3) as (x, y, z); mm.
        radii: Radius at each point; mm.
        reach: Distances beyond this are left as they are; mm.
        squash: Factors on the x, y, z offsets; below 1 the tube is wider along that axis.
    """
    factor = np.asarray(squash, float)
    axes = [axis.ravel() for axis in grid.axes()][::-1]
    for a, b, ra, rb in zip(path[:-1], path[1:], radii[:-1], radii[1:], strict=True):
        margin = (max(ra, rb) + reach) / factor
        low, high = np.minimum(a, b) - margin, np.maximum(a, b) + margin
        spans = [
            slice(*np.searchsorted(axis, (lo, hi))) for axis, lo, hi in zip(axes, low, high, strict=True)
        ]
        if any(span.start >= span.stop for span in spans):
            continue
        dx, dy, dz = (
            ((axis[span] - p) * f).astype(np.float32).reshape(shape)
            for axis, span, p, f, shape in zip(
                axes, spans, a, factor, ((1, 1, -1), (1, -1, 1), (-1, 1, 1)), strict=True
            )
        )
        along = ((b - a) * factor).astype(np.float32)
        share = np.clip(
            (dx * along[0] + dy * along[1] + dz * along[2]) / np.float32(max(float(along @ along), 1e-9)),
            0,
            1,
        )
        distance = np.sqrt(
            (dx - share * along[0]) ** 2 + (dy - share * along[1]) ** 2 + (dz - share * along[2]) ** 2
        )
        distance -= np.float32(ra) + share * np.float32(rb - ra)
        box = (spans[2], spans[1], spans[0])
        np.minimum(field[box], distance, out=field[box])


def smooth_union(*fields: Floats, blend_mm: float) -> Floats:
    """Unite regions with fillets of about blend_mm where they meet."""
    united = fields[0]
    for field in fields[1:]:
        share = np.clip(0.5 + (field - united) / np.float32(2 * blend_mm), 0, 1)
        united = field + (united - field) * share - np.float32(blend_mm) * share * (1 - share)
    return united.astype(np.float32, copy=False)


def spline(points: npt.ArrayLike, *, step_mm: float = 4.0) -> Points:
    """Return a smooth curve through points (n, 3), sampled about every step_mm."""
    knots = np.asarray(points, float)
    padded = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    curve = []
    for p0, p1, p2, p3 in zip(padded[:-3], padded[1:-2], padded[2:-1], padded[3:], strict=True):
        count = max(1, int(np.ceil(np.linalg.norm(p2 - p1) / step_mm)))
        t = (np.arange(count) / count)[:, None]
        curve.append(
            0.5
            * (
                2 * p1
                + (p2 - p0) * t
                + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
                + (3 * p1 - p0 - 3 * p2 + p3) * t**3
            )
        )
    return np.vstack([*curve, knots[-1:]])
