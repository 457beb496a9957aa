import re

import pytest

from firstread.errors import UsageError
from firstread.network.syslog import Collector, CollectorAway, Line, framed, parse_collector
from firstread.network.tls import TLSFiles, client_context
from tests.authority import Authority
from tests.syslog_collector import SyslogCollector
from tests.waiting import free_port, wait_for

LINE = Line("2026-01-02T03:04:05.000006+00:00", "node1", "<AuditMessage>王</AuditMessage>".encode())


@pytest.fixture
def hospital(debian_tool, tmp_path):
    return Authority(debian_tool("openssl"), tmp_path, "hospital")


def collector(port, authorities, **files):
    return Collector("127.0.0.1", port, client_context(TLSFiles(authorities=authorities, **files)))


def test_a_message_is_framed_by_its_length_in_bytes():
    length, _, message = framed(LINE).partition(b" ")
    assert int(length) == len(message)
    assert message.decode() == (
        "<85>1 2026-01-02T03:04:05.000006+00:00 node1 firstread - DICOM+RFC3881 - "
        "\ufeff<AuditMessage>王</AuditMessage>"
    )


def test_the_name_of_a_host_cannot_forge_a_message():
    assert re.match(rb"\d+ <85>1 t ab firstread", framed(Line("t", "a \nb", b"")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("logs", ("logs", 6514)),
        ("logs:99", ("logs", 99)),
        ("[::1]", ("::1", 6514)),
        ("[::1]:99", ("::1", 99)),
    ],
)
def test_a_collector_is_a_host_with_or_without_a_port(text, expected):
    assert parse_collector(text) == expected


@pytest.mark.parametrize("text", ["", ":99", "logs:", "logs:x", "logs:0", "logs:65536"])
def test_what_is_no_collector_is_refused(text):
    with pytest.raises(UsageError, match="audit_syslog"):
        parse_collector(text)


def test_messages_arrive_one_by_one_over_tls(hospital):
    with SyslogCollector(*hospital.issue("logs")) as logs:
        ours = collector(logs.port, hospital.file)
        ours.send([LINE] * 3)
        ours.send([LINE])
        wait_for(lambda: len(logs.messages) == 4)
        ours.close()
    assert set(logs.messages) == {framed(LINE).partition(b" ")[2].decode()}


def test_a_collector_that_asks_for_a_certificate_gets_one(hospital):
    certificate, key = hospital.issue("node")
    with SyslogCollector(*hospital.issue("logs"), authorities=hospital.file) as logs:
        ours = collector(logs.port, hospital.file, certificate=certificate, key=key)
        ours.send([LINE])
        wait_for(lambda: logs.messages)
        ours.close()


def test_nothing_is_sent_to_a_collector_of_another_authority(hospital, debian_tool, tmp_path):
    stranger = Authority(debian_tool("openssl"), tmp_path, "stranger")
    with (
        SyslogCollector(*stranger.issue("logs")) as logs,
        pytest.raises(CollectorAway, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        collector(logs.port, hospital.file).send([LINE])
    assert logs.messages == []


def test_a_collector_that_is_not_there_is_said(hospital):
    with pytest.raises(CollectorAway) as away:
        collector(free_port(), hospital.file).send([LINE])
    assert "wait" in away.value.remedy


def test_a_collector_that_comes_back_is_connected_again(hospital):
    files = hospital.issue("logs")
    with SyslogCollector(*files) as logs:
        ours = collector(logs.port, hospital.file)
        ours.send([LINE])
        wait_for(lambda: logs.messages)
    with pytest.raises(CollectorAway):
        ours.send([LINE])
    with SyslogCollector(*files, port=logs.port) as again:
        ours.send([LINE])
        wait_for(lambda: again.messages)
        ours.close()
