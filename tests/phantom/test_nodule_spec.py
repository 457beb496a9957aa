import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from firstread.errors import UsageError
from firstread.phantom import NoduleSpec, parse_nodules
from firstread.phantom.nodule_spec import EXAMPLE, drawn_nodules

specs = st.builds(
    NoduleSpec,
    diameter_mm=st.integers(20, 600).map(lambda tenths: tenths / 10),
    attenuation=st.sampled_from(["solid", "part-solid", "ground-glass", "calcified", "fat"]),
    site=st.sampled_from(["parenchymal", "juxtapleural", "perivascular", "perifissural"]),
    margin=st.sampled_from(["smooth", "lobulated", "spiculated"]),
    side=st.sampled_from([None, "right", "left"]),
    zone=st.sampled_from([None, "upper", "middle", "lower"]),
)


def test_the_example_is_understood():
    first, second, third = parse_nodules(EXAMPLE)
    assert first == NoduleSpec(diameter_mm=8, attenuation="solid")
    assert second == NoduleSpec(diameter_mm=12, attenuation="ground-glass", site="juxtapleural")
    assert third == NoduleSpec(diameter_mm=20, attenuation="part-solid", solid_part_mm=8)


@given(st.lists(specs, min_size=1, max_size=4))
def test_what_is_written_is_read_back(wanted):
    read = parse_nodules(",".join(str(spec) for spec in wanted))
    assert [spec.core_mm for spec in read] == [spec.core_mm for spec in wanted]
    assert [spec.model_dump(exclude={"solid_part_mm"}) for spec in read] == [
        spec.model_dump(exclude={"solid_part_mm"}) for spec in wanted
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (" , ,", "empty"),
        ("solid", "diameter"),
        ("8cm:solid", "diameter"),
        ("-8mm", "diameter"),
        ("8mm:soild", "soild"),
        ("8mm:solid:fat", "type twice"),
        ("8mm:solid/3", "slash"),
        ("8mm:part-solid/x", "slash"),
        ("8mm:part-solid/7.9", "80 %"),
        ("1mm", "2"),
        ("500mm", "60"),
        ("8mm,9mm:left:right", "side twice"),
    ],
)
def test_what_cannot_be_understood_is_quoted_with_a_remedy(text, says):
    with pytest.raises(UsageError, match=says) as refused:
        parse_nodules(text)
    assert refused.value.remedy


@given(st.text(max_size=40))
def test_no_text_ends_in_another_error(text):
    try:
        parse_nodules(text)
    except UsageError as refused:
        assert refused.remedy


def test_only_a_part_solid_nodule_has_a_solid_part():
    with pytest.raises(ValidationError):
        NoduleSpec(diameter_mm=8, attenuation="solid", solid_part_mm=3)


def test_drawn_nodules_are_a_mixture_and_repeat():
    drawn = drawn_nodules(60, 5)
    assert drawn == drawn_nodules(60, 5) != drawn_nodules(60, 6)
    assert {spec.attenuation for spec in drawn} >= {"solid", "part-solid", "ground-glass"}
    assert all(4 <= spec.diameter_mm <= 30 for spec in drawn)
