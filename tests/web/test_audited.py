import requests
from sqlalchemy import text

from firstread.access.audit.search import Wanted, all_events
from firstread.access.audit.verify import verify
from firstread.access.gate import Denied
from firstread.archive.database import reading, writing
from tests.archive.samples import instances
from tests.dicom.ct_series import anatomy, ct_series, encode
from tests.network.dicomweb.conftest import multipart, serving
from tests.web.pages.people import node


class ClosedDoor:
    def admit(self, request, action):
        raise Denied("No.")


def events(archive):
    with reading(archive.engine) as connection:
        assert verify(connection).sound
        return [each.content | {"kind": each.code.name} for each in all_events(connection, Wanted())]


def received(archive, count=3):
    receipts = [archive.receive(each) for each in instances(count)]
    return receipts[0].study_uid


def test_a_query_is_recorded_with_what_was_asked(archive):
    received(archive)
    with serving(archive) as url:
        assert requests.get(f"{url}/dicom-web/studies?PatientName=D*&limit=5", timeout=10).ok
        (event,) = events(archive)
    assert (event["kind"], event["does"], event["outcome"]) == ("QUERY", "E", 0)
    assert event["detail"]["query"] == "/dicom-web/studies?PatientName=D*&limit=5"
    assert event["actor"]["address"] == "127.0.0.1"


def test_a_retrieval_is_recorded_with_study_and_patient_before_it_is_given(archive):
    study = received(archive)
    with serving(archive) as url:
        requests.get(f"{url}/dicom-web/studies/{study}", timeout=10)
        (event,) = events(archive)
    assert (event["kind"], event["does"]) == ("INSTANCES_TRANSFERRED", "R")
    assert event["studies"] == [study]
    assert len(event["patients"]) == 1


def test_a_viewer_that_asks_for_every_slice_is_one_event(archive):
    study = received(archive)
    with serving(archive) as url:
        found = requests.get(f"{url}/dicom-web/studies/{study}/instances", timeout=10).json()
        for each in found * 3:
            requests.get(each["00081190"]["Value"][0] + "/rendered", timeout=10)
        kinds = [event["kind"] for event in events(archive)]
    assert kinds == ["QUERY", "INSTANCES_ACCESSED"]


def test_what_is_not_there_is_recorded_as_a_failure_each_time(archive):
    with serving(archive) as url:
        for _ in range(2):
            assert requests.get(f"{url}/dicom-web/studies/1.2.3", timeout=10).status_code == 404
        assert [(each["outcome"], each["studies"]) for each in events(archive)] == [(4, ["1.2.3"])] * 2


def test_what_is_stored_is_one_event_a_request(archive):
    body = multipart(*map(encode, ct_series(anatomy(3, 16))))
    kind = 'multipart/related; type="application/dicom"; boundary=B'
    with serving(archive) as url:
        sent = requests.post(
            f"{url}/dicom-web/studies", data=body, headers={"Content-Type": kind}, timeout=10
        )
        assert sent.status_code == 200
        (event,) = events(archive)
    assert (event["kind"], event["does"], event["detail"]["instances"]) == ("INSTANCES_TRANSFERRED", "C", "3")
    assert len(event["patients"]) == len(event["studies"]) == 1


def test_a_deletion_is_recorded_once_in_its_own_transaction(archive):
    study = received(archive)
    with serving(archive) as url:
        assert requests.delete(f"{url}/dicom-web/studies/{study}", timeout=10).status_code == 204
        (event,) = events(archive)
    assert (event["kind"], event["does"], event["studies"]) == ("STUDY_DELETED", "D", [study])
    assert len(event["patients"]) == 1


def test_who_is_turned_away_is_recorded(archive):
    with serving(archive, door=ClosedDoor()) as url:
        assert requests.get(f"{url}/dicom-web/studies", timeout=10).status_code == 403
        (event,) = events(archive)
    assert (event["kind"], event["outcome"]) == ("RESTRICTED_FUNCTION", 4)
    assert event["detail"]["action"] == "study.read"


def test_nothing_is_given_that_cannot_be_recorded(archive):
    study = received(archive)
    with writing(archive.engine) as connection:
        connection.execute(text("ALTER TABLE audit_event RENAME TO elsewhere"))
    with serving(archive) as url:
        for path in ("", f"/{study}", f"/{study}/metadata"):
            answer = requests.get(f"{url}/dicom-web/studies{path}", timeout=10)
            assert answer.status_code >= 500
            assert study not in answer.text
        assert requests.delete(f"{url}/dicom-web/studies/{study}", timeout=10).status_code >= 500
    assert archive.receive(instances(1)[0]).outcome == "duplicate"


def test_what_is_no_access_to_patients_data_is_not_recorded(archive):
    with serving(archive) as url:
        assert requests.get(f"{url}/openapi.json", timeout=10).status_code == 200
        requests.get(f"{url}/nowhere", timeout=10)
    assert events(archive) == []


def test_a_page_that_sends_nobody_to_the_login_is_recorded_as_a_refusal(archive):
    with node(archive) as url:
        asked = requests.get(f"{url}/", headers={"Accept": "text/html"}, allow_redirects=False, timeout=10)
        assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=%2F")
        (event,) = events(archive)
    assert (event["kind"], event["outcome"]) == ("RESTRICTED_FUNCTION", 4)
    assert (event["actor"]["name"], event["detail"]) == ("", {"action": "study.read", "problem": "denied"})
