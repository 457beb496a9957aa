"""How a lesion changed between two studies, in words and in days."""

import math
from typing import Final

from firstread.findings.finding import Change
from firstread.readers.lung_nodule.categories.bands import tenth
from firstread.readers.lung_nodule.categories.lung_rads_tables import GROWTH_MM

DAYS_PER_YEAR: Final = 365.25


def change_of(
    now_mm: float | None, then_mm: float | None, *, days: int | None, first_mm: float | None = None
) -> Change:
    """Name the change of a mean diameter, by the growth rule of Lung-RADS v2022.

    Growing is an increase of more than 1.5 mm within 12 months; over a longer interval the increase is taken
    per 12 months. Slowly growing is an increase of more than 1.5 mm in all that never was as fast. Decreased
    is a decrease of more than 1.5 mm. Without a known interval any increase of more than 1.5 mm is growing.

    Args:
        now_mm: Mean diameter now; without it or the prior's the lesion is called stable.
        then_mm: Mean diameter on the prior.
        days: Between the two.
        first_mm: Mean diameter on the earliest study, when the lesion never grew fast since.
    """
    if now_mm is None or then_mm is None:
        return "stable"
    growth = tenth(now_mm - then_mm)
    if growth < -GROWTH_MM:
        return "decreased"
    if growth > GROWTH_MM:
        years = days / DAYS_PER_YEAR if days is not None else 1.0
        return "growing" if growth / max(years, 1.0) > GROWTH_MM else "slowly growing"
    if first_mm is not None and growth > 0 and tenth(now_mm - first_mm) > GROWTH_MM:
        return "slowly growing"
    return "stable"


def doubling_days(then_mm3: float | None, now_mm3: float | None, *, days: int | None) -> float | None:
    """Return the volume doubling time, days × ln 2 / ln(now / then); None unless the volume grew."""
    if then_mm3 is None or now_mm3 is None or days is None or days <= 0:
        return None
    if not (0 < then_mm3 < now_mm3 < math.inf):
        return None
    growth = math.log(now_mm3 / then_mm3)
    return round(days * math.log(2) / growth, 1) if growth > 0 else None
