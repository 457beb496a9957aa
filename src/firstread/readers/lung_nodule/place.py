"""Where in the lungs a nodule lies: side, zone, and whether it touches the pleura.

Lobes need the fissures, which this reader does not segment: a zone is what can be said honestly.
"""

from dataclasses import dataclass

import edt
import fill_voids
import numpy as np
import numpy.typing as npt

from firstread.dicom.volume import Volume
from firstread.findings import Mask
from firstread.findings.finding import Laterality, Lobe, Zone

Bools = npt.NDArray[np.bool_]

RIGHT, LEFT = 1, 2
"""Labels of the lungs."""
JUXTAPLEURAL_MM = 1.5
"""A nodule whose edge is no further than this from the lung's boundary counts as touching the pleura."""


@dataclass(frozen=True)
class Place:
    """Where a nodule lies.

    Attributes:
        laterality: The lung that holds most of it, or the nearest; None where there is no lung at all.
        zone: Third of that lung's height, from the apex, in which its centre lies.
        lobe: None; lobes are not segmented.
        juxtapleural: Whether it reaches to within 1.5 mm of the boundary of the lung mask, costal,
            diaphragmatic or mediastinal. Fissures are not looked for.
    """

    laterality: Laterality | None
    zone: Zone | None
    lobe: Lobe | None
    juxtapleural: bool | None


@dataclass(frozen=True)
class LungHeights:
    """Lowest and highest slice index of each lung, by label; made once a volume."""

    spans: dict[int, tuple[int, int]]

    @classmethod
    def of(cls, lungs: npt.NDArray[np.uint8]) -> "LungHeights":
        """Measure a label array (slice, row, column)."""
        spans = {}
        for label in (RIGHT, LEFT):
            slices = np.flatnonzero([bool((plane == label).any()) for plane in lungs])
            if slices.size:
                spans[label] = (int(slices[0]), int(slices[-1]))
        return cls(spans=spans)


def place_of(
    volume: Volume, lungs: npt.NDArray[np.uint8], mask: Mask, *, heights: LungHeights | None = None
) -> Place:
    """Tell where a nodule lies.

    Args:
        volume: The series; slices ascend from feet to head or the other way, the geometry tells.
        lungs: uint8 labels on the volume's grid: 0 none, 1 right, 2 left.
        mask: The nodule.
        heights: The lungs' extents, where known already: it saves going through `lungs` for each nodule.
    """
    label = _label(volume, lungs, mask)
    if label is None:
        return Place(laterality=None, zone=None, lobe=None, juxtapleural=None)
    heights = heights or LungHeights.of(lungs)
    middle = np.argwhere(mask.voxels).mean(0)[0] + mask.offset[0]
    return Place(
        laterality="right" if label == RIGHT else "left",
        zone=_zone(volume, heights.spans[label], float(middle)),
        lobe=None,
        juxtapleural=_touches_pleura(volume, lungs, mask, label),
    )


def _label(volume: Volume, lungs: npt.NDArray[np.uint8], mask: Mask) -> int | None:
    """Return the lung with most of the nodule; failing that, the lung nearest within 30 mm, then any."""
    for margin_mm in (0.0, 10.0, 30.0, 100.0):
        box = _box(volume, mask, margin_mm)
        around = lungs[box]
        if margin_mm == 0:
            around = around[mask.voxels]
        counts = np.bincount(around.ravel(), minlength=3)[1:3]
        if counts.any():
            return RIGHT if counts[0] >= counts[1] else LEFT
    return None


def _zone(volume: Volume, span: tuple[int, int], index: float) -> Zone:
    low, high = span
    share = (index - low + 0.5) / (high - low + 1)
    if volume.geometry.affine[2, 0] < 0:
        share = 1 - share
    if share >= 2 / 3:
        return "upper"
    return "middle" if share >= 1 / 3 else "lower"


def _touches_pleura(volume: Volume, lungs: npt.NDArray[np.uint8], mask: Mask, label: int) -> bool:
    """Measure from the nodule to the nearest place outside the lung.

    A mask may leave a nodule out, wholly or in part: what it leaves out inside the lung is filled first,
    and the nodule itself counts as lung.
    """
    box = _box(volume, mask, JUXTAPLEURAL_MM + 6.0)
    nodule = np.zeros(lungs[box].shape, bool)
    start = [o - span.start for o, span in zip(mask.offset, box, strict=True)]
    nodule[tuple(slice(s, s + n) for s, n in zip(start, mask.voxels.shape, strict=True))] = mask.voxels
    lung = (lungs[box] == label) | nodule
    for plane in lung:
        plane[:] = fill_voids.fill(np.ascontiguousarray(plane))
    if lung.all():
        return False
    spacing = volume.geometry.spacing_mm
    to_boundary = edt.edt(lung, anisotropy=spacing, black_border=False)
    # Distances are between voxel centres; the edges lie half a voxel nearer on both sides.
    return bool(to_boundary[nodule].min() - spacing[1] <= JUXTAPLEURAL_MM)


def _box(volume: Volume, mask: Mask, margin_mm: float) -> tuple[slice, slice, slice]:
    k, j, i = (
        slice(max(0, o - round(margin_mm / s)), min(length, o + n + round(margin_mm / s)))
        for o, n, s, length in zip(
            mask.offset, mask.voxels.shape, volume.geometry.spacing_mm, volume.geometry.shape, strict=True
        )
    )
    return k, j, i
