"""The trees of the lungs: trachea and bronchi, pulmonary arteries, pulmonary veins."""

from dataclasses import dataclass

import numpy as np

from firstread.phantom.anatomy import Anatomy
from firstread.phantom.chest import Place
from firstread.phantom.field import Points, spline
from firstread.phantom.trees import EXPONENT, Tree, Tubes, airways, grow, vessels

TISSUE_MM = 9.0
"""Distance between the end branches of a tree: what a chest CT of 1 mm slices resolves."""
TIP_MM = 0.42
"""Radius of an end branch."""
SMALLEST_LUMEN_MM = 0.9
CLEAR_OF_PLEURA_MM = 2.5

# Where each lobe's artery and vein enter it, design mm; lobes numbered as in Chest.lobe.
ARTERY_ROOTS: dict[int, Place] = {
    1: (-45, 2, 134),
    2: (-48, -4, 104),
    3: (-49, 20, 100),
    4: (48, 6, 130),
    5: (49, 30, 108),
}
VEIN_ROOTS: dict[int, Place] = {
    1: (-40, -12, 114),
    2: (-38, -16, 97),
    3: (-34, 18, 84),
    4: (44, -6, 114),
    5: (40, 24, 86),
}
ARTERY_FEEDS: dict[int, list[Place]] = {
    1: [(-22, -4, 124), (-36, 0, 128)],
    2: [(-38, 2, 122), (-46, 8, 110)],
    3: [(-38, 2, 122), (-47, 12, 112)],
    4: [(30, -2, 136), (40, 2, 135)],
    5: [(32, 0, 136), (46, 18, 126)],
}
VEIN_FEEDS: dict[int, Place] = {
    1: (-16, 0, 98),
    2: (-16, -2, 95),
    3: (-14, 8, 92),
    4: (22, 0, 100),
    5: (20, 8, 93),
}
TRACHEA: list[Place] = [(1, 26, 275), (1, 24, 230), (0, 20, 185), (-4, 19, 160), (-2, 21, 143)]
RIGHT_MAIN: list[Place] = [(-2, 21, 143), (-18, 22, 130), (-34, 20, 122)]
LEFT_MAIN: list[Place] = [(-2, 21, 143), (20, 24, 128), (42, 24, 114)]
INTERMEDIATE: list[Place] = [(-34, 20, 122), (-39, 17, 106)]
BRONCHUS_FEEDS = {
    1: RIGHT_MAIN[-1],
    2: INTERMEDIATE[-1],
    3: INTERMEDIATE[-1],
    4: LEFT_MAIN[-1],
    5: LEFT_MAIN[-1],
}


@dataclass(frozen=True, eq=False)
class LungTrees:
    """Tubes in body mm.

    Attributes:
        vessels: Arteries and veins.
        lumens: Air in the airways.
        walls: The airways with their walls.
    """

    vessels: Tubes
    lumens: Tubes
    walls: Tubes


def build_trees(anatomy: Anatomy, rng: np.random.Generator) -> LungTrees:
    """Grow the trees of all lobes."""
    space = anatomy.space
    blood: list[Tubes] = []
    air: list[Tubes] = [
        _feed(anatomy, TRACHEA, (8.8, 8.8, 8.6, 8.4, 8.6)),
        _feed(anatomy, RIGHT_MAIN, (7.5, 6.8, 6.2)),
        _feed(anatomy, LEFT_MAIN, (7.0, 6.0, 5.6)),
        _feed(anatomy, INTERMEDIATE, (5.6, 5.0)),
    ]
    for lobe in range(1, 6):
        medial = np.array([1.0 if lobe < 4 else -1.0, 0.5, -0.2])
        arterial = grow(space.back([ARTERY_ROOTS[lobe]])[0], _tissue(anatomy, lobe, rng), rng)
        venous = grow(space.back([VEIN_ROOTS[lobe]])[0], _tissue(anatomy, lobe, rng), rng)
        blood += [vessels(arterial, rng, tip_mm=TIP_MM), vessels(venous, rng, tip_mm=TIP_MM)]
        blood.append(_trunk(anatomy, [*ARTERY_FEEDS[lobe], ARTERY_ROOTS[lobe]], arterial))
        blood.append(_trunk(anatomy, [VEIN_FEEDS[lobe], VEIN_ROOTS[lobe]], venous))
        bronchi = airways(arterial, tip_mm=TIP_MM, smallest_mm=SMALLEST_LUMEN_MM, beside=medial)
        start = np.vstack([space.back([BRONCHUS_FEEDS[lobe]]), bronchi.start[:1]])
        air += [Tubes.along(start, np.array([5.0, bronchi.start_radius[0]])), bronchi]
    lumens = Tubes.joined(air)
    return LungTrees(vessels=Tubes.joined(blood), lumens=lumens, walls=lumens.widened(0.45, 1.14))


def _tissue(anatomy: Anatomy, lobe: int, rng: np.random.Generator) -> Points:
    """Scatter evenly spaced points over a lobe, clear of the pleura."""
    grid = anatomy.space.grid
    inside = np.argwhere(anatomy.chest.lobe == lobe)
    low, high = inside.min(0), inside.max(0)
    counts = np.ceil((high - low) * grid.step / TISSUE_MM).astype(int) + 1
    cells = np.stack(np.meshgrid(*[np.arange(n) for n in counts], indexing="ij"), axis=-1).reshape(-1, 3)
    scattered = low * grid.step + (cells + rng.random(cells.shape)) * TISSUE_MM + np.asarray(grid.origin)
    points = scattered[:, ::-1]
    own = np.rint((scattered - np.asarray(grid.origin)) / grid.step).astype(int)
    own = np.clip(own, 0, np.asarray(grid.shape) - 1)
    chosen = (anatomy.chest.lobe[tuple(own.T)] == lobe) & (anatomy.depth(points) > CLEAR_OF_PLEURA_MM)
    tissue: Points = points[chosen]
    return tissue


def _feed(anatomy: Anatomy, design: list[Place], radii: tuple[float, ...]) -> Tubes:
    path = spline(anatomy.space.back(design))
    along = np.linspace(0, len(radii) - 1, len(path))
    return Tubes.along(path, np.interp(along, range(len(radii)), radii))


def _trunk(anatomy: Anatomy, design: list[Place], tree: Tree) -> Tubes:
    radius = TIP_MM * float(tree.served[0]) ** (1 / EXPONENT)
    path = spline(anatomy.space.back(design))
    return Tubes.along(path, np.linspace(radius * 1.25, radius, len(path)))
