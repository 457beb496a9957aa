"""How a lesion meets the lung, and what is uneven in it: what a reader's outline leaves out.

Readers' outlines are smooth and say nothing of the inside. Real ground glass is patchy, the edge of an
adenocarcinoma is ragged, spicules run into the lung, and a veil may surround a solid nodule.
All bodies are on the `GRID_MM` grid of `shapes.py`.
"""

from dataclasses import dataclass

import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from training.lung_nodule.shapes import GRID_MM, Shape

Float = npt.NDArray[np.float32]
Body = npt.NDArray[np.bool_]
_STEP_MM = 0.25


@dataclass(frozen=True)
class Margin:
    """An uneven lesion.

    Attributes:
        rough_mm: By how much its surface wavers; standard deviation.
        patchy: By which share its density wavers inside; standard deviation.
        grain_mm: How large the patches are.
        spicules: How many strands leave the surface.
        spicule_mm: How long the longest is.
        veil: Tissue fraction of a veil around it; 0 for none.
        veil_mm: How far the veil reaches.
        seed: Of everything that is drawn.
    """

    rough_mm: float
    patchy: float
    grain_mm: float
    spicules: int
    spicule_mm: float
    veil: float
    veil_mm: float
    seed: int

    @property
    def reach_mm(self) -> float:
        """How far beyond the outline anything is drawn; mm."""
        return max(
            2 * self.rough_mm, self.spicule_mm if self.spicules else 0.0, self.veil_mm if self.veil else 0.0
        )

    def roughened(self, body: Body) -> Body:
        """Return the body with a wavering surface; its largest part."""
        if self.rough_mm <= 0:
            return body
        distance = edt.edt(body) - edt.edt(~body)
        noise = _noise(body.shape, 1.2, np.random.default_rng(self.seed))
        rough = distance * GRID_MM + self.rough_mm * noise > 0
        parts, count = ndimage.label(rough)
        if count <= 1:
            return rough if count else body
        return np.asarray(parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:])))

    def drawn(self, density: Float, body: Body) -> Float:
        """Return the density with patches, strands and veil."""
        rng = np.random.default_rng(self.seed + 1)
        if self.patchy > 0:
            waver = 1 + self.patchy * _noise(body.shape, self.grain_mm, rng)
            density = np.clip(density * np.clip(waver, 0.15, 1.9), 0, 1)
        if self.veil > 0:
            away = edt.edt(~body) * GRID_MM
            density = np.maximum(density, self.veil * np.clip(1 - away / self.veil_mm, 0, 1))
        if self.spicules:
            density = density.copy()
            for _ in range(self.spicules):
                self._strand(density, body, rng)
        return density.astype(np.float32)

    def _strand(self, density: Float, body: Body, rng: np.random.Generator) -> None:
        """Draw one strand from the surface outwards, thinner and fainter towards its end."""
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        bend = rng.normal(size=3) * 0.02
        centre = np.argwhere(body).mean(0)
        length, thick = rng.uniform(0.4, 1) * self.spicule_mm, rng.uniform(0.35, 0.8)
        left = 0.0
        for far in np.arange(0, max(body.shape) * GRID_MM + length, _STEP_MM):
            place = centre + (direction * far + bend * left**2) / GRID_MM
            cell = np.rint(place).astype(int)
            if (cell < 2).any() or (cell >= np.array(body.shape) - 2).any() or left > length:
                return
            if body[tuple(cell)]:
                continue
            left += _STEP_MM
            radius = thick * (1 - 0.7 * left / length) / GRID_MM
            box = tuple(slice(c - 2, c + 3) for c in cell)
            grid = np.ogrid[box]
            away = np.sqrt(sum((g - p) ** 2 for g, p in zip(grid, place, strict=True)))
            density[box] = np.maximum(
                density[box], np.clip(radius - away + 0.5, 0, 1) * (1 - 0.5 * left / length)
            )


def drawn_margin(shape: Shape, rng: np.random.Generator, *, diameter_mm: float, solid: bool) -> Margin:
    """Draw a margin that fits the readers' rating of spiculation.

    Args:
        shape: Whose.
        rng: Source of every choice.
        diameter_mm: As inserted.
        solid: Whether the lesion is solid throughout: its inside is even then.
    """
    rated = (shape.spiculation - 1) / 4
    radius = diameter_mm / 2
    strands = rng.random() < 0.1 + 0.7 * rated and diameter_mm > 6
    veiled = solid and rng.random() < 0.15 + 0.25 * rated
    return Margin(
        rough_mm=float(min(rng.uniform(0, 0.35 + 0.6 * rated), 0.15 * radius)),
        patchy=0.0 if solid else float(rng.uniform(0, 0.5)),
        grain_mm=float(rng.uniform(1.2, 3.5)),
        spicules=int(rng.integers(4, 15)) if strands else 0,
        spicule_mm=float(min(rng.uniform(0.4, 1.2) * radius + 1, 14)),
        veil=float(rng.uniform(0.1, 0.35)) if veiled else 0.0,
        veil_mm=float(min(rng.uniform(0.2, 0.8) * radius + 0.8, 7)),
        seed=int(rng.integers(1 << 31)),
    )  # fmt: skip


def _noise(shape: tuple[int, ...], grain_mm: float, rng: np.random.Generator) -> Float:
    """Return smooth noise of mean 0 and standard deviation 1."""
    noise = ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), grain_mm / GRID_MM / 2)
    return np.asarray(noise / max(float(noise.std()), 1e-6))
