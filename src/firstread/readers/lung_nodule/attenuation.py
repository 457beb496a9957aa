"""What a nodule is made of: solid, part-solid, ground-glass, calcified, fat.

A small solid nodule in thick slices never reaches the HU of tissue: each voxel is mixed with lung. So a
voxel is judged by what it would be without that mixing, with the mixing taken from the outline itself,
blurred as a scanner blurs.
"""

from dataclasses import dataclass

import cc3d
import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from firstread.dicom.volume import Volume
from firstread.findings import Diameters, Mask
from firstread.findings.finding import Attenuation
from firstread.readers.lung_nodule.grid import slice_profile_mm
from firstread.readers.lung_nodule.measure import measure_mask

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SOLID_HU = -300.0
"""Between ground glass (about -700 to -500 HU) and soft tissue (about 0 to 60 HU)."""
SMALL_SOLID_HU = -450.0
"""The same for a nodule too small to have an inside, where the outline is wider than the nodule."""
CALCIUM_HU = 300.0
"""Denser than enhanced soft tissue; dense iodine in a vessel may reach it."""
FAT_HU = (-130.0, -45.0)
"""Range of fat, away from edges."""
FAT_TOP_HU = -60.0
"""Three quarters of what is called fat lie below: partial volume and noise of a solid nodule reach over it."""
SMALL_MM = 6.0
"""Under this mean diameter a nodule is not called part-solid (Fleischner 2017)."""
SMALL_SLICES = 3.0
"""Nor under this many slice distances: nothing of it would be free of partial volume."""
LEAST_SOLID_PART_MM = 3.0
"""A solid part under this is not measured (Bankier 2017)."""
SOLID_SHARE = 0.75
"""From this share of solid voxels on the nodule is solid."""
CALCIFIED_SHARE = 0.4
"""Both calcium and fat make a nodule benign in the schemes, so both have to be plain."""
FAT_SHARE = 0.6
_LEAST_DEEP = 30
_BLUR_MM = 0.6
_BLUR_SLICES = 0.4
_VESSEL_MM = 1.1


@dataclass(frozen=True)
class AttenuationFacts:
    """What a nodule is made of.

    Attributes:
        attenuation: The class.
        solid_part_mm: Diameters of the largest solid part; part-solid nodules only.
        solid_share: Share of the voxels that are solid, 0 to 1.
        calcified_share: Share of the inner voxels above 300 HU.
        fat_share: Share of the deep voxels within fat's range; 0 where too many are denser.
    """

    attenuation: Attenuation
    solid_part_mm: Diameters | None
    solid_share: float
    calcified_share: float
    fat_share: float


def attenuation_of(volume: Volume, mask: Mask) -> AttenuationFacts:
    """Tell what an outlined nodule is made of.

    Raises:
        ValueError: the mask is empty.
    """
    measured = measure_mask(volume, mask)
    spacing = volume.geometry.spacing_mm
    region, hu, corner = _padded(volume, mask)
    blur = (
        _BLUR_SLICES * slice_profile_mm(volume) / spacing[0],
        _BLUR_MM / spacing[1],
        _BLUR_MM / spacing[2],
    )
    share = ndimage.gaussian_filter(region.astype(float), blur)
    lung_hu = _lung_hu(hu, region)
    calm = ndimage.gaussian_filter(hu, (0, 0.5 * blur[1], 0.5 * blur[2]))
    # Next to chest wall or vessel a voxel is mixed with tissue, not with lung: it tells nothing.
    dense = ~region & (hu > SOLID_HU)
    judged = region & ~ndimage.binary_dilation(dense, np.ones((1, 3, 3), bool), iterations=2)
    if judged.sum() < 0.3 * region.sum():
        judged = region
    unmixed = lung_hu + (calm - lung_hu) / np.clip(share, 0.35, 1.0)

    calcified = _share(calm[region & (share >= 0.8 * share[region].max())] > CALCIUM_HU)
    depths = edt.edt(region, anisotropy=spacing, black_border=False)
    # Every edge passes through fat's range; only what is deeper than a slice and the blur is free of that.
    deep = calm[region & (depths > 1.0 + max(spacing[0], spacing[1]))]
    fat = _share((deep > FAT_HU[0]) & (deep < FAT_HU[1])) if deep.size >= _LEAST_DEEP else 0.0
    fat = fat if fat and np.percentile(deep, 75) < FAT_TOP_HU else 0.0

    attenuation: Attenuation
    part: Diameters | None = None
    if measured.diameter_mm.mean < max(SMALL_MM, SMALL_SLICES * spacing[0]):
        weight = share[judged]
        typical = lung_hu + float((weight * (calm[judged] - lung_hu)).sum() / np.square(weight).sum())
        solid_share = _share(unmixed[judged] > SMALL_SOLID_HU)
        attenuation = "solid" if typical > SMALL_SOLID_HU else "ground-glass"
    else:
        solid = judged & (unmixed > SOLID_HU)
        solid_share = float(solid.sum() / judged.sum())
        attenuation = "solid"
        if solid_share < SOLID_SHARE:
            part = _solid_part(volume, region & (unmixed > SOLID_HU), judged, corner)
            attenuation = "ground-glass" if part is None else "part-solid"
    if attenuation == "solid" and calcified >= CALCIFIED_SHARE:
        attenuation = "calcified"
    elif attenuation == "solid" and fat >= FAT_SHARE:
        attenuation = "fat"
    return AttenuationFacts(
        attenuation=attenuation,
        solid_part_mm=part,
        solid_share=round(solid_share, 3),
        calcified_share=round(calcified, 3),
        fat_share=round(fat, 3),
    )


def _padded(volume: Volume, mask: Mask) -> tuple[Bools, Floats, tuple[int, int, int]]:
    """Return mask and HU in a box with three voxels around, edges repeated where the volume ends."""
    margin = 3
    low = np.asarray(mask.offset) - margin
    picks = [
        np.clip(np.arange(a, a + n + 2 * margin), 0, length - 1)
        for a, n, length in zip(low, mask.voxels.shape, volume.geometry.shape, strict=True)
    ]
    hu = volume.hu[np.ix_(*picks)].astype(float)
    return np.pad(mask.voxels, margin), hu, (int(low[0]), int(low[1]), int(low[2]))


def _lung_hu(hu: Floats, region: Bools) -> float:
    rim = ndimage.binary_dilation(region, iterations=3) & ~ndimage.binary_dilation(region)
    lung = hu[rim & (hu < -500)]
    return float(np.median(lung)) if lung.size >= 10 else -860.0


def _solid_part(
    volume: Volume, solid: Bools, judged: Bools, corner: tuple[int, int, int]
) -> Diameters | None:
    """Measure the largest solid part that is no mere vessel; None where there is none of 3 mm."""
    spacing = volume.geometry.spacing_mm
    # In thick slices a vessel is thin only within the slice: open there.
    kernel = _depths_in_slice(solid & judged, spacing) > _VESSEL_MM
    if not kernel.any():
        return None
    near = _depths_in_slice(~kernel, spacing) <= _VESSEL_MM + 0.5 * spacing[1]
    opened = solid & near & kernel.any(axis=(1, 2), keepdims=True)
    largest = Mask.crop(cc3d.largest_k(opened, k=1, connectivity=26) > 0)
    k, j, i = (a + b for a, b in zip(largest.offset, corner, strict=True))
    size = measure_mask(volume, Mask(voxels=largest.voxels, offset=(k, j, i))).diameter_mm
    return size if size.mean >= LEAST_SOLID_PART_MM else None


def _depths_in_slice(region: Bools, spacing_mm: tuple[float, float, float]) -> Floats:
    planes = [edt.edt(plane, anisotropy=spacing_mm[1:], black_border=False) for plane in region]
    return np.stack(planes).astype(float)


def _share(hits: Bools) -> float:
    return float(hits.mean()) if hits.size else 0.0
