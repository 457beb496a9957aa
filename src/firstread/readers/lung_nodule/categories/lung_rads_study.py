"""Lung-RADS v2022 category of an exam: the most suspicious nodule's, unless the exam is incomplete."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from firstread.findings import Category
from firstread.readers.lung_nodule.categories.bands import tenth
from firstread.readers.lung_nodule.categories.lung_rads_tables import MANAGEMENT, SCHEME, VERSION, rank

InfectionSign = Literal[
    "segmental or lobar consolidation",
    "more than six new nodules",
    "a solid nodule of 8 mm or more that appeared within a short interval",
    "new nodules in an immunocompromised patient",
]

NEW_NODULES: Final = 6
"""More new nodules than this suggest infection (note 10)."""
NEW_SOLID_MM: Final = 8.0
SHORT_INTERVAL_MONTHS: Final = 3.0
"""The scheme does not say how short "a short interval" is; this is its shortest follow-up."""


@dataclass(frozen=True)
class Incomplete:
    """Why an exam cannot be categorised yet; each is category 0.

    Attributes:
        prior_sought: A prior CT is being located for comparison.
        not_evaluable: What could not be evaluated, e.g. "the right lower lobe"; empty when all could.
        infection: Signs that suggest infection or inflammation.
    """

    prior_sought: bool = False
    not_evaluable: str = ""
    infection: tuple[InfectionSign, ...] = ()


def infection_signs(
    *,
    consolidation: bool = False,
    new_nodules: int = 0,
    new_solid_mm: Sequence[float] = (),
    months: float | None = None,
    immunocompromised: bool | None = None,
) -> tuple[InfectionSign, ...]:
    """List what suggests infection rather than cancer (note 10).

    Whether the exam is therefore 0 is the radiologist's call: a new solid nodule of 8 mm or more is also 4B.

    Args:
        consolidation: Segmental or lobar consolidation.
        new_nodules: How many nodules are new.
        new_solid_mm: Mean diameters of the new solid ones; mm.
        months: Time since the prior on which they were absent.
        immunocompromised: The patient's immune system is compromised; None when not known.
    """
    signs: list[InfectionSign] = []
    if consolidation:
        signs.append("segmental or lobar consolidation")
    if new_nodules > NEW_NODULES:
        signs.append("more than six new nodules")
    soon = months is not None and months <= SHORT_INTERVAL_MONTHS
    if soon and any(tenth(mm) >= NEW_SOLID_MM for mm in new_solid_mm):
        signs.append("a solid nodule of 8 mm or more that appeared within a short interval")
    if immunocompromised and new_nodules > 0:
        signs.append("new nodules in an immunocompromised patient")
    return tuple(signs)


def study_category(
    categories: Sequence[Category], *, incomplete: Incomplete | None = None, significant_other: bool = False
) -> Category:
    """Categorise the exam.

    Args:
        categories: Of its nodules; empty when none was found.
        incomplete: Reasons for category 0.
        significant_other: A significant finding other than lung cancer: adds the modifier S.
    """
    lead = max(categories, key=lambda category: rank(category.value), default=None)
    category = _incomplete(incomplete, lead) if incomplete is not None else None
    category = category or lead or _category("1", "No nodule was found.", MANAGEMENT["1"])
    return category.model_copy(update={"modifier": "S"}) if significant_other else category


def _incomplete(incomplete: Incomplete, lead: Category | None) -> Category | None:
    # A prior may turn any nodule into a stable one, and infection any new nodule into a passing one: there 0
    # leads, save over 4X, whose features no prior explains. Lungs seen in part cannot make what was seen in
    # them less suspicious: there 4 leads.
    value = lead.value if lead is not None else "1"
    seen = f" The most suspicious nodule seen would be {value}." if lead is not None else ""
    if value == "4X":
        return None
    if incomplete.prior_sought:
        rule = f"A prior CT is being located for comparison.{seen}"
        return _category("0", rule, "Compare with the prior CT once it is there.")
    if incomplete.infection:
        rule = f"Findings suggest infection or inflammation: {', '.join(incomplete.infection)}.{seen}"
        return _category("0", rule, "Low-dose CT in 1 to 3 months.")
    if incomplete.not_evaluable and value not in {"4A", "4B"}:
        rule = f"Not evaluable: {incomplete.not_evaluable}.{seen}"
        return _category("0", rule, "Additional low-dose CT of what could not be evaluated.")
    return None


def _category(value: str, rule: str, management: str) -> Category:
    return Category(scheme=SCHEME, version=VERSION, value=value, rule=rule, management=management)
