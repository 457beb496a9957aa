import pytest
from pydantic import ValidationError

from firstread.alerts.configuration import shipped
from firstread.alerts.rules import Conditions, Rule, fired, verdicts
from firstread.findings import Attribute, Comparison, Measurement, concepts
from tests.alerts.samples import LARGE, PNEUMOTHORAX, finding, result


def rule(name="r", *, level="hours", per="finding", **when):
    return Rule(name=name, title=name, level=level, per=per, when=Conditions(**when))


def names(read, rules=None):
    return [each.rule.name for each in fired(read, shipped().rules if rules is None else rules)]


@pytest.mark.parametrize("category", ["4B", "4X"])
def test_a_nodule_of_4b_or_4x_is_an_alert_of_days(category):
    (alert,) = fired(result(finding(category=category)), shipped().rules)
    assert (alert.rule.name, alert.rule.level) == ("lung-rads-4b-4x", "days")
    assert category in alert.because


@pytest.mark.parametrize("category", ["1", "2", "3", "4A", None])
def test_smaller_categories_are_no_alert(category):
    assert names(result(finding(category=category))) == []


def test_all_nodules_of_a_study_that_one_rule_leads_are_one_alert():
    (alert,) = fired(
        result(finding(1, category="4B"), finding(2, category="2"), finding(3, category="4X")),
        shipped().rules,
    )
    assert [each.id for each in alert.findings] == ["N1", "N3"]


def test_a_mass_that_is_4b_too_is_one_alert_which_names_the_other_rule():
    (alert,) = fired(result(finding(concept=concepts.MASS, category="4B", mean=41)), shipped().rules)
    assert alert.rule.name == "lung-rads-4b-4x"
    assert alert.also == ("lung-mass",)


def test_a_nodule_of_30_mm_is_an_alert_without_any_category():
    assert names(result(finding(mean=30.0))) == ["nodule-of-30-mm"]
    assert names(result(finding(mean=29.9))) == []


def test_of_the_rules_that_a_finding_fulfils_the_most_urgent_leads():
    (alert,) = fired(
        result(finding(concept=PNEUMOTHORAX, attributes=(LARGE,)), modality="DX"), shipped().rules
    )
    assert (alert.rule.name, alert.rule.level, alert.also) == (
        "large-pneumothorax",
        "minutes",
        ("pneumothorax",),
    )


def test_a_concept_below_the_probability_is_no_alert():
    assert names(result(finding(concept=PNEUMOTHORAX, probability=0.49), modality="DX")) == []


def test_concepts_are_codes_or_meanings_in_any_case():
    for written in ("SCT:36118008", "PNEUMOTHORAX"):
        assert names(result(finding(concept=PNEUMOTHORAX)), [rule(concepts=written)]) == ["r"]
    assert names(result(finding(concept=PNEUMOTHORAX)), [rule(concepts="DCM:36118008")]) == []


def test_every_trigger_of_the_standard_list_ships():
    levels = {each.name: each.level for each in shipped().rules}
    at_once = {name for name, level in levels.items() if level == "minutes"}
    assert at_once == {
        "tension-pneumothorax",
        "large-pneumothorax",
        "pneumoperitoneum",
        "aortic-dissection",
        "pulmonary-embolism",
        "cardiac-tamponade",
        "tube-malposition",
    }
    assert {"massive-effusion", "tuberculosis"} <= set(levels)


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ({"mean_mm": {"min": 9}}, True),
        ({"mean_mm": {"min": 9.1}}, False),
        ({"long_mm": {"max": 9}}, True),
        ({"solid_part_mm": {"min": 1}}, False),
        ({"volume_mm3": {"min": 100, "max": 400}}, True),
        ({"growth_mm": {"min": 1.5}}, True),
        ({"change": ["growing"]}, True),
        ({"change": ["new"]}, False),
        ({"attenuation": ["solid"]}, True),
        ({"laterality": ["left"]}, False),
        ({"lobe": ["right upper"]}, False),
        ({"attributes": ["large"]}, True),
        ({"measurements": [{"concept": "Volume", "unit": "mm3", "min": 300}]}, True),
        ({"measurements": [{"concept": "Volume", "unit": "ml", "min": 300}]}, False),
        ({"readers": ["other"], "mean_mm": {"min": 1}}, False),
        ({"modalities": ["CT", "MR"], "mean_mm": {"min": 1}}, True),
    ],
)
def test_each_condition_asks_what_it_says(when, holds):
    lesion = finding(
        attenuation="solid",
        volume_mm3=382.0,
        attributes=(LARGE, Attribute(concept=concepts.SPICULATION, value=concepts.PRESENT)),
        measurements=(Measurement(concept=concepts.VOLUME, value=382.0, unit="mm3"),),
        comparison=Comparison(change="growing", prior_study_uid="1.2", growth_mm=1.5),
    )
    (verdict,) = verdicts(result(lesion), [rule(**when)])
    assert verdict.fires is holds


def test_a_rule_that_does_not_fire_says_which_condition_failed():
    (verdict,) = verdicts(result(finding(category="3")), [rule(category={"Lung-RADS": ["4B", "4X"]})])
    assert verdict.because == "Lung-RADS 3 (4B, 4X)"


def test_a_rule_that_is_switched_off_is_not_asked():
    off = rule(concepts="nodule").model_copy(update={"enabled": False})
    assert names(result(finding()), [off]) == []


@pytest.mark.parametrize("when", [{}, {"modalities": ["CT"]}, {"mean_mm": {}}, {"size": 3}])
def test_a_rule_that_would_always_fire_or_asks_for_nothing_known_is_refused(when):
    with pytest.raises(ValidationError):
        rule(**when)
