"""The chest cavity: rib cage, mediastinum, diaphragm, and the lungs that fill what is left.

All numbers are design millimetres (see `firstread.phantom.field.Space`), read off adult chest CT.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from firstread.phantom.field import Floats, Space, smooth_union, spline

Place = tuple[float, float, float]

APEX = 225.0
CAGE_HALF_WIDTH: dict[float, float] = {
    -90: 126,
    0: 131,
    50: 132,
    100: 129,
    140: 119,
    180: 101,
    205: 84,
    225: 70,
    260: 60,
}
CAGE_FRONT: dict[float, float] = {
    -90: -86,
    0: -92,
    50: -94,
    100: -90,
    140: -79,
    180: -59,
    205: -42,
    225: -26,
    260: -10,
}
CAGE_BACK: dict[float, float] = {-90: 78, 0: 86, 50: 91, 100: 94, 140: 94, 180: 88, 205: 79, 225: 70, 260: 58}
BODY_TO_BACK = 33.0
"""Centre of a vertebral body in front of the deepest point of the cage."""

AORTA: list[Place] = [
    (-6, -22, 96),
    (-15, -32, 125),
    (-12, -29, 150),
    (2, -18, 166),
    (20, 1, 170),
    (27, 24, 164),
    (23, 39, 148),
]
DESCENDING_AORTA: list[Place] = [(23, 39, 148), (21, 46, 110), (17, 46, 60), (10, 42, 0), (4, 36, -90)]


@dataclass(frozen=True, eq=False)
class Chest:
    """Distances to the surfaces of the cavity, negative inside; mm, on the coarse grid (z, y, x).

    Attributes:
        cage: Inner surface of the rib cage.
        lung: Both lungs.
        lobe: uint8; 0 none, 1 right upper, 2 right middle, 3 right lower, 4 left upper, 5 left lower.
        oblique: Signed distance to the oblique fissure of the side, negative below.
        minor: Signed distance to the right minor fissure, negative below.
        cavity: Inner surface of the cage less what is by the spine and outside the upper lungs.
        blood: Heart and great vessels.
        soft: Oesophagus and other soft parts of the mediastinum.
        below: Abdomen, under the diaphragm.
    """

    MIDLINE: ClassVar[float] = 3.0
    """Design x that parts right from left in the lungs; mm."""

    cage: Floats
    lung: Floats
    lobe: npt.NDArray[np.uint8]
    oblique: Floats
    minor: Floats
    cavity: Floats
    blood: Floats
    soft: Floats
    below: Floats


def superellipse(x: Floats, y: Floats, width: Floats, front: Floats, back: Floats) -> Floats:
    """Return the approximate distance to an axial outline between ellipse and rectangle (exponent 2.5)."""
    deep = (back - front) / 2
    u, v = np.abs(x) / width, np.abs(y - (front + back) / 2) / deep
    p, q = u * np.sqrt(u), v * np.sqrt(v)
    g = np.maximum(p * u + q * v, np.float32(1e-3)) ** np.float32(0.4)
    slope = np.sqrt((p / width) ** 2 + (q / deep) ** 2) / (g * np.sqrt(g)) + np.float32(1e-4)
    return np.clip((g - 1) / slope, -150, 150).astype(np.float32)


def build_chest(space: Space, rng: np.random.Generator, *, heart: float) -> Chest:
    """Draw the cavity; `heart` scales the heart."""
    x, y, z = space.x, space.y, space.z
    back = space.profile(CAGE_BACK)
    cage = superellipse(x, y, space.profile(CAGE_HALF_WIDTH), space.profile(CAGE_FRONT), back)

    heart_wall, vessels = _heart(space, heart), _great_vessels(space)
    oesophagus = space.tube(
        spline([(2, 34, -40), (6, 30, 60), (2, 34, 130), (4, 38, 190), (2, 44, 260)]), 7.0
    )
    blood = np.minimum(heart_wall, vessels)
    dome = _diaphragm(space, rng)
    mediastinum = _mediastinum(space, heart_wall, vessels, back - np.float32(BODY_TO_BACK))
    edge = (np.abs(x) - 44) ** 2 / 56**2 + (y - 22) ** 2 / 66**2
    apex = np.float32(APEX) - edge * edge * np.float32(24)

    lung = np.maximum(
        np.maximum(cage, -mediastinum), np.maximum((dome - z) * np.float32(0.75), (z - apex) * 0.85)
    )
    lung = ndimage.gaussian_filter(np.clip(lung, -30, 30), 2.0 / space.grid.step, mode="nearest")
    lung = _two_largest(lung)
    left = x > np.float32(Chest.MIDLINE)
    lobe, oblique, minor = _lobes(space, lung, left, rng)
    spine = np.maximum(back - np.float32(BODY_TO_BACK - 3) - y, np.abs(x) - 36)
    beside = np.maximum(np.float32(118) - z, np.float32(48) - np.abs(x))
    cavity = np.maximum(cage, -np.minimum(spine, beside))
    below = np.maximum((z - dome) * np.float32(0.75) + 2, cage)
    return Chest(cage, lung, lobe, oblique, minor, cavity, blood, oesophagus, below)


def _heart(space: Space, size: float) -> Floats:
    def chamber(
        center: tuple[float, float, float], radii: tuple[float, float, float], turn: float = 0.0
    ) -> Floats:
        # The heart grows from where it rests on the diaphragm.
        x, y, z = center
        return space.ellipsoid((x * size, y, 20 + (z - 20) * size), [r * size for r in radii], turn_deg=turn)

    return smooth_union(
        chamber((28, -38, 61), (56, 40, 45), -34),
        chamber((-15, -28, 75), (32, 32, 37)),
        chamber((3, 4, 96), (34, 21, 26)),
        chamber((10, -42, 104), (27, 24, 34)),
        blend_mm=5.0,
    )


def _great_vessels(space: Space) -> Floats:
    tubes: list[tuple[list[Place], tuple[float, ...]]] = [
        (AORTA, (17, 16.5, 16, 14.5, 13.5, 13, 13)),
        (DESCENDING_AORTA, (13, 12.5, 12, 11, 10)),
        ([(16, -42, 106), (14, -30, 126), (18, -14, 134)], (15, 14, 13)),  # pulmonary trunk
        ([(18, -14, 134), (0, -8, 128), (-22, -4, 124), (-40, 2, 122)], (12, 10.5, 10, 9)),
        ([(18, -14, 134), (32, 0, 136), (42, 14, 132)], (12, 11, 9.5)),
        (
            [(-26, -22, 92), (-27, -16, 130), (-26, -14, 175), (-22, -12, 205)],
            (10, 9.5, 9, 7),
        ),  # superior vena cava
        ([(-22, -5, -20), (-22, -4, 30), (-20, -12, 62)], (13, 13, 14)),  # inferior vena cava
        ([(0, -20, 166), (-15, -8, 190), (-20, 2, 225), (-22, 5, 262)], (7, 6, 5, 4)),
        ([(12, -8, 170), (10, 0, 195), (14, 8, 225), (20, 6, 262)], (4.5, 4, 4, 3.5)),
        ([(23, 8, 170), (22, 14, 195), (26, 16, 220), (50, 6, 232)], (5.5, 5, 5, 5)),
        ([(-22, -12, 200), (0, -24, 190), (20, -18, 205), (34, -8, 222)], (6.5, 6, 6, 6)),
    ]
    fields = []
    for path, radii in tubes:
        curve = spline(path)
        along = np.linspace(0, len(radii) - 1, len(curve))
        fields.append(space.tube(curve, np.interp(along, range(len(radii)), radii)))
    united = fields[0]
    for field in fields[1:]:
        united = np.minimum(united, field)
    return united


def _mediastinum(space: Space, heart: Floats, vessels: Floats, spine: Floats) -> Floats:
    x, y, z = space.x, space.y, space.z
    behind = y - spine
    vertebra = np.where(
        behind < 0,
        (np.sqrt((x / 23) ** 2 + (behind / 21) ** 2) - 1) * np.float32(21),
        np.abs(x) - 23 - np.float32(0.25) * behind,
    )
    # Fat and vessels between the lungs, as half-widths in front of the spine.
    upper = (
        np.sqrt(((x - 1) / 29) ** 2 + ((y - space.profile({100: 0, 150: 4, 200: 22, 260: 30})) / 40) ** 2) - 1
    ) * 27
    upper = np.maximum(upper, np.float32(108) - z)
    lower = np.maximum((np.sqrt(((x - 7) / 21) ** 2 + ((y - 38) / 26) ** 2) - 1) * 20, z - np.float32(125))
    ligament = np.maximum(np.maximum(np.abs(x + 2) - 11, z - np.float32(105)), np.maximum(-30 - y, y - 50))
    junction = np.abs(x - space.profile({60: 16, 110: 6, 180: 0, 225: 0})) - np.float32(2.2)
    inlet = np.maximum(np.abs(x) - space.profile({150: 0, 190: 12, 225: 27}), y - 40)
    hila = np.minimum(
        space.ellipsoid((-36, 10, 112), (15, 18, 26)),
        space.ellipsoid((41, 16, 116), (14, 18, 26)),
    )
    return smooth_union(
        heart - 3, vessels - 3, vertebra, upper, lower, ligament, junction, inlet, hila, blend_mm=3.5
    ).astype(np.float32)


def _diaphragm(space: Space, rng: np.random.Generator) -> Floats:
    x, y = space.x, space.y
    lift, tilt = rng.normal(0, 5), rng.normal(12, 4)

    def dome(peak: float, cx: float, cy: float) -> Floats:
        q = ((x - cx) / 84) ** 2 + ((y - cy) / 100) ** 2
        recess = np.maximum(y, 0)
        return (peak - 66 * q * np.sqrt(q) - 0.0035 * recess**2).astype(np.float32)

    right, left = dome(50 + lift, -62, -14), dome(50 + lift - tilt, 64, -8)
    center = dome(27, 0, -28)
    return -smooth_union(-right, -left, -center, blend_mm=5.0)


def _lobes(
    space: Space, lung: Floats, left: npt.NDArray[np.bool_], rng: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], Floats, Floats]:
    """Part the lungs by the oblique and the minor fissure, each a gently curved plane."""
    x, y, z = space.x, space.y, space.z
    wave = space.grid.coarse_noise(rng, 60.0) * np.float32(2.0)
    reach = np.abs(x) - 70

    def oblique(at_back: float, at_front: float) -> Floats:
        slope = (at_back - at_front) / 165.0
        height = at_front + slope * (y + 78) + 0.0022 * reach * np.abs(reach) + wave
        distance: Floats = ((z - height) / np.float32(np.hypot(1, slope))).astype(np.float32)
        return distance

    right_oblique = oblique(150 + rng.normal(0, 6), -2 + rng.normal(0, 6))
    left_oblique = oblique(158 + rng.normal(0, 6), -4 + rng.normal(0, 6))
    minor = z - np.float32(102 + rng.normal(0, 5)) + 0.12 * (y + 40) + 0.0016 * reach**2 - wave

    inside = lung < 0
    lobe = np.zeros(lung.shape, np.uint8)
    right = inside & ~left
    lobe[right] = np.where(right_oblique < 0, 3, np.where(minor < 0, 2, 1))[right]
    lobe[inside & left] = np.where(left_oblique < 0, 5, 4)[inside & left]
    return lobe, np.where(left, left_oblique, right_oblique), minor.astype(np.float32)


def _two_largest(lung: Floats) -> Floats:
    """Drop slivers of lung that the mediastinum cut off."""
    labels, count = ndimage.label(lung < 0)
    if count <= 2:
        return lung
    sizes = np.bincount(labels.ravel())[1:]
    keep = np.argsort(sizes)[-2:] + 1
    return np.where((labels > 0) & ~np.isin(labels, keep), np.float32(1.0), lung)
