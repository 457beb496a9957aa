"""Every row and boundary of C-Lung-RADS (2024), Table 1."""

import pytest

from firstread.findings import Category
from firstread.readers.lung_nodule.categories.c_lung_rads import c_lung_rads, study_category
from firstread.readers.lung_nodule.categories.facts import NoduleFacts


def value(attenuation, mm, part=None, **facts):
    return c_lung_rads(NoduleFacts(attenuation=attenuation, mean_mm=mm, solid_part_mm=part, **facts)).value


def test_scheme_and_version_are_named():
    category = c_lung_rads(NoduleFacts(attenuation="solid", mean_mm=7))
    assert (category.scheme, category.version) == ("C-Lung-RADS", "2024")


@pytest.mark.parametrize(
    ("mm", "expected"),
    [(5.9, "1"), (5.95, "2"), (6.0, "2"), (9.9, "2"), (10.0, "3"), (17.9, "3"), (18.0, "4"), (40, "4")],
)
def test_solid(mm, expected):
    assert value("solid", mm) == expected


@pytest.mark.parametrize(("mm", "expected"), [(5.9, "1"), (6.0, "2"), (19.9, "2"), (20.0, "3"), (60, "3")])
def test_ground_glass(mm, expected):
    assert value("ground-glass", mm) == expected


@pytest.mark.parametrize(
    ("mm", "part", "expected"),
    [
        (5.9, 5.9, "1"),
        (6.0, 5.9, "2"),
        (6.0, 6.0, "3"),
        (20, 9.9, "3"),
        (20, 10.0, "4"),
        (9.9, None, "3"),
        (10.0, None, "4"),
    ],
)
def test_part_solid(mm, part, expected):
    assert value("part-solid", mm, part) == expected


def test_calcification_and_fat_are_0():
    assert value("calcified", 20, calcification="complete") == "0"
    assert value("fat", 20) == "0"


def test_calcium_of_unknown_pattern_is_judged_as_solid():
    assert value("calcified", 18) == "4"


@pytest.mark.parametrize(
    ("mm", "probability", "expected"),
    [(7, 0.49, "2"), (7, 0.5, "4"), (12, 0.5, "4"), (5, 0.9, "1"), (7, None, "2")],
)
def test_the_papers_model_lifts_2_and_3_to_4(mm, probability, expected):
    nodule = NoduleFacts(attenuation="solid", mean_mm=mm)
    assert c_lung_rads(nodule, malignant_probability=probability).value == expected


@pytest.mark.parametrize(
    ("mm", "words"), [(5, "yearly"), (7, "6 months"), (12, "3 months"), (20, "assessment now")]
)
def test_management(mm, words):
    assert words in c_lung_rads(NoduleFacts(attenuation="solid", mean_mm=mm)).management


def test_a_resolved_nodule_has_no_category():
    assert c_lung_rads(NoduleFacts(attenuation="solid", mean_mm=9, status="resolved")) is None


def test_the_most_suspicious_nodule_leads_and_none_is_0():
    values = [Category(scheme="C-Lung-RADS", version="2024", value=v, rule="") for v in "1320"]
    assert study_category(values).value == "3"
    assert study_category([]).value == "0"
