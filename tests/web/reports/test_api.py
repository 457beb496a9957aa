import pytest
from sqlalchemy import false

from firstread.access import Action
from firstread.alerts.configuration import shipped
from firstread.alerts.rules import Conditions, Range, Rule
from tests import small_chest
from tests.alerts.samples import raised, result
from tests.web.reports.conftest import PASSWORD

LARGE_ONES = shipped().model_copy(
    update={
        "rules": (
            Rule(
                name="large",
                title="T",
                level="days",
                when=Conditions(concepts=("nodule",), mean_mm=Range(min=8)),
            ),
        )
    }
)
BALL = [
    origin + index * spacing
    for origin, index, spacing in zip(
        small_chest.ORIGIN_LPS_MM, small_chest.BALL_INDEX[::-1], small_chest.SPACING_MM[::-1], strict=True
    )
]


def test_the_result_is_what_the_ai_wrote(anne, reported, read_folder):
    answer = anne.call("GET", "result")
    assert answer.content == (read_folder[0] / "result.json").read_bytes()
    assert answer.headers["content-type"] == "application/json"


def test_a_report_says_what_stands_and_what_the_ai_said(anne):
    report = anne.report()
    assert report["state"] == "preliminary"
    assert report["notice"] == "AI preliminary, not verified"
    assert [(one["id"], one["origin"], one["decision"]) for one in report["findings"]] == [
        ("N1", "ai", "unreviewed"), ("N2", "ai", "unreviewed"), ("N3", "ai", "unreviewed"),
    ]  # fmt: skip
    edited = {"decision": "edited", "edited": {"long_mm": 5.0, "short_mm": 4.0}}
    answer = anne.call("PATCH", "report", seen=report["version"], json={"findings": {"N1": edited}})
    assert answer.status_code == 200, answer.text
    first = answer.json()["findings"][0]
    assert first["finding"]["diameter_mm"]["mean"] == 4.5
    assert first["ai"]["diameter_mm"]["mean"] > 10
    assert first["finding"]["category"]["value"] == "2"
    assert answer.headers["etag"] == f'"{answer.json()["version"]}"'


def test_a_change_says_which_version_was_seen(anne):
    assert anne.call("PATCH", "report", json={}).status_code == 428
    assert anne.call("PATCH", "report", json={}, seen="x").status_code == 400


def test_of_two_who_write_at_once_the_second_is_told_what_the_first_wrote(anne, ben):
    seen = anne.report()["version"]
    mine = {"sections": {"impression": {"text": "Anne's."}}}
    assert anne.call("PATCH", "report", seen=seen, json=mine).status_code == 200
    answer = ben.call("PATCH", "report", seen=seen, json={"sections": {"impression": {"text": "Ben's."}}})
    assert answer.status_code == 409
    told = answer.json()
    assert told["by"] == "anne"
    assert told["report"]["sections"]["impression"]["text"] == "Anne's."
    assert told["version"] == seen + 1


def test_the_engine_measures_where_a_person_points(anne):
    seen = anne.report()["version"]
    off = [BALL[0] + 2, BALL[1] - 1, BALL[2] + 2]
    assert anne.call("POST", "findings/prepare").status_code == 202
    answer = anne.call("POST", "findings", seen=seen, json={"center_lps_mm": off})
    assert answer.status_code == 201, answer.text
    added = answer.json()["findings"][-1]
    assert (added["id"], added["decision"], added["how"], added["by"]) == ("A1", "added", "engine", "anne")
    assert added["finding"]["diameter_mm"]["mean"] == pytest.approx(small_chest.BALL_MM, abs=2)
    assert added["finding"]["center_lps_mm"] == pytest.approx(BALL, abs=2)
    assert added["finding"]["category"]["scheme"] == "Lung-RADS"


def test_where_nothing_stands_out_nothing_is_added(anne):
    seen = anne.report()["version"]
    answer = anne.call("POST", "findings", seen=seen, json={"center_lps_mm": [9000, 0, 0]})
    assert answer.status_code == 409
    assert anne.report()["version"] == seen


def test_a_finding_can_be_entered_by_hand(anne, reported):
    by_hand = {
        "center_lps_mm": BALL, "long_mm": 9.0, "short_mm": 7.0, "attenuation": "solid",
        "laterality": "right", "lobe": "right lower",
        "sop_instance_uid": reported.result.findings[0].sop_instance_uid,
    }  # fmt: skip
    answer = anne.call("POST", "findings", seen=anne.report()["version"], json={"by_hand": by_hand})
    assert answer.status_code == 201, answer.text
    added = answer.json()["findings"][-1]["finding"]
    assert (added["lobe"], added["diameter_mm"]["mean"], added["category"]["value"]) == (
        "right lower",
        8.0,
        "4A",
    )


def test_a_signature_needs_the_secret_again(anne):
    seen = anne.report()["version"]
    assert anne.call("POST", "report/sign", seen=seen, json={"password": "wrong"}).status_code == 403
    assert anne.report()["state"] == "preliminary"
    answer = anne.call("POST", "report/sign", seen=seen, json={"password": PASSWORD})
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert (report["state"], report["open"], report["notice"]) == ("final", False, "")
    assert report["signatures"][0]["name"] == "Dr Anne Lee 李安"
    assert report["signatures"][0]["filed"]


def test_a_signature_confirms_an_alert_that_the_report_bears_out_and_tells_of_the_others(anne, reported):
    for number in (1, 3):  # of the first finding, and of the third
        raised(reported.archive, result(*reported.result.findings[number - 1 : number], study=reported.uid,
                                        reader=f"r{number}"), LARGE_ONES)  # fmt: skip
    seen = anne.report()["version"]
    decided = {"N1": {"decision": "rejected", "reason": "a vessel"}, "N3": {"decision": "accepted"}}
    seen = anne.call("PATCH", "report", seen=seen, json={"findings": decided}).json()["version"]
    told = anne.call("POST", "report/sign", seen=seen, json={"password": PASSWORD}).json()["alerts"]
    assert [(one["stand"], one["confirmed"], one["open"]) for one in told] == [
        ("rejected", False, True),
        ("stands", True, True),
    ]


def test_who_begins_to_edit_claims_the_study_and_another_is_told(anne, ben):
    seen = anne.report()["version"]
    assert ben.report()["reads"] == ""
    mine = {"sections": {"indication": {"text": "Cough."}}}
    seen = anne.call("PATCH", "report", seen=seen, json=mine).json()["version"]
    assert (anne.report()["reads"], ben.report()["reads"]) == ("", "anne")
    theirs = {"sections": {"indication": {"text": "Fever."}}}
    answer = ben.call("PATCH", "report", seen=seen, json=theirs)
    assert (answer.status_code, answer.json()["reads"]) == (200, "anne")
    seen = answer.json()["version"]
    seen = anne.call("POST", "report/sign", seen=seen, json={"password": PASSWORD}).json()["version"]
    assert ben.report()["reads"] == ""
    ben.call("POST", "report/amend", seen=seen, json={"reason": "wrong side"})
    assert anne.report()["reads"] == "ben"
    ben.call("DELETE", "report/amend", seen=seen + 1)
    assert anne.report()["reads"] == ""


def test_what_may_not_be_seen_answers_as_what_is_not_there(anne, served, door):
    from tests.web.reports.conftest import Person

    there_not = Person(served, "1.2.3").call("GET", "report")
    door.within = false()
    hidden = anne.call("GET", "report")
    assert (hidden.status_code, hidden.content) == (there_not.status_code, there_not.content) == (
        404, there_not.content,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", "result", Action.READ_PRELIMINARY),
        ("GET", "report", Action.READ_PRELIMINARY),
        ("PATCH", "report", Action.EDIT_REPORT),
        ("POST", "findings", Action.EDIT_REPORT),
        ("POST", "report/sign", Action.SIGN_REPORT),
        ("POST", "report/addendum", Action.SIGN_REPORT),
    ],
)
def test_each_route_needs_its_right(anne, door, method, path, action):
    door.refused.add(action)
    answer = anne.call(method, path, seen=1, json={"password": "x", "text": "x"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "edited",
    [
        '{"long_mm": NaN}',
        '{"long_mm": -1}',
        '{"axes_lps_mm": {"long": [[0, 0, 0], [0, 0, 0]], "short": [[0, 0, 0], [0, 0, 5]]}}',
        '{"axes_lps_mm": {"long": [[0, 0, 0], [0, 0, NaN]], "short": [[0, 0, 0], [0, 0, 5]]}}',
        '{"lobe": "left middle"}',
    ],
)
def test_what_cannot_be_is_refused(anne, edited):
    seen = anne.report()["version"]
    body = f'{{"findings": {{"N1": {{"decision": "edited", "edited": {edited}}}}}}}'
    answer = anne.call("PATCH", "report", seen=seen, data=body)
    assert answer.status_code == 400
    assert anne.report()["version"] == seen
