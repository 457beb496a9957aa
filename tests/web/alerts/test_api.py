import pytest
import requests

from firstread.access import Action, Actor
from firstread.access.audit.search import Wanted, all_events
from firstread.access.gate import Denied, Grant
from firstread.archive.database import reading, writing
from firstread.archive.models import Study
from firstread.settings import Settings
from tests.alerts.samples import BEGIN, alerts, critical, finding, notifications, raised, result, study_of
from tests.network.dicomweb.conftest import serving

LI = Actor("person", "li", account=1, roles=frozenset({"radiologist"}))
SMITH = Actor("person", "smith", account=2, roles=frozenset({"clinician"}))


class ADoor:
    """A door that lets everybody in as somebody, to some studies, for some actions."""

    def __init__(self, actor=LI, within=None, actions=frozenset(Action)):
        self.actor, self.within, self.actions = actor, within, actions

    def admit(self, request, action):
        if action not in self.actions:
            raise Denied("You may not.")
        return Grant(self.actor, self.within)


@pytest.fixture
def archive(sqlite_archive):
    return sqlite_archive


@pytest.fixture
def door():
    return ADoor()


@pytest.fixture
def settings(tmp_path):
    return Settings(alerts_file=_written(tmp_path))


def _written(folder, text=""):
    path = folder / "alerts.toml"
    path.write_text(text)
    return path


@pytest.fixture
def url(archive, door, settings):
    with serving(archive, door=door, settings=settings) as started:
        yield f"{started}/api/alerts"


@pytest.fixture
def number(archive, url):
    (made,) = raised(archive, critical(study_of(archive)))
    return made


def post(url, number, what, **body):
    return requests.post(f"{url}/{number}/{what}", json=body, timeout=10)


def test_open_alerts_come_first_and_the_most_urgent_of_them(archive, url, number):
    other = study_of(archive, study=2)
    raised(archive, result(finding(mean=40.0), study=other))
    listed = requests.get(url, timeout=10).json()
    assert [each["level"] for each in listed] == ["minutes", "days"]
    assert listed[0]["notice"] == "AI preliminary, not verified"
    assert requests.get(f"{url}?level=days", timeout=10).json()[0]["study_uid"] == other
    assert requests.get(f"{url}?state=closed", timeout=10).json() == []


def test_an_alert_is_acknowledged_once_and_the_second_is_told(url, number):
    said = post(url, number, "acknowledge", how="telephone", recipient="Dr Smith", read_back="pneumothorax")
    assert said.json() == {"state": "acknowledged", "ended": True}
    again = post(url, number, "acknowledge")
    assert again.status_code == 409
    told = requests.get(f"{url}/{number}", timeout=10).json()
    assert told["acknowledgements"][0]["read_back"] == "pneumothorax"
    assert told["acknowledgements"][0]["recorded_by"] == "li"


def test_a_radiologist_confirms_downgrades_and_cancels_with_a_reason(archive, url, number):
    assert post(url, number, "confirm").status_code == 204
    assert post(url, number, "downgrade", level="days", reason="known").status_code == 204
    assert post(url, number, "cancel", reason="").status_code == 400
    assert post(url, number, "cancel", reason="a skin fold").status_code == 204
    (alert,) = alerts(archive)
    assert (alert.state, alert.level) == ("cancelled", "days")
    events = requests.get(f"{url}/{number}", timeout=10).json()["events"]
    assert [each["actor"] for each in events[1:]] == ["li"] * 3


def test_who_signs_no_reports_decides_on_no_alert(url, number, door):
    door.actions = {Action.READ_ALERT, Action.ACKNOWLEDGE_ALERT}
    assert post(url, number, "confirm").status_code == 403
    assert post(url, number, "downgrade", level="days", reason="no").status_code == 403
    assert requests.get(f"{url}/configuration", timeout=10).status_code == 403
    assert post(url, number, "cancel", reason="no").status_code == 403
    assert post(url, number, "acknowledge").status_code == 200


def test_an_alert_of_another_patient_answers_as_one_that_is_not_there(archive, url, number, door):
    door.within = Study.study_uid == "1.2.3"
    nothing = requests.get(f"{url}/{number + 1}", timeout=10)
    for answer in (
        requests.get(f"{url}/{number}", timeout=10),
        requests.get(f"{url}/{number}/communication", timeout=10),
        post(url, number, "acknowledge"),
        post(url, number, "confirm"),
        post(url, number, "cancel", reason="no"),
        post(url, number, "downgrade", level="days", reason="no"),
        post(url, number, "close"),
    ):
        assert (answer.status_code, answer.text) == (404, nothing.text)
    assert requests.get(url, timeout=10).json() == []
    assert requests.get(f"{url}/mine", timeout=10).json() == []
    assert requests.get(f"{url}/statistics", timeout=10).json()["levels"][0]["raised"] == 0
    assert alerts(archive)[0].state == "raised"


def shown_to(archive, number, recipient):
    from sqlalchemy import insert

    from firstread.alerts.models import AlertNotification

    with writing(archive.engine) as connection:
        connection.execute(
            insert(AlertNotification).values(
                alert_key=number, round=1, step=0, recipient=recipient, name="x", channel="web", address="x",
                person=recipient, key=recipient, state="sent",
            )
        )  # fmt: skip


def test_a_page_shows_what_the_chain_has_told_its_reader(archive, url, door):
    from firstread.archive.columns import now

    (number,) = raised(archive, critical(study_of(archive)), at=now())
    assert requests.get(f"{url}/mine", timeout=10).json() == []
    shown_to(archive, number, "account:li")
    assert [each["id"] for each in requests.get(f"{url}/mine", timeout=10).json()] == [number]
    door.actor = SMITH
    assert requests.get(f"{url}/mine", timeout=10).json() == []
    shown_to(archive, number, "anyone")
    assert len(requests.get(f"{url}/mine", timeout=10).json()) == 1


def test_what_no_process_has_told_in_time_is_shown_to_everybody_who_may_acknowledge(url, number):
    assert BEGIN.year == 2030
    assert requests.get(f"{url}/mine", timeout=10).json() == []
    assert requests.get(f"{url}/statistics", timeout=10).json()["clocks_run"] is False


def test_a_browser_tells_that_it_has_shown_an_alert(archive, url, number, door):
    shown_to(archive, number, "account:li")
    shown_to(archive, number, "account:wu")
    assert requests.post(f"{url}/seen", json={"alerts": [number, 99]}, timeout=10).status_code == 204
    seen = {row.recipient: row.seen_at is not None for row in notifications(archive)}
    assert seen == {"account:li": True, "account:wu": False}


def test_rules_are_tried_without_telling_anybody(archive, url):
    read = result(finding(category="4X")).model_dump(mode="json")
    tried = requests.post(f"{url}/test", json=read, timeout=10).json()
    assert [each["rule"] for each in tried["alerts"]] == ["lung-rads-4b-4x"]
    assert alerts(archive) == []


def test_the_record_is_a_fhir_communication(url, number):
    post(url, number, "acknowledge", how="telephone", recipient="Dr Smith")
    told = requests.get(f"{url}/{number}/communication", timeout=10).json()
    assert (told["resourceType"], told["status"]) == ("Communication", "completed")
    assert told["topic"]["coding"][0]["code"] == "73568-8"


@pytest.mark.parametrize(
    "body", [{"how": "smoke"}, {"how": "telephone"}, {"extra": 1}, {"read_back": "x" * 2001}]
)
def test_what_cannot_be_written_down_is_refused(archive, url, number, body):
    assert post(url, number, "acknowledge", **body).status_code == 400
    assert alerts(archive)[0].state == "raised"


@pytest.mark.parametrize(
    "path", ["/api/alerts/{number}", "/alerts/{number}", "/api/alerts", "/alerts", "/api/alerts/mine"]
)
def test_who_reads_an_alert_or_a_list_of_them_is_recorded_with_each_study(archive, url, number, path):
    shown_to(archive, number, "account:li")
    where = url.removesuffix("/api/alerts") + path.format(number=number)
    requests.get(where, timeout=10).raise_for_status()
    with reading(archive.engine) as connection:
        read = [each.content for each in all_events(connection, Wanted(actor="li"))]
    assert [each["studies"] for each in read] == [[alerts(archive)[0].study_uid]]
