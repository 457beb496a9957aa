"""The findings as a table: one row a finding, in cells of short lines."""

from collections.abc import Mapping
from dataclasses import dataclass

from firstread.findings import Finding, ReadResult
from firstread.reports import figures, sentences
from firstread.reports.review import Review
from firstread.reports.wording import Wording

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Row:
    """One finding. Cells are lines of text, the first the most important.

    Attributes:
        id: The finding's short name.
        alt: What its key image shows, for those who do not see it.
        image: The key image as PNG bytes.
        finding: What and where.
        size: Axes, mean, solid part.
        volume: Volume.
        change: Change since the prior.
        category: The leading scheme's category, then the others'.
        score: AI score.
    """

    id: str
    alt: str
    image: bytes | None
    finding: tuple[str, ...]
    size: tuple[str, ...]
    volume: tuple[str, ...]
    change: tuple[str, ...]
    category: tuple[str, ...]
    score: tuple[str, ...]


def rows(
    result: ReadResult,
    words: Wording,
    key_images: Mapping[str, bytes],
    review: Review | None = None,
) -> tuple[Row, ...]:
    """Lay the findings out as rows; `key_images` are PNG bytes by finding id, `review` what a person said of them."""
    return tuple(
        _row(finding, result, words, key_images.get(finding.id), review) for finding in result.findings
    )


def _row(
    finding: Finding, result: ReadResult, words: Wording, image: bytes | None, review: Review | None
) -> Row:
    juxtapleural = words("finding.juxtapleural_tag") if finding.juxtapleural else ""
    place = figures.capital(sentences.place(finding, words))
    locator = sentences.image(finding, result, words)
    name = figures.clean(finding.id, 20)
    standing = review.get(finding.id, "unreviewed") if review is not None else None
    said = words(f"review.{standing}_tag") if standing is not None else ""
    score = figures.score(finding.probability) if standing != "added" else words("table.none")
    return Row(
        id=name,
        alt=words("table.image_alt", id=name, clause=sentences.clause(finding, words)),
        image=image if image is not None and image.startswith(PNG_SIGNATURE) else None,
        finding=_lines(figures.capital(sentences.kind(finding, words)), place, juxtapleural, locator, said),
        size=_size(finding, words),
        volume=(
            words("table.volume", volume=figures.mm3(finding.volume_mm3))
            if finding.volume_mm3 is not None
            else words("table.none"),
        ),
        change=_change(finding, words),
        category=_categories(finding, words),
        score=(score,),
    )


def _lines(*lines: str) -> tuple[str, ...]:
    return tuple(line for line in lines if line)


def _size(finding: Finding, words: Wording) -> tuple[str, ...]:
    size, part = finding.diameter_mm, finding.solid_part_mm
    if size is None:
        return (words("table.none"),)
    return _lines(
        words("table.mean", mean=figures.mm(size.mean)),
        words("table.axes", long=figures.mm(size.long), short=figures.mm(size.short)),
        words("table.solid_part", mean=figures.mm(part.mean)) if part is not None else "",
    )


def _change(finding: Finding, words: Wording) -> tuple[str, ...]:
    change = finding.comparison
    if change is None:
        return (words("table.none"),)
    growth, interval = change.growth_mm, change.interval_days
    return _lines(
        sentences.change_word(change, words),
        words("table.was", mean=figures.mm(change.prior_mean_mm)) if change.prior_mean_mm is not None else "",
        words("table.growth", growth=figures.signed_mm(growth)) if growth is not None else "",
        words("table.interval", days=figures.days(interval)) if interval is not None else "",
        words("table.doubling", days=figures.days(change.volume_doubling_days))
        if change.volume_doubling_days is not None
        else "",
    )


def _categories(finding: Finding, words: Wording) -> tuple[str, ...]:
    leading = finding.category
    others = [
        category for category in finding.categories if leading is None or category.scheme != leading.scheme
    ]
    named = [sentences.category_name(category, words) for category in others]
    if leading is not None:
        scheme = figures.clean(f"{leading.scheme} {leading.version}", 60)
        named = [sentences.category_value(leading, words), scheme, *named]
    return tuple(named) or (words("table.none"),)
