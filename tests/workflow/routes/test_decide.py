from dataclasses import fields, replace

import pytest

from firstread.workflow.routes import Conditions, PlannedRead, SeriesFacts, StudyFacts, decide
from tests.workflow.routes.samples import CHEST, THICK, THIN, TOPOGRAM, route


def test_without_a_rule_nothing_is_read():
    decision = decide(CHEST, ())
    assert (decision.reads, decision.explanation) == ((), ())


def test_a_study_that_fits_is_read_as_the_route_says():
    thin = route(
        "thin slices",
        when={"modality": "CT", "slice_thickness_mm": {"max": 2.5}, "images": {"min": 40}},
        priority="urgent",
        destinations=["pacs"],
        lang="zh",
    )
    assert decide(CHEST, [thin]).reads == (
        PlannedRead("thin slices", "lung_nodule", "urgent", ("pacs",), "zh", THIN.series_uid),
    )


def test_where_several_series_fit_the_reader_chooses():
    (read,) = decide(CHEST, [route(when={"image_type": "AXIAL"})]).reads
    assert read.series_uid is None


def test_conditions_on_series_must_hold_of_one_and_the_same_series():
    assert decide(CHEST, [route(when={"slice_thickness_mm": {"max": 1}, "kernel": "Br40d"})]).reads == ()


@pytest.mark.parametrize(
    "when",
    [
        {"source": ["ER*", "CT1"]},
        {"institution": "st.*"},
        {"study_description": "/.*(chest|thorax).*/"},
        {"requested_priority": ""},
        {"age_years": {"min": 18}},
        {"sex": "F"},
        {"weekday": ["sat", "sun"]},
        {"hour": {"start": 18, "end": 7}},
        {"modality": "CT"},
        {"body_part": ["CHEST", ""]},
        {"series_description": "lung*"},
        {"image_type": "axial"},
        {"kernel": "Br6?d"},
        {"slice_thickness_mm": {"min": 4, "max": 6}},
        {"images": {"min": 300, "max": 300}},
    ],
    ids=lambda when: next(iter(when)),
)
def test_every_condition_holds_of_what_it_names(when):
    assert decide(CHEST, [route(when=when)]).reads


@pytest.mark.parametrize(
    "when",
    [
        {"source": "CT"},
        {"institution": ""},
        {"study_description": "abdomen*"},
        {"requested_priority": "*"},
        {"age_years": {"max": 60}},
        {"sex": "M"},
        {"weekday": "mon"},
        {"hour": {"start": 7, "end": 18}},
        {"modality": "MR"},
        {"body_part": "HEAD"},
        {"series_description": "bone*"},
        {"image_type": "MPR"},
        {"kernel": "Br"},
        {"slice_thickness_mm": {"min": 6}},
        {"images": {"min": 301}},
    ],
    ids=lambda when: next(iter(when)),
)
def test_every_condition_keeps_from_what_is_something_else(when):
    assert not decide(CHEST, [route(when=when)]).reads


@pytest.mark.parametrize("condition", ["age_years", "slice_thickness_mm"])
def test_an_absent_number_is_in_no_range(condition):
    bare = StudyFacts("1", series=(SeriesFacts("1.1"),))
    assert not decide(bare, [route(when={condition: {"min": 0}})]).reads


def test_unless_leaves_out_the_series_of_which_any_condition_holds():
    no_scout = route(unless={"image_type": "LOCALIZER", "series_description": "*topo*"})
    assert decide(CHEST, [no_scout]).reads
    assert decide(replace(CHEST, series=(TOPOGRAM,)), [no_scout]).reads == ()
    renamed = replace(TOPOGRAM, image_type=("ORIGINAL", "PRIMARY", "AXIAL"))
    assert decide(replace(CHEST, series=(renamed,)), [no_scout]).reads == ()


def test_unless_on_the_study_leaves_out_the_study():
    assert decide(CHEST, [route(unless={"source": "CT*"})]).reads == ()


def test_the_first_route_that_fits_decides_for_its_reader():
    stat = route("emergency", when={"source": "ER*"}, priority="stat")
    usual = route("usual")
    other = route("other reader", reader="ball")
    decision = decide(replace(CHEST, source=("ER1",)), [stat, usual, other])
    assert [(read.route, read.priority) for read in decision.reads] == [
        ("emergency", "stat"),
        ("other reader", "routine"),
    ]
    assert [verdict.outcome for verdict in decision.explanation] == ["reads", "comes after", "reads"]
    assert decision.explanation[1].after == "emergency"
    assert decide(CHEST, [stat, usual]).reads[0].route == "usual"


def test_a_disabled_route_reads_nothing():
    decision = decide(CHEST, [route(enabled=False)])
    assert decision.reads == ()
    assert decision.explanation[0].outcome == "is disabled"


@pytest.mark.parametrize(
    ("facts", "why"), [(replace(CHEST, prior=True), "prior"), (replace(CHEST, series=()), "no images")]
)
def test_priors_and_studies_without_images_are_not_routed(facts, why):
    decision = decide(facts, [route()])
    assert (decision.reads, decision.why) == ((), why)
    assert decision.explanation[0].outcome == "is not asked"


def test_the_explanation_says_of_every_condition_what_was_wanted_and_found():
    asked = route(
        when={"source": "ER*", "slice_thickness_mm": {"max": 2.5}}, unless={"image_type": "LOCALIZER"}
    )
    (verdict,) = decide(replace(CHEST, series=(TOPOGRAM, THICK)), [asked]).explanation
    told = [(c.series_uid, c.condition, c.wanted, c.found, c.holds, c.excludes) for c in verdict.checks]
    assert told == [
        ("", "source", "ER*", "CT1", False, False),
        ("1.1", "slice_thickness_mm", "at most 2.5", "0.6", True, False),
        ("1.1", "image_type", "LOCALIZER", "ORIGINAL, PRIMARY, LOCALIZER", True, True),
        ("1.3", "slice_thickness_mm", "at most 2.5", "5", False, False),
        ("1.3", "image_type", "LOCALIZER", "ORIGINAL, PRIMARY, AXIAL", False, True),
    ]


def test_every_condition_asks_for_one_fact():
    study, series = ({field.name for field in fields(kind)} for kind in (StudyFacts, SeriesFacts))
    for condition in Conditions.model_fields:
        assert (condition in study) + (condition in series) == 1, condition
