"""The form of a nodule: an ellipsoid with low-order bulges, and what a ruler would say of it."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from firstread.findings.finding import Diameters
from firstread.phantom.field import Points
from firstread.phantom.nodule_spec import Margin

_BULGES: dict[Margin, tuple[int, float, tuple[float, float]]] = {
    "smooth": (4, 0.035, (1.5, 3.0)),
    "lobulated": (5, 0.085, (3.5, 5.5)),
    "spiculated": (6, 0.06, (4.0, 7.0)),
}


@dataclass(frozen=True, eq=False)
class NoduleShape:
    """A star-shaped body around the origin.

    Attributes:
        radius: Size; mm.
        axes: Relative semi-axes (3,).
        turn: Rotation (3, 3) from patient to nodule axes.
        bulges: Directions (k, 3) of the bulges.
        waves, phases, heights: Frequency, phase and relative height of each bulge (k,).
        spicules: Directions (s, 3); lengths and base radii are relative to `radius` and in mm.
        spicule_reach: Length of each spicule beyond the surface, relative to radius (s,).
    """

    radius: float
    axes: Points
    turn: Points
    bulges: Points
    waves: Points
    phases: Points
    heights: Points
    spicules: Points
    spicule_reach: Points

    @classmethod
    def drawn(cls, rng: np.random.Generator, *, radius: float, margin: Margin) -> "NoduleShape":
        """Draw a form."""
        count, height, (slow, fast) = _BULGES[margin]
        turn, _ = np.linalg.qr(rng.standard_normal((3, 3)))
        spikes = int(rng.integers(9, 18)) if margin == "spiculated" else 0
        return cls(
            radius=radius,
            axes=np.array([1.0, rng.uniform(0.82, 1.0), rng.uniform(0.78, 1.0)]),
            turn=turn,
            bulges=_directions(rng, count),
            waves=rng.uniform(slow, fast, count),
            phases=rng.uniform(0, 2 * np.pi, count),
            heights=rng.uniform(0.5, 1.0, count) * height,
            spicules=_directions(rng, spikes),
            spicule_reach=rng.uniform(0.3, 0.8, spikes),
        )

    def scaled(self, factor: float) -> "NoduleShape":
        """Return the same form in another size."""
        return replace(self, radius=self.radius * factor)

    def distance(self, offset: Points) -> Points:
        """Return roughly how far offsets (..., 3), (x, y, z) mm, lie from the surface; negative inside."""
        turned = offset @ self.turn.T
        length = np.sqrt((turned**2).sum(-1)) + 1e-6
        direction = turned / length[..., None]
        reach = self.radius / np.sqrt(((direction / self.axes) ** 2).sum(-1) + 1e-9)
        bulge = np.ones_like(length)
        for toward, wave, phase, height in zip(
            self.bulges, self.waves, self.phases, self.heights, strict=True
        ):
            bulge += height * np.cos(wave * (direction @ toward) + phase)
        distance: Points = length - reach * bulge
        return distance

    def spicule_ends(self) -> list[tuple[Points, Points, float]]:
        """Return base, tip (offsets, mm) and base radius of each spicule."""
        ends = []
        for direction, reach in zip(self.spicules, self.spicule_reach, strict=True):
            toward = self.turn.T @ direction
            base = toward * self.radius * 0.8
            ends.append((base, toward * self.radius * (1.0 + reach), min(1.6, 0.24 * self.radius)))
        return ends


@dataclass(frozen=True)
class RulerReading:
    """What measuring a form gives.

    Attributes:
        diameters: Long and short axis on the largest axial section, and their mean; mm.
        volume_mm3: Volume.
        middle: Centre of mass, offset (x, y, z) in mm.
    """

    diameters: Diameters
    volume_mm3: float
    middle: tuple[float, float, float]


def measure(inside: npt.NDArray[np.bool_], step_mm: float, first: Points) -> RulerReading:
    """Measure a mask (z, y, x) on an isotropic grid; `first` is the (x, y, z) of its first voxel.

    The long axis is the longest line across the largest axial section, the short axis the longest chord
    perpendicular to it (Bankier et al., Radiology 2017;285:584, Fleischner measuring recommendations).
    """
    area = inside.sum(axis=(1, 2))
    plane = inside[int(area.argmax())]
    at = np.argwhere(plane)[:, ::-1].astype(np.float32)
    hull = cv2.convexHull(at)[:, 0, :].astype(float)
    apart = np.linalg.norm(hull[:, None] - hull[None], axis=-1)
    a, b = np.unravel_index(int(apart.argmax()), apart.shape)
    along = (hull[b] - hull[a]) / max(float(apart[a, b]), 1e-9)
    position, offset = at @ along, at @ np.array([-along[1], along[0]])
    row = np.rint(position - position.min()).astype(int)
    low, high = np.full(row.max() + 1, np.inf), np.full(row.max() + 1, -np.inf)
    np.minimum.at(low, row, offset)
    np.maximum.at(high, row, offset)
    long = (float(apart[a, b]) + 1) * step_mm
    short = (float((high - low).max()) + 1) * step_mm
    z, y, x = np.argwhere(inside).mean(axis=0) * step_mm
    return RulerReading(
        diameters=Diameters(long=round(long, 2), short=round(short, 2), mean=round((long + short) / 2, 2)),
        volume_mm3=round(float(inside.sum()) * step_mm**3, 2),
        middle=(float(x + first[0]), float(y + first[1]), float(z + first[2])),
    )


def _directions(rng: np.random.Generator, count: int) -> Points:
    vectors = rng.standard_normal((count, 3))
    unit: Points = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
