"""A nodule where a person points: outlined, measured and described, without a network."""

import numpy as np
import numpy.typing as npt

from firstread.dicom.volume import Volume
from firstread.findings import Finding, Mask
from firstread.findings.finding import Point
from firstread.readers.lung_nodule.describe import described
from firstread.readers.lung_nodule.measure import measure_mask
from firstread.readers.lung_nodule.outline import outline_nodule

FIRST_MM = (8.0, 16.0, 4.0, 28.0)
"""Sizes that are tried in turn where the person gives none."""
GOOD_RATIO = 1.33
"""An outline's size is believed where the estimate it was made with is as near as `outline_nodule` wants it."""
_ROUNDS = 3
_FARTHEST = 0.75
"""How far from the point the outline's centre may lie: share of its long axis, and 3 mm."""


def finding_at(
    volume: Volume,
    lungs: npt.NDArray[np.uint8],
    center_lps_mm: Point,
    *,
    diameter_mm: float | None = None,
) -> Finding | None:
    """Return the nodule at a point, described but not categorised; None where nothing stands out there.

    Its probability is 1 and it has no algorithm: a person says that it is one.

    Args:
        volume: The series.
        lungs: uint8 labels on its grid: 0 none, 1 right, 2 left.
        center_lps_mm: The point; mm.
        diameter_mm: Its size as the person estimates it; None tries several.
    """
    for first in (diameter_mm,) if diameter_mm is not None else FIRST_MM:
        mask = _outlined(volume, lungs, center_lps_mm, first)
        if mask is not None:
            return described(volume, lungs, mask, probability=1.0)
    return None


def _outlined(
    volume: Volume, lungs: npt.NDArray[np.uint8], center_lps_mm: Point, diameter_mm: float
) -> Mask | None:
    """Outline with an estimate, then with what that measured, until the two agree."""
    kept = None
    for _ in range(_ROUNDS):
        mask = outline_nodule(volume, lungs, center_lps_mm=center_lps_mm, diameter_mm=diameter_mm)
        if mask is None or not mask.voxels.any():
            return kept
        measured = measure_mask(volume, mask)
        away = float(np.linalg.norm(np.subtract(measured.center_lps_mm, center_lps_mm)))
        if away > _FARTHEST * measured.diameter_mm.long + 3.0:
            return kept
        kept, mean = mask, measured.diameter_mm.mean
        if mean <= 0 or max(mean / diameter_mm, diameter_mm / mean) < GOOD_RATIO:
            return kept
        diameter_mm = mean
    return kept
