"""One nodule at a place of a chest, drawn until it stands out as real ones do; `scenes.py` composes it."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from training.lung_nodule.insertion import (
    Float,
    Lesion,
    lesion_of,
    rendered_fraction,
    room,
    turned,
)
from training.lung_nodule.margin import drawn_margin
from training.lung_nodule.shapes import Shape

LEAST_GAIN_HU = 100.0
"""What a lesion must add to the lung on average: less, in a vessel or as a faint veil, no reader would have marked."""
SMALL_MM = 10.0
GAIN_HU = {
    1: ((155.0, 340.0), (100.0, 240.0)),
    2: ((220.0, 500.0), (200.0, 500.0)),
    3: ((260.0, 500.0), (230.0, 500.0)),
}
"""What lesions of a rating of texture add to the lung on average, below `SMALL_MM` and from there on; least and most.
With it they stand out about as those do that readers rated alike (`contrast.py`): a small one must be dense to be seen,
a large one need not. Denser ones need no bounds."""
LEAST_NEW = 2 / 3
"""Share of a lesion that must lie where air was: what lies on a vessel or the mediastinum for more than a third of its
volume looks like a thick vessel, not like the outline that three readers drew."""
AIR_HU = -500.0
"""Lung that holds air, whatever the noise, is below."""
_TRIES = 8
"""How often a lesion's densities are drawn anew at a place before the place is given up."""

Box = tuple[slice, slice, slice]
Body = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Drawn:
    """A lesion at a place of a chest, before it is composed.

    Attributes:
        box: Where it lies in the chest.
        fraction: Share of the air there that tissue replaces.
        tissue_hu: Of that tissue.
        kept: The lung inside its outline.
    """

    box: Box
    fraction: Float
    tissue_hu: float
    kept: Body

    @property
    def diameter_mm(self) -> float:
        """Diameter of the ball of its volume inside the lung; cubic 1 mm voxels."""
        return float((6 / np.pi * self.kept.sum()) ** (1 / 3))


def draw_nodule(
    hu: Float,
    inside: Body,
    centre: npt.NDArray[np.float64],
    shape: Shape,
    rng: np.random.Generator,
    *,
    scale: float,
    blur_mm: tuple[float, float],
) -> Drawn | None:
    """Draw a nodule at a place; None where it does not fit, or would not stand out as real ones do.

    Args:
        hu: The chest, cubic 1 mm voxels (z, y, x).
        inside: Its lungs.
        centre: Where the shape's centre comes to lie, in voxels.
        shape: A reader's outline and ratings.
        rng: Source of every choice.
        scale: Of the shape.
        blur_mm: Standard deviations of the chest's slice profile and in-plane point spread.
    """
    for _ in range(_TRIES):
        lesion = with_margin(lesion_of(shape, rng), shape, rng, scale=scale)
        beyond = lesion.margin.reach_mm if lesion.margin else 0.0
        edge = int(2 * (shape.diameter_mm * scale / 2 * 1.8 + 4 + beyond)) + 8
        box = box_about(centre, edge, hu.shape)
        if box is None:
            return None
        patch, lung = hu[box], inside[box]
        corner = np.array([side.start for side in box])
        fraction, coverage = rendered_fraction(
            turned(shape, rng, scale=scale),
            lesion,
            (centre - corner).astype(np.float32),
            edge,
            blur_mm=blur_mm,
        )
        kept = (coverage > 0.5) & lung
        if kept.sum() < 0.3 * (coverage > 0.5).sum() or kept.sum() < 8:
            return None
        if (patch[kept] < AIR_HU).mean() < LEAST_NEW:
            return None
        drawn = Drawn(box, fraction * room(lung), lesion.tissue_hu, kept)
        gain = (np.maximum(drawn.tissue_hu - patch, 0) * drawn.fraction)[kept].mean()
        least, most = gain_bounds_hu(shape.texture, drawn.diameter_mm)
        if least <= gain <= most:
            return drawn
    return None


def gain_bounds_hu(texture: int, diameter_mm: float) -> tuple[float, float]:
    """Return the least and the most that a lesion of a rating of texture and a diameter adds to the lung on average."""
    if texture not in GAIN_HU:
        return LEAST_GAIN_HU, np.inf
    return GAIN_HU[texture][int(diameter_mm >= SMALL_MM)]


def box_about(centre: npt.NDArray[np.float64], edge: int, shape: tuple[int, ...]) -> Box | None:
    """Return the cube about a place; None where it does not lie within the chest."""
    corner = np.rint(centre).astype(int) - edge // 2
    if (corner < 0).any() or (corner + edge > shape).any():
        return None
    z, y, x = (slice(int(c), int(c) + edge) for c in corner)
    return z, y, x


def with_margin(lesion: Lesion, shape: Shape, rng: np.random.Generator, *, scale: float) -> Lesion:
    """Return the lesion with a margin that fits its shape; three in four, the others keep the reader's outline."""
    if rng.random() < 0.25:
        return lesion
    solid = lesion.fraction > 0.6 and lesion.core_fraction is None
    return replace(
        lesion, margin=drawn_margin(shape, rng, diameter_mm=shape.diameter_mm * scale, solid=solid)
    )
