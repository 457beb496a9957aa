"""A whole person on a coarse grid: everything but the fine trees."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from firstread.phantom.chest import CAGE_BACK, CAGE_FRONT, Chest, build_chest, superellipse
from firstread.phantom.field import Floats, Grid, Space, smooth_union
from firstread.phantom.patient import Patient
from firstread.phantom.skeleton import Skeleton, build_skeleton

STEP_MM = 2.5
BODY_HALF_WIDTH: dict[float, float] = {
    -90: 132,
    0: 133,
    50: 134,
    100: 136,
    140: 140,
    180: 146,
    205: 152,
    225: 156,
    260: 158,
}


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Distances to the surfaces of organs, negative inside; mm, on the coarse grid (z, y, x).

    Attributes:
        space: The grid and its warp.
        chest: Lungs and mediastinum.
        skeleton: Bones.
        body: Skin.
        muscle: Outer surface of the muscles.
        fascia: Smooth random field whose zero level is fat between muscles.
        gland: Glandular tissue of the breasts; None in men.
        liver, spleen, stomach: Organs under the diaphragm.
        strands: Smooth random field, about unit deviation, for uneven fat and marrow.
        lung_depth: Distance from the pleura inwards (0 outside), on every second voxel.
    """

    space: Space
    chest: Chest
    skeleton: Skeleton
    body: Floats
    muscle: Floats
    fascia: Floats
    gland: Floats | None
    liver: Floats
    spleen: Floats
    stomach: Floats
    strands: Floats
    lung_depth: Floats

    def depth(self, points: np.ndarray) -> np.ndarray:
        """Return how deep inside the lung body points (n, 3) lie; mm, 0 outside."""
        grid = self.space.grid
        half = Grid(grid.origin, grid.step * 2, (0, 0, 0))
        return half.sample(self.lung_depth, points)


def build_anatomy(patient: Patient, rng: np.random.Generator) -> Anatomy:
    """Draw a person; the same generator state gives the same person."""
    tall = patient.lung_height_mm / 225.0
    half_width, front, back = 205.0, 165.0, 160.0
    low, high = -75.0 * tall, 262.0 * tall
    shape = tuple(int(np.ceil(extent / STEP_MM)) + 1 for extent in (high - low, front + back, 2 * half_width))
    grid = Grid((low, -front, -half_width), STEP_MM, (shape[0], shape[1], shape[2]))
    space = Space.warped(grid, rng, scale=(patient.width, patient.depth, tall), amplitude_mm=3.0)
    chest = build_chest(space, rng, heart=patient.heart)
    skeleton = build_skeleton(space, chest.cage)
    strands = grid.coarse_noise(rng, 14.0)
    body, muscle, gland = _body(space, chest, patient, grid.coarse_noise(rng, 40.0))
    fascia = grid.coarse_noise(rng, 26.0)
    depth = ndimage.distance_transform_edt(chest.lung[::2, ::2, ::2] < 0).astype(np.float32) * np.float32(
        2 * STEP_MM
    )
    liver, spleen, stomach = _abdomen(space, chest)
    return Anatomy(
        space, chest, skeleton, body, muscle, fascia, gland, liver, spleen, stomach, strands, depth
    )


def _body(
    space: Space, chest: Chest, patient: Patient, uneven: Floats
) -> tuple[Floats, Floats, Floats | None]:
    x, y, z = space.x, space.y, space.z
    wall, fat = np.float32(15 * patient.muscle), np.float32(patient.fat_mm)
    width = space.profile(BODY_HALF_WIDTH)
    front, back = space.profile(CAGE_FRONT), space.profile(CAGE_BACK)
    muscle: Floats = superellipse(x, y, width + wall, front - 13, back + 22 * np.float32(patient.muscle) + 6)
    # The pectoral muscles: pads on the front of the cage, thinning towards their edges.
    pad = np.exp(-(((np.abs(x) - 62) / 40) ** 4) - ((z - 150) / 46) ** 4)
    muscle = muscle - (np.float32(13 * patient.muscle) * pad * np.clip((10 - y) / 60, 0, 1)).astype(
        np.float32
    )
    muscle = smooth_union(muscle, np.maximum(chest.cage - 11, z - 230), blend_mm=6.0)
    # The furrow over the spinous processes, and the flat back of someone who lies on a table.
    muscle = muscle + np.float32(7) * np.exp(-((x / 14) ** 2)) * np.clip((y - 60) / 40, 0, 1)
    padding = fat * (1 + np.float32(0.15) * uneven) * (1 - np.float32(0.35) * np.clip(y / 100, 0, 1))
    body: Floats = (muscle - padding - 2).astype(np.float32)
    gland = None
    if patient.sex == "F":
        size = 0.8 + patient.fat_mm / 40
        breast = [
            space.ellipsoid((side * 84, -92, 92), (56 * size, 40 * size, 56 * size), turn_deg=side * 18)
            for side in (-1, 1)
        ]
        body = smooth_union(body, *breast, blend_mm=10.0)
        gland = (
            np.minimum(
                space.ellipsoid((-88, -110, 92), (34, 22, 36)), space.ellipsoid((88, -110, 92), (34, 22, 36))
            )
            + np.float32(7) * uneven
        )
        gland = np.maximum(gland, body + 8)
    return body.astype(np.float32), muscle.astype(np.float32), gland


def _abdomen(space: Space, chest: Chest) -> tuple[Floats, Floats, Floats]:
    inset = chest.below + np.float32(2.5)
    spine = (np.sqrt((space.x / 40) ** 2 + ((space.y - 62) / 40) ** 2) - 1) * np.float32(40)
    liver = smooth_union(
        space.ellipsoid((-66, -6, -22), (92, 98, 84)),
        space.ellipsoid((10, -50, 4), (76, 40, 34)),
        blend_mm=10.0,
    )
    liver = np.maximum(np.maximum(liver, inset), -spine)
    spleen = np.maximum(np.maximum(space.ellipsoid((96, 42, -14), (30, 46, 44)), inset), -spine)
    stomach = np.maximum(np.maximum(space.ellipsoid((58, -20, -8), (44, 50, 44)), inset + 1), 2 - liver)
    stomach = np.maximum(stomach, 3 - spleen)
    return liver.astype(np.float32), spleen.astype(np.float32), stomach.astype(np.float32)
