import pytest

from firstread.access import Actor
from firstread.alerts.acts import acknowledge, cancel
from firstread.alerts.communication import recorded, sentence
from firstread.alerts.configuration import shipped
from firstread.alerts.queries import find_alert
from firstread.archive.database import reading, writing
from tests.alerts.samples import BEGIN, critical, raised, study_of

LI = Actor("person", "li")


@pytest.fixture
def archive(sqlite_archive):
    return sqlite_archive


@pytest.fixture
def number(archive):
    (made,) = raised(archive, critical(study_of(archive)))
    return made


def record(archive, number):
    with reading(archive.engine) as connection:
        return find_alert(connection, number)


def test_who_told_whom_when_and_how_is_in_the_record(archive, number):
    with writing(archive.engine) as connection:
        acknowledge(
            connection, number, LI, shipped(), how="telephone", recipient="Dr Smith", read_back="on the right", at=BEGIN
        )  # fmt: skip
    told = recorded(record(archive, number))
    assert (told.status, told.sender.display, told.recipient[-1].display) == ("completed", "li", "Dr Smith")
    assert told.medium[0].coding[0].code == "PHONE"
    assert told.received.isoformat() == BEGIN.isoformat()
    assert sentence(record(archive, number)).endswith(
        "Communicated by li to Dr Smith by telephone, 2030-01-01 08:00 UTC; read back: “on the right”."
    )


def test_an_open_alert_is_under_way_and_a_cancelled_one_stopped_with_its_reason(archive, number):
    assert recorded(record(archive, number)).status == "in-progress"
    assert "Not acknowledged" in sentence(record(archive, number))
    with writing(archive.engine) as connection:
        cancel(connection, number, LI, "a skin fold", at=BEGIN)
    told = recorded(record(archive, number))
    assert (told.status, told.statusReason.text) == ("stopped", "a skin fold")


def test_who_acknowledged_for_themselves_is_said_to(archive, number):
    with writing(archive.engine) as connection:
        acknowledge(connection, number, LI, shipped(), at=BEGIN)
    assert "Acknowledged by li in firstread" in sentence(record(archive, number))
