"""From measured and compared findings to categories of every scheme."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from firstread.findings import Category, Comparison, Finding
from firstread.findings.concepts import MEAN_ATTENUATION
from firstread.readers.lung_nodule.categories import c_lung_rads as chinese
from firstread.readers.lung_nodule.categories import fleischner as incidental
from firstread.readers.lung_nodule.categories import lung_rads_study as screening
from firstread.readers.lung_nodule.categories.bands import tenth
from firstread.readers.lung_nodule.categories.facts import NoduleFacts, PartChange, PatientFacts, PriorFacts
from firstread.readers.lung_nodule.categories.lung_rads import lung_rads
from firstread.readers.lung_nodule.categories.lung_rads_study import Incomplete, infection_signs
from firstread.readers.lung_nodule.categories.lung_rads_tables import GROWTH_MM

Scheme = Literal["Lung-RADS", "Fleischner", "C-Lung-RADS"]

CALCIUM_HU: Final = 200.0
"""A nodule called calcified whose mean reaches this is calcium throughout: the pattern `complete`. One with
less is part calcium, of a pattern that firstread does not tell, and is judged as solid."""

DAYS_PER_MONTH: Final = 365.25 / 12


@dataclass(frozen=True)
class Categorised:
    """Findings with their categories, and the study's categories, the leading scheme's first."""

    findings: tuple[Finding, ...]
    study: tuple[Category, ...]


def categorise(
    findings: Sequence[Finding],
    *,
    patient: PatientFacts = PatientFacts(),  # noqa: B008 - frozen, nothing known
    leading: Scheme = "Lung-RADS",
    incomplete: Incomplete | None = None,
) -> Categorised:
    """Give every finding its categories, and the study the most suspicious of each scheme.

    A finding without a measured diameter or attenuation gets none; Lung-RADS then counts the study as not
    fully evaluable.

    Args:
        findings: With `comparison` set where there is a prior.
        patient: What is known of the patient; the images tell none of it.
        leading: The scheme whose category becomes `Finding.category`.
        incomplete: Known reasons for Lung-RADS category 0.
    """
    facts = {finding.id: facts_of(finding) for finding in findings}
    known = [nodule for nodule in facts.values() if nodule is not None]
    groups = [
        incidental.is_subsolid(nodule)
        for nodule in known
        if not nodule.benign_by_content and nodule.status != "resolved"
    ]
    done: list[Finding] = []
    lung: list[Category] = []
    fleischner: list[Category] = []
    c_lung: list[Category] = []
    for finding in findings:
        nodule = facts[finding.id]
        if nodule is None:
            done.append(finding.model_copy(update={"category": None, "categories": ()}))
            continue
        by_scheme = {
            "Lung-RADS": lung_rads(nodule, prior=prior_facts_of(finding.comparison)),
            "Fleischner": incidental.fleischner(
                nodule, multiple=groups.count(incidental.is_subsolid(nodule)) > 1, patient=patient
            ),
            "C-Lung-RADS": chinese.c_lung_rads(nodule),
        }
        for kept, category in zip((lung, fleischner, c_lung), by_scheme.values(), strict=True):
            kept += [category] if category is not None else []
        update = {"category": by_scheme[leading], "categories": _in_order(by_scheme, leading)}
        done.append(finding.model_copy(update=update))
    unmeasured = [finding.id for finding in findings if facts[finding.id] is None]
    by_scheme = {
        "Lung-RADS": _exam(lung, known, findings, unmeasured, incomplete, patient),
        "Fleischner": incidental.study_category(fleischner, patient=patient),
        "C-Lung-RADS": chinese.study_category(c_lung),
    }
    return Categorised(findings=tuple(done), study=_in_order(by_scheme, leading))


def facts_of(finding: Finding) -> NoduleFacts | None:
    """Return what the schemes ask about a finding; None when it lacks a diameter or attenuation."""
    if finding.diameter_mm is None or finding.attenuation is None:
        return None
    comparison = finding.comparison
    calcium = finding.attenuation == "calcified" and _mean_hu(finding) >= CALCIUM_HU
    return NoduleFacts(
        attenuation=finding.attenuation,
        mean_mm=finding.diameter_mm.mean,
        solid_part_mm=finding.solid_part_mm.mean if finding.solid_part_mm is not None else None,
        volume_mm3=finding.volume_mm3,
        calcification="complete" if calcium else None,
        juxtapleural=finding.juxtapleural,
        status=comparison.change if comparison is not None else "baseline",
        growth_mm=comparison.growth_mm if comparison is not None else None,
        solid_part_change=_solid_part_change(finding, comparison),
    )


def prior_facts_of(comparison: Comparison | None) -> PriorFacts | None:
    """Return what the schemes ask about the same lesion then; None when it was not compared or is new."""
    if comparison is None or comparison.change == "new":
        return None
    days = comparison.interval_days
    return PriorFacts(
        category=comparison.prior_category,
        mean_mm=comparison.prior_mean_mm,
        solid_part_mm=comparison.prior_solid_part_mm,
        months=days / DAYS_PER_MONTH if days is not None else None,
    )


def _solid_part_change(finding: Finding, comparison: Comparison | None) -> PartChange | None:
    """Compare the solid part alone: a ground-glass nodule that gained one counts as a new one."""
    if comparison is None or comparison.change == "new" or finding.attenuation not in {"part-solid", "solid"}:
        return None
    if comparison.prior_attenuation == "ground-glass":
        return "new"
    now, then = finding.solid_part_mm, comparison.prior_solid_part_mm
    if finding.attenuation == "solid" or now is None or then is None:
        return None
    grown = tenth(now.mean - then)
    return "growing" if grown > GROWTH_MM else "decreased" if grown < -GROWTH_MM else "stable"


def _mean_hu(finding: Finding) -> float:
    values = [item.value for item in finding.measurements if item.concept.value == MEAN_ATTENUATION.value]
    return values[0] if values else float("-inf")


def _in_order(by_scheme: dict[str, Category | None], leading: Scheme) -> tuple[Category, ...]:
    names = [leading, *(name for name in by_scheme if name != leading)]
    return tuple(category for name in names if (category := by_scheme[name]) is not None)


def _exam(
    categories: Sequence[Category],
    known: Sequence[NoduleFacts],
    findings: Sequence[Finding],
    unmeasured: Sequence[str],
    incomplete: Incomplete | None,
    patient: PatientFacts,
) -> Category:
    incomplete = incomplete or Incomplete()
    if unmeasured:
        parts = [incomplete.not_evaluable] if incomplete.not_evaluable else []
        incomplete = replace(incomplete, not_evaluable=", ".join([*parts, *unmeasured]))
    category = screening.study_category(categories, incomplete=incomplete)
    # Signs that only count nodules do not make the exam 0 here: a false positive of the detector must not put
    # off the work-up of a 4B. The radiologist is told instead.
    days = next((f.comparison.interval_days for f in findings if f.comparison is not None), None)
    new = [nodule for nodule in known if nodule.status == "new"]
    signs = infection_signs(
        new_nodules=len(new),
        new_solid_mm=[nodule.mean_mm for nodule in new if nodule.attenuation == "solid"],
        months=days / DAYS_PER_MONTH if days is not None else None,
        immunocompromised=patient.immunosuppressed,
    )
    if not signs or category.value == "0":
        return category
    hint = f"{category.rule} May be infection, then category 0: {', '.join(signs)}."
    return category.model_copy(update={"rule": hint})
