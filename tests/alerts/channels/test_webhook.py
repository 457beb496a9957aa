import json

import pytest
from starlette.responses import Response

from firstread.alerts.channels.fhir import FhirServer
from firstread.alerts.channels.webhook import Hook
from firstread.alerts.configuration import Fhir, Webhook
from firstread.errors import UsageError
from firstread.network.failures import PassingFailure, PermanentFailure
from firstread.network.signature import signature
from firstread.settings import Settings
from tests.alerts.channels.messages import WHOLE, said

KEY = "a key of the test's own"


def hook(url, key=KEY):
    return Hook.of("pager", Webhook(kind="webhook", url=url), Settings(alert_secrets={"pager": key}))


def test_an_event_is_signed_has_an_identity_and_names_no_patient(receiver):
    hook(receiver.url).send(WHOLE, said)
    ((_, _, headers, body),) = receiver.got
    at = int(headers["firstread-signature"].split(",")[0][2:])
    assert headers["firstread-signature"] == signature(KEY.encode(), body, at)
    assert headers["idempotency-key"] == WHOLE.key
    event = json.loads(body)
    assert (event["event"], event["level"], event["alert"]) == ("alert", "minutes", 17)
    for private in (b"Anna", b"P-0815", b"19600102", b"A-17"):
        assert private not in body


@pytest.mark.parametrize(("status", "failure"), [(503, PassingFailure), (410, PermanentFailure)])
def test_what_the_receiver_says_decides_whether_it_is_tried_again(receiver, status, failure):
    receiver.answers = [Response(status_code=status)]
    with pytest.raises(failure):
        hook(receiver.url).send(WHOLE, said)


def test_a_key_that_is_too_short_is_refused():
    with pytest.raises(UsageError, match="no key"):
        hook("https://pager.example", "short")


def test_a_url_in_the_clear_is_refused():
    with pytest.raises(ValueError, match="not https"):
        Webhook(kind="webhook", url="http://pager.example")


def test_a_fhir_server_gets_a_communication_and_a_task_each_to_be_created_once(receiver):
    settings = Settings(alert_secrets={"ehr": "TOKEN"})
    FhirServer.of("ehr", Fhir(kind="fhir", url=f"{receiver.url}/fhir/"), settings).send(WHOLE, said)
    (_, first, headers, communication), (_, second, others, task) = receiver.got
    assert (first, second) == ("/fhir/Communication", "/fhir/Task")
    assert headers["authorization"] == "Bearer TOKEN"
    assert headers["if-none-exist"].endswith(f"|{WHOLE.key}")
    assert others["if-none-exist"].endswith(f"|{WHOLE.key}-task")
    told = json.loads(communication)
    assert told["status"] == "in-progress"
    assert told["topic"]["coding"][0]["code"] == "73568-8"
    assert told["priority"] == "stat"
    assert json.loads(task)["status"] == "requested"
