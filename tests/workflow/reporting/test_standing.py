import pytest

from firstread.errors import UsageError
from firstread.workflow.reporting.report import NotNow


@pytest.fixture
def database_url():
    """None: what stands does not depend on the database."""


def by_id(opened):
    return {one.id: one for one in opened.stands.findings}


def test_what_was_corrected_is_categorised_by_what_it_says_now(reported):
    before = by_id(reported.open())["N2"]
    assert (before.category.value, before.volume_mm3) == ("3", 180.0)
    opened = reported.change(
        findings={"N2": {"decision": "edited", "edited": {"long_mm": 9.4, "short_mm": 8.0}}}
    )
    now = by_id(opened)["N2"]
    assert (now.diameter_mm.mean, now.category.value, now.volume_mm3) == (8.7, "4A", None)
    assert "4A" in opened.content.sections["findings"].text


def test_a_lobe_decides_the_side(reported):
    edited = {"decision": "edited", "edited": {"lobe": "right middle"}}
    now = by_id(reported.change(findings={"N2": edited}))["N2"]
    assert (now.lobe, now.laterality) == ("right middle", "right")
    assert now.volume_mm3 == 180.0  # the size is as it was


def test_axes_that_were_dragged_decide_the_diameters(reported):
    axes = {"long": [[0, 0, 0], [6, 8, 0]], "short": [[0, 0, 0], [0, 0, 5]]}
    now = by_id(reported.change(findings={"N1": {"decision": "edited", "edited": {"axes_lps_mm": axes}}}))[
        "N1"
    ]
    assert (now.diameter_mm.long, now.diameter_mm.short, now.diameter_mm.mean) == (10.0, 5.0, 7.5)


def test_the_studys_category_follows_what_stands(reported):
    assert reported.open().stands.category.value == "4A"
    reject = {"decision": "rejected", "reason": "a vessel"}
    opened = reported.change(findings={"N1": reject, "N2": reject, "N3": reject})
    assert opened.stands.category.value == "1"
    assert opened.stands.findings == ()
    assert "Continue yearly low-dose CT." in opened.content.sections["recommendation"].text
    back = reported.change(findings={"N1": {"decision": "unreviewed"}})
    assert back.stands.category.value == "4A"


def test_a_section_that_a_person_edited_is_drafted_anew_only_when_asked(reported):
    mine = reported.change(sections={"impression": {"text": "Mine."}})
    assert mine.content.sections["impression"].edited
    reject = {"N1": {"decision": "rejected", "reason": "a vessel"}}
    assert reported.change(findings=reject).content.sections["impression"].text == "Mine."
    drafted = reported.change(sections={"impression": {"take_draft": True}}).content.sections["impression"]
    assert not drafted.edited
    assert "(N1)" not in drafted.text and "N2" in drafted.text


def test_a_report_in_chinese_keeps_what_was_typed(reported):
    reported.change(sections={"indication": {"text": "Cough."}})
    opened = reported.change(lang="zh")
    assert opened.content.sections["indication"].text == "Cough."
    assert "结节" in opened.content.sections["findings"].text
    assert "AI初步结果，未经审核" in opened.content.sections["findings"].text


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"decision": "rejected"}, "without a reason"),
        ({"decision": "edited", "edited": {}}, "nothing of it changed"),
    ],
)
def test_a_decision_says_what_it_decides(reported, change, why):
    with pytest.raises(UsageError, match=why):
        reported.change(findings={"N1": change})
    with pytest.raises(UsageError, match="no finding"):
        reported.change(findings={"N9": {"decision": "accepted"}})


def test_what_is_signed_cannot_be_changed(reported):
    reported.sign()
    with pytest.raises(NotNow, match="signed"):
        reported.change(sections={"impression": {"text": "Other."}})


def test_control_characters_are_not_kept(reported):
    opened = reported.change(sections={"indication": {"text": "a\x00b\u202ec\r\nd"}})
    assert opened.content.sections["indication"].text == "abc\nd"
