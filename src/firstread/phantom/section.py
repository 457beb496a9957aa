"""Axial sections through the anatomy: Hounsfield units before the scanner blurs them."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from firstread.phantom.anatomy import Anatomy
from firstread.phantom.drawn_nodule import DrawnNodule
from firstread.phantom.field import Floats, Grid

AIR, LUMEN = -1000.0, -990.0
SKIN, FAT, MEDIASTINAL_FAT, MUSCLE, GLAND = 5.0, -106.0, -98.0, 52.0, 30.0
BLOOD, ENHANCED_BLOOD, AIRWAY_WALL, SOFT = 41.0, 260.0, 20.0, 36.0
LIVER, SPLEEN, STOMACH_WALL, STOMACH_FLUID, STOMACH_GAS = 58.0, 48.0, 38.0, 12.0, -960.0
CORTEX, MARROW, CARTILAGE, CANAL = 720.0, 165.0, 95.0, 25.0
LUNG, LUNG_PER_MM = -880.0, 0.26
"""Parenchyma in the middle of the chest, and how it rises towards the back of someone who lies supine."""
LUNG_TEXTURE = 20.0
FISSURE, FISSURE_MM = -60.0, 0.28
TABLE, FOAM = 60.0, -960.0


@dataclass(frozen=True, eq=False)
class Trees:
    """How much of each voxel vessels, airways with their walls, and lumens fill; uint8, 255 is full.

    Arrays are (section, row, column) on the grid of the sections.
    """

    vessels: npt.NDArray[np.uint8]
    walls: npt.NDArray[np.uint8]
    lumens: npt.NDArray[np.uint8]


class SectionPainter:
    """Paints sections of one person.

    Args:
        anatomy: The person.
        trees: Tubes on the grid of the sections.
        nodules: Nodules on the grid of the sections.
        start: Body (y, x) of the first pixel's centre; mm.
        pixel_mm: Pixel spacing (row, column).
        matrix: Rows and columns.
        rng: For the texture of the lung.
        contrast: Whether blood is enhanced.
    """

    def __init__(
        self,
        anatomy: Anatomy,
        trees: Trees,
        nodules: tuple[DrawnNodule, ...],
        *,
        start: tuple[float, float],
        pixel_mm: tuple[float, float],
        matrix: int,
        rng: np.random.Generator,
        contrast: bool,
    ) -> None:
        self._anatomy, self._trees, self._nodules = anatomy, trees, nodules
        grid = anatomy.space.grid
        self._matrix = matrix
        self._edge = np.float32(1 / max(pixel_mm))
        self._whole = _Window.of(grid, start, pixel_mm, (slice(0, matrix), slice(0, matrix)))
        self._cavity = _Window.of(grid, start, pixel_mm, _cavity_box(anatomy, start, pixel_mm, matrix))
        self._table = _table(
            anatomy, start[1] + pixel_mm[1] * np.arange(matrix, dtype=np.float32)[None], self._whole.y
        )
        self._blood = ENHANCED_BLOOD if contrast else BLOOD
        self._texture = _lung_texture(rng, max(pixel_mm))

    def paint(self, section: int, z_mm: float) -> Floats:
        """Return one section in HU, float32 (row, column); `section` indexes trees and nodules."""
        level = _Level(self._anatomy, self._whole, z_mm)
        hu = self._table.copy()
        strands, cage = level.plane(self._anatomy.strands), level.plane(self._anatomy.chest.cage)
        self._wall(hu, level, strands, cage)
        # Everything else lies within the ribs: a smaller box saves half of the time.
        inner, box = _Level(self._anatomy, self._cavity, z_mm), self._cavity.box
        self._mediastinum(hu[box], inner, strands[box])
        self._abdomen(hu[box], inner, strands[box])
        self._bones(hu, level, strands)
        self._lungs(hu, inner, strands[box], cage[box], section)
        return hu

    def lungs(self, z_mm: float) -> npt.NDArray[np.uint8]:
        """Return the lungs of one section: 0 none, 1 right, 2 left."""
        labels = np.zeros((self._matrix, self._matrix), np.uint8)
        level = _Level(self._anatomy, self._cavity, z_mm)
        if level.meets(self._anatomy.chest.lung):
            inside = level.plane(self._anatomy.chest.lung) < 0
            left = level.plane(self._anatomy.space.x) > self._anatomy.chest.MIDLINE
            labels[self._cavity.box] = inside * (1 + left)
        return labels

    def _fill(self, hu: Floats, value: float | Floats, distance: Floats) -> None:
        """Put a tissue where its distance is negative, with partial volume at the edge."""
        share = np.clip(np.float32(0.5) - distance * self._edge, 0, 1)
        hu += share * (value - hu)

    def _wall(self, hu: Floats, level: "_Level", strands: Floats, cage: Floats) -> None:
        body = level.plane(self._anatomy.body)
        self._fill(hu, SKIN, body)
        self._fill(hu, FAT + 5 * strands, body + np.float32(1.8))
        if self._anatomy.gland is not None and level.meets(self._anatomy.gland):
            self._fill(hu, GLAND + 20 * strands, level.plane(self._anatomy.gland))
        over_ribs = np.abs(cage - 14 - 3 * strands) - np.float32(0.4)
        between = np.abs(level.plane(self._anatomy.fascia)) * 12 - np.float32(0.6)
        sheet = np.clip(np.float32(0.5) - np.minimum(over_ribs, between) * self._edge, 0, 1) * (cage > 12)
        self._fill(hu, MUSCLE + 5 * strands - np.float32(120) * sheet, level.plane(self._anatomy.muscle))

    def _mediastinum(self, hu: Floats, level: "_Level", strands: Floats) -> None:
        chest = self._anatomy.chest
        self._fill(hu, MEDIASTINAL_FAT + 9 * strands, level.plane(chest.cavity))
        for value, field in ((SOFT, chest.soft), (self._blood, chest.blood)):
            if level.meets(field):
                self._fill(hu, value, level.plane(field))

    def _abdomen(self, hu: Floats, level: "_Level", strands: Floats) -> None:
        at = self._anatomy
        if not level.meets(at.chest.below):
            return
        below = level.plane(at.chest.below)
        self._fill(hu, MUSCLE - 8, below)  # the diaphragm
        self._fill(hu, FAT + 9 * strands, below + np.float32(3))
        # Of the blood only the aorta and the vena cava pass the diaphragm; the heart rests on it.
        self._fill(
            hu, self._blood, np.maximum(level.plane(at.chest.blood), np.maximum(below, -18 - level.window.y))
        )
        self._fill(hu, LIVER + 3 * strands, level.plane(at.liver))
        self._fill(hu, SPLEEN, level.plane(at.spleen))
        stomach = level.plane(at.stomach)
        self._fill(hu, STOMACH_WALL, stomach)
        content = np.where(level.window.y < -28, np.float32(STOMACH_GAS), np.float32(STOMACH_FLUID))
        self._fill(hu, content, stomach + np.float32(4))

    def _bones(self, hu: Floats, level: "_Level", strands: Floats) -> None:
        bones = self._anatomy.skeleton
        if level.meets(bones.cartilage):
            self._fill(hu, CARTILAGE, level.plane(bones.cartilage))
        if level.meets(bones.bone):
            bone = level.plane(bones.bone)
            self._fill(hu, CORTEX, bone)
            self._fill(hu, MARROW + 45 * strands, bone + np.float32(1.3))
        if level.meets(bones.canal):
            self._fill(hu, CANAL, level.plane(bones.canal))

    def _lungs(self, hu: Floats, level: "_Level", strands: Floats, cage: Floats, section: int) -> None:
        chest, box = self._anatomy.chest, level.window.box
        inner = hu[box]
        if level.meets(chest.lung):
            lung = level.plane(chest.lung)
            self._fill(
                inner, LUNG + LUNG_PER_MM * level.window.y + 9 * strands + self._grain(section)[box], lung
            )
            for nodule in self._nodules:
                nodule.veil(hu, section)
            self._fissures(inner, level, lung)
        within = np.clip(np.float32(0.5) - np.maximum(cage, 1 - level.plane(chest.blood)) * self._edge, 0, 1)
        for cover, value in (
            (self._trees.vessels, self._blood),
            (self._trees.walls, AIRWAY_WALL),
            (self._trees.lumens, LUMEN),
        ):
            share = cover[section][box]
            if share.any():
                inner += share * np.float32(1 / 255) * within * (np.float32(value) - inner)
        for nodule in self._nodules:
            nodule.core(hu, section)

    def _fissures(self, hu: Floats, level: "_Level", lung: Floats) -> None:
        chest = self._anatomy.chest
        oblique = level.plane(chest.oblique)
        sheet = np.abs(oblique)
        above_right = (oblique > 0) & (level.plane(self._anatomy.space.x) < chest.MIDLINE)
        sheet = np.where(above_right, np.minimum(sheet, np.abs(level.plane(chest.minor))), sheet)
        share = np.clip(np.float32(0.5) + (FISSURE_MM / 2 - sheet) * self._edge, 0, 1)
        share *= np.clip(np.float32(0.5) - lung * self._edge, 0, 1) * min(1.0, FISSURE_MM * float(self._edge))
        hu += share * (FISSURE - hu)

    def _grain(self, section: int) -> Floats:
        """Return the fine texture of the lung: a periodic tile, shifted at each run through it."""
        run, depth = divmod(section, len(self._texture))
        tile = np.roll(self._texture[depth], (37 * run, 71 * run), axis=(0, 1))
        copies = -(-self._matrix // tile.shape[0])
        grain: Floats = np.tile(tile, (copies, copies))[: self._matrix, : self._matrix]
        return grain


@dataclass(frozen=True, eq=False)
class _Window:
    """A box of the section's pixels and how it lies on the coarse grid."""

    box: tuple[slice, slice]
    to_coarse: npt.NDArray[np.float64]
    size: tuple[int, int]
    y: Floats

    @classmethod
    def of(
        cls, grid: Grid, start: tuple[float, float], pixel_mm: tuple[float, float], box: tuple[slice, slice]
    ) -> "_Window":
        rows, columns = box
        first_y, first_x = start[0] + rows.start * pixel_mm[0], start[1] + columns.start * pixel_mm[1]
        to_coarse = np.array(
            [
                [pixel_mm[1] / grid.step, 0, (first_x - grid.origin[2]) / grid.step],
                [0, pixel_mm[0] / grid.step, (first_y - grid.origin[1]) / grid.step],
            ]
        )
        y = (first_y + pixel_mm[0] * np.arange(rows.stop - rows.start, dtype=np.float32))[:, None]
        return cls(box, to_coarse, (columns.stop - columns.start, rows.stop - rows.start), y)


def _cavity_box(
    anatomy: Anatomy, start: tuple[float, float], pixel_mm: tuple[float, float], matrix: int
) -> tuple[slice, slice]:
    """Return the rows and columns that the inside of the ribs can reach."""
    grid = anatomy.space.grid
    within = np.asarray((anatomy.chest.cage < 3).any(axis=0))
    spans = []
    for axis in range(2):
        hit = np.flatnonzero(np.any(within, axis=1 - axis))
        ends = grid.origin[1 + axis] + grid.step * (hit[[0, -1]] + np.array([-1, 1]))
        low, high = (ends - start[axis]) / pixel_mm[axis]
        first = min(max(int(low), 0), matrix - 1)
        spans.append(slice(first, max(min(int(high) + 2, matrix), first + 1)))
    return spans[0], spans[1]


class _Level:
    """One height of the coarse grid, seen on a window of a section."""

    def __init__(self, anatomy: Anatomy, window: _Window, z_mm: float) -> None:
        grid = anatomy.space.grid
        where = float(np.clip((z_mm - grid.origin[0]) / grid.step, 0, grid.shape[0] - 1.001))
        self._low, self._share = int(where), np.float32(where - int(where))
        self.window = window

    def meets(self, field: Floats) -> bool:
        """Tell whether the surface comes near this height."""
        return bool(min(field[self._low].min(), field[self._low + 1].min()) < 2)

    def plane(self, field: Floats) -> Floats:
        """Interpolate a field on the section."""
        flat = field[self._low] * (1 - self._share) + field[self._low + 1] * self._share
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        plane: Floats = cv2.warpAffine(  # type: ignore[assignment]
            flat, self.window.to_coarse, self.window.size, flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        return plane


def _table(anatomy: Anatomy, x: Floats, y: Floats) -> Floats:
    """Draw the table: a curved shell on foam, under the lowest point of the back."""
    grid = anatomy.space.grid
    back = int(np.flatnonzero((anatomy.body < 0).any(axis=(0, 2))).max()) * grid.step + grid.origin[1]
    depth = y - np.float32(back + 7) + x**2 / np.float32(1100)
    on_it = np.abs(x) < 205
    hu = np.full((y.shape[0], x.shape[1]), AIR, np.float32)
    hu[(depth > 1) & (depth < 26) & on_it] = FOAM
    for middle, thick in ((0.0, 0.6), (26.0, 3.0)):
        share = np.clip(thick / 2 + 0.5 - np.abs(depth - middle), 0, 1) * on_it
        hu += (share * (TABLE - hu)).astype(np.float32)
    return hu


def _lung_texture(rng: np.random.Generator, pixel_mm: float) -> Floats:
    """Draw a periodic tile (section, row, column) of lobular texture; HU around zero."""
    white = rng.standard_normal((40, 192, 192), dtype=np.float32)
    grain: Floats = ndimage.gaussian_filter(white, (0.8, 0.8 / pixel_mm, 0.8 / pixel_mm), mode="wrap")
    return grain * np.float32(LUNG_TEXTURE / grain.std())
