"""Tables of size against category, and how a size is rounded before it meets one."""

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal


@dataclass(frozen=True)
class Band:
    """One row: sizes from `low` (included) to `high` (excluded), mm or mm³, have this category."""

    low: float
    high: float
    value: str

    def holds(self, size: float) -> bool:
        """Tell whether the size belongs to this row."""
        return self.low <= size < self.high

    def __str__(self) -> str:
        if self.low == 0:
            return f"less than {self.high:g} mm"
        if math.isinf(self.high):
            return f"{self.low:g} mm or more"
        return f"{self.low:g} to less than {self.high:g} mm"


Table = tuple[Band, ...]


def look_up(table: Table, size: float) -> Band:
    """Return the row of the table that holds the size.

    Raises:
        ValueError: the size is negative or not a number, which no nodule has.
    """
    for band in table:
        if band.holds(size):
            return band
    raise ValueError(f"no nodule measures {size}")


def tenth(mm: float) -> float:
    """Round to 0.1 mm, halves up, as a reader rounds on paper (5.95 is 6.0)."""
    return float(Decimal(str(mm)).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP))


def whole(mm: float) -> int:
    """Round to whole mm, halves up (5.5 is 6)."""
    return int(Decimal(str(mm)).quantize(Decimal("1"), rounding=ROUND_HALF_UP))
