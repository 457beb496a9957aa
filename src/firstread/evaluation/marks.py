"""Nodules as human readers marked them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

Point = tuple[float, float, float]

LEAST_READERS = 3
"""Of four: the nodules that LUNA16 asks for."""
_LEAST_REACH_MM = 4.0
_GROUND_GLASS, _SOLID = 2.0, 4.0


@dataclass(frozen=True)
class Mark:
    """One reader's mark of a nodule.

    Attributes:
        center_lps_mm: (x, y, z), mm.
        long_mm: Long diameter.
        short_mm: Diameter across it, where the reader gave one.
        box_mm: Edge lengths of the outline's box along patient x, y, z, where it is known.
        volume_mm3: Of the outline, where it is known.
        ratings: LIDC's ratings by name, e.g. texture 1 (non-solid) to 5 (solid).
        reader: Who it was, where that is told.
    """

    center_lps_mm: Point
    long_mm: float
    short_mm: float | None = None
    box_mm: Point | None = None
    volume_mm3: float | None = None
    ratings: Mapping[str, float] = field(default_factory=dict)
    reader: str | None = None

    @property
    def sphere_mm(self) -> float:
        """Return the diameter of the sphere of equal volume; the long diameter where no volume is known."""
        return float(np.cbrt(6 / np.pi * self.volume_mm3)) if self.volume_mm3 else self.long_mm

    @property
    def mean_mm(self) -> float | None:
        """Return the mean of long and short diameter.

        Without a short diameter the in-plane edges of the box stand for the two, as LIDC's outlines give them; None
        without either.
        """
        if self.short_mm is not None:
            return (self.long_mm + self.short_mm) / 2
        return (self.box_mm[0] + self.box_mm[1]) / 2 if self.box_mm is not None else None


@dataclass(frozen=True)
class Nodule:
    """A nodule, with every reader's mark of it.

    Attributes:
        center_lps_mm: Mean of the marks' centres.
        diameter_mm: Mean over the marks of the diameter of the sphere of equal volume.
        readers: How many marked it; None where the source only says that enough did.
        marks: One a reader; empty where the source gives nothing but place and size.
    """

    center_lps_mm: Point
    diameter_mm: float
    readers: int | None
    marks: tuple[Mark, ...] = ()

    def agreed(self, least_readers: int = LEAST_READERS) -> bool:
        """Tell whether enough readers marked it."""
        return self.readers is None or self.readers >= least_readers

    def rated(self, name: str) -> tuple[float, ...]:
        """Return the readers' ratings of that name, of those who gave one."""
        return tuple(mark.ratings[name] for mark in self.marks if name in mark.ratings)

    def measured(self, quantity: Callable[[Mark], float | None]) -> tuple[float, ...]:
        """Return a quantity of each mark that has it."""
        values = (quantity(mark) for mark in self.marks)
        return tuple(value for value in values if value is not None)


def texture_class(rating: float) -> str:
    """Name the attenuation class of a texture rating, or of the median of several.

    LIDC's scale goes from 1, non-solid, over 3, part-solid, to 5, solid; 2 and 4 lie between. Here up to 2 is
    ground-glass, from 4 on solid, and what lies between is part-solid.
    """
    if rating <= _GROUND_GLASS:
        return "ground-glass"
    return "solid" if rating >= _SOLID else "part-solid"


def merge(marks: Sequence[Mark]) -> tuple[Nodule, ...]:
    """Gather the marks of one nodule: those whose centre lies within the larger one's radius, at least 4 mm."""
    groups: list[list[Mark]] = []
    for mark in marks:
        for group in groups:
            away = min(np.linalg.norm(np.subtract(o.center_lps_mm, mark.center_lps_mm)) for o in group)
            reach = max(mark.long_mm, *(other.long_mm for other in group)) / 2
            if away < max(reach, _LEAST_REACH_MM):
                group.append(mark)
                break
        else:
            groups.append([mark])
    return tuple(_nodule(group) for group in groups)


def _nodule(group: Sequence[Mark]) -> Nodule:
    x, y, z = (float(v) for v in np.mean([mark.center_lps_mm for mark in group], axis=0))
    # Without names every mark is taken for another reader's, as in LIDC.
    named = {mark.reader for mark in group if mark.reader is not None}
    unnamed = sum(mark.reader is None for mark in group)
    diameter_mm = float(np.mean([mark.sphere_mm for mark in group]))
    return Nodule((x, y, z), diameter_mm, len(named) + unnamed, tuple(group))
