import string

import pytest

from firstread.errors import UsageError
from firstread.findings import Category
from firstread.readers.lung_nodule.categories.c_lung_rads import MANAGEMENT as C_LUNG_RADS
from firstread.readers.lung_nodule.categories.c_lung_rads import c_lung_rads
from firstread.readers.lung_nodule.categories.facts import NoduleFacts, PatientFacts, PriorFacts
from firstread.readers.lung_nodule.categories.fleischner import ROWS, fleischner
from firstread.readers.lung_nodule.categories.lung_rads import lung_rads
from firstread.readers.lung_nodule.categories.lung_rads_tables import MANAGEMENT as LUNG_RADS
from firstread.reports.wording import wording

SIZES = (3.0, 5.0, 7.0, 9.0, 16.0, 31.0)


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_both_languages_have_every_text_with_the_same_fields():
    english, chinese = wording("en"), wording("zh")
    assert english.keys == chinese.keys
    assert {key: fields(english.template(key)) for key in english.keys} == {
        key: fields(chinese.template(key)) for key in chinese.keys
    }


def test_a_language_without_texts_is_refused_by_name():
    with pytest.raises(UsageError, match=r"'fr'.*en, zh"):
        wording("fr")


def test_every_recommendation_of_the_schemes_can_be_said_in_chinese():
    words = wording("zh")
    rows = [advice for row in ROWS.values() for advice in (row.low, row.high) if advice]
    unknown = [text for text in [*LUNG_RADS.values(), *C_LUNG_RADS.values(), *rows] if not words.knows(text)]
    assert not unknown
    assert not [name for name in ROWS if words.translate(name).isascii()]


def categories() -> list[Category]:
    """Categories of every kind of nodule at sizes on both sides of the thresholds."""
    found: list[Category | None] = []
    for mm in SIZES:
        for kind in ("solid", "part-solid", "ground-glass", "calcified", "fat"):
            part = mm / 2 if kind == "part-solid" else None
            for status in ("baseline", "new", "stable", "growing", "slowly growing", "decreased"):
                nodule = NoduleFacts(
                    attenuation=kind, mean_mm=mm, solid_part_mm=part, volume_mm3=mm**3 / 2, status=status,
                    growth_mm=2.5 if status == "growing" else None,
                )  # fmt: skip
                for prior in (
                    None,
                    PriorFacts(category="2", months=6.0),
                    PriorFacts(category="4A", months=3.0),
                ):
                    found.append(lung_rads(nodule, prior=prior))
                found.append(c_lung_rads(nodule))
                for patient in (PatientFacts(), PatientFacts(age=50, known_cancer=False, screening=False)):
                    found += [
                        fleischner(nodule, multiple=multiple, patient=patient) for multiple in (True, False)
                    ]
    return [category for category in found if category is not None]


def test_the_rules_and_recommendations_of_usual_nodules_are_said_in_chinese():
    words = wording("zh")
    english = {
        text
        for category in categories()
        for text in (category.rule, category.management)
        if text and not words.knows(text)
    }
    assert not english


def test_a_translated_rule_keeps_its_figures():
    rule = "Part-solid nodule of 14.4 mm at baseline with a solid part of 6.8 mm: 6 to less than 8 mm."
    assert wording("zh").translate(rule) == "基线部分实性结节，14.4 mm，实性成分 6.8 mm：6 mm 至小于 8 mm。"


def test_what_no_pattern_knows_stays_as_it_was_said():
    assert wording("zh").translate("An entirely new rule.") == "An entirely new rule."


def test_english_writes_the_signs_that_code_lacks():
    assert wording("en").translate("part-solid, single, >= 6 mm, solid part 6-8 mm") == (
        "part-solid, single, ≥ 6 mm, solid part 6–8 mm"
    )
