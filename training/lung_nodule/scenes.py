"""Chests with inserted nodules, as another scanner or protocol would have shown them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from training.lung_nodule.backgrounds import Background, depth_mm
from training.lung_nodule.insertion import (
    Float,
    compose,
    distractor,
    lesion_of,
    local_noise_hu,
    rendered_fraction,
    turned,
)
from training.lung_nodule.shapes import Shape

SIZES_MM = ((3.0, 6.0, 0.38), (6.0, 12.0, 0.34), (12.0, 22.0, 0.18), (22.0, 40.0, 0.10))
"""Classes of diameter and how often they are drawn: lower, upper, probability."""
SITES = (("parenchymal", 0.42), ("juxtapleural", 0.33), ("perivascular", 0.25))


@dataclass(frozen=True)
class Placed:
    """A nodule in a scene.

    Attributes:
        centre: Voxels (z, y, x).
        diameter_mm: Of the sphere of equal volume, inside the lung.
        kind: solid, part-solid or ground-glass.
        site: parenchymal, juxtapleural or perivascular; "real" for one that readers marked.
        readers: 4 for inserted ones; fewer than 3 means: neither reward nor punish.
    """

    centre: tuple[float, float, float]
    diameter_mm: float
    kind: str
    site: str
    readers: int


@dataclass(frozen=True, eq=False)
class Scene:
    """A chest with known nodules, cubic 1 mm voxels.

    Attributes:
        hu: int16 array (z, y, x).
        lungs: uint8 labels.
        cover: uint8 array: 1-based number of the nodule in `nodules`, 0 elsewhere.
        nodules: What is there to find.
        protocol: Slice thickness and kernel that were simulated, for tables of results.
    """

    hu: npt.NDArray[np.int16]
    lungs: npt.NDArray[np.uint8]
    cover: npt.NDArray[np.uint8]
    nodules: tuple[Placed, ...]
    protocol: str


class ShapeStore:
    """Shapes by size and texture, so that rare kinds are drawn as often as wanted."""

    def __init__(self, shapes: Sequence[Shape]) -> None:
        self._shapes = list(shapes)
        self._diameters = np.array([s.diameter_mm for s in shapes])
        self._textures = np.array([s.texture for s in shapes])

    def draw(self, rng: np.random.Generator) -> tuple[Shape, float]:
        """Return a shape and the factor by which to scale it."""
        low, high, _ = SIZES_MM[rng.choice(len(SIZES_MM), p=[s[2] for s in SIZES_MM])]
        wanted = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        textures = [(5, 5), (4, 4), (2, 3), (1, 1)][rng.choice(4, p=[0.5, 0.12, 0.16, 0.22])]
        fit = (self._textures >= textures[0]) & (self._textures <= textures[1])
        ratio = wanted / self._diameters
        close = np.flatnonzero(fit & (ratio > 0.6) & (ratio < 1.6))
        if not close.size:
            close = np.flatnonzero(fit)
        index = int(rng.choice(close))
        return self._shapes[index], float(np.clip(ratio[index], 0.5, 2.2))


def make_scene(
    background: Background,
    shapes: ShapeStore,
    rng: np.random.Generator,
    *,
    nodules: int,
    distractors: int,
    as_acquired: bool = False,
) -> Scene:
    """Insert nodules and distractors into a chest, then re-render it as another protocol.

    Args:
        background: The chest.
        shapes: Where nodules are drawn from.
        rng: Source of every choice.
        nodules: How many to try to place; fewer fit a small lung.
        distractors: How many tubes, forks and plates to add.
        as_acquired: Keep the chest's own thickness and kernel.
    """
    hu = background.hu.astype(np.float32)
    cover = np.zeros(hu.shape, np.uint8)
    depth = depth_mm(background.lungs)
    inside = background.lungs > 0
    noise = local_noise_hu(hu, inside)
    taken = np.array([m.centre for m in background.marked]).reshape(-1, 3)
    reach = np.array([m.diameter_mm / 2 for m in background.marked])
    placed = [Placed(m.centre, m.diameter_mm, _kind(m.texture), "real", m.readers) for m in background.marked]
    for number, mark in enumerate(background.marked, start=1):
        _paint_ball(cover, mark.centre, mark.diameter_mm / 2, number)
    voxels = _voxels_by_site(hu, depth)
    blur = (background.slice_mm / 2.355, 0.55)
    for attempt in range(nodules + distractors):
        is_nodule = attempt < nodules
        site = str(rng.choice([s[0] for s in SITES], p=[s[1] for s in SITES]))
        pool = voxels[site if is_nodule else "parenchymal"]
        centre = pool[int(rng.integers(len(pool)))] + rng.uniform(-0.5, 0.5, 3)
        if is_nodule:
            shape, scale = shapes.draw(rng)
            radius = shape.diameter_mm * scale / 2
        else:
            radius = 6.0
        if taken.size and (np.linalg.norm(taken - centre, axis=1) < reach + radius + 5).any():
            continue
        extent = 48 if not is_nodule else int(2 * (radius * 1.8 + 4)) + 8
        corner = np.rint(centre).astype(int) - extent // 2
        if (corner < 0).any() or (corner + extent > hu.shape).any():
            continue
        box = tuple(slice(c, c + extent) for c in corner)
        patch, lung = hu[box], inside[box]
        if is_nodule:
            lesion = lesion_of(shape, rng)
            body = turned(shape, rng, scale=scale)
            fraction, coverage = rendered_fraction(
                body, lesion, (centre - corner).astype(np.float32), extent, blur_mm=blur
            )
            kept = (coverage > 0.5) & lung
            if kept.sum() < 0.3 * (coverage > 0.5).sum() or kept.sum() < 8:
                continue
            soft = ndimage.gaussian_filter(lung.astype(np.float32), 0.6)
            hu[box] = compose(patch, fraction * soft, lesion.tissue_hu, noise_hu=noise, rng=rng)
            z, y, x = (float(c) for c in np.argwhere(kept).mean(0) + corner)
            diameter = float((6 / np.pi * kept.sum()) ** (1 / 3))
            placed.append(Placed((z, y, x), diameter, _kind(shape.texture), site, 4))
            cover[box][kept] = len(placed)
        else:
            fraction = distractor(rng, extent) * rng.choice([1.0, 1.0, 0.5])
            fraction = ndimage.gaussian_filter(fraction, (blur[0], 0.5, 0.5)) * lung
            hu[box] = compose(patch, fraction, float(rng.normal(30, 30)), noise_hu=noise, rng=rng)
        taken = np.vstack([taken, centre[None]])
        reach = np.append(reach, radius)
    protocol = "as acquired"
    if not as_acquired:
        hu, protocol = rendered_as(hu, rng)
    return Scene(np.clip(hu, -1024, 3071).astype(np.int16), background.lungs, cover, tuple(placed), protocol)


def rendered_as(hu: Float, rng: np.random.Generator) -> tuple[Float, str]:
    """Re-render a chest with a random slice thickness, kernel, dose and HU offset."""
    names = []
    if rng.random() < 0.55:
        thickness = float(rng.choice([1.5, 2.0, 2.5, 3.0, 4.0, 5.0], p=[0.2, 0.2, 0.25, 0.2, 0.08, 0.07]))
        interval = thickness * float(rng.choice([1.0, 1.0, 0.6]))
        thick = ndimage.uniform_filter1d(hu, max(round(thickness), 1), axis=0)
        positions = np.arange(rng.uniform(0, interval), hu.shape[0] - 1, interval)
        index = np.clip(np.rint(positions).astype(int), 0, hu.shape[0] - 1)
        rows = np.interp(np.arange(hu.shape[0]), index, np.arange(len(index)))
        below = np.minimum(rows.astype(int), len(index) - 1)
        above = np.minimum(below + 1, len(index) - 1)
        weight = (rows - below).astype(np.float32)[:, None, None]
        hu = thick[index[below]] * (1 - weight) + thick[index[above]] * weight
        names.append(f"{thickness:g} mm")
    kernel = rng.choice(["own", "soft", "sharp"], p=[0.4, 0.25, 0.35])
    if kernel == "soft":
        hu = ndimage.gaussian_filter(hu, (0, *[rng.uniform(0.4, 0.9)] * 2))
    elif kernel == "sharp":
        sigma = rng.uniform(0.8, 1.3)
        hu = hu + rng.uniform(0.4, 1.2) * (hu - ndimage.gaussian_filter(hu, (0, sigma, sigma)))
    names.append(f"{kernel} kernel")
    if rng.random() < 0.5:
        grain = rng.standard_normal(hu.shape, dtype=np.float32)
        grain = ndimage.gaussian_filter(grain, (0.4, *[rng.uniform(0.3, 0.8)] * 2))
        hu = hu + grain * (rng.uniform(5, 45) / float(grain[::4].std()))
    return (hu * rng.uniform(0.98, 1.02) + rng.normal(0, 12)).astype(np.float32), ", ".join(names)


def _voxels_by_site(hu: Float, depth: Float) -> dict[str, npt.NDArray[np.int64]]:
    deep = np.argwhere(depth[::2, ::2, ::2] > 5) * 2
    rim = np.argwhere((depth[::2, ::2, ::2] > 0) & (depth[::2, ::2, ::2] <= 4)) * 2
    vessel = np.argwhere((depth[::2, ::2, ::2] > 4) & (hu[::2, ::2, ::2] > -450)) * 2
    return {"parenchymal": deep, "juxtapleural": rim, "perivascular": vessel if len(vessel) > 99 else deep}


def _kind(texture: float) -> str:
    return "solid" if texture >= 4 else "part-solid" if texture >= 2 else "ground-glass"


def _paint_ball(
    cover: npt.NDArray[np.uint8], centre: tuple[float, float, float], radius: float, number: int
) -> None:
    lower = np.maximum(np.floor(np.asarray(centre) - radius), 0).astype(int)
    upper = np.minimum(np.ceil(np.asarray(centre) + radius) + 1, cover.shape).astype(int)
    if (upper <= lower).any():
        return
    grid = np.mgrid[lower[0] : upper[0], lower[1] : upper[1], lower[2] : upper[2]]
    ball = sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True)) <= radius**2
    box = tuple(slice(a, b) for a, b in zip(lower, upper, strict=True))
    cover[box][ball] = number
