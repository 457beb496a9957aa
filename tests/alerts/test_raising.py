import pytest
from sqlalchemy import delete

from firstread.access import Actor
from firstread.access.audit.models import AuditEvent
from firstread.alerts import open_for, raise_for, raising
from firstread.alerts.acts import acknowledge, cancel
from firstread.alerts.configuration import shipped
from firstread.archive.database import reading, writing
from firstread.archive.models import Study
from tests.alerts.samples import (
    BEGIN,
    LARGE,
    PNEUMOTHORAX,
    alerts,
    critical,
    finding,
    kinds,
    raised,
    result,
    study_of,
)
from tests.archive.samples import rows

LI = Actor("person", "li", roles=frozenset({"radiologist"}))


@pytest.fixture
def study(archive):
    return study_of(archive)


def test_an_alert_says_what_was_found_why_and_until_when(archive, study):
    (number,) = raised(archive, result(finding(category="4B", mean=19.6), study=study))
    with reading(archive.engine) as connection:
        (alert,) = open_for(connection, study)
    assert alert.id == number
    assert alert.text == "Nodule 19.6 mm, right lung, Lung-RADS 4B (N1)"
    assert (alert.level, alert.state) == ("days", "raised")
    assert (alert.deadline_at - alert.raised_at).days == 3
    assert alert.patient_id != ""


def test_the_same_result_again_changes_nothing(archive, study):
    raised(archive, critical(study))
    assert raised(archive, critical(study)) == ()
    assert len(alerts(archive)) == 1
    assert kinds(archive) == ["raised"]


def test_a_transaction_that_is_undone_raises_nothing(archive, study):
    with pytest.raises(RuntimeError), writing(archive.engine) as connection:
        raise_for(connection, critical(study))
        raise RuntimeError
    assert alerts(archive) == []


def test_a_later_revision_brings_the_alert_up_to_date_and_says_so(archive, study):
    raised(archive, result(finding(category="4B", mean=19), study=study))
    raised(archive, result(finding(category="4X", mean=20), study=study), revision=2)
    (alert,) = alerts(archive)
    assert (alert.revision, alert.state, alert.round) == (2, "raised", 1)
    assert "20.0 mm" in alert.text
    assert kinds(archive) == ["raised", "updated"]


def test_a_lesion_that_a_later_revision_names_anew_is_the_same_alert(archive, study):
    lesion = {"concept": PNEUMOTHORAX, "attributes": (LARGE,)}
    raised(archive, result(finding(1, place=(10, 20, 30), **lesion), study=study))
    raised(archive, result(finding(7, place=(11, 21, 31), **lesion), study=study), revision=2)
    assert len(alerts(archive)) == 1
    raised(archive, result(finding(8, place=(90, 20, 30), **lesion), study=study), revision=3)
    assert len(alerts(archive)) == 2


def test_what_a_later_revision_does_not_find_stays_open_until_a_person_ends_it(archive, study):
    raised(archive, critical(study))
    raised(archive, result(study=study, modality="DX"), revision=2)
    (alert,) = alerts(archive)
    assert (alert.state, alert.stands) == ("raised", False)
    assert kinds(archive) == ["raised", "not found again"]


def test_an_acknowledged_alert_that_becomes_more_urgent_is_raised_anew(archive, study):
    lesion = {"concept": PNEUMOTHORAX}
    (number,) = raised(archive, result(finding(**lesion), study=study))
    with writing(archive.engine) as connection:
        acknowledge(connection, number, LI, shipped(), at=BEGIN)
    raised(archive, result(finding(attributes=(LARGE,), **lesion), study=study), revision=2)
    (alert,) = alerts(archive)
    assert (alert.level, alert.state, alert.round) == ("minutes", "raised", 2)
    assert alert.acknowledged_at is None
    assert kinds(archive)[-1] == "reopened"


def test_a_cancelled_alert_stays_cancelled_when_the_study_is_read_again(archive, study):
    (number,) = raised(archive, critical(study))
    with writing(archive.engine) as connection:
        cancel(connection, number, LI, "a skin fold", at=BEGIN)
    raised(archive, critical(study), revision=2)
    assert alerts(archive)[0].state == "cancelled"


def test_two_readers_of_a_study_do_not_touch_each_others_alerts(archive, study):
    raised(archive, critical(study))
    raised(archive, result(study=study, reader="other"), revision=2)
    assert alerts(archive)[0].stands


def test_an_alert_outlives_its_study(archive, study):
    raised(archive, critical(study))
    with writing(archive.engine) as connection:
        connection.execute(delete(Study))
    (alert,) = alerts(archive)
    assert (alert.study_key, alert.study_uid, alert.state) == (None, study, "raised")


def test_rules_that_fail_are_an_alert_themselves_and_keep_no_result_back(archive, study, monkeypatch):
    monkeypatch.setattr(raising, "fired", lambda *_: 1 / 0)
    raised(archive, result(study=study))
    (alert,) = alerts(archive)
    assert (alert.rule, alert.level) == ("rules-not-evaluated", "hours")


def test_what_happens_is_in_the_audit_trail_without_the_patient(archive, study):
    raised(archive, critical(study))
    (event,) = rows(archive, AuditEvent)
    assert study in event.content
    assert "large-pneumothorax" in event.content
