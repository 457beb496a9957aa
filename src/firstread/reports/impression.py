"""The impression: what a busy reader must not miss, most important first."""

from collections.abc import Sequence

from firstread.findings import Category, Comparison, Finding, ReadResult
from firstread.reports import figures, sentences
from firstread.reports.review import Review
from firstread.reports.wording import Wording, wording
from firstread.texts import Lang

MOST_LISTED = 5
"""Further nodules that are listed one by one; more are counted."""
MOST_IDS = 12
TELLING: tuple[str, ...] = ("new", "growing", "slowly growing")


def draft_impression(result: ReadResult, lang: Lang = "en") -> str:
    """Draft the impression as text, a line a statement: what a reader puts into `ReadResult.impression`."""
    return "\n".join(statements(result, wording(lang)))


def statements(result: ReadResult, words: Wording, review: Review | None = None) -> tuple[str, ...]:
    """Draft the impression's statements; in a review, the last names the findings that nobody has reviewed."""
    leading, others = _leading(result)
    lines = []
    if not result.findings:
        lines.append(words("impression.none"))
    if leading:
        lines.append(_lead(leading, result.category, words))
    elif result.category is not None:
        lines.append(_category(result.category, words))
    if others:
        lines.append(_others(others, words))
    lines += _changed([finding for finding in others if len(others) > MOST_LISTED], words)
    if result.prior is not None and result.prior.resolved:
        count = len(result.prior.resolved)
        lines.append(words("impression.resolved_one" if count == 1 else "impression.resolved", count=count))
    schemes = [
        category
        for category in result.categories
        if result.category is None or category.scheme != result.category.scheme
    ]
    if schemes:
        named = words.join([_scheme(category, words) for category in schemes], "document.semicolon")
        lines.append(words("impression.schemes", categories=named))
    if result.warnings:
        count = len(result.warnings)
        lines.append(words("impression.warnings_one" if count == 1 else "impression.warnings", count=count))
    if review is not None:
        left = [one for one in result.findings if review.get(one.id, "unreviewed") == "unreviewed"]
        lines += [words("review.unreviewed_ids", ids=_ids(left, words))] if left else []
    return tuple(figures.capital(line) for line in lines)


def _leading(result: ReadResult) -> tuple[list[Finding], list[Finding]]:
    """Part the findings into those that have the study's category and the others, in their order."""
    study = result.category
    if study is None:
        return [], list(result.findings)
    leading = [
        finding
        for finding in result.findings
        if any(
            category.scheme == study.scheme and category.value == study.value
            for category in (*finding.categories, *([finding.category] if finding.category else []))
        )
    ]
    return leading, [finding for finding in result.findings if finding not in leading]


def _lead(leading: Sequence[Finding], category: Category | None, words: Wording) -> str:
    first, *same = leading
    parts = [
        words(
            "impression.lead",
            clause=figures.capital(sentences.clause(first, words)),
            id=figures.clean(first.id, 20),
            change=_lead_change(first.comparison, words),
        )
    ]
    if category is not None:
        parts.append(_category(category, words))
    if same:
        parts.append(words("impression.same_category", ids=_ids(same, words)))
    return words.join(parts, "document.sentence")


def _lead_change(comparison: Comparison | None, words: Wording) -> str:
    if comparison is None:
        return ""
    parts = [sentences.change_word(comparison, words)]
    if comparison.growth_mm is not None and comparison.change in TELLING:
        growth = words("table.growth", growth=figures.signed_mm(comparison.growth_mm))
        if comparison.interval_days is not None:
            interval = words("table.interval", days=figures.days(comparison.interval_days))
            growth = words("table.growth_interval", growth=growth, interval=interval)
        parts.append(growth)
    if comparison.volume_doubling_days is not None:
        parts.append(words("change.doubling", days=figures.days(comparison.volume_doubling_days)))
    return words("impression.lead_change", change=words.join(parts))


def _category(category: Category, words: Wording) -> str:
    name = sentences.category_name(category, words)
    if not category.management:
        return words("impression.category_only", category=name)
    management = sentences.full_stop(words.translate(figures.clean(category.management)), words)
    recommended = words("category.recommended", management=management)
    return words("impression.category", category=name, recommended=recommended)


def _scheme(category: Category, words: Wording) -> str:
    name = sentences.category_name(category, words)
    management = words.translate(figures.clean(category.management)).rstrip(".。")
    return (
        words("impression.scheme", category=name, management=figures.uncapital(management))
        if management
        else name
    )


def _others(others: Sequence[Finding], words: Wording) -> str:
    if len(others) > MOST_LISTED:
        return words("impression.many", count=len(others))
    named = []
    for finding in others:
        change = finding.comparison
        named.append(
            words(
                "impression.other",
                clause=sentences.clause(finding, words),
                id=figures.clean(finding.id, 20),
                change=words("impression.lead_change", change=sentences.change_word(change, words))
                if change
                else "",
            )
        )
    return words("impression.others", others=words.join(named, "document.semicolon"))


def _changed(findings: Sequence[Finding], words: Wording) -> list[str]:
    """Name those of many further nodules that are new or grew."""
    lines = []
    for telling in TELLING:
        same = [
            finding for finding in findings if finding.comparison and finding.comparison.change == telling
        ]
        if same and same[0].comparison is not None:
            word = figures.capital(sentences.change_word(same[0].comparison, words))
            lines.append(words("impression.changed", change=word, ids=_ids(same, words)))
    return lines


def _ids(findings: Sequence[Finding], words: Wording) -> str:
    named = words.join([figures.clean(finding.id, 20) for finding in findings[:MOST_IDS]])
    more = len(findings) - MOST_IDS
    return words("impression.more_ids", ids=named, count=more) if more > 0 else named
