"""Every row, note and boundary of Lung-RADS v2022."""

import pytest

from firstread.readers.lung_nodule.categories.facts import CystFacts, NoduleFacts, PriorFacts
from firstread.readers.lung_nodule.categories.lung_rads import lung_rads


def solid(mm, **facts):
    return NoduleFacts(attenuation="solid", mean_mm=mm, **facts)


def ground_glass(mm, **facts):
    return NoduleFacts(attenuation="ground-glass", mean_mm=mm, **facts)


def part_solid(mm, part, **facts):
    return NoduleFacts(attenuation="part-solid", mean_mm=mm, solid_part_mm=part, **facts)


def cyst(status="baseline", **facts):
    return NoduleFacts(attenuation="solid", mean_mm=20, cyst=CystFacts(**facts), status=status)


def value(nodule, **prior):
    category = lung_rads(nodule, prior=PriorFacts(**prior) if prior else None)
    return category.value if category is not None else None


def test_scheme_and_version_are_named():
    category = lung_rads(solid(7))
    assert (category.scheme, category.version) == ("Lung-RADS", "v2022")


# Category 1


@pytest.mark.parametrize("pattern", ["complete", "central", "popcorn", "concentric rings"])
def test_benign_calcification_is_1(pattern):
    assert value(NoduleFacts(attenuation="calcified", mean_mm=20, calcification=pattern)) == "1"


def test_fat_is_1():
    assert value(NoduleFacts(attenuation="fat", mean_mm=20)) == "1"


@pytest.mark.parametrize("pattern", [None, "other"])
def test_calcium_of_another_or_unknown_pattern_is_judged_as_solid(pattern):
    assert value(NoduleFacts(attenuation="calcified", mean_mm=8.0, calcification=pattern)) == "4A"


# Solid


@pytest.mark.parametrize(
    ("mm", "expected"),
    [(2.0, "2"), (5.9, "2"), (6.0, "3"), (7.9, "3"), (8.0, "4A"), (14.9, "4A"), (15.0, "4B"), (60, "4B")],
)
def test_solid_at_baseline(mm, expected):
    assert value(solid(mm)) == expected


@pytest.mark.parametrize(
    ("mm", "expected"),
    [(3.9, "2"), (4.0, "3"), (5.9, "3"), (6.0, "4A"), (7.9, "4A"), (8.0, "4B"), (15.0, "4B")],
)
def test_solid_and_new(mm, expected):
    assert value(solid(mm, status="new")) == expected


@pytest.mark.parametrize(("mm", "expected"), [(4.0, "4A"), (7.9, "4A"), (8.0, "4B"), (20.0, "4B")])
def test_solid_and_growing(mm, expected):
    assert value(solid(mm, status="growing"), category="2", mean_mm=mm - 1.6, months=12) == expected


def test_the_mean_diameter_counts_to_one_decimal_place():
    assert value(solid(5.94)) == "2"
    assert value(solid(5.95)) == "3"


def test_a_cavitary_nodule_is_solid_by_its_total_diameter():
    assert value(part_solid(15.0, 2.0, cavitary=True)) == "4B"


# Juxtapleural


@pytest.mark.parametrize("status", ["baseline", "new"])
@pytest.mark.parametrize("shape", ["oval", "lentiform", "triangular"])
@pytest.mark.parametrize(("mm", "benign"), [(9.9, True), (10.0, False)])
def test_smooth_juxtapleural_nodules_below_10_mm_are_2(status, shape, mm, benign):
    nodule = solid(mm, juxtapleural=True, smooth=True, shape=shape, status=status)
    assert (value(nodule) == "2") is benign


@pytest.mark.parametrize(
    "facts",
    [
        {"smooth": None, "shape": "oval"},
        {"smooth": True, "shape": None},
        {"smooth": False, "shape": "oval"},
        {"smooth": True, "shape": "other"},
    ],
)
def test_a_juxtapleural_nodule_of_unknown_or_other_form_goes_by_size(facts):
    assert value(solid(9.0, juxtapleural=True, **facts)) == "4A"


def test_a_growing_juxtapleural_nodule_goes_by_growth():
    assert value(solid(7.0, juxtapleural=True, smooth=True, shape="oval", status="growing")) == "4A"


def test_the_juxtapleural_row_is_for_solid_nodules():
    assert value(part_solid(9.0, 6.0, juxtapleural=True, smooth=True, shape="oval")) == "4A"


# Part-solid


@pytest.mark.parametrize(
    ("mm", "part", "expected"),
    [
        (5.9, 3.0, "2"),
        (5.9, 5.9, "2"),
        (6.0, 0.0, "3"),
        (6.0, 5.9, "3"),
        (29.0, 5.9, "3"),
        (10.0, 6.0, "4A"),
        (10.0, 7.9, "4A"),
        (10.0, 8.0, "4B"),
    ],
)
def test_part_solid_at_baseline(mm, part, expected):
    assert value(part_solid(mm, part)) == expected


@pytest.mark.parametrize(
    ("mm", "part", "expected"),
    [(5.9, 2.0, "3"), (5.9, 5.0, "3"), (6.0, 3.9, "4A"), (6.0, 4.0, "4B"), (20.0, 3.9, "4A")],
)
def test_part_solid_and_new(mm, part, expected):
    assert value(part_solid(mm, part, status="new")) == expected


@pytest.mark.parametrize("change", ["new", "growing"])
@pytest.mark.parametrize("status", ["stable", "growing", "decreased"])
@pytest.mark.parametrize(("part", "expected"), [(3.9, "4A"), (4.0, "4B")])
def test_a_solid_part_that_is_new_or_grew(change, status, part, expected):
    nodule = part_solid(12.0, part, status=status, solid_part_change=change)
    assert value(nodule, category="3", mean_mm=12.0, months=12) == expected


def test_growth_with_an_unknown_change_of_the_solid_part_counts_as_its_growth():
    assert value(part_solid(12.0, 4.0, status="growing")) == "4B"


def test_growth_outside_the_solid_part_goes_by_size_and_never_below_the_prior():
    grown = part_solid(12.0, 3.0, status="growing", solid_part_change="stable")
    assert value(grown) == "3"
    assert value(grown, category="4A", months=3) == "4A"


@pytest.mark.parametrize(("mm", "expected"), [(5.9, "2"), (6.0, "4A"), (7.9, "4A"), (8.0, "4B")])
def test_an_unknown_solid_part_is_taken_as_large_as_it_can_be(mm, expected):
    category = lung_rads(part_solid(mm, None))
    assert category.value == expected
    assert mm < 6 or "unknown size" in category.rule


def test_a_ground_glass_nodule_that_turned_solid_has_a_new_solid_part():
    assert value(solid(7.0, status="stable", solid_part_change="new"), category="2", months=12) == "4A"


# Ground glass


@pytest.mark.parametrize("status", ["baseline", "new", "growing"])
@pytest.mark.parametrize(("mm", "expected"), [(5.0, "2"), (29.9, "2"), (30.0, "3")])
def test_ground_glass(status, mm, expected):
    assert value(ground_glass(mm, status=status)) == expected


@pytest.mark.parametrize("status", ["stable", "slowly growing", "decreased"])
@pytest.mark.parametrize("mm", [29.9, 30.0, 45.0])
def test_ground_glass_that_does_not_really_grow_is_2_at_any_size(status, mm):
    assert value(ground_glass(mm, status=status), category="3", mean_mm=29.9, months=3) == "2"


# Slow growth (note 8)


@pytest.mark.parametrize(
    "nodule", [solid(5.0, status="slowly growing"), part_solid(9, 2, status="slowly growing")]
)
def test_slow_growth_with_a_solid_part_is_4b(nodule):
    assert value(nodule, category="2", months=24) == "4B"


# Stepped management


@pytest.mark.parametrize("status", ["stable", "decreased"])
@pytest.mark.parametrize(
    ("months", "expected"), [(6.0, "2"), (5.5, "2"), (5.4, "3"), (12.0, "2"), (None, "3")]
)
def test_category_3_unchanged_at_6_months_is_2(status, months, expected):
    assert value(solid(7.0, status=status), category="3", mean_mm=7.0, months=months) == expected


@pytest.mark.parametrize("status", ["stable", "decreased"])
@pytest.mark.parametrize(
    ("months", "expected"), [(3.0, "3"), (2.5, "3"), (2.4, "4A"), (12.0, "3"), (None, "4A")]
)
def test_category_4a_unchanged_at_3_months_is_3(status, months, expected):
    assert value(solid(9.0, status=status), category="4A", mean_mm=9.0, months=months) == expected


def test_a_stepped_down_nodule_steps_down_again():
    assert value(solid(9.0, status="stable"), category="3", mean_mm=9.0, months=6) == "2"
    assert value(solid(9.0, status="stable"), category="2", mean_mm=9.0, months=12) == "2"


@pytest.mark.parametrize("then", ["4B", "4X"])
def test_4b_and_4x_stay_until_proven_benign(then):
    assert value(solid(16.0, status="stable"), category=then, months=12) == then
    assert value(solid(16.0, status="stable", proven_benign=True), category=then, months=12) == "2"


def test_an_unknown_earlier_category_leaves_the_size_to_decide():
    category = lung_rads(solid(9.0, status="stable"), prior=PriorFacts(mean_mm=9.0, months=12))
    assert category.value == "4A"
    assert "not known" in category.rule


def test_crossing_a_threshold_counts_without_growth():
    assert value(solid(8.0, status="stable"), category="3", mean_mm=7.9, months=6) == "4A"
    assert value(solid(7.9, status="stable"), category="3", mean_mm=7.8, months=6) == "2"
    assert value(solid(6.0, status="stable"), category="2", mean_mm=5.9, months=12) == "3"


def test_crossing_a_threshold_of_the_solid_part_counts():
    crossed = part_solid(12, 6.0, status="stable", solid_part_change="stable")
    assert value(crossed, category="3", mean_mm=12, solid_part_mm=5.9, months=6) == "4A"


# Airways


@pytest.mark.parametrize(
    ("status", "expected"),
    [("baseline", "4A"), ("new", "4A"), ("stable", "4B"), ("growing", "4B"), ("decreased", "4B")],
)
def test_airway_nodules_that_are_segmental_or_more_proximal(status, expected):
    nodule = solid(5.0, airway="segmental or more proximal", status=status)
    assert value(nodule, category="4A", mean_mm=5.0, months=3) == expected


@pytest.mark.parametrize("status", ["baseline", "new", "stable"])
def test_subsegmental_airway_nodules_are_2(status):
    assert value(solid(9.0, airway="subsegmental", status=status)) == "2"


def test_a_growing_subsegmental_airway_nodule_goes_by_growth():
    assert value(solid(9.0, airway="subsegmental", status="growing")) == "4B"


def test_air_in_an_airway_abnormality_favours_secretions():
    assert value(solid(9.0, airway="segmental or more proximal", airway_air=True)) == "2"


# Cysts


@pytest.mark.parametrize(("wall_mm", "expected"), [(1.9, None), (1.94, None), (1.95, "4A"), (2.0, "4A")])
def test_a_thick_wall_starts_at_2_mm(wall_mm, expected):
    assert value(cyst(wall_mm=wall_mm)) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"wall_mm": 1, "multilocular": True}, "4A"),
        ({"wall_mm": 1, "multilocular": True, "became_multilocular": True}, "4A"),
        ({"wall_mm": 3, "cavity_growing": True}, "3"),
        ({"wall_mm": 3, "wall_growing": True}, "4B"),
        ({"wall_mm": 1, "multilocular": True, "cavity_growing": True}, "4B"),
        ({"wall_mm": 1, "multilocular": True, "denser": True}, "4B"),
        ({"wall_mm": 3, "fluid": True}, None),
        ({"wall_mm": 3, "multilocular": True, "several": True}, None),
        ({"wall_mm": 1, "cavity_growing": True}, None),
    ],
)
def test_cysts(facts, expected):
    assert value(cyst(**facts)) == expected


def test_a_stable_atypical_cyst_steps_down():
    assert value(cyst(status="stable", wall_mm=3), category="4A", months=3) == "3"
    assert value(cyst(status="stable", wall_mm=3), category="3", months=6) == "2"
    assert value(cyst(status="stable", wall_mm=3)) == "4A"


# 4X


@pytest.mark.parametrize(
    "feature", ["spiculation", "lymphadenopathy", "metastasis", "ground glass doubled within a year"]
)
def test_suspicious_features_make_3_and_4_a_4x(feature):
    assert [value(solid(mm, suspicious=(feature,))) for mm in (6.0, 8.0, 15.0)] == ["4X"] * 3
    assert value(solid(5.9, suspicious=(feature,))) == "2"


def test_ground_glass_below_30_mm_that_doubled_stays_2():
    assert (
        value(ground_glass(20, status="growing", suspicious=("ground glass doubled within a year",))) == "2"
    )


# What is gone, and what to do


def test_a_resolved_nodule_has_no_category():
    assert value(solid(8.0, status="resolved")) is None


@pytest.mark.parametrize(
    ("nodule", "words"),
    [
        (solid(5.0), "yearly"),
        (solid(6.0), "6 months"),
        (solid(8.0), "3 months"),
        (solid(15.0), "diagnostic work-up"),
        (solid(15.0, suspicious=("spiculation",)), "diagnostic work-up"),
    ],
)
def test_management(nodule, words):
    assert words in lung_rads(nodule).management


@pytest.mark.parametrize(
    ("nodule", "offered"),
    [
        (solid(7.9, status="growing"), False),
        (solid(8.0), True),
        (part_solid(20, 7.9), False),
        (part_solid(20, 8.0), True),
        (solid(9.0, status="stable"), True),
    ],
)
def test_pet_is_an_option_from_8_mm_of_solid(nodule, offered):
    assert ("PET/CT" in lung_rads(nodule).management) is offered


def test_the_rule_gives_the_numbers():
    assert lung_rads(solid(6.04)).rule == "Solid nodule of 6.0 mm at baseline: 6 to less than 8 mm."
