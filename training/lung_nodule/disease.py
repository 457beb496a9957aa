"""Disease and acquisition added to chests for the lung network: what a threshold leaves out, and the truth keeps in.

All arrays are on cubic voxels of 3 mm (z, y, x), feet to head, front to back, right to left; HU float32.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from training.lung_nodule.scenes import is_held_out
from training.lung_nodule.shapes import GRID_MM, Shape

VOXEL_MM = 3.0
Float = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]
_AIR_HU = -1000.0
_MASS_MM = 15.0
_STORED_MM = 2.0


def mass_bodies(shapes: Sequence[Shape], *, held_out: bool = False) -> list[tuple[Float, float]]:
    """Return readers' large nodules as soft bodies on 2 mm voxels with their diameter in mm.

    Args:
        shapes: Of `shapes.py`.
        held_out: Take the patients that no network learns from, and not all others.
    """
    large = [s for s in shapes if s.diameter_mm >= _MASS_MM and is_held_out(s.patient) == held_out]
    factor = round(_STORED_MM / GRID_MM)
    bodies = []
    for shape in large:
        padding = [(0, -n % factor) for n in shape.body.shape]
        body = np.pad(shape.body, padding).astype(np.float32)
        z, y, x = (n // factor for n in body.shape)
        bodies.append((body.reshape(z, factor, y, factor, x, factor).mean((1, 3, 5)), shape.diameter_mm))
    return bodies


class Patient:
    """A chest crop on which disease is drawn; only voxels of the lungs ever change.

    Attributes:
        hu: The image, changed in place.
        lungs: The truth: 1 right, 2 left; never changed.
    """

    def __init__(
        self, hu: Float, lungs: Labels, masses: Sequence[tuple[Float, float]], rng: np.random.Generator
    ) -> None:
        self.hu, self.lungs, self._masses, self._rng = hu, lungs, masses, rng
        self._inside = lungs > 0
        self._depth = ndimage.distance_transform_edt(self._inside).astype(np.float32)
        self._tissue_hu = float(rng.choice([rng.normal(35, 15), rng.uniform(60, 130)], p=[0.75, 0.25]))
        columns = np.flatnonzero(self._inside.any((0, 1)))
        self._middle = float(columns.mean()) if columns.size else hu.shape[2] / 2

    def fall_ill(self) -> None:
        """Draw none, one or several diseases."""
        rng = self._rng
        if not self._inside.any() or rng.random() < 0.2:
            return
        likely: list[tuple[Callable[[], None], float, int]] = [
            (self._mass, 0.45, 3),
            (self._rim_nodule, 0.4, 5),
            (self._consolidation, 0.35, 3),
            (self._effusion, 0.15, 2),
            (self._collapse, 0.12, 1),
            (self._ground_glass, 0.12, 1),
            (self._fibrosis, 0.1, 1),
            (self._emphysema, 0.12, 1),
        ]
        for disease, chance, most in likely:
            if rng.random() < chance:
                for _ in range(int(rng.integers(1, most + 1))):
                    disease()

    def _fill(self, box: tuple[slice, ...], fraction: npt.NDArray[np.floating], tissue_hu: float) -> None:
        """Replace a fraction of the lung's air by tissue."""
        share = np.clip(fraction, 0, 1) * self._inside[box]
        hu = self.hu[box]
        grain = self._rng.standard_normal(hu.shape, dtype=np.float32) * 12
        hu += (share * (np.maximum(tissue_hu - hu, 0) + grain)).astype(np.float32)

    def _somewhere(self, where: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64] | None:
        places = np.flatnonzero(where)
        if not places.size:
            return None
        return np.array(np.unravel_index(int(places[self._rng.integers(places.size)]), where.shape))

    def _mass(self) -> None:
        """A reader's shape of 20 to 70 mm: within the lung, at the hilum, or broadly on the pleura."""
        rng = self._rng
        site = rng.choice(["within", "hilum", "pleura"], p=[0.25, 0.4, 0.35])
        near = np.abs(np.arange(self.hu.shape[2]) - self._middle)[None, None, :] < 60 / VOXEL_MM
        where = {
            "within": self._depth > 3,
            "hilum": self._inside & (self._depth < 4) & near,
            "pleura": self._inside & (self._depth < 3) & ~near,
        }[str(site)]
        centre = self._somewhere(where)
        if centre is None:
            return
        wanted = float(np.exp(rng.uniform(np.log(20), np.log(70))))
        if not self._masses:
            self._blob(centre, wanted / 2 / VOXEL_MM, 1.0)
            return
        body, diameter = self._masses[int(rng.integers(len(self._masses)))]
        for axes in ((1, 2), (0, 1), (0, 2)):
            body = np.rot90(body, int(rng.integers(4)), axes)
        scale = wanted / diameter * _STORED_MM / VOXEL_MM
        small = np.asarray(ndimage.zoom(body, scale, order=1), np.float32)
        lower = centre - np.array(small.shape) // 2
        start, stop = np.maximum(lower, 0), np.minimum(lower + small.shape, self.hu.shape)
        if (stop <= start).any():
            return
        box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        part = tuple(slice(a - c, b - c) for a, b, c in zip(start, stop, lower, strict=True))
        density = 1.0 if rng.random() < 0.8 else rng.uniform(0.3, 0.8)
        self._fill(box, small[part] * density, self._tissue_hu)

    def _rim_nodule(self) -> None:
        """A nodule of 5 to 24 mm that lies on the pleura, the mediastinum or the diaphragm."""
        centre = self._somewhere(self._inside & (self._depth < 2.5))
        if centre is not None:
            self._blob(centre, self._rng.uniform(0.9, 4), 1.0)

    def _consolidation(self) -> None:
        centre = self._somewhere(self._inside)
        if centre is not None:
            self._blob(
                centre, self._rng.uniform(3, 17), float(self._rng.choice([1.0, self._rng.uniform(0.3, 0.9)]))
            )

    def _blob(self, centre: npt.NDArray[np.int64], radius: float, density: float) -> None:
        rng = self._rng
        reach = int(radius * 1.6) + 2
        start, stop = np.maximum(centre - reach, 0), np.minimum(centre + reach + 1, self.hu.shape)
        box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        grid = np.ogrid[box]
        stretch = rng.uniform(0.7, 1.3, 3)
        distance = np.sqrt(sum(((g - c) * s) ** 2 for g, c, s in zip(grid, centre, stretch, strict=True)))
        bumps = ndimage.gaussian_filter(rng.standard_normal(distance.shape), 1.5) * radius * 1.2
        self._fill(box, (radius - distance + bumps + 0.5) * density, self._tissue_hu)

    def _effusion(self) -> None:
        """Fluid where it sinks to (the back, or the front of a prone patient), with a meniscus."""
        rng = self._rng
        lung = self.lungs == int(rng.integers(1, 3))
        if not lung.any():
            return
        rows, heights = np.flatnonzero(lung.any((0, 2))), np.flatnonzero(lung.any((1, 2)))
        level = rng.uniform(0.05, 0.6) * (rows[-1] - rows[0])
        slope = (np.arange(self.hu.shape[0]) - heights[0]) / max(heights[-1] - heights[0], 1)
        level_at = level * (rng.uniform(0.9, 1.5) - rng.uniform(0.4, 1.2) * slope)
        y = np.arange(self.hu.shape[1])
        sunk = rows[-1] - y if rng.random() < 0.85 else y - rows[0]
        meniscus = np.clip(4 - self._depth, 0, 4) * rng.uniform(0, 1.5)
        under = level_at[:, None, None] + meniscus - sunk[None, :, None] + 0.5
        everything = tuple(slice(0, n) for n in self.hu.shape)
        self._fill(everything, under * lung, float(rng.normal(12, 10)))

    def _collapse(self) -> None:
        """One side of a plane through a lung is dense: a lobe without air, with or without bronchi in it."""
        rng = self._rng
        lung = self.lungs == int(rng.integers(1, 3))
        point = self._somewhere(lung)
        if point is None:
            return
        normal = rng.normal(size=3) * (1.5, 1.0, 0.4)
        normal /= np.linalg.norm(normal)
        grid = np.ogrid[tuple(slice(0, n) for n in self.hu.shape)]
        beyond = sum((g - p) * n for g, p, n in zip(grid, point, normal, strict=True))
        if (beyond[lung] > 0).mean() > 0.6:
            beyond = -beyond
        density = rng.choice([1.0, rng.uniform(0.5, 0.95)])
        if rng.random() < 0.5:
            field = ndimage.gaussian_filter(rng.standard_normal(self.hu.shape, dtype=np.float32), 1.2)
            density = density * np.where(field > 1.6 * field.std(), 0.3, 1.0)
        everything = tuple(slice(0, n) for n in self.hu.shape)
        self._fill(everything, np.clip(beyond / 2, 0, 1) * density * lung, self._tissue_hu)

    def _ground_glass(self) -> None:
        rng = self._rng
        field = self._field(float(rng.uniform(3, 8)))
        everything = tuple(slice(0, n) for n in self.hu.shape)
        self._fill(
            everything, np.clip(field - rng.uniform(-0.5, 1), 0, 1) * rng.uniform(0.2, 0.7), self._tissue_hu
        )

    def _fibrosis(self) -> None:
        """A net of dense lines under the pleura."""
        rng = self._rng
        net = np.abs(self._field(1.0)) < rng.uniform(0.15, 0.35)
        under = np.clip(1 - self._depth / rng.uniform(4, 10), 0, 1)
        everything = tuple(slice(0, n) for n in self.hu.shape)
        self._fill(everything, net * under * rng.uniform(0.5, 1.0), self._tissue_hu)

    def _emphysema(self) -> None:
        """Parenchyma as dark as an airway."""
        self.hu[self._inside & (self.hu < -750)] -= self._rng.uniform(30, 120)

    def _field(self, sigma: float) -> Float:
        field = ndimage.gaussian_filter(self._rng.standard_normal(self.hu.shape, dtype=np.float32), sigma)
        return np.asarray(field / field.std(), np.float32)


def acquired(hu: Float, lungs: Labels, rng: np.random.Generator) -> tuple[Float, Labels]:
    """Return the chest as another scan would show it: coverage, field of view, table, slices, noise, HU scale.

    What is not scanned is air and no lung.
    """
    slices, rows, columns = hu.shape
    if rng.random() < 0.3:
        table = int(rng.integers(rows * 3 // 4, rows))
        plate = (hu[:, table : table + 2] < -500) & (lungs[:, table : table + 2] == 0)
        hu[:, table : table + 2][plate] = rng.uniform(-300, 300)
    seen = np.ones(hu.shape, bool)
    if rng.random() < 0.15:
        body = np.argwhere(lungs.any(0))
        if len(body):
            centre = body.mean(0) + rng.uniform(-8, 8, 2)
            radius = rng.uniform(0.75, 1.15) * np.linalg.norm(body - body.mean(0), axis=1).max()
            y, x = np.ogrid[:rows, :columns]
            seen &= ((y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2)[None]
    if rng.random() < 0.25:
        height = int(rng.integers(14, slices))
        first = int(rng.integers(0, slices - height + 1))
        seen[:first] = seen[first + height :] = False
    if rng.random() < 0.4:
        hu = ndimage.uniform_filter1d(hu, int(rng.integers(2, 4)), axis=0)
    if rng.random() < 0.3:
        hu = ndimage.gaussian_filter(hu, (0, *[rng.uniform(0.3, 0.8)] * 2))
    hu = hu * rng.uniform(0.95, 1.05) + rng.normal(0, 25)
    hu += rng.standard_normal(hu.shape, dtype=np.float32) * rng.uniform(0, 60)
    return np.where(seen, hu, _AIR_HU).astype(np.float32), np.where(seen, lungs, 0).astype(np.uint8)
