import pytest

from firstread.reports import draft, draft_impression
from tests.reports import samples


def test_a_nodule_is_described_as_a_radiologist_would():
    text = draft(samples.several())
    assert text.findings[0].startswith(
        "N1: 14.4 mm part-solid nodule in the right lung, upper zone, juxtapleural (series 3, image 101). "
        "Long axis 16.2 mm, short axis 12.6 mm, mean 14.4 mm. Solid part 7.4 × 6.2 mm, mean 6.8 mm. "
        "Volume 1289 mm³. Mean attenuation −312 HU. Margin: spiculated. Lung-RADS v2022: 4A ("
    )


def test_the_same_in_chinese():
    text = draft(samples.several(), "zh")
    assert text.findings[0].startswith(
        "N1：右肺上部部分实性结节，平均径 14.4 mm，紧邻胸膜（序列 3，图像 101）。"
        "长径 16.2 mm，短径 12.6 mm，平均径 14.4 mm。实性成分 7.4 × 6.2 mm，平均径 6.8 mm。"
        "体积 1289 mm³。平均CT值 −312 HU。边缘：毛刺。Lung-RADS v2022：4A（"
    )


def test_a_lobe_is_claimed_only_where_one_was_segmented():
    zones = draft(samples.several())
    assert "lobe" not in " ".join([*zones.findings, *zones.impression])
    assert any("not lobes" in limit for limit in zones.limits)
    assert "in the left lower lobe" in draft(samples.with_prior()).findings[0]


def test_growth_is_told_with_then_now_interval_and_doubling_time():
    text = draft(samples.with_prior())
    assert (
        "Since 2 November 2023: growing; mean 7.1 mm then, 10.4 mm now (+3.3 mm); volume 187 mm³ then, "
        "589 mm³ now; interval 197 days; volume doubling time 119 days."
    ) in text.findings[0]
    assert text.comparison.startswith(
        "firstread's result of 2 November 2023. No longer seen: 2 of its nodules."
    )


def test_without_a_prior_the_comparison_says_so():
    assert draft(samples.none_found()).comparison == "None. No earlier result was given for comparison."


def test_no_nodule_says_what_was_and_what_was_not_looked_for():
    text = draft(samples.none_found())
    assert text.impression[0] == (
        "No lung nodule of 3 mm or more was found by the software. This does not exclude one."
    )
    assert text.limits[0] == "Only lung nodules and masses of 3 mm and more were looked for."
    assert "bones" in text.limits[1]


def test_the_technique_names_series_grid_scanner_and_reason():
    technique = draft(samples.none_found()).technique
    for part in (
        "series 3 “Chest LD 1.25 B50”, 261 images",
        "slice thickness 1.25 mm, interval 0.625 mm, pixels 0.703 × 0.703 mm",
        "SIEMENS Sensation 64",
        "kernel B50f",
        "120 kVp",
        "the thinnest axial series with a lung kernel",
    ):
        assert part in technique


def test_warnings_reach_the_report_as_they_are():
    result = samples.with_warnings()
    assert draft(result, "zh").warnings == result.warnings


def test_the_score_is_told_with_what_it_means():
    assert any("not a probability of cancer" in limit for limit in draft(samples.several()).limits)


def test_provenance_names_every_network_with_its_digest_and_precision():
    values = [value for _, value in draft(samples.several()).provenance]
    assert "nodule-detector 1.0.0, int8, sha256 abababababab…" in values
    assert "nodule-classifier 1.0.0, f32, sha256 efefefefefef…" in values


@pytest.mark.parametrize("stored", ["en", "zh"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_drafted_impression_follows_the_language_of_the_report(stored, lang):
    result = samples.several()
    kept = result.model_copy(update={"impression": draft_impression(result, stored)})
    assert draft(kept, lang).impression == tuple(draft_impression(result, lang).split("\n"))


def test_an_impression_in_the_readers_own_words_stands():
    own = samples.several().model_copy(update={"impression": "Nothing to worry about.\n\nAsk again."})
    assert draft(own, "zh").impression == ("Nothing to worry about.", "Ask again.")


def test_hostile_texts_stay_one_line_without_control_characters():
    text = draft(samples.hostile())
    for line in (*text.findings, *text.impression, *text.warnings, text.technique):
        assert line.isprintable()
