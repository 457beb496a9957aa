"""Every row and boundary of the Fleischner Society's 2017 guideline."""

import pytest

from firstread.readers.lung_nodule.categories.facts import NoduleFacts, PatientFacts
from firstread.readers.lung_nodule.categories.fleischner import fleischner, study_category

LOW, HIGH, UNKNOWN = PatientFacts(high_risk=False), PatientFacts(high_risk=True), PatientFacts()


def nodule(attenuation, mm, part=None, **facts):
    return NoduleFacts(attenuation=attenuation, mean_mm=mm, solid_part_mm=part, **facts)


def row(facts, *, multiple=False, patient=UNKNOWN, by="diameter"):
    return fleischner(facts, multiple=multiple, patient=patient, by=by)


def test_scheme_and_version_are_named():
    category = row(nodule("solid", 7))
    assert (category.scheme, category.version) == ("Fleischner", "2017")


SIZES = [
    (2.0, "< 6 mm"),
    (5.4, "< 6 mm"),
    (5.5, "6-8 mm"),
    (6.0, "6-8 mm"),
    (8.4, "6-8 mm"),
    (8.5, "> 8 mm"),
    (30.0, "> 8 mm"),
]


@pytest.mark.parametrize(("mm", "size"), SIZES)
@pytest.mark.parametrize(("multiple", "number"), [(False, "single"), (True, "multiple")])
def test_solid_rows_by_whole_millimetres(mm, size, multiple, number):
    assert row(nodule("solid", mm), multiple=multiple).value == f"solid, {number}, {size}"


@pytest.mark.parametrize(
    ("mm3", "size"),
    [
        (99.4, "< 6 mm"),
        (99.5, "6-8 mm"),
        (100, "6-8 mm"),
        (250, "6-8 mm"),
        (250.4, "6-8 mm"),
        (251, "> 8 mm"),
    ],
)
def test_solid_rows_by_volume(mm3, size):
    assert row(nodule("solid", 20, volume_mm3=mm3), by="volume").value == f"solid, single, {size}"


def test_diameter_decides_and_a_volume_that_disagrees_is_named():
    category = row(nodule("solid", 5.4, volume_mm3=101))
    assert category.value == "solid, single, < 6 mm"
    assert "101 mm³ it would be 6-8 mm" in category.rule
    assert "it would be" not in row(nodule("solid", 5.4, volume_mm3=99)).rule


@pytest.mark.parametrize(
    ("multiple", "mm", "low", "high"),
    [
        (False, 5, "No routine follow-up", "12 months is optional"),
        (False, 7, "6 to 12 months, then consider CT at 18 to 24", "6 to 12 months, then CT at 18 to 24"),
        (False, 9, "Consider CT at 3 months, PET/CT or tissue", "Consider CT at 3 months, PET/CT or tissue"),
        (True, 5, "No routine follow-up", "12 months is optional"),
        (True, 7, "3 to 6 months, then consider CT at 18 to 24", "3 to 6 months, then CT at 18 to 24"),
        (True, 9, "3 to 6 months, then consider CT at 18 to 24", "3 to 6 months, then CT at 18 to 24"),
    ],
)
def test_solid_management_by_risk(multiple, mm, low, high):
    assert low in row(nodule("solid", mm), multiple=multiple, patient=LOW).management
    assert high in row(nodule("solid", mm), multiple=multiple, patient=HIGH).management


def test_unknown_risk_gives_both_managements_and_says_so():
    management = row(nodule("solid", 5)).management
    assert management.startswith("Risk not known.")
    assert "At low risk: No routine follow-up." in management
    assert "At high risk: CT at 12 months is optional." in management


@pytest.mark.parametrize(("mm", "bound"), [(5.4, "< 6 mm"), (5.5, ">= 6 mm"), (25, ">= 6 mm")])
def test_single_ground_glass(mm, bound):
    category = row(nodule("ground-glass", mm))
    assert category.value == f"ground-glass, single, {bound}"
    expected = (
        "No routine" if bound == "< 6 mm" else "6 to 12 months to confirm persistence, then every 2 years"
    )
    assert expected in category.management


@pytest.mark.parametrize(
    ("mm", "part", "value", "words"),
    [
        (5.4, 4, "part-solid, single, < 6 mm", "No routine"),
        (5.5, 5.4, "part-solid, single, >= 6 mm, solid part < 6 mm", "every year for 5 years"),
        (12, 5.5, "part-solid, single, >= 6 mm, solid part 6-8 mm", "suspicious or the solid part grows"),
        (12, 8.4, "part-solid, single, >= 6 mm, solid part 6-8 mm", "3 to 6 months"),
        (12, 8.5, "part-solid, single, >= 6 mm, solid part > 8 mm", "resection is advised"),
        (12, None, "part-solid, single, >= 6 mm, solid part > 8 mm", "resection is advised"),
    ],
)
def test_single_part_solid(mm, part, value, words):
    category = row(nodule("part-solid", mm, part))
    assert category.value == value
    assert words in category.management


@pytest.mark.parametrize("attenuation", ["ground-glass", "part-solid"])
@pytest.mark.parametrize(("mm", "bound"), [(5.4, "< 6 mm"), (5.5, ">= 6 mm")])
def test_multiple_subsolid(attenuation, mm, bound):
    category = row(nodule(attenuation, mm, 3), multiple=True)
    assert category.value == f"subsolid, multiple, {bound}"
    assert "CT at 3 to 6 months" in category.management


def test_small_multiple_subsolid_nodules_at_high_risk_are_seen_at_2_and_4_years():
    small = nodule("ground-glass", 5)
    assert "2 and 4 years" in row(small, multiple=True, patient=HIGH).management
    assert "2 and 4 years" not in row(small, multiple=True, patient=LOW).management


@pytest.mark.parametrize(("part", "named"), [(5.5, "solid part 6-8 mm"), (8.5, "solid part > 8 mm")])
def test_among_several_subsolid_nodules_a_large_solid_part_is_named(part, named):
    category = row(nodule("part-solid", 15, part), multiple=True)
    assert category.value == f"subsolid, multiple, >= 6 mm, {named}"
    assert "PET/CT" in category.management


def test_subsolid_volume_threshold():
    assert row(nodule("ground-glass", 9, volume_mm3=99), by="volume").value == "ground-glass, single, < 6 mm"
    assert (
        row(nodule("ground-glass", 4, volume_mm3=100), by="volume").value == "ground-glass, single, >= 6 mm"
    )


@pytest.mark.parametrize(
    "facts",
    [nodule("fat", 20), nodule("calcified", 20, calcification="popcorn")],
)
def test_benign_content_needs_no_follow_up(facts):
    category = row(facts)
    assert (category.value, category.management) == ("benign", "No follow-up.")


def test_calcium_of_unknown_pattern_is_judged_as_solid():
    assert row(nodule("calcified", 9)).value == "solid, single, > 8 mm"


@pytest.mark.parametrize(("mm", "mass"), [(30.0, False), (30.1, True)])
def test_a_mass_is_not_scheduled(mm, mass):
    assert (row(nodule("solid", mm)).value == "mass") is mass


@pytest.mark.parametrize(
    ("patient", "applies"),
    [
        (PatientFacts(age=34), False),
        (PatientFacts(age=35), True),
        (PatientFacts(known_cancer=True), False),
        (PatientFacts(known_cancer=False), True),
        (PatientFacts(immunosuppressed=True), False),
        (PatientFacts(screening=True), False),
        (PatientFacts(), True),
    ],
)
def test_the_guideline_is_for_some_patients_only(patient, applies):
    for category in (row(nodule("solid", 7), patient=patient), study_category([], patient=patient)):
        assert (category.value != "not applicable") is applies


def test_what_is_not_known_of_the_patient_is_named_and_never_filled_in():
    rule = row(nodule("solid", 7)).rule
    for words in ("age of 35 or more", "no known cancer", "no immune suppression", "no screening"):
        assert words in rule
    known = PatientFacts(age=60, known_cancer=False, immunosuppressed=False, screening=False)
    assert "assumed" not in row(nodule("solid", 7), patient=known).rule


@pytest.mark.parametrize(("growth", "named"), [(1.9, False), (2.0, True), (None, False)])
def test_growth_counts_from_2_mm(growth, named):
    assert ("grown by" in row(nodule("solid", 9, growth_mm=growth)).rule) is named


def test_a_resolved_nodule_has_no_row():
    assert row(nodule("solid", 9, status="resolved")) is None


def test_the_dominant_nodule_leads_the_study():
    several = [
        row(nodule("solid", 7), multiple=True),
        row(nodule("part-solid", 9, 7)),
        row(nodule("solid", 5), multiple=True),
    ]
    assert study_category(several).value == "part-solid, single, >= 6 mm, solid part 6-8 mm"


def test_a_study_without_nodules_needs_no_follow_up_for_them():
    assert study_category([]).value == "no nodule"
