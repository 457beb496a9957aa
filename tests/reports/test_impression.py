from firstread.reports import draft_impression
from tests.reports import samples


def test_the_leading_nodule_comes_first_with_category_and_recommendation():
    first, *_ = draft_impression(samples.several()).split("\n")
    assert first == (
        "14.4 mm part-solid nodule in the right lung, upper zone, juxtapleural (N1). Lung-RADS v2022: 4A. "
        "Recommended by the scheme: Low-dose CT in 3 months. "
        "PET/CT may be considered, as the solid nodule or part measures 8 mm or more."
    )


def test_the_same_in_chinese():
    first, *_ = draft_impression(samples.several(), "zh").split("\n")
    assert first == (
        "右肺上部部分实性结节，平均径 14.4 mm，紧邻胸膜（N1）。Lung-RADS v2022：4A。"
        "该分类建议：3 个月后复查低剂量CT。实性结节或实性成分达 8 mm 及以上，可考虑PET/CT。"
    )


def test_other_schemes_stand_below_the_leading_one():
    last = draft_impression(samples.several()).split("\n")[-1]
    assert last.startswith(
        "By other schemes: Fleischner 2017: part-solid, single, ≥ 6 mm, solid part 6–8 mm ("
    )
    assert "C-Lung-RADS 2024: 3 (CT in 3 months" in last


def test_growth_new_and_resolved_nodules_are_all_told():
    lines = draft_impression(samples.with_prior()).split("\n")
    assert lines[0].startswith(
        "10.4 mm solid nodule in the left lower lobe (N1), growing, +3.3 mm in 197 days, "
        "volume doubling time 119 days. Lung-RADS v2022: 4B."
    )
    assert "(N2, new)" in lines[1]
    assert lines[2] == "2 nodules of the earlier study are no longer seen."


def test_many_nodules_are_counted_and_those_of_the_same_category_named():
    lines = draft_impression(samples.forty()).split("\n")
    assert lines[0].endswith("The same category applies to N2, N3, N4.")
    assert lines[1] == "36 further nodules, listed under Findings."


def test_new_ones_among_many_are_named():
    many = samples.forty()
    new = samples.with_prior().findings[1].comparison
    changed = many.findings[20].model_copy(update={"comparison": new})
    lines = draft_impression(
        many.model_copy(update={"findings": (*many.findings[:20], changed, *many.findings[21:])})
    ).split("\n")
    assert "New: N21." in lines


def test_nothing_found_gives_the_category_too():
    assert draft_impression(samples.none_found()).split("\n")[1] == (
        "Lung-RADS v2022: 1. Recommended by the scheme: Continue yearly low-dose CT."
    )


def test_warnings_are_pointed_to():
    assert "warned 2 times" in draft_impression(samples.with_warnings())


def test_the_modifier_stands_with_its_category():
    result = samples.none_found()
    modified = result.category.model_copy(update={"modifier": "S"})
    assert "Lung-RADS v2022: 1S." in draft_impression(result.model_copy(update={"category": modified}))
