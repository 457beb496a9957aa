import pytest

from firstread.findings import Comparison, Diameters, Finding, Measurement
from firstread.findings.concepts import LUNG, MEAN_ATTENUATION, NODULE
from firstread.readers.lung_nodule.assess import categorise, facts_of, prior_facts_of
from firstread.readers.lung_nodule.categories.facts import PatientFacts
from firstread.readers.lung_nodule.categories.lung_rads_study import Incomplete


def diameters(mm):
    return Diameters(long=mm, short=mm, mean=mm)


def finding(number=1, mm=8.0, attenuation="solid", *, part=None, hu=None, **facts):
    return Finding(
        id=f"N{number}",
        concept=NODULE,
        probability=0.9,
        site=LUNG,
        center_lps_mm=(0, 0, 0),
        size_mm=(8, 8, 8),
        diameter_mm=diameters(mm) if mm is not None else None,
        solid_part_mm=diameters(part) if part is not None else None,
        attenuation=attenuation,
        measurements=(Measurement(concept=MEAN_ATTENUATION, value=hu, unit="[hnsf'U]"),)
        if hu is not None
        else (),
        sop_instance_uid="1.2.3",
        tracking_uid=f"2.25.{number}",
        **facts,
    )


def compared(change, **facts):
    return Comparison(change=change, prior_study_uid="1.2.3", **facts)


def study(findings, **how):
    return {c.scheme: c.value for c in categorise(findings, **how).study}


def test_every_scheme_is_applied_and_lung_rads_leads():
    done = categorise([finding(mm=9.0)])
    only = done.findings[0]
    assert [(c.scheme, c.value) for c in only.categories] == [
        ("Lung-RADS", "4A"),
        ("Fleischner", "solid, single, > 8 mm"),
        ("C-Lung-RADS", "2"),
    ]
    assert only.category == only.categories[0]
    assert [c.scheme for c in done.study] == ["Lung-RADS", "Fleischner", "C-Lung-RADS"]


def test_another_scheme_can_lead():
    done = categorise([finding(mm=9.0)], leading="C-Lung-RADS")
    assert done.findings[0].category.scheme == "C-Lung-RADS"
    assert done.study[0].scheme == "C-Lung-RADS"


def test_the_most_suspicious_finding_is_the_studys():
    assert study([finding(1, 5.0), finding(2, 16.0), finding(3, 7.0)]) == {
        "Lung-RADS": "4B",
        "Fleischner": "solid, multiple, > 8 mm",
        "C-Lung-RADS": "3",
    }


def test_a_study_without_findings():
    assert study([]) == {"Lung-RADS": "1", "Fleischner": "no nodule", "C-Lung-RADS": "0"}


def test_several_are_counted_within_solid_and_within_subsolid_and_benign_ones_not():
    values = [
        f.categories[1].value
        for f in categorise(
            [finding(1, 7.0), finding(2, 7.0, "ground-glass"), finding(3, 7.0, "fat")]
        ).findings
    ]
    assert values == ["solid, single, 6-8 mm", "ground-glass, single, >= 6 mm", "benign"]


@pytest.mark.parametrize(("hu", "expected"), [(200.0, "1"), (199.0, "4A"), (None, "4A")])
def test_calcium_is_benign_only_when_it_fills_the_nodule(hu, expected):
    assert study([finding(mm=10.0, attenuation="calcified", hu=hu)])["Lung-RADS"] == expected


def test_nothing_is_assumed_about_form_or_patient():
    facts = facts_of(finding(juxtapleural=True))
    assert (facts.smooth, facts.shape, facts.airway, facts.suspicious) == (None, None, None, ())
    fleischner = categorise([finding(mm=5.0)]).study[1]
    assert "Risk not known" in fleischner.management


def test_what_is_known_of_the_patient_is_used():
    assert study([finding()], patient=PatientFacts(age=30))["Fleischner"] == "not applicable"


def test_a_new_finding_goes_by_the_thresholds_for_new_ones():
    assert study([finding(mm=6.5, comparison=compared("new"))])["Lung-RADS"] == "4A"
    assert prior_facts_of(compared("new")) is None


@pytest.mark.parametrize(("days", "expected"), [(183, "2"), (90, "3"), (None, "3")])
def test_stepped_management_uses_the_interval(days, expected):
    stable = compared("stable", prior_category="3", prior_mean_mm=7.0, interval_days=days)
    assert study([finding(mm=7.0, comparison=stable)])["Lung-RADS"] == expected


def test_a_solid_part_that_appeared_in_ground_glass_is_new():
    seen = compared("stable", prior_attenuation="ground-glass", prior_category="2", interval_days=365)
    assert study([finding(mm=12.0, attenuation="part-solid", part=4.0, comparison=seen)])["Lung-RADS"] == "4B"


@pytest.mark.parametrize(
    ("part", "change"), [(6.6, "growing"), (6.5, "stable"), (3.5, "stable"), (3.4, "decreased")]
)
def test_the_solid_part_is_compared_by_itself(part, change):
    seen = compared("stable", prior_attenuation="part-solid", prior_solid_part_mm=5.0)
    facts = facts_of(finding(mm=12.0, attenuation="part-solid", part=part, comparison=seen))
    assert facts.solid_part_change == change


@pytest.mark.parametrize("missing", [{"mm": None}, {"attenuation": None}])
def test_a_finding_without_measures_has_no_category_and_leaves_the_study_incomplete(missing):
    done = categorise([finding(1, 5.0), finding(2, **missing)])
    assert (done.findings[1].category, done.findings[1].categories) == (None, ())
    assert done.study[0].value == "0"
    assert "N2" in done.study[0].rule


def test_known_reasons_for_category_0_are_used():
    assert study([finding()], incomplete=Incomplete(prior_sought=True))["Lung-RADS"] == "0"


def test_many_new_nodules_are_told_to_the_radiologist_and_do_not_put_off_a_4b():
    new = [finding(n, 9.0, comparison=compared("new", interval_days=400)) for n in range(7)]
    category = categorise(new).study[0]
    assert category.value == "4B"
    assert "more than six new nodules" in category.rule
    assert "infection" not in categorise(new[:6]).study[0].rule


def test_findings_are_returned_in_order_and_the_given_ones_are_left_alone():
    given = [finding(1, 5.0), finding(2, 9.0)]
    done = categorise(given)
    assert [f.id for f in done.findings] == ["N1", "N2"]
    assert given[0].category is None
