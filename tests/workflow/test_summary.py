import json

from firstread.workflow.summary import summary_of


def test_the_gravest_findings_are_told_in_codes(result):
    (chip,) = json.loads(summary_of(result))
    assert chip["category"] == "4A" and chip["mm"] == 9.0
    assert (chip["laterality"], chip["zone"], chip["attenuation"]) == ("right", "upper", "solid")
    assert "lobe" not in chip


def test_what_decides_the_category_comes_first_and_the_rest_is_counted(result):
    leading = result.findings[0]
    small = [
        leading.model_copy(
            update={
                "id": f"N{n}",
                "category": leading.category.model_copy(update={"value": "2"}),
                "diameter_mm": leading.diameter_mm.model_copy(update={"mean": 20.0 + n}),
            }
        )
        for n in range(2, 6)
    ]
    chips = json.loads(summary_of(result.model_copy(update={"findings": (*small, leading)})))
    assert [chip.get("mm") for chip in chips] == [9.0, 25.0, 24.0, None]
    assert chips[-1] == {"more": 2}


def test_a_result_without_findings_has_its_category(result):
    assert json.loads(summary_of(result.model_copy(update={"findings": ()}))) == [{"category": "4A"}]
    assert json.loads(summary_of(result.model_copy(update={"findings": (), "category": None}))) == []
