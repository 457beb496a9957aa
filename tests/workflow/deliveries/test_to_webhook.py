import json
import re
import time
from pathlib import Path

import pytest
from dicomweb_client import DICOMwebClient
from pydicom import dcmread
from starlette.responses import Response

from firstread.findings import NOTICE
from firstread.network.dicomweb.addresses import PREFIX
from firstread.network.signature import signature
from firstread.workflow.deliveries import PassingFailure, PermanentFailure, deliver, keep_result
from firstread.workflow.deliveries.deliver import way_to
from firstread.workflow.deliveries.events import ResultEvent
from tests.dicom.read_samples import SERIES, STUDY
from tests.network.dicomweb.conftest import serving
from tests.workflow.deliveries.conftest import DICOM

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference"
KEY = "a key of the test's"


@pytest.fixture(scope="module")
def is_genuine():
    """The function by which receivers check the signature, as the reference has it."""
    (code,) = re.findall(r"```python\n(.*?)```", (REFERENCE / "webhook.md").read_text(), re.DOTALL)
    made = {}
    exec(code, made)
    return made["is_genuine"]


@pytest.fixture
def settings(settings_of, receiver):
    return settings_of(secrets={"ris": KEY}, ris=f"webhook:{receiver.url}/hook")


def send(archive, settings, folder):
    deliver(archive, settings, "ris", folder, "result.json")


def test_an_event_says_what_was_found_and_names_no_patient(archive, settings, receiver, result_folder):
    send(archive, settings, result_folder)
    ((method, path, headers, body),) = receiver.got
    assert (method, path, headers["content-type"]) == ("POST", "/hook", "application/json")
    event = json.loads(body)
    assert (event["event"], event["notice"]) == ("result", NOTICE)
    assert (event["study_uid"], event["series_uid"]) == (STUDY, SERIES)
    assert event["category"]["value"] == "4B"
    assert [finding["id"] for finding in event["findings"]] == ["N1", "N2", "N3"]
    assert event["findings"][1]["mean_diameter_mm"] == 19.6
    assert event["links"] == {}
    for about_the_patient in (b"Sample", b"P-0815", b"19600102", b"A-17"):
        assert about_the_patient not in body


def test_events_are_what_their_schema_says(archive, settings, receiver, result_folder):
    send(archive, settings, result_folder)
    schema = json.loads((REFERENCE / "event-schema.json").read_text())
    event = json.loads(receiver.got[0][3])
    assert set(event) == set(schema["$defs"]["ResultEvent"]["properties"])
    ResultEvent.model_validate_json(receiver.got[0][3], strict=True)


def test_the_receiver_can_check_that_it_is_genuine(archive, settings, receiver, result_folder, is_genuine):
    send(archive, settings, result_folder)
    way_to("ris", settings).test()
    for _, _, headers, body in receiver.got:
        header = headers["firstread-signature"]
        assert is_genuine(KEY, header, body)
        assert not is_genuine("another key, as long", header, body)
        assert not is_genuine(KEY, header, body + b" ")
        assert not is_genuine(KEY, "v1=0", body)


def test_an_old_event_is_not_genuine_and_neither_is_one_with_another_time(is_genuine):
    now = int(time.time())
    old = signature(KEY.encode(), b"{}", now - 3600)
    assert is_genuine(KEY, signature(KEY.encode(), b"{}", now - 60), b"{}")
    assert not is_genuine(KEY, old, b"{}")
    assert not is_genuine(KEY, old.replace(str(now - 3600), str(now)), b"{}")


def test_sent_again_it_is_the_same_event(archive, settings, settings_of, receiver, result_folder):
    send(archive, settings, result_folder)
    send(archive, settings, result_folder)
    (first, again) = receiver.got
    assert first[3] == again[3]
    assert first[2]["idempotency-key"] == again[2]["idempotency-key"] == json.loads(first[3])["id"]
    other = settings_of(secrets={"other": KEY}, other=f"webhook:{receiver.url}/hook")
    deliver(archive, other, "other", result_folder, "result.json")
    assert receiver.got[2][2]["idempotency-key"] != first[2]["idempotency-key"]


def test_its_links_lead_to_the_study_and_to_the_documents_that_the_archive_has(
    archive, settings_of, receiver, result_folder
):
    keep_result(archive, result_folder)
    with serving(archive) as url:
        send(archive, settings_of({"ris": KEY}, url, ris=f"webhook:{receiver.url}"), result_folder)
        links = json.loads(receiver.got[0][3])["links"]
        assert set(links) == {"study", *DICOM}
        assert links["study"] == f"{url}{PREFIX}/studies/{STUDY}"
        client = DICOMwebClient(f"{url}{PREFIX}")
        for name in DICOM:
            _, instance = links[name].rsplit("/", 1)
            assert instance == dcmread(result_folder / name).SOPInstanceUID
            assert (
                client.retrieve_instance(STUDY, links[name].split("/")[-3], instance).SOPInstanceUID
                == instance
            )


def test_a_busy_receiver_is_called_again_when_it_asked_for(archive, settings, receiver, result_folder):
    receiver.answers = [Response(status_code=429, headers={"Retry-After": "600"}), Response(status_code=204)]
    with pytest.raises(PassingFailure) as busy:
        send(archive, settings, result_folder)
    assert busy.value.retry_after_s == 600
    send(archive, settings, result_folder)
    assert len(receiver.got) == 2


def test_a_receiver_that_refuses_is_not_called_again(archive, settings, receiver, result_folder):
    receiver.answers = [Response(status_code=404)]
    with pytest.raises(PermanentFailure, match="status 404"):
        send(archive, settings, result_folder)


@pytest.mark.parametrize("secrets", [{}, {"ris": "too short"}])
def test_nothing_is_sent_unsigned(archive, settings_of, receiver, result_folder, secrets):
    settings = settings_of(secrets=secrets, ris=f"webhook:{receiver.url}")
    with pytest.raises(PermanentFailure, match="has no key"):
        send(archive, settings, result_folder)
    assert receiver.got == []


def test_a_test_sends_a_ping(settings, receiver):
    assert way_to("ris", settings).test() == f"{receiver.url}/hook takes events"
    event = json.loads(receiver.got[0][3])
    assert event["event"] == "ping"
