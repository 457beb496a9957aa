"""Attributes and research scores in the words of the report: in the description, never in the impression."""

from datetime import datetime

import pytest

from firstread.findings import Attribute, Measurement, concepts
from firstread.reports.draft import draft
from firstread.reports.html import html
from tests.reports import samples

SAID = {
    "en": [
        "Calcification: absent.",
        "Spiculation: present.",
        "Lobulation: absent.",
        "Spiculation (research score, 1 to 5) 3.6.",
        "Suspicion of malignancy (research score, 0 to 1) 0.71.",
    ],
    "zh": [
        "钙化：无。",
        "毛刺征：有。",
        "分叶征：无。",
        "毛刺征（研究评分，1～5） 3.6。",
        "恶性可疑度（研究评分，0～1） 0.71。",
    ],
}
LIMIT = {"en": "none is a probability of cancer", "zh": "均非恶性概率"}


@pytest.fixture
def result():
    finding = samples.finding(
        1,
        attributes=tuple(
            Attribute(concept=concept, value=value)
            for concept, value in (
                (concepts.CALCIFICATION, concepts.ABSENT),
                (concepts.SPICULATION, concepts.PRESENT),
                (concepts.LOBULATION, concepts.ABSENT),
            )
        ),
        measurements=tuple(
            Measurement(concept=concept, value=value, unit="{score}")
            for concept, value in (
                (concepts.SPICULATION_SCORE, 3.6),
                (concepts.LOBULATION_SCORE, 1.2),
                (concepts.MALIGNANCY_SCORE, 0.71),
            )
        ),
    )
    return samples.result(findings=(finding,))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_attributes_and_scores_are_described_in_words(result, lang):
    paragraph = draft(result, lang).findings[0]
    for sentence in SAID[lang]:
        assert sentence in paragraph


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_research_score_reaches_the_impression(result, lang):
    text = draft(result, lang)
    said = " ".join(text.impression)
    for word in ("score", "suspicion", "评分", "可疑度", "0.71", "3.6"):
        assert word not in said


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_limits_say_what_a_research_score_is_only_where_there_is_one(result, lang):
    assert any(LIMIT[lang] in line for line in draft(result, lang).limits)
    without = result.model_copy(
        update={"findings": tuple(f.model_copy(update={"measurements": ()}) for f in result.findings)}
    )
    assert not any(LIMIT[lang] in line for line in draft(without, lang).limits)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_carries_them(result, lang):
    page = html(result, lang=lang, issued=datetime(2026, 1, 2, 3, 4))
    assert SAID[lang][1] in page
    assert LIMIT[lang] in page
