"""What a report says of one finding, phrase by phrase."""

from firstread.findings import Category, Comparison, Finding, ReadResult, concepts
from firstread.reports import figures
from firstread.reports.review import Review
from firstread.reports.wording import Wording

SIZE_CONCEPTS = frozenset(
    concept.value
    for concept in (concepts.LONG_AXIS, concepts.SHORT_AXIS, concepts.MEAN_DIAMETER, concepts.VOLUME)
)
LESIONS = {concepts.NODULE.value: "lesion.nodule", concepts.MASS.value: "lesion.mass"}
MOST_MEASUREMENTS = 12
"""Named in a description: a reader that adds more (radiomics) has them in result.json."""


def kind(finding: Finding, words: Wording) -> str:
    """Say what it is: `part-solid nodule`."""
    key = LESIONS.get(finding.concept.value)
    lesion = words(key) if key else words.translate(figures.clean(finding.concept.meaning, 60))
    if finding.attenuation is None:
        return words("kind.plain", lesion=lesion)
    return words("kind.described", attenuation=words(f"attenuation.{finding.attenuation}"), lesion=lesion)


def what(finding: Finding, words: Wording) -> str:
    """Say what it is and its mean diameter."""
    if finding.diameter_mm is None:
        return words("what.unsized", kind=kind(finding, words))
    return words("what.sized", mean=figures.mm(finding.diameter_mm.mean), kind=kind(finding, words))


def place(finding: Finding, words: Wording) -> str:
    """Say where it lies: the lobe only where a lobe was segmented, else side and zone as far as known."""
    if finding.lobe is not None:
        return words(f"lobe.{finding.lobe.replace(' ', '-')}")
    known = "-".join(part for part in (finding.laterality, finding.zone) if part)
    return words(f"place.{known or 'unknown'}")


def clause(finding: Finding, words: Wording) -> str:
    """Say what and where without a full stop: `8.0 mm solid nodule in the right lung, upper zone`."""
    juxtapleural = words("finding.juxtapleural") if finding.juxtapleural else ""
    return words(
        "finding.clause", what=what(finding, words), place=place(finding, words), juxtapleural=juxtapleural
    )


def image(finding: Finding, result: ReadResult, words: Wording) -> str:
    """Say on which image it is largest; empty where the images have no numbers."""
    series = result.acquisition.series_number
    kind = "frame" if finding.frame_number is not None else "image"
    shown = finding.frame_number if finding.frame_number is not None else finding.instance_number
    if shown is None:
        return ""
    if series is None:
        return words(f"finding.only_{kind}", image=shown)
    return words(f"finding.series_{kind}", series=series, image=shown)


def description(finding: Finding, result: ReadResult, words: Wording, review: Review | None = None) -> str:
    """Describe the finding in full sentences: place, size, composition, change, category, what a person said of it."""
    locator = image(finding, result, words)
    lead = words(
        "finding.lead",
        what=what(finding, words),
        place=place(finding, words),
        juxtapleural=words("finding.juxtapleural") if finding.juxtapleural else "",
        image=words("finding.image", image=locator) if locator else "",
    )
    sentences = [figures.capital(lead), *_size(finding, words), *_properties(finding, words)]
    if finding.comparison is not None:
        sentences.append(change(finding, finding.comparison, words))
    for category in finding.categories or ((finding.category,) if finding.category else ()):
        name, rule = category_name(category, words), words.translate(figures.clean(category.rule))
        if rule:
            sentences.append(
                words("finding.category", category=name, rule=figures.uncapital(rule.rstrip(".。")))
            )
        else:
            sentences.append(words("impression.category_only", category=name))
    standing = review.get(finding.id, "unreviewed") if review is not None else None
    if standing != "added":  # what a person points at has no score
        sentences.append(words("finding.score", score=figures.score(finding.probability)))
    if standing is not None and standing != "accepted":
        sentences.append(words(f"review.{standing}"))
    return words.join(sentences, "document.sentence")


def _size(finding: Finding, words: Wording) -> list[str]:
    sentences = []
    if finding.diameter_mm is not None:
        size = finding.diameter_mm
        sentences.append(
            words(
                "finding.size",
                long=figures.mm(size.long),
                short=figures.mm(size.short),
                mean=figures.mm(size.mean),
            )
        )
    if finding.solid_part_mm is not None:
        part = finding.solid_part_mm
        sentences.append(
            words(
                "finding.solid_part",
                long=figures.mm(part.long),
                short=figures.mm(part.short),
                mean=figures.mm(part.mean),
            )
        )
    if finding.volume_mm3 is not None:
        sentences.append(words("finding.volume", volume=figures.mm3(finding.volume_mm3)))
    return sentences


def _properties(finding: Finding, words: Wording) -> list[str]:
    sentences = []
    others = [m for m in finding.measurements if m.concept.value not in SIZE_CONCEPTS]
    for measurement in others[:MOST_MEASUREMENTS]:
        concept = words.translate(figures.clean(measurement.concept.meaning, 80))
        value = figures.quantity(measurement.value, measurement.unit)
        sentences.append(words("finding.measurement", concept=figures.capital(concept), value=value))
    for attribute in finding.attributes[:MOST_MEASUREMENTS]:
        concept = words.translate(figures.clean(attribute.concept.meaning, 80))
        value = words.translate(figures.clean(attribute.value.meaning, 80))
        sentences.append(words("finding.attribute", concept=figures.capital(concept), value=value))
    return sentences


def change(finding: Finding, comparison: Comparison, words: Wording) -> str:
    """Say how it changed since the prior, in one sentence."""
    since = (
        words("change.since", date=figures.day(comparison.prior_date, words))
        if comparison.prior_date
        else words("change.since_undated")
    )
    parts = [change_word(comparison, words)]
    if comparison.prior_mean_mm is not None and finding.diameter_mm is not None:
        parts.append(
            words(
                "change.mean",
                then=figures.mm(comparison.prior_mean_mm),
                now=figures.mm(finding.diameter_mm.mean),
                growth=figures.signed_mm(comparison.growth_mm),
            )
        )
    if comparison.prior_volume_mm3 is not None and finding.volume_mm3 is not None:
        parts.append(
            words(
                "change.volume",
                then=figures.mm3(comparison.prior_volume_mm3),
                now=figures.mm3(finding.volume_mm3),
            )
        )
    if comparison.interval_days is not None:
        parts.append(words("change.interval", days=figures.days(comparison.interval_days)))
    if comparison.volume_doubling_days is not None:
        parts.append(words("change.doubling", days=figures.days(comparison.volume_doubling_days)))
    return words("change.sentence", since=since, parts=words.join(parts, "document.semicolon"))


def change_word(comparison: Comparison, words: Wording) -> str:
    """Say in a word how it changed."""
    return words(f"change.{comparison.change.replace(' ', '-')}")


def category_name(category: Category, words: Wording) -> str:
    """Name a category with its scheme and version: `Lung-RADS v2022: 4A`."""
    return words(
        "category.name",
        scheme=figures.clean(category.scheme, 40),
        version=figures.clean(category.version, 20),
        value=category_value(category, words),
    )


def category_value(category: Category, words: Wording) -> str:
    """Name a category within its scheme, with its modifier: `4A`, `2S`."""
    return words.translate(figures.clean(category.value, 80)) + (category.modifier or "")


def full_stop(sentence: str, words: Wording) -> str:
    """End a sentence that came without its full stop."""
    if not sentence or sentence.endswith((".", "。", "…", "!", "?")):
        return sentence
    return sentence + ("。" if words.lang == "zh" else ".")
