import pytest

from firstread.findings import Category
from firstread.readers.lung_nodule.categories.lung_rads_study import (
    Incomplete,
    infection_signs,
    study_category,
)


def nodules(*values):
    return [Category(scheme="Lung-RADS", version="v2022", value=v, rule=f"Rule of {v}.") for v in values]


def test_no_nodule_is_1():
    assert study_category([]).value == "1"


@pytest.mark.parametrize(
    ("values", "lead"),
    [(("1", "2"), "2"), (("3", "2"), "3"), (("3", "4A"), "4A"), (("4B", "4A"), "4B"), (("4X", "4B"), "4X")],
)
def test_the_most_suspicious_nodule_leads(values, lead):
    category = study_category(nodules(*values))
    assert (category.value, category.rule) == (lead, f"Rule of {lead}.")


def test_s_is_a_modifier_on_any_category_and_never_a_category():
    for value in ("1", "2", "3", "4A", "4B", "4X"):
        category = study_category(nodules(value), significant_other=True)
        assert (category.value, category.modifier) == (value, "S")
    zero = study_category([], incomplete=Incomplete(prior_sought=True), significant_other=True)
    assert (zero.value, zero.modifier) == ("0", "S")
    assert study_category(nodules("2")).modifier is None


@pytest.mark.parametrize("value", ["1", "2", "3", "4A", "4B"])
def test_a_prior_being_located_is_0(value):
    category = study_category(nodules(value), incomplete=Incomplete(prior_sought=True))
    assert category.value == "0"
    assert value in category.rule
    assert "prior" in category.management


@pytest.mark.parametrize(("values", "expected"), [((), "0"), (("3",), "0"), (("4A",), "4A"), (("4B",), "4B")])
def test_lungs_seen_in_part_are_0_unless_a_4_was_seen(values, expected):
    category = study_category(nodules(*values), incomplete=Incomplete(not_evaluable="the right lower lobe"))
    assert category.value == expected
    assert expected != "0" or "Additional low-dose CT" in category.management


def test_infection_is_0_with_a_scan_in_1_to_3_months():
    signs = infection_signs(consolidation=True)
    category = study_category(nodules("4B"), incomplete=Incomplete(infection=signs))
    assert category.value == "0"
    assert "1 to 3 months" in category.management


def test_4x_is_never_put_off():
    for incomplete in (
        Incomplete(prior_sought=True),
        Incomplete(not_evaluable="both bases"),
        Incomplete(infection=infection_signs(consolidation=True)),
    ):
        assert study_category(nodules("4X"), incomplete=incomplete).value == "4X"


def test_nothing_incomplete_changes_nothing():
    assert study_category(nodules("2"), incomplete=Incomplete()).value == "2"


@pytest.mark.parametrize(
    ("facts", "count"),
    [
        ({}, 0),
        ({"consolidation": True}, 1),
        ({"new_nodules": 6}, 0),
        ({"new_nodules": 7}, 1),
        ({"new_solid_mm": (7.9,), "months": 2}, 0),
        ({"new_solid_mm": (8.0,), "months": 3}, 1),
        ({"new_solid_mm": (8.0,), "months": 3.1}, 0),
        ({"new_solid_mm": (8.0,), "months": None}, 0),
        ({"new_nodules": 1, "immunocompromised": True}, 1),
        ({"new_nodules": 0, "immunocompromised": True}, 0),
        ({"new_nodules": 1, "immunocompromised": None}, 0),
        ({"consolidation": True, "new_nodules": 7, "immunocompromised": True}, 3),
    ],
)
def test_signs_of_infection(facts, count):
    assert len(infection_signs(**facts)) == count
