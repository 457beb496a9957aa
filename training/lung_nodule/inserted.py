"""One nodule inserted into a piece of a chest, with its truth: to measure outlines, not to find nodules.

The physics are those of `insertion` and `scenes`; only a piece of the chest is made, so that thousands are quick.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from firstread.dicom.geometry import Geometry
from firstread.dicom.volume import SourceSlice, Volume
from firstread.findings import Mask
from firstread.readers.lung_nodule.measure import Measured, measure_mask
from training.lung_nodule.backgrounds import Background, depth_mm
from training.lung_nodule.drawing import box_about
from training.lung_nodule.insertion import (
    Lesion,
    compose,
    lesion_of,
    local_noise_hu,
    rendered_fraction,
    room,
    turned,
)
from training.lung_nodule.rendering import Protocol, rendered
from training.lung_nodule.scenes import SITES
from training.lung_nodule.shapes import Shape

LUNG_HU, TISSUE_HU = -860.0, 30.0
"""What the coverage is drawn with, to measure the truth as a scanner without noise would show it."""


@dataclass(frozen=True, eq=False)
class Inserted:
    """A nodule in its surroundings.

    Attributes:
        volume: A piece of the chest on cubic 1 mm voxels.
        lungs: uint8 labels on the same grid.
        truth: What was inserted, measured without noise, blur or neighbours.
        volume_mm3: Its volume inside the lung.
        kind: solid, part-solid or ground-glass, by the reader's rating of texture.
        lesion: Its densities.
        site: parenchymal, juxtapleural or perivascular.
        protocol: What protocol was simulated.
    """

    volume: Volume
    lungs: npt.NDArray[np.uint8]
    truth: Measured
    volume_mm3: float
    kind: str
    lesion: Lesion
    site: str
    protocol: str


class Chest:
    """A background into which nodules are put, one at a time."""

    def __init__(self, background: Background) -> None:
        self.background = background
        self._depth = depth_mm(background.lungs)
        self._noise_hu = local_noise_hu(background.hu.astype(np.float32), background.lungs > 0)
        marked = np.array([m.centre for m in background.marked if m.readers]).reshape(-1, 3)
        self._marked = marked
        self._sites = self._voxels_by_site()

    def insert(self, shape: Shape, rng: np.random.Generator, protocol: Protocol) -> Inserted | None:
        """Insert a shape at a random place; None where it did not fit."""
        site = str(rng.choice([s[0] for s in SITES], p=[s[1] for s in SITES]))
        pool = self._sites[site]
        centre = pool[int(rng.integers(len(pool)))] + rng.uniform(-0.5, 0.5, 3)
        radius = max(shape.body.shape) / 4  # half the longest edge, on 0.5 mm voxels
        if len(self._marked) and np.linalg.norm(self._marked - centre, axis=1).min() < 25 + radius:
            return None
        half = int(2.6 * radius + 14)
        start = np.maximum(np.rint(centre).astype(int) - half, 0)
        stop = np.minimum(np.rint(centre).astype(int) + half + 1, self.background.hu.shape)
        piece = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
        hu = self.background.hu[piece].astype(np.float32)
        lungs = np.ascontiguousarray(self.background.lungs[piece])
        extent = int(2 * (radius * 1.5 + 4)) + 4
        box = box_about(centre - start, extent, hu.shape)
        if box is None:
            return None
        corner = np.array([side.start for side in box])
        inside = lungs[box] > 0
        lesion = lesion_of(shape, rng)
        fraction, coverage = rendered_fraction(
            turned(shape, rng),
            lesion,
            (centre - start - corner).astype(np.float32),
            extent,
            blur_mm=(self.background.slice_mm / 2.355, 0.55),
        )
        kept = (coverage > 0.5) & inside
        if kept.sum() < 0.5 * (coverage > 0.5).sum() or kept.sum() < 12:
            return None
        hu[box] = compose(
            hu[box], fraction * room(inside), lesion.tissue_hu, noise_hu=self._noise_hu, rng=rng
        )
        hu = rendered(hu, protocol, rng)
        thickness = float(np.hypot(self.background.slice_mm, protocol.thickness_mm))
        drawn = np.full(hu.shape, LUNG_HU, np.float32)
        drawn[box] += coverage * (TISSUE_HU - LUNG_HU)
        truth = np.zeros(hu.shape, bool)
        truth[box] = kept
        return Inserted(
            volume=_volume(hu, thickness),
            lungs=lungs,
            truth=measure_mask(_volume(drawn), Mask.crop(truth)),
            volume_mm3=float((coverage * inside).sum()),
            kind="solid" if shape.texture >= 4 else "part-solid" if shape.texture >= 2 else "ground-glass",
            lesion=lesion,
            site=site,
            protocol=protocol.words,
        )

    def _voxels_by_site(self) -> dict[str, npt.NDArray[np.int64]]:
        depth, hu = self._depth[::2, ::2, ::2], self.background.hu[::2, ::2, ::2]
        deep = np.argwhere(depth > 5) * 2
        vessel = np.argwhere((depth > 4) & (hu > -450)) * 2
        return {
            "parenchymal": deep,
            "juxtapleural": np.argwhere((depth > 0) & (depth <= 4)) * 2,
            "perivascular": vessel if len(vessel) > 99 else deep,
        }


def _volume(hu: npt.NDArray[np.float32], thickness_mm: float = 1.0) -> Volume:
    header = Dataset()
    header.SliceThickness = str(round(thickness_mm, 2))
    geometry = Geometry.from_axes(
        shape=hu.shape,
        origin_lps_mm=(0, 0, 0),
        slice_step_mm=(0, 0, 1),
        row_step_mm=(0, 1, 0),
        column_step_mm=(1, 0, 0),
    )
    sources = tuple(SourceSlice(f"1.2.{k + 1}", None, float(k)) for k in range(len(hu)))
    return Volume(
        hu=np.clip(np.rint(hu), -1024, 3071).astype(np.int16),
        geometry=geometry,
        sources=sources,
        headers=(header,),
    )
