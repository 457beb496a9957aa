"""A nodule on the voxel grid of the sections: how much of each voxel it fills, and with what."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firstread.findings.finding import Attenuation
from firstread.phantom.field import Floats, Grid
from firstread.phantom.nodule_shape import NoduleShape
from firstread.phantom.raster import SectionGrid, draw_tubes
from firstread.phantom.trees import Tubes

Range = tuple[float, float]
HU: dict[Attenuation, Range] = {
    "solid": (20.0, 60.0),
    "part-solid": (-620.0, -500.0),
    "ground-glass": (-650.0, -480.0),
    "calcified": (280.0, 650.0),
    "fat": (-95.0, -65.0),
}
SOLID_PART_HU: Range = (0.0, 45.0)
PAST_PLEURA_MM = 1.2
"""A solid nodule on the pleura is drawn this far into the wall, so that no dark line parts the two."""


@dataclass(frozen=True, eq=False)
class DrawnNodule:
    """Shares of voxels in a box of the section grid.

    Attributes:
        first: (section, row, column) of the box's first voxel; the box lies inside the grid.
        cover: Share that the whole nodule fills, float32.
        hu: What fills it.
        glass: True when vessels stay visible in it.
        solid_cover: Share that its solid core and its spicules fill; None when it has neither.
        solid_hu: What fills those.
    """

    first: tuple[int, int, int]
    cover: Floats
    hu: float
    glass: bool
    solid_cover: Floats | None
    solid_hu: float

    def veil(self, hu: Floats, section: int) -> None:
        """Thicken the parenchyma, under vessels that are drawn later."""
        if self.glass:
            self._put(hu, section, self.cover, self.hu, grain=0.8)

    def core(self, hu: Floats, section: int) -> None:
        """Put what is solid over everything else in the lung."""
        if not self.glass:
            self._put(hu, section, self.cover, self.hu)
        if self.solid_cover is not None:
            self._put(hu, section, self.solid_cover, self.solid_hu)

    def mark(self, labels: npt.NDArray[np.uint8], section: int, label: int) -> None:
        """Write a label (row, column) where the nodule fills at least half of a voxel of this section."""
        at = section - self.first[0]
        if 0 <= at < len(self.cover):
            share = self.cover[at]
            rows, columns = share.shape
            box = labels[self.first[1] : self.first[1] + rows, self.first[2] : self.first[2] + columns]
            box[share >= 0.5] = label

    def _put(self, hu: Floats, section: int, cover: Floats, value: float, *, grain: float = 0.0) -> None:
        at = section - self.first[0]
        if not 0 <= at < len(cover):
            return
        share = cover[at]
        box = hu[
            self.first[1] : self.first[1] + share.shape[0], self.first[2] : self.first[2] + share.shape[1]
        ]
        fill = value + grain * (box - box.mean()) * (box < -700) if grain else np.float32(value)
        box += share * (fill - box)


def draw_nodule(
    shape: NoduleShape,
    core: tuple[NoduleShape, npt.NDArray[np.float64]] | None,
    center: npt.NDArray[np.float64],
    *,
    hu: float,
    solid_hu: float,
    glass: bool,
    lung: Floats,
    grid: Grid,
    sections: SectionGrid,
) -> DrawnNodule:
    """Draw a nodule on the section grid.

    Args:
        shape: The whole nodule.
        core: Its solid part and where that lies relative to the centre; part-solid only.
        center: Body (x, y, z); mm.
        hu: What fills it.
        solid_hu: What fills its core and its spicules.
        glass: Whether vessels stay visible in it.
        lung: Distance to the pleura on the coarse grid.
        grid: The coarse grid.
        sections: The grid to draw on.
    """
    step, origin = np.asarray(sections.spacing), np.asarray(sections.origin)
    reach = shape.radius * (1.9 if len(shape.spicules) else 1.35) + 2 * step
    low = np.maximum(np.floor((center[::-1] - reach - origin) / step).astype(int), 0)
    high = np.minimum(np.ceil((center[::-1] + reach - origin) / step).astype(int) + 1, sections.shape)
    size = tuple(int(n) for n in high - low)
    corner = (low * step + origin)[::-1] - center

    # The larger the nodule, the less a voxel at its edge matters.
    fine = (4, 2, 2) if int(np.prod(size)) < 60_000 else (2, 1, 1)
    axes = [(np.arange(n * f) + 0.5) * (s / f) - s / 2 for n, f, s in zip(size, fine, step, strict=True)]
    zz, yy, xx = np.meshgrid(*axes, indexing="ij")
    offset = np.stack([xx + corner[0], yy + corner[1], zz + corner[2]], axis=-1)
    pleura = grid.sample(lung, (offset + center).reshape(-1, 3)).reshape(zz.shape)
    edge = float(max(step[1:])) / 2

    def cover(distance: npt.NDArray[np.float64]) -> Floats:
        share = np.clip(0.5 - distance / edge, 0, 1)
        blocks = share.reshape(size[0], fine[0], size[1], fine[1], size[2], fine[2])
        share_of_voxel: Floats = blocks.mean(axis=(1, 3, 5)).astype(np.float32)
        return share_of_voxel

    whole = cover(np.maximum(shape.distance(offset), pleura - (0 if glass else PAST_PLEURA_MM)))
    solid = None
    if core is not None:
        inner, shift = core
        within = np.maximum(pleura - PAST_PLEURA_MM, shape.distance(offset))
        solid = cover(np.maximum(inner.distance(offset - shift), within))
    if len(shape.spicules):
        thorns = _thorns(shape, size, corner, sections.spacing) * cover(pleura)
        solid = thorns if solid is None else np.maximum(solid, thorns)
    return DrawnNodule((int(low[0]), int(low[1]), int(low[2])), whole, hu, glass, solid, solid_hu)


def _thorns(
    shape: NoduleShape,
    size: tuple[int, ...],
    corner: npt.NDArray[np.float64],
    spacing: tuple[float, float, float],
) -> Floats:
    ends = shape.spicule_ends()
    tubes = Tubes(
        np.array([base for base, _, _ in ends]),
        np.array([tip for _, tip, _ in ends]),
        np.array([radius for _, _, radius in ends]),
        np.full(len(ends), 0.3),
    )
    share = np.zeros(size, np.uint8)
    draw_tubes(share, tubes, origin=(corner[2], corner[1], corner[0]), spacing=spacing)
    return share.astype(np.float32) / np.float32(255)
