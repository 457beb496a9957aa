import ssl
from dataclasses import replace

import pytest

from firstread.alerts.channels.base import NotWanted, Uncertain
from firstread.alerts.channels.mail import Mail
from firstread.alerts.configuration import Email
from firstread.errors import UsageError
from firstread.network.failures import PassingFailure, PermanentFailure
from firstread.settings import Settings
from tests.alerts.channels.messages import WHOLE, said
from tests.alerts.receivers import mail_server
from tests.waiting import free_port

SECRET = ("firstread", "a password of the test's")


def channel(port, security="none", settings=None, **options):
    made = Email(
        kind="email",
        host="127.0.0.1",
        port=port,
        security=security,
        sender="firstread@hospital.example",
        timeout_s=5,
        **options,
    )
    return Mail.of("mail", made, settings or Settings(alert_secrets={"mail": SECRET[1]}))


def server_context(issued):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*issued)
    return context


def test_a_mail_says_that_there_is_an_alert_and_where_and_names_no_patient():
    with mail_server() as (boxes, port):
        channel(port).send(WHOLE, said)
    (mail,) = boxes.mails
    text = mail.get_content()
    assert mail["Subject"] == "firstread alert 17: CRITICAL (minutes)"
    assert "AI preliminary, not verified" in text
    assert "by 2030-01-01 09:00 UTC" in text
    assert "https://firstread.example/alerts/17" in text
    for private in ("Anna", "Sample", "P-0815", "19600102", "A-17", "neumothorax", "1.2.3"):
        assert private not in mail.as_string()


def test_a_site_can_allow_the_name_and_the_finding():
    with mail_server() as (boxes, port):
        channel(port, names_patient=True).send(WHOLE, said)
    text = boxes.mails[0].get_content()
    assert "Sample^Anna" in text
    assert "张力" in text


def test_every_try_of_a_notification_has_the_same_message_id():
    with mail_server() as (boxes, port):
        for _ in range(2):
            channel(port).send(WHOLE, said)
    assert {mail["Message-ID"] for mail in boxes.mails} == {f"<{WHOLE.key}@hospital.example>"}


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_goes_over_tls_with_a_password(hospital, security):
    context = server_context(hospital.issue("mail"))
    options = {"starttls": context} if security == "starttls" else {"tls": context}
    settings = Settings(alert_secrets={"mail": SECRET[1]}, alert_authorities=hospital.file)
    with mail_server(login=SECRET if security == "starttls" else None, **options) as (boxes, port):
        user = SECRET[0] if security == "starttls" else None
        channel(port, security, settings, user=user).send(WHOLE, said)
    assert len(boxes.mails) == 1


def test_a_certificate_of_strangers_is_not_believed(hospital, stranger):
    settings = Settings(alert_authorities=hospital.file)
    context = server_context(stranger.issue("mail"))
    with (
        mail_server(starttls=context) as (boxes, port),
        pytest.raises(PassingFailure, match="not believed"),
    ):
        channel(port, "starttls", settings).send(WHOLE, said)
    assert boxes.mails == []


def test_a_server_without_starttls_gets_no_mail():
    with mail_server() as (boxes, port), pytest.raises(PassingFailure):
        channel(port, "starttls").send(WHOLE, said)
    assert boxes.mails == []


def test_without_tls_mail_goes_to_this_computer_alone():
    with pytest.raises(ValueError, match="this computer alone"):
        Email(kind="email", host="mail.example", security="none", sender="a@b.example")


def test_a_server_that_is_away_may_come_back():
    with pytest.raises(PassingFailure, match="cannot be used"):
        channel(free_port()).send(WHOLE, said)


def test_a_recipient_who_is_refused_is_refused_for_good():
    with mail_server() as (boxes, port):
        boxes.refused = {WHOLE.address}
        with pytest.raises(PermanentFailure, match="recipient"):
            channel(port).send(WHOLE, said)


@pytest.mark.parametrize(
    ("answer", "failure"), [("451 later", PassingFailure), ("554 never", PermanentFailure)]
)
def test_what_the_server_says_decides_whether_it_is_tried_again(answer, failure):
    with mail_server() as (boxes, port):
        boxes.answers = [answer]
        with pytest.raises(failure):
            channel(port).send(WHOLE, said)


def test_a_server_that_ends_after_the_last_word_leaves_it_uncertain():
    with mail_server() as (boxes, port):
        boxes.answers = ["taken, then gone"]
        with pytest.raises(Uncertain):
            channel(port).send(WHOLE, said)
    assert len(boxes.mails) == 1


def test_a_mail_that_is_not_wanted_any_more_is_taken_back_before_its_first_byte():
    def unwanted():
        raise NotWanted("It has ended.")

    with mail_server() as (boxes, port), pytest.raises(NotWanted):
        channel(port).send(WHOLE, unwanted)
    assert boxes.mails == []


def test_lines_that_begin_with_a_dot_arrive_as_they_are():
    with mail_server() as (boxes, port):
        channel(port, names_patient=True).send(replace(WHOLE, title="A\n.\n..b"), said)
    assert "\n.\n..b" in boxes.mails[0].get_content().replace("\r", "")


def test_a_user_without_a_password_is_said_before_anything_is_sent():
    with pytest.raises(UsageError, match="no password"):
        channel(25, "starttls", Settings(), user="firstread")
