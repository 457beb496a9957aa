"""Chests with inserted nodules, as another scanner or protocol would have shown them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import distance

from training.lung_nodule.backgrounds import Background, depth_mm
from training.lung_nodule.drawing import box_about, draw_nodule
from training.lung_nodule.insertion import Float, compose, distractor, local_noise_hu
from training.lung_nodule.rendering import (
    Protocol,
    breathed,
    moved,
    moved_point,
    random_protocol,
    rendered,
)
from training.lung_nodule.shapes import Shape

SIZES_MM = ((3.0, 6.0, 0.38), (6.0, 12.0, 0.34), (12.0, 22.0, 0.18), (22.0, 55.0, 0.10))
"""Classes of diameter and how often they are drawn: lower, upper, probability."""
TEXTURES = ((5, 5, 0.5), (4, 4, 0.12), (2, 3, 0.16), (1, 1, 0.22))
"""Readers' ratings of texture and how often they are drawn: lowest, highest, probability."""
SITES = (("parenchymal", 0.42), ("juxtapleural", 0.33), ("perivascular", 0.25))

POINTED_AT = "pointed at"
"""The site of what readers saw and outlined not: below 3 mm, or no nodule to them."""
_DISTRACTOR_MM = 48
"""Edge of the cube that a distractor is drawn in."""


@dataclass(frozen=True)
class Placed:
    """A nodule in a scene.

    Attributes:
        centre: Voxels (z, y, x).
        diameter_mm: Of the sphere of equal volume, inside the lung.
        kind: solid, part-solid or ground-glass.
        site: parenchymal, juxtapleural or perivascular; "real" for one that readers marked, `POINTED_AT` for a place
            that they only pointed at.
        readers: 4 for inserted ones; fewer than 3 means: neither reward nor punish.
        long_mm: Long diameter, in the axial plane where it is longest: what readers measure.
    """

    centre: tuple[float, float, float]
    diameter_mm: float
    kind: str
    site: str
    readers: int
    long_mm: float

    @property
    def inserted(self) -> bool:
        """Whether it was put there, and not in the chest before."""
        return self.site not in ("real", POINTED_AT)


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
    """Shapes by size and texture, so that rare kinds are drawn as often as wanted.

    Attributes:
        held_out: Whether this store holds the patients that no network learns from, or all others.
    """

    def __init__(self, shapes: Sequence[Shape], *, held_out: bool = False) -> None:
        self._shapes = [shape for shape in shapes if is_held_out(shape.patient) == held_out]
        self.held_out = held_out
        self._diameters = np.array([s.diameter_mm for s in self._shapes])
        self._textures = np.array([s.texture for s in self._shapes])
        agreed = np.array([s.readers >= 3 for s in self._shapes])
        self._counting = np.flatnonzero(agreed & (self._diameters >= 3) & (self._diameters <= 30))

    def draw(self, rng: np.random.Generator) -> tuple[Shape, float]:
        """Return a shape and the factor by which to scale it: sizes and textures as training wants them."""
        low, high, _ = SIZES_MM[rng.choice(len(SIZES_MM), p=[s[2] for s in SIZES_MM])]
        wanted = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        lowest, highest, _ = TEXTURES[rng.choice(len(TEXTURES), p=[t[2] for t in TEXTURES])]
        fit = (self._textures >= lowest) & (self._textures <= highest)
        ratio = wanted / self._diameters
        close = np.flatnonzero(fit & (ratio > 0.6) & (ratio < 1.6))
        if not close.size:
            close = np.flatnonzero(fit)
        index = int(rng.choice(close))
        return self._shapes[index], float(np.clip(ratio[index], 0.5, 2.2))

    def draw_as_found(self, rng: np.random.Generator) -> tuple[Shape, float]:
        """Return a nodule of three or four readers, 3 to 30 mm, unscaled: sizes and textures as patients had them.

        Every fourth is non-solid or part-solid, far more than patients had, so that tables by texture say something.
        """
        pool = self._counting
        if rng.random() < 0.25:
            pool = pool[self._textures[pool] <= 3]
        return self._shapes[int(rng.choice(pool))], 1.0


def is_held_out(patient: str) -> bool:
    """Tell whether a patient's nodules are kept for measuring: every fifth, by a digest of the identifier."""
    return hashlib.sha256(patient.encode()).digest()[0] % 5 == 0


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
        as_acquired: Keep the chest's own air, thickness and kernel.
    """
    hu = background.hu.astype(np.float32)
    if not as_acquired:
        hu = breathed(hu, background.lungs > 0, rng)
    cover = np.zeros(hu.shape, np.uint8)
    depth = depth_mm(background.lungs)
    inside = background.lungs > 0
    noise = local_noise_hu(hu, inside)
    outlined = [m for m in background.marked if m.readers]
    taken = np.array([m.centre for m in outlined]).reshape(-1, 3)
    reach = np.array([m.diameter_mm / 2 for m in outlined])
    placed = [
        Placed(
            m.centre,
            m.diameter_mm,
            _kind(m.texture),
            "real" if m.readers else POINTED_AT,
            m.readers,
            m.diameter_mm,
        )
        for m in background.marked
    ]
    for number, mark in enumerate(background.marked, start=1):
        if mark.readers:
            _paint_ball(cover, mark.centre, mark.diameter_mm / 2, number)
    voxels = _voxels_by_site(hu, depth)
    blur = (background.slice_mm / 2.355, 0.55)
    for attempt in range(nodules + distractors):
        is_nodule = attempt < nodules
        site = str(rng.choice([s[0] for s in SITES], p=[s[1] for s in SITES]))
        pool = voxels[site if is_nodule else "parenchymal"]
        centre = pool[int(rng.integers(len(pool)))] + rng.uniform(-0.5, 0.5, 3)
        if is_nodule:
            shape, scale = shapes.draw_as_found(rng) if shapes.held_out else shapes.draw(rng)
            radius = shape.diameter_mm * scale / 2
        else:
            radius = 6.0
        if taken.size and (np.linalg.norm(taken - centre, axis=1) < reach + radius + 5).any():
            continue
        if is_nodule:
            drawn = draw_nodule(hu, inside, centre, shape, rng, scale=scale, blur_mm=blur)
            if drawn is None:
                continue
            box, kept = drawn.box, drawn.kept
            hu[box] = compose(hu[box], drawn.fraction, drawn.tissue_hu, noise_hu=noise, rng=rng)
            z, y, x = (float(c) for c in np.argwhere(kept).mean(0) + [side.start for side in box])
            placed.append(Placed((z, y, x), drawn.diameter_mm, _kind(shape.texture), site, 4, long_mm(kept)))
            cover[box][kept] = len(placed)
        else:
            place = box_about(centre, _DISTRACTOR_MM, hu.shape)
            if place is None:
                continue
            fraction = distractor(rng, _DISTRACTOR_MM) * rng.choice([1.0, 1.0, 0.5])
            fraction = ndimage.gaussian_filter(fraction, (blur[0], 0.5, 0.5)) * inside[place]
            hu[place] = compose(hu[place], fraction, float(rng.normal(30, 30)), noise_hu=noise, rng=rng)
        taken = np.vstack([taken, centre[None]])
        reach = np.append(reach, radius)
    scene = Scene(
        np.clip(hu, -1024, 3071).astype(np.int16), background.lungs, cover, tuple(placed), "as acquired"
    )
    return scene if as_acquired else shown_as(scene, random_protocol(rng), rng)


def long_mm(body: npt.NDArray[np.bool_]) -> float:
    """Return the longest distance across a body within one slice: mm, edge to edge; cubic 1 mm voxels (z, y, x)."""
    longest = 0.0
    for plane in body:
        rim = np.argwhere(plane & ~ndimage.binary_erosion(plane))
        if len(rim):
            longest = max(longest, float(distance.pdist(rim).max(initial=0.0)) + 1.0)
    return longest


def shown_as(scene: Scene, protocol: Protocol, rng: np.random.Generator, name: str = "") -> Scene:
    """Return the scene as another protocol shows it; nodules move along."""
    hu = rendered(scene.hu.astype(np.float32), protocol, rng)
    cover, lungs = scene.cover, scene.lungs
    nodules = scene.nodules
    if protocol.turn_degrees or protocol.flipped or any(protocol.shift_mm):
        hu = moved(hu, protocol, order=1, fill=-1000.0)
        cover, lungs = (moved(v, protocol, order=0, fill=0).astype(np.uint8) for v in (cover, lungs))
        nodules = tuple(
            replace(n, centre=moved_point(n.centre, scene.hu.shape, protocol)) for n in scene.nodules
        )
    return Scene(np.clip(hu, -1024, 3071).astype(np.int16), lungs, cover, nodules, name or protocol.words)


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
