"""A finding becomes an Observation with a component for each thing that is said of it."""

from firstread.findings import Category, Code, Comparison, Diameters, Finding, concepts
from firstread.reports import sentences
from firstread.reports.fhir import coding
from firstread.reports.fhir.coding import Json, concept, local
from firstread.reports.figures import clean
from firstread.reports.wording import Wording

IMAGING: Json = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "imaging",
            "display": "Imaging",
        }
    ]
}
SIDES = {"right": concepts.RIGHT, "left": concepts.LEFT}
SIZES = (("long", concepts.LONG_AXIS), ("short", concepts.SHORT_AXIS), ("mean", concepts.MEAN_DIAMETER))
LENGTH_DIGITS, VOLUME_DIGITS, OTHER_DIGITS, PERCENT_DIGITS = 1, 0, 2, 1


def nodule_observation(
    finding: Finding,
    words: Wording,
    *,
    subject: Json,
    study: str,
    device: str | None,
    status: str = "preliminary",
    performer: str | None = None,
    derived_from: str | None = None,
) -> Json:
    """Return the Observation of one finding.

    Args:
        finding: The finding.
        words: Language of its text.
        subject: Reference to the patient.
        study: `fullUrl` of the ImagingStudy.
        device: `fullUrl` of the reader; None for what a person says without it, which has no score.
        status: final where a person has reviewed it.
        performer: `fullUrl` of the person who says it.
        derived_from: `fullUrl` of the software's Observation that the person corrected.
    """
    said = _components(finding, scored=device is not None)
    components = [component for component in said if component is not None]
    sources = [study, *([derived_from] if derived_from else [])]
    text = f"{clean(finding.id, 20)}: {sentences.clause(finding, words)}"
    is_nodule = finding.concept.value == concepts.NODULE.value
    # IDR wants the finding set as code, no value, and presence first among what is said.
    codes = [*([coding.PULMONARY_NODULE] if is_nodule else []), finding.concept]
    return {
        "resourceType": "Observation",
        "status": status,
        "category": [IMAGING],
        "code": {"coding": [coding.coding(code) for code in codes], "text": text},
        "subject": subject,
        "bodySite": concept(finding.site, text=sentences.place(finding, words)),
        **({"device": {"reference": device}} if device else {}),
        **({"performer": [{"reference": performer}]} if performer else {}),
        "derivedFrom": [{"reference": url} for url in sources],
        "component": components,
    }


def _components(finding: Finding, *, scored: bool) -> list[Json | None]:
    """List what is said of the finding; None for a figure that is not a number."""
    said: list[Json | None] = [
        _coded(coding.PRESENCE, coding.PRESENT),
        _text(coding.TRACKING_UID, coding.uid(finding.tracking_uid)),
    ]
    if scored:
        said.append(_quantity(coding.CERTAINTY, 100 * finding.probability, "%", PERCENT_DIGITS))
    if finding.laterality is not None:
        said.append(_coded(coding.LATERALITY, SIDES[finding.laterality]))
    if finding.lobe is not None:
        said.append(_coded(local("lobe", "Lobe"), _own(finding.lobe)))
    if finding.zone is not None:
        said.append(_coded(local("zone", "Zone: third of the lung's height"), _own(finding.zone)))
    if finding.juxtapleural is not None:
        said.append(
            {"code": concept(local("juxtapleural", "Juxtapleural")), "valueBoolean": finding.juxtapleural}
        )
    if finding.diameter_mm is not None:
        said += _diameters(finding.diameter_mm)
    if finding.volume_mm3 is not None:
        said.append(_quantity(concepts.VOLUME, finding.volume_mm3, "mm3", VOLUME_DIGITS))
    if finding.attenuation is not None:
        said.append(_coded(local("attenuation", "Attenuation"), _own(finding.attenuation)))
    if finding.solid_part_mm is not None:
        said += _solid_part(finding.solid_part_mm)
    for measurement in finding.measurements:
        said.append(_quantity(measurement.concept, measurement.value, measurement.unit, OTHER_DIGITS))
    for attribute in finding.attributes:
        said.append(_coded(attribute.concept, attribute.value))
    for category in finding.categories or ((finding.category,) if finding.category else ()):
        said.append({"code": scheme_code(category), "valueCodeableConcept": category_concept(category)})
    if finding.comparison is not None:
        said += _comparison(finding.comparison)
    said.append(_text(coding.SOURCE_OF_MEASUREMENT, _source(finding)))
    return said


def scheme_code(category: Category) -> Json:
    """Return what a category's Observation or component is about: the scheme."""
    scheme = clean(category.scheme, 60)
    return concept(
        local(coding.slug(scheme), scheme), text=clean(f"{category.scheme} {category.version}", 80)
    )


def category_concept(category: Category) -> Json:
    """Return a category as our own code: the schemes' owners publish none that we could check."""
    value = clean(category.value, 80) + (category.modifier or "")
    code = f"{coding.slug(category.scheme)}.{coding.slug(value)}"
    name = clean(f"{category.scheme} {category.version} {value}", 160)
    return concept(local(code, name), text=name)


def _diameters(size: Diameters) -> list[Json | None]:
    return [_quantity(code, getattr(size, axis), "mm", LENGTH_DIGITS) for axis, code in SIZES]


def _solid_part(size: Diameters) -> list[Json | None]:
    return [
        _quantity(
            local(f"solid-part-{coding.slug(code.meaning)}", f"{code.meaning} of the solid part"),
            getattr(size, axis),
            "mm",
            LENGTH_DIGITS,
        )
        for axis, code in SIZES
    ]


def _comparison(comparison: Comparison) -> list[Json | None]:
    said: list[Json | None] = [
        _coded(local("change", "Change since the prior study"), _own(comparison.change)),
        _text(local("prior-study", "Prior study"), coding.uid(comparison.prior_study_uid)),
    ]
    figures = (
        ("interval", "Interval", comparison.interval_days, "d", 0),
        ("prior-diameter", "Diameter on the prior study", comparison.prior_mean_mm, "mm", LENGTH_DIGITS),
        ("prior-volume", "Volume on the prior study", comparison.prior_volume_mm3, "mm3", VOLUME_DIGITS),
        ("growth", "Change of the mean diameter", comparison.growth_mm, "mm", LENGTH_DIGITS),
        ("volume-doubling-time", "Volume doubling time", comparison.volume_doubling_days, "d", 0),
    )
    said += [
        _quantity(local(code, name), value, unit, digits)
        for code, name, value, unit, digits in figures
        if value is not None
    ]
    return said


def _source(finding: Finding) -> str:
    frame = f"#{finding.frame_number}" if finding.frame_number is not None else ""
    return coding.uid(finding.sop_instance_uid) + frame


def _own(value: str) -> Code:
    return local(coding.slug(value), value)


def _coded(code: Code, value: Code) -> Json:
    return {"code": concept(code), "valueCodeableConcept": concept(value)}


def _text(code: Code, value: str) -> Json:
    return {"code": concept(code), "valueString": value}


def _quantity(code: Code, value: float, unit: str, digits: int) -> Json | None:
    amount = coding.quantity(value, unit, digits)
    return {"code": concept(code), "valueQuantity": amount} if amount is not None else None
