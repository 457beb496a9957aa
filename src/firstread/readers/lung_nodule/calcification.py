"""Whether a nodule holds calcium, apart from noise, contrast medium and bone next to it."""

from dataclasses import dataclass

import cc3d
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from firstread.dicom.volume import Volume
from firstread.findings import Mask

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

CALCIUM_HU = (200.0, 350.0)
"""Where calcium begins: above what nodules get with contrast medium (about 130 HU); the more noise, the higher."""
NOISE_FACTOR = 4.0
"""Calcium stands out of the nodule's own tissue by this many standard deviations of the noise."""
TISSUE_HU = 100.0
"""A nodule denser than this is not taken as the tissue that calcium has to stand out of."""
LEAST_MM3 = 3.0
"""Volume of the smallest deposit that is told from noise."""
LEAST_SHARE = 0.03
"""Less of a nodule is not called: specks occur in cancers, and contrast medium in a mass looks like them."""
CONTINUED_SHARE = 0.4
"""A deposit that goes on outside over so much of a face of a cube of its volume is a vessel or a rib."""
_SMOOTH_MM = 0.6
_CROSS = ndimage.generate_binary_structure(3, 1)


@dataclass(frozen=True)
class Calcification:
    """Calcium in a nodule.

    Attributes:
        present: Whether deposits that noise and vessels do not explain fill enough of it.
        share: Share of the nodule's volume that the deposits fill, 0 to 1.
        threshold_hu: What counted as calcium here, after smoothing.
    """

    present: bool
    share: float
    threshold_hu: float


def calcification_of(volume: Volume, mask: Mask) -> Calcification:
    """Look for calcium in an outlined nodule.

    Raises:
        ValueError: the mask is empty.
    """
    if not mask.voxels.any():
        raise ValueError("an empty mask holds no calcium")
    region, hu = _padded(volume, mask)
    spacing = volume.geometry.spacing_mm
    calm = ndimage.gaussian_filter(hu, (0, _SMOOTH_MM / spacing[1], _SMOOTH_MM / spacing[2]))
    noise = NOISE_FACTOR * _noise_hu(hu, calm, region)
    threshold = float(np.clip(min(_tissue_hu(calm, region), TISSUE_HU) + noise, *CALCIUM_HU))
    dense = calm > threshold
    deposits = cc3d.connected_components(region & dense, connectivity=26)
    filled = 0
    for number in range(1, int(deposits.max()) + 1):
        deposit = deposits == number
        if deposit.sum() * volume.geometry.voxel_mm3 < LEAST_MM3 or _goes_on(deposit, region, dense):
            continue
        filled += int(deposit.sum())
    share = filled / float(region.sum())
    return Calcification(share >= LEAST_SHARE, round(share, 3), round(threshold, 0))


def _padded(volume: Volume, mask: Mask) -> tuple[Bools, Floats]:
    """Return mask and HU in a box with two voxels around, edges repeated where the volume ends."""
    picks = [
        np.clip(np.arange(offset - 2, offset + n + 2), 0, length - 1)
        for offset, n, length in zip(mask.offset, mask.voxels.shape, volume.geometry.shape, strict=True)
    ]
    return np.pad(mask.voxels, 2), volume.hu[np.ix_(*picks)].astype(float)


def _tissue_hu(calm: Floats, region: Bools) -> float:
    inner = region & ~ndimage.binary_dilation(~region, _CROSS)
    return float(np.median(calm[inner if inner.sum() >= 8 else region]))


def _noise_hu(hu: Floats, calm: Floats, region: Bools) -> float:
    """Estimate the noise left after smoothing, from what smoothing took away; HU.

    Noise of a CT is itself smooth: what stays is taken to be as strong as what went.
    """
    inner = region & ~ndimage.binary_dilation(~region, _CROSS)
    gone = (hu - calm)[inner if inner.sum() >= 8 else region]
    return float(1.4826 * np.median(np.abs(gone - np.median(gone))))


def _goes_on(deposit: Bools, region: Bools, dense: Bools) -> bool:
    border = ndimage.binary_dilation(deposit, _CROSS) & ~deposit
    return bool((border & ~region & dense).sum() > CONTINUED_SHARE * float(deposit.sum()) ** (2 / 3))
