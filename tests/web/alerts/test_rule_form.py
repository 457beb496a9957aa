import pytest
from starlette.datastructures import FormData

from firstread.alerts.configuration import shipped
from firstread.alerts.rules import Conditions, MeasuredRange, Range, Rule
from firstread.web.alerts.rule_form import read_values, rule_of, values_of

EVERYTHING = Rule(
    name="all",
    title="T",
    title_zh="题",
    level="minutes",
    per="study",
    enabled=False,
    when=Conditions(
        readers=("a", "b"),
        modalities=("CT",),
        concepts=("SCT:1", "a mass, or so"),
        attributes=("large",),
        category={"Lung-RADS": ("4B", "4X"), "other": ("1",)},
        attenuation=("solid", "part-solid"),
        change=("slowly growing",),
        laterality=("left",),
        lobe=("right upper",),
        probability=Range(min=0.5),
        mean_mm=Range(min=1.25, max=30),
        volume_mm3=Range(max=1e5),
        measurements=(
            MeasuredRange(concept="Shift", unit="mm", min=5),
            MeasuredRange(concept="x", unit="1", max=0),
        ),
    ),
)


def sent(values):
    """The form as a browser sends it."""
    fields = []
    for name, value in values.items():
        if isinstance(value, list):
            fields += [(name, each) for each in value]
        elif not isinstance(value, bool):
            fields.append((name, value.replace("\n", "\r\n")))
        elif value:
            fields.append((name, "yes"))
    return FormData(fields)


@pytest.mark.parametrize("rule", [*shipped().rules, EVERYTHING], ids=lambda rule: rule.name)
def test_a_rule_comes_back_from_its_form_as_it_was(rule):
    assert rule_of(read_values(sent(values_of(rule)))) == (rule, {})


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("name", "Big Name", {"name": "wrong_name"}),
        ("title", "", {"title": "wrong_title"}),
        ("title_zh", "\x07", {"title_zh": "wrong_text"}),
        ("level", "weeks", {"level": "wrong_text"}),
        ("mean_mm-min", "big", {"mean_mm": "wrong_range"}),
        ("mean_mm-max", "1", {"mean_mm": "wrong_range"}),
        ("volume_mm3-max", "nan", {"volume_mm3": "wrong_range"}),
        ("category", "4B", {"category": "wrong_category"}),
        ("measurements", "Shift; mm; 9; 3", {"measurements": "wrong_measurements"}),
        ("lobe", ["top"], {"lobe": "wrong_text"}),
    ],
)
def test_what_is_wrong_is_said_at_its_field(field, value, problem):
    assert rule_of({**values_of(EVERYTHING), field: value}) == (None, problem)


def test_a_rule_that_would_fire_on_everything_is_refused():
    values = {**values_of(None), "name": "own", "title": "T", "modalities": "CT"}
    assert rule_of(values) == (None, {"when": "wrong_when"})
