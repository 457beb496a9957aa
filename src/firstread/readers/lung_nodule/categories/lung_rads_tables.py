"""The size tables of Lung-RADS v2022, and what each category leads to, restated.

Source: ACR Lung-RADS v2022 (November 2022) as restated by the sources named in `lung_rads`. Sizes are mean
diameters, (long + short) / 2, in mm to one decimal place, and thresholds apply to that one decimal place:
v1.1 rounded to whole millimetres, v2022 does not.
"""

from math import inf
from typing import Final

from firstread.readers.lung_nodule.categories.bands import Band, Table

SCHEME: Final = "Lung-RADS"
VERSION: Final = "v2022"

ORDER: Final = ("1", "2", "3", "4A", "4B", "4X")
"""Categories of a nodule, least suspicious first. 0 is of an exam only; S is a modifier and no category."""

SOLID_BASELINE: Final[Table] = (Band(0, 6, "2"), Band(6, 8, "3"), Band(8, 15, "4A"), Band(15, inf, "4B"))
SOLID_NEW: Final[Table] = (Band(0, 4, "2"), Band(4, 6, "3"), Band(6, 8, "4A"), Band(8, inf, "4B"))
SOLID_GROWING: Final[Table] = (Band(0, 8, "4A"), Band(8, inf, "4B"))

PART_SOLID_MM: Final = 6.0
"""Total mean diameter below which a part-solid nodule is judged without its solid part."""
SOLID_PART_BASELINE: Final[Table] = (Band(0, 6, "3"), Band(6, 8, "4A"), Band(8, inf, "4B"))
SOLID_PART_CHANGED: Final[Table] = (Band(0, 4, "4A"), Band(4, inf, "4B"))

GROUND_GLASS: Final[Table] = (Band(0, 30, "2"), Band(30, inf, "3"))

JUXTAPLEURAL_MM: Final = 10.0
"""A benign-looking juxtapleural nodule is smaller than this. Source (f) has 10.0 mm itself benign too; the
table's wording (b), v1.1 (d) and the RadElement set RDES267 have "less than", which is taken."""

CYST_WALL_MM: Final = 2.0
"""A cyst's wall of this thickness or more is thick."""

GROWTH_MM: Final = 1.5
"""Growth is an increase of the mean diameter by more than this within 12 months. The source adds
"(> 2 mm³)", which is far below what volumetry can repeat; the diameter decides."""

PET_MM: Final = 8.0
"""Size of a solid nodule or part from which PET/CT is an option."""

STEP_3_MONTHS: Final = 6.0
STEP_4A_MONTHS: Final = 3.0
EARLY_MONTHS: Final = 0.5
"""A follow-up two weeks early still counts as done: no source gives a tolerance, and appointments are not
made to the day."""

MANAGEMENT: Final = {
    "0": "The exam is not complete.",
    "1": "Continue yearly low-dose CT.",
    "2": "Continue yearly low-dose CT.",
    "3": "Low-dose CT in 6 months.",
    "4A": "Low-dose CT in 3 months.",
    "4B": "Refer for diagnostic work-up: diagnostic chest CT with or without contrast, tissue sampling.",
    "4X": "Refer for diagnostic work-up: diagnostic chest CT with or without contrast, tissue sampling.",
}
PET_OPTION: Final = "PET/CT may be considered, as the solid nodule or part measures 8 mm or more."


def rank(value: str) -> int:
    """Return how suspicious a nodule's category is, 0 the least."""
    return ORDER.index(value)
