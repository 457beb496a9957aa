import pytest

from firstread.alerts.channels.hl7 import Oru, control_id, oru
from firstread.alerts.configuration import Hl7
from firstread.network.failures import PassingFailure, PermanentFailure
from firstread.settings import Settings
from tests.alerts.channels.messages import WHOLE, said
from tests.alerts.channels.test_mail import server_context
from tests.alerts.receivers import hl7_listener, parsed
from tests.waiting import free_port


def channel(port, tls=False, settings=None):
    return Oru.of(
        "his", Hl7(kind="hl7", host="127.0.0.1", port=port, tls=tls, timeout_s=5), settings or Settings()
    )


def test_the_message_is_a_preliminary_critical_result():
    message = parsed(oru(WHOLE, application="HIS", facility="WARD"))
    assert str(message.segment("MSH")[9]) == "ORU^R01^ORU_R01"
    assert str(message.segment("MSH")[12]) == "2.5.1"
    assert str(message.segment("PID")[3]).startswith("P-0815")
    assert str(message.segment("PID")[5]) == "Sample^Anna^^^Dr"
    observation = message.segments("OBX")[0]
    assert str(observation[3]) == "73568-8^Communication of Critical Results^LN"
    assert (str(observation[8]), str(observation[11])) == ("HH", "P")
    assert str(message.segment("OBR")[25]) == "P"
    assert str(message.segment("OBR")[18]) == "A-17"
    assert "AI preliminary, not verified" in str(message.segments("OBX")[1][5])


def test_delimiters_and_chinese_in_a_finding_arrive_as_they_are():
    message = parsed(oru(WHOLE))
    assert message.unescape(str(message.segments("OBX")[0][5])) == f"{WHOLE.title}: {WHOLE.text}"


def test_a_message_that_is_acknowledged_was_taken():
    with hl7_listener() as (got, port):
        channel(port).send(WHOLE, said)
    assert str(got[0]["MSH.F10"]) == control_id(WHOLE)


def test_every_try_has_the_same_control_id():
    with hl7_listener() as (got, port):
        for _ in range(2):
            channel(port).send(WHOLE, said)
    assert len({str(message["MSH.F10"]) for message in got}) == 1


@pytest.mark.parametrize(("answer", "failure"), [("AE", PassingFailure), ("AR", PermanentFailure)])
def test_an_acknowledgement_that_is_none_is_a_failure(answer, failure):
    with hl7_listener(answer) as (_, port), pytest.raises(failure):
        channel(port).send(WHOLE, said)


def test_it_goes_over_tls_to_those_whose_certificate_is_believed(hospital, stranger):
    settings = Settings(alert_authorities=hospital.file)
    with hl7_listener(tls=server_context(hospital.issue("his"))) as (got, port):
        channel(port, True, settings).send(WHOLE, said)
    assert len(got) == 1
    context = server_context(stranger.issue("his"))
    with hl7_listener(tls=context) as (got, port), pytest.raises(PassingFailure, match="not believed"):
        channel(port, True, settings).send(WHOLE, said)
    assert got == []


def test_a_system_that_is_away_may_come_back():
    with pytest.raises(PassingFailure):
        channel(free_port()).send(WHOLE, said)


def test_without_tls_it_goes_to_this_computer_unless_the_site_says_that_the_network_is_safe():
    with pytest.raises(ValueError, match="in the clear"):
        Hl7(kind="hl7", host="his.example", tls=False)
    assert Hl7(kind="hl7", host="his.example", tls=False, insecure=True)
