"""The text of a report's sections, drafted from the findings that stand."""

from collections.abc import Mapping

from firstread.findings import ReadResult
from firstread.reports import Lang, draft
from firstread.reports.figures import clean
from firstread.reports.sentences import category_name, full_stop
from firstread.reports.wording import wording
from firstread.workflow.reporting.content import Content, Section, SectionName
from firstread.workflow.reporting.standing import review_of, standing


def drafted(result: ReadResult, content: Content) -> dict[SectionName, str]:
    """Return the draft of every section, in the language of the report.

    Args:
        result: The AI's.
        content: What people decided of its findings; its sections do not matter.
    """
    stands = standing(result, content)
    text = draft(stands, content.lang, review=review_of(result, content))
    return {
        "indication": "",
        "technique": text.technique,
        "comparison": text.comparison,
        "findings": "\n".join(text.findings),
        "impression": "\n".join(text.impression),
        "recommendation": "\n".join(_recommendations(stands, content.lang)),
    }


def with_draft(
    result: ReadResult, content: Content, texts: Mapping[SectionName, str] | None = None
) -> Content:
    """Return the content with every section drafted anew that no person has edited.

    Args:
        result: The AI's.
        content: The content.
        texts: Text that a section begins with in place of a draft that is empty, as templates have it.
    """
    fresh = drafted(result, content)
    sections = {
        name: kept
        if (kept := content.sections.get(name)) is not None and kept.edited
        else Section(text=text or (texts or {}).get(name, "") or _kept(content, name, text))
        for name, text in fresh.items()
    }
    return content.model_copy(update={"sections": sections})


def first_draft(
    result: ReadResult,
    *,
    digest: str,
    lang: Lang,
    texts: Mapping[SectionName, str] | None = None,
) -> Content:
    """Return what a report says before anybody has touched it."""
    empty = Content(lang=lang, result_digest=digest, sections={})
    return with_draft(result, empty, texts)


def _kept(content: Content, name: SectionName, text: str) -> str:
    """Return a template's text, which a draft that has none does not take away."""
    there = content.sections.get(name)
    return there.text if there is not None and not text else text


def _recommendations(stands: ReadResult, lang: Lang) -> list[str]:
    words = wording(lang)
    return [
        words(
            "review.recommendation",
            category=category_name(category, words),
            management=full_stop(words.translate(clean(category.management)), words),
        )
        for category in stands.categories
        if category.management
    ]
