"""Fleischner Society 2017: follow-up of nodules found by chance.

Sources: (g) MacMahon et al., Radiology 2017;284:228-243 (abstract page); (h) full-text excerpt of its part on
part-solid nodules (ynjr.net); (i) radiology.ae/fleischner; (j) Radiopaedia, changeset 356279. Restated.
For adults of 35 and more, without known cancer or immune suppression, and not for screening.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from firstread.findings import Category
from firstread.readers.lung_nodule.categories.bands import tenth, whole
from firstread.readers.lung_nodule.categories.facts import NoduleFacts, PatientFacts

SCHEME: Final = "Fleischner"
VERSION: Final = "2017"
MIN_AGE: Final = 35
GROWTH_MM: Final = 2.0
"""Growth in diameter that counts."""
MASS_MM: Final = 30
"""Larger lesions are masses, which the guideline does not schedule."""

Size = Literal["< 6 mm", "6-8 mm", "> 8 mm"]
By = Literal["diameter", "volume"]


@dataclass(frozen=True)
class Row:
    """What the guideline advises at low and at high risk, and how soon it acts (0 not at all)."""

    low: str
    high: str
    urgency: int


def _both(advice: str, urgency: int) -> Row:
    return Row(advice, advice, urgency)


_NONE: Final = "No routine follow-up."
_OPTIONAL: Final = "CT at 12 months is optional."
_SIX_TO_TWELVE: Final = "CT at 6 to 12 months, then"
_THREE_TO_SIX: Final = "CT at 3 to 6 months, then"
_THREE: Final = "Consider CT at 3 months, PET/CT or tissue sampling."
_ALONE: Final = "Confirm persistence by CT at 3 to 6 months"

ROWS: Final[dict[str, Row]] = {
    "solid, single, < 6 mm": Row(_NONE, _OPTIONAL, 1),
    "solid, single, 6-8 mm": Row(
        f"{_SIX_TO_TWELVE} consider CT at 18 to 24 months.", f"{_SIX_TO_TWELVE} CT at 18 to 24 months.", 3
    ),
    "solid, single, > 8 mm": Row(_THREE, _THREE, 7),
    "solid, multiple, < 6 mm": Row(_NONE, _OPTIONAL, 1),
    "solid, multiple, 6-8 mm": Row(
        f"{_THREE_TO_SIX} consider CT at 18 to 24 months.", f"{_THREE_TO_SIX} CT at 18 to 24 months.", 4
    ),
    "solid, multiple, > 8 mm": Row(
        f"{_THREE_TO_SIX} consider CT at 18 to 24 months.", f"{_THREE_TO_SIX} CT at 18 to 24 months.", 6
    ),
    "ground-glass, single, < 6 mm": Row(_NONE, _NONE, 1),
    "ground-glass, single, >= 6 mm": _both(
        "CT at 6 to 12 months to confirm persistence, then every 2 years until 5 years.", 3
    ),
    "part-solid, single, < 6 mm": Row(_NONE, _NONE, 2),
    "part-solid, single, >= 6 mm, solid part < 6 mm": _both(
        f"{_ALONE}; if unchanged, CT every year for 5 years.", 5
    ),
    "part-solid, single, >= 6 mm, solid part 6-8 mm": _both(
        f"{_ALONE}; PET/CT, biopsy or resection if its form is suspicious or the solid part grows.", 8
    ),
    "part-solid, single, >= 6 mm, solid part > 8 mm": _both(
        f"{_ALONE}; PET/CT, biopsy or resection is advised, as the solid part is larger than 8 mm.", 9
    ),
    "subsolid, multiple, < 6 mm": Row(
        "CT at 3 to 6 months; if stable, no set schedule.",
        "CT at 3 to 6 months; if stable, consider CT at 2 and 4 years.",
        4,
    ),
    "subsolid, multiple, >= 6 mm": _both(f"{_THREE_TO_SIX} as the most suspicious nodule asks.", 5),
    "subsolid, multiple, >= 6 mm, solid part 6-8 mm": _both(
        f"{_THREE_TO_SIX} PET/CT, biopsy or resection if a nodule's form is suspicious or it grows.", 8
    ),
    "subsolid, multiple, >= 6 mm, solid part > 8 mm": _both(
        f"{_THREE_TO_SIX} PET/CT, biopsy or resection, as a solid part is larger than 8 mm.", 9
    ),
    "benign": Row("No follow-up.", "No follow-up.", 0),
    "no nodule": Row("No follow-up for nodules.", "No follow-up for nodules.", 0),
    "mass": _both("Diagnostic work-up; the guideline schedules nodules up to 30 mm only.", 10),
    "not applicable": Row("", "", 0),
}


def fleischner(
    nodule: NoduleFacts,
    *,
    multiple: bool,
    patient: PatientFacts = PatientFacts(),  # noqa: B008 - frozen, nothing known
    by: By = "diameter",
) -> Category | None:
    """Find the nodule's row; None for a nodule that is gone.

    Args:
        nodule: Its mean diameter is rounded to whole mm before it meets a threshold (5.5 counts as 6).
        multiple: There are others of its group: solid with solid, ground-glass and part-solid together.
        patient: With unknown risk the management of low and of high risk are both given.
        by: Whether the diameter or, where there is one, the volume meets the thresholds.
    """
    if nodule.status == "resolved":
        return None
    excluded = _excluded(patient)
    if excluded:
        return _category("not applicable", f"The guideline does not apply: {excluded}.", patient)
    if nodule.benign_by_content:
        what = "fat" if nodule.attenuation == "fat" else f"benign calcification ({nodule.calcification})"
        return _category("benign", f"Nodule with {what}.", patient)
    if nodule.mean_mm > MASS_MM:
        return _category(
            "mass", f"Mean diameter {tenth(nodule.mean_mm)} mm: more than {MASS_MM} mm.", patient
        )
    size, measured = _size(nodule, by)
    name = _row(nodule, size, multiple)
    grown = nodule.growth_mm is not None and tenth(nodule.growth_mm) >= GROWTH_MM
    growth = f"; grown by {tenth(nodule.growth_mm or 0)} mm, where 2 mm or more is growth" if grown else ""
    rule = f"Row {name}: {nodule.attenuation} nodule of {measured}{growth}{_assumed(patient)}."
    return _category(name, rule, patient)


def study_category(
    categories: Sequence[Category],
    *,
    patient: PatientFacts = PatientFacts(),  # noqa: B008 - frozen, nothing known
) -> Category:
    """Return the category of the dominant nodule, which guides the management of several."""
    excluded = _excluded(patient)
    if excluded:
        return _category("not applicable", f"The guideline does not apply: {excluded}.", patient)
    lead = max(categories, key=lambda category: ROWS[category.value].urgency, default=None)
    return lead or _category("no nodule", "No nodule was found.", patient)


def is_subsolid(nodule: NoduleFacts) -> bool:
    """Tell which of the guideline's two groups the nodule belongs to, for counting them."""
    return nodule.attenuation in {"part-solid", "ground-glass"} and not nodule.cavitary


def _size(nodule: NoduleFacts, by: By) -> tuple[Size, str]:
    """Return the row's size and how it was measured, naming a volume that disagrees."""
    mm = whole(nodule.mean_mm)
    # Radiopaedia (j) writes "> 6 mm" for several solid nodules: 6 belongs to 6-8 mm in (g) and (i), taken.
    # Rounded first, so 8.4 mm is 8 and 8.5 mm is "> 8".
    diameter: Size = "< 6 mm" if mm < 6 else "6-8 mm" if mm <= 8 else "> 8 mm"
    text = f"{mm} mm (mean {tenth(nodule.mean_mm)} mm)"
    if nodule.volume_mm3 is None:
        return diameter, text
    mm3 = whole(nodule.volume_mm3)
    volume: Size = "< 6 mm" if mm3 < 100 else "6-8 mm" if mm3 <= 250 else "> 8 mm"
    if by == "volume":
        return volume, f"{mm3} mm³"
    # 6 and 8 mm spheres have 113 and 268 mm³, not 100 and 250: near a threshold the two can disagree.
    return (
        diameter,
        text if volume == diameter else f"{text}; by its volume of {mm3} mm³ it would be {volume}",
    )


def _row(nodule: NoduleFacts, size: Size, multiple: bool) -> str:
    number = "multiple" if multiple else "single"
    if not is_subsolid(nodule):
        return f"solid, {number}, {size}"
    bound = "< 6 mm" if size == "< 6 mm" else ">= 6 mm"
    group = "subsolid" if multiple else nodule.attenuation
    name = f"{group}, {number}, {bound}"
    if nodule.attenuation == "ground-glass" or bound == "< 6 mm":
        return name
    # An unknown solid part is at most the whole nodule.
    part = whole(nodule.mean_mm if nodule.solid_part_mm is None else nodule.solid_part_mm)
    if part < 6:
        return name if multiple else f"{name}, solid part < 6 mm"
    return f"{name}, solid part {'6-8 mm' if part <= 8 else '> 8 mm'}"


def _excluded(patient: PatientFacts) -> str:
    reasons = []
    if patient.age is not None and patient.age < MIN_AGE:
        reasons.append(f"the patient is {patient.age}, younger than {MIN_AGE}")
    if patient.known_cancer:
        reasons.append("known cancer")
    if patient.immunosuppressed:
        reasons.append("immune suppression")
    if patient.screening:
        reasons.append("a screening study")
    return ", ".join(reasons)


def _assumed(patient: PatientFacts) -> str:
    """Name what is not known and would make the guideline not apply."""
    unknown = [
        text
        for known, text in (
            (patient.age, f"age of {MIN_AGE} or more"),
            (patient.known_cancer, "no known cancer"),
            (patient.immunosuppressed, "no immune suppression"),
            (patient.screening, "no screening study"),
        )
        if known is None
    ]
    return f"; not known and assumed: {', '.join(unknown)}" if unknown else ""


def _category(name: str, rule: str, patient: PatientFacts) -> Category:
    row = ROWS[name]
    if row.low == row.high:
        management = row.low
    elif patient.high_risk is None:
        management = f"Risk not known. At low risk: {row.low} At high risk: {row.high}"
    else:
        management = row.high if patient.high_risk else row.low
    return Category(scheme=SCHEME, version=VERSION, value=name, rule=rule, management=management)
