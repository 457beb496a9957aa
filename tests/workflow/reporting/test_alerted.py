import pytest

from firstread.access import Actor
from firstread.alerts.acts import acknowledge, cancel
from firstread.alerts.configuration import shipped
from firstread.alerts.rules import Conditions, Range, Rule
from firstread.archive.database import reading, writing
from firstread.workflow.reporting.alerted import alerted, confirm_signed
from tests.alerts.samples import alerts, configured, kinds, raised
from tests.workflow.reporting.samples import ANNE

LI = Actor("person", "li")
LARGE = Rule(
    name="large", title="Large", level="days", when=Conditions(concepts=("nodule",), mean_mm=Range(min=15))
)
"""Fires on N3 alone, of 20 mm."""


@pytest.fixture
def alert(reported, tmp_path):
    """An open alert of the third finding."""
    made = configured("shipped = false", tmp_path).model_copy(update={"rules": (LARGE,)})
    (number,) = raised(reported.archive, reported.result, made)
    return number


def confirm(reported, rules=(LARGE,)):
    with writing(reported.archive.engine) as connection:
        confirm_signed(connection, reported.open(), ANNE, rules)


def stand(reported, rules=(LARGE,)):
    with reading(reported.archive.engine) as connection:
        return [one.stand for one in alerted(connection, reported.open(), rules)]


def decided(verdict, **more):
    return {"findings": {"N3": {"decision": verdict, **more}}}


def test_a_signature_confirms_the_alert_of_a_finding_that_stands_and_its_clock_goes_on(reported, alert):
    reported.change(**decided("accepted"))
    confirm(reported)
    (row,) = alerts(reported.archive)
    assert row.confirmed_at is not None
    assert (row.state, row.due_at is not None, row.acknowledged_at) == ("raised", True, None)
    confirm(reported)
    assert kinds(reported.archive) == ["raised", "confirmed"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (decided("rejected", reason="a vessel"), "rejected"),
        (decided("edited", edited={"long_mm": 6.0, "short_mm": 5.0}), "changed"),
        ({"findings": {"N2": {"decision": "accepted"}}}, "unreviewed"),
        (decided("edited", edited={"long_mm": 30.0, "short_mm": 29.0}), "stands"),
    ],
)
def test_what_the_report_does_not_bear_out_is_neither_confirmed_nor_ended(reported, alert, change, expected):
    reported.change(**change)
    assert stand(reported) == [expected]
    confirm(reported)
    (row,) = alerts(reported.archive)
    assert (row.confirmed_at is not None) == (expected == "stands")
    assert row.state == "raised"


def test_an_edited_finding_whose_rule_is_gone_confirms_nothing(reported, alert):
    reported.change(**decided("edited", edited={"long_mm": 30.0, "short_mm": 29.0}))
    assert stand(reported, rules=()) == ["changed"]


def test_an_acknowledged_alert_is_confirmed_too_and_one_that_has_ended_is_left(reported, alert):
    reported.change(**decided("accepted"))
    with writing(reported.archive.engine) as connection:
        acknowledge(connection, alert, LI, shipped())
    confirm(reported)
    assert alerts(reported.archive)[0].confirmed_at is not None
    with writing(reported.archive.engine) as connection:
        cancel(connection, alert, LI, "an artefact")
    assert stand(reported) == []
