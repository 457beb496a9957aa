"""C-Lung-RADS (2024), the Chinese system: its first stage, by size and density.

Source: Nature Medicine 2024;30:3184-3195, doi 10.1038/s41591-024-03211-3, Table 1 (PMC11564084). Its later
stages need a model of images, risk factors and follow-up that is not part of firstread; where such a model
gave a probability of malignancy, it can be passed in.
"""

from collections.abc import Sequence
from math import inf
from typing import Final

from firstread.findings import Category
from firstread.readers.lung_nodule.categories.bands import Band, Table, look_up, tenth
from firstread.readers.lung_nodule.categories.facts import NoduleFacts

SCHEME: Final = "C-Lung-RADS"
VERSION: Final = "2024"

SOLID: Final[Table] = (Band(0, 6, "1"), Band(6, 10, "2"), Band(10, 18, "3"), Band(18, inf, "4"))
GROUND_GLASS: Final[Table] = (Band(0, 6, "1"), Band(6, 20, "2"), Band(20, inf, "3"))
SOLID_PART: Final[Table] = (Band(0, 6, "2"), Band(6, 10, "3"), Band(10, inf, "4"))
PART_SOLID_MM: Final = 6.0
"""Total mean diameter below which a part-solid nodule is category 1."""
MALIGNANT: Final = 0.5
"""Probability of the paper's multidimensional model from which category 2 or 3 becomes 4."""

MANAGEMENT: Final = {
    "0": "Continue yearly low-dose CT.",
    "1": "Continue yearly low-dose CT.",
    "2": "CT in 6 months.",
    "3": "CT in 3 months; high-resolution CT or PET/CT may be considered.",
    "4": "Clinical assessment now: diagnostic CT, PET/CT or tissue sampling as judged.",
}


def c_lung_rads(nodule: NoduleFacts, *, malignant_probability: float | None = None) -> Category | None:
    """Categorise a nodule by C-Lung-RADS; None for one that is gone.

    Args:
        nodule: Its mean diameters meet the table to 0.1 mm; the source does not say how to round. Change
            since a prior belongs to the later stages and is not used.
        malignant_probability: Of the paper's own model, never a detector's confidence.
    """
    if nodule.status == "resolved":
        return None
    mm = tenth(nodule.mean_mm)
    if nodule.benign_by_content:
        # The table says "calcifications" and no pattern, and does not name fat: the benign patterns and fat
        # that Lung-RADS calls 1 are taken; other calcium is judged as solid.
        what = "fat" if nodule.attenuation == "fat" else "benign calcification"
        return _category("0", f"Nodule with {what}.")
    if nodule.attenuation == "part-solid" and mm >= PART_SOLID_MM:
        part = mm if nodule.solid_part_mm is None else tenth(nodule.solid_part_mm)
        named = "of unknown size, at most" if nodule.solid_part_mm is None else "of"
        band = look_up(SOLID_PART, part)
        rule = f"Part-solid nodule of {mm} mm with a solid part {named} {part} mm: {band}"
    elif nodule.attenuation == "part-solid":
        band = Band(0, PART_SOLID_MM, "1")
        rule = f"Part-solid nodule of {mm} mm: {band}"
    else:
        band = look_up(GROUND_GLASS if nodule.attenuation == "ground-glass" else SOLID, mm)
        kind = "Ground-glass" if nodule.attenuation == "ground-glass" else "Solid"
        rule = f"{kind} nodule of {mm} mm: {band}"
    value = band.value
    if value in {"2", "3"} and malignant_probability is not None and malignant_probability >= MALIGNANT:
        rule = f"{rule}; probability of malignancy {malignant_probability:.2f}, 0.50 or more"
        value = "4"
    return _category(value, f"{rule}.")


def study_category(categories: Sequence[Category]) -> Category:
    """Return the most suspicious nodule's category; 0 when none was found."""
    lead = max(categories, key=lambda category: category.value, default=None)
    return lead or _category("0", "No nodule was found.")


def _category(value: str, rule: str) -> Category:
    return Category(scheme=SCHEME, version=VERSION, value=value, rule=rule, management=MANAGEMENT[value])
