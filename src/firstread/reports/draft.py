"""Findings become the text of a preliminary report, section by section."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from firstread.findings import ReadResult, Structure
from firstread.findings.concepts import LOBULATION_SCORE, MALIGNANCY_SCORE, SPICULATION_SCORE
from firstread.reports import figures, sentences
from firstread.reports.impression import draft_impression, statements
from firstread.reports.review import Review
from firstread.reports.wording import Wording, wording
from firstread.texts import Lang

DIGEST_SHOWN = 12
"""Hex digits of a model's digest on paper; result.json has all 64."""
MM3_PER_LITRE = 1e6
LONGEST_LINE = 600  # of the impression and the warnings


@dataclass(frozen=True)
class ReportText:
    """A preliminary report in words; every rendering shows these and adds none of its own.

    Attributes:
        lang: Language of the text.
        title: What the document is.
        notice: That it is preliminary and by software; on every page.
        notice_long: The same in full, once.
        technique: How the images were made and read.
        comparison: What it was compared with.
        findings: A paragraph a finding, then what was segmented.
        impression: Statements, most important first.
        warnings: What was repaired or is doubtful.
        limits: What was and was not looked for, and what the figures mean.
        provenance: (label, value) pairs: who made it, with which networks, from which images.
    """

    lang: Lang
    title: str
    notice: str
    notice_long: str
    technique: str
    comparison: str
    findings: tuple[str, ...]
    impression: tuple[str, ...]
    warnings: tuple[str, ...]
    limits: tuple[str, ...]
    provenance: tuple[tuple[str, str], ...]


def draft(
    result: ReadResult,
    lang: Lang = "en",
    *,
    issued: datetime | None = None,
    review: Review | None = None,
) -> ReportText:
    """Draft the report.

    Args:
        result: What was read.
        lang: Language of the text.
        issued: When it was drafted, for the section on provenance.
        review: What a person has said of the findings; None before anybody did.
    """
    words = wording(lang)
    return ReportText(
        lang=lang,
        title=words("document.title"),
        notice=words("document.notice"),
        notice_long=words("document.notice_long"),
        technique=_technique(result, words),
        comparison=_comparison(result, words),
        findings=_findings(result, words, review),
        impression=_impression(result, words, review),
        warnings=tuple(figures.clean(warning, LONGEST_LINE) for warning in result.warnings),
        limits=_limits(result, words),
        provenance=_provenance(result, words, issued),
    )


def _impression(result: ReadResult, words: Wording, review: Review | None) -> tuple[str, ...]:
    """Draft in this language; a reader's own wording, which only it can translate, stands as it is."""
    if result.impression and result.impression not in [
        draft_impression(result, each) for each in get_args(Lang)
    ]:
        lines = (figures.clean(line, LONGEST_LINE) for line in result.impression.splitlines())
        return tuple(line for line in lines if line)
    return statements(result, words, review)


def _findings(result: ReadResult, words: Wording, review: Review | None) -> tuple[str, ...]:
    paragraphs = [
        f"{figures.clean(finding.id, 20)}{'：' if words.lang == 'zh' else ': '}"
        f"{sentences.description(finding, result, words, review)}"
        for finding in result.findings
    ]
    if not result.findings:
        paragraphs.append(words("impression.none"))
    if result.structures:
        paragraphs.append(_structures(result.structures, words))
    return tuple(paragraphs)


def _structures(structures: Sequence[Structure], words: Wording) -> str:
    parts = []
    for structure in structures:
        key = f"structure.{structure.name.replace(' ', '-')}"
        name = words(key) if key in words else figures.clean(structure.name, 60)
        litres = figures.number(structure.volume_mm3 / MM3_PER_LITRE, 2)
        parts.append(words("structure.part", name=name, litres=litres))
    return words("structure.volume", parts=words.join(parts))


def _technique(result: ReadResult, words: Wording) -> str:
    taken = result.acquisition
    series = words("technique.series", number=taken.series_number) if taken.series_number is not None else ""
    if taken.description:
        series += words("technique.description", description=figures.clean(taken.description, 80))
    interval, row, column = (figures.spacing(step) for step in taken.spacing_mm)
    if taken.slice_thickness_mm is None:
        grid = words("technique.no_thickness", interval=interval, row=row, column=column)
    else:
        thickness = figures.spacing(taken.slice_thickness_mm)
        grid = words("technique.thickness", thickness=thickness, interval=interval, row=row, column=column)
    parts = [
        words(
            "technique.images", modality=figures.clean(taken.modality, 16), series=series, slices=taken.slices
        ),
        grid,
    ]
    scanner = " ".join(
        part for part in (figures.clean(taken.manufacturer, 64), figures.clean(taken.model, 64)) if part
    )
    if scanner:
        parts.append(words("technique.scanner", scanner=scanner))
    if taken.kernel:
        parts.append(words("technique.kernel", kernel=figures.clean(taken.kernel, 32)))
    if taken.kvp is not None:
        parts.append(words("technique.kvp", kvp=figures.number(taken.kvp, 0)))
    if taken.contrast:
        parts.append(words("technique.contrast", contrast=figures.clean(taken.contrast, 64)))
    else:
        parts.append(words("technique.no_contrast"))
    said = [words("technique.sentence", parts=words.join(parts, "document.semicolon"))]
    if taken.study_date is not None:
        said.append(words("technique.date", date=figures.day(taken.study_date, words)))
    if taken.chosen_because:
        said.append(words("technique.chosen", reason=figures.clean(taken.chosen_because).rstrip(".。")))
    name, version = figures.clean(result.reader.name, 60), figures.clean(result.reader.version, 30)
    said.append(words("technique.reader", name=name, version=version))
    return words.join(said, "document.sentence")


def _comparison(result: ReadResult, words: Wording) -> str:
    prior = result.prior
    if prior is None:
        return words("comparison.none")
    if prior.study_date is None:
        said = [words("comparison.prior_undated")]
    else:
        said = [words("comparison.prior", date=figures.day(prior.study_date, words))]
    if prior.resolved:
        said.append(words("comparison.resolved", count=len(prior.resolved)))
    said.append(words("comparison.images"))
    return words.join(said, "document.sentence")


def _limits(result: ReadResult, words: Wording) -> tuple[str, ...]:
    keys = ["scope", "not_assessed", "missed"]
    if any(finding.lobe is None and finding.zone is not None for finding in result.findings):
        keys.append("zone")
    if result.findings:
        keys.append("score")
    said = {one.concept for finding in result.findings for one in finding.measurements}
    if said & {SPICULATION_SCORE, LOBULATION_SCORE, MALIGNANCY_SCORE}:
        keys.append("attributes")
    if result.categories or result.category is not None:
        keys.append("schemes")
    keys.append("research")
    return tuple(words(f"limits.{key}") for key in keys)


def _provenance(result: ReadResult, words: Wording, issued: datetime | None) -> tuple[tuple[str, str], ...]:
    seconds = {stage: figures.number(value, 1) for stage, value in result.timings_s.model_dump().items()}
    lines = [
        ("reader", f"{figures.clean(result.reader.name, 60)} {figures.clean(result.reader.version, 30)}"),
        *(
            (
                "model",
                words(
                    "provenance.model_value",
                    name=figures.clean(model.name, 60),
                    version=figures.clean(model.version, 30),
                    precision=model.precision,
                    digest=figures.clean(model.digest, 64)[:DIGEST_SHOWN],
                ),
            )
            for model in result.models
        ),
        ("time", words("provenance.time_value", **seconds)),
        ("study", figures.clean(result.study_uid, 64)),
        ("series", figures.clean(result.series_uid, 64)),
    ]
    if result.prior is not None:
        lines.append(("prior", figures.clean(result.prior.study_uid, 64)))
    if issued is not None:
        lines.append(("issued", figures.moment(issued, words)))
    lines.append(("schema", result.schema_version))
    return tuple((words(f"provenance.{key}"), value) for key, value in lines)
