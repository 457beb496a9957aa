"""Which lesion of one study is which of another: one to one, near enough and alike enough."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from firstread.findings.finding import Attenuation, Laterality, Point
from firstread.readers.lung_nodule.register import Method

GATE_MM: Final[dict[Method, float]] = {"surfaces": 10.0, "boxes": 20.0, "none": 20.0}
"""How far apart two centres of one lesion may lie, by what the registration rests on."""
LARGE_MM: Final = 5.0
"""The centre of a large lesion is less certain: half its diameter and this may be added up instead."""
WIDEST_RATIO: Final = 5.0
"""Lesions whose diameters differ by a larger factor are two lesions."""
SIZE_WEIGHT: Final = 0.5
KIND_WEIGHT: Final = 0.1


@dataclass(frozen=True)
class Lesion:
    """What matching looks at: place in the prior's coordinates (mm), size (mm), side and attenuation."""

    place_mm: Point
    mean_mm: float
    laterality: Laterality | None = None
    attenuation: Attenuation | None = None


def match(
    current: Sequence[Lesion], prior: Sequence[Lesion], *, method: Method = "surfaces"
) -> dict[int, tuple[int, float]]:
    """Pair the lesions so that the sum of their likeness is greatest.

    Returns:
        For each current lesion with a partner: its index, the partner's index and their distance in mm.
    """
    if not current or not prior:
        return {}
    likeness = np.array([[_likeness(now, then, method) for then in prior] for now in current])
    rows, columns = linear_sum_assignment(likeness, maximize=True)
    return {
        int(row): (int(column), math.dist(current[int(row)].place_mm, prior[int(column)].place_mm))
        for row, column in zip(rows, columns, strict=True)
        if likeness[row, column] > 0
    }


def _likeness(now: Lesion, then: Lesion, method: Method) -> float:
    """Return how alike two lesions are: 0 when they cannot be one, at most 2."""
    if now.laterality and then.laterality and now.laterality != then.laterality:
        return 0.0
    small, large = sorted((max(now.mean_mm, 0.1), max(then.mean_mm, 0.1)))
    distance = math.dist(now.place_mm, then.place_mm)
    gate = max(GATE_MM[method], large / 2 + LARGE_MM)
    if distance > gate or large / small > WIDEST_RATIO:
        return 0.0
    unlike = SIZE_WEIGHT * math.log(large / small) / math.log(WIDEST_RATIO)
    unlike += KIND_WEIGHT * (now.attenuation is not None and now.attenuation != then.attenuation)
    # 2, not 1, so that no pair within the gate falls to 0.
    return 2.0 - distance / gate - unlike
