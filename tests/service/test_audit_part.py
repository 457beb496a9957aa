import re
from pathlib import Path

import pytest
from lxml import etree

from firstread.access.audit import record_now
from firstread.errors import UsageError
from firstread.service.audit_part import AuditPart
from firstread.settings import Settings
from tests.access.audit.trail import accessed, write_trail
from tests.authority import Authority
from tests.syslog_collector import SyslogCollector
from tests.waiting import free_port, wait_for

SCHEMA = etree.RelaxNG(
    etree.parse(str(Path(__file__).parent.parent / "access" / "audit" / "audit-message.rng"))
)


@pytest.fixture
def hospital(debian_tool, tmp_path):
    return Authority(debian_tool("openssl"), tmp_path, "hospital")


def settings(port, hospital):
    return Settings(audit_syslog=f"127.0.0.1:{port}", audit_syslog_authorities=hospital.file)


def part(archive, port, hospital):
    return AuditPart(archive, settings(port, hospital), look_s=0.02)


def patients(logs):
    return [re.search(r'ParticipantObjectID="(P\d+)"', message)[1] for message in logs.messages]


def test_what_is_recorded_gets_to_the_collector_in_order_as_messages_of_the_standard(archive, hospital):
    write_trail(archive.engine, 250)
    with SyslogCollector(*hospital.issue("logs")) as logs:
        sending = part(archive, logs.port, hospital)
        wait_for(lambda: len(logs.messages) == 250)
        record_now(archive.engine, accessed(250))
        wait_for(lambda: len(logs.messages) == 251)
        sending.stop(10)
    assert patients(logs) == [f"P{n}" for n in range(251)]
    for message in logs.messages:
        SCHEMA.assertValid(etree.fromstring(message.partition("\ufeff")[2].encode()))


def test_nothing_is_lost_while_the_collector_is_away(archive, hospital):
    port, files = free_port(), hospital.issue("logs")
    write_trail(archive.engine, 3)
    sending = part(archive, port, hospital)
    with SyslogCollector(*files, port=port) as logs:
        wait_for(lambda: len(logs.messages) == 3)
    write_trail(archive.engine, 4)
    with SyslogCollector(*files, port=port) as again:
        wait_for(lambda: patients(again)[-4:] == ["P0", "P1", "P2", "P3"])
        sending.stop(10)


def test_after_a_restart_it_goes_on_where_it_was(archive, hospital):
    with SyslogCollector(*hospital.issue("logs")) as logs:
        for n in (1, 2):
            record_now(archive.engine, accessed(n))
            sending = part(archive, logs.port, hospital)
            wait_for(lambda n=n: len(logs.messages) == n)
            sending.stop(10)
    assert patients(logs) == ["P1", "P2"]


def test_of_two_processes_one_sends(archive, hospital):
    with SyslogCollector(*hospital.issue("logs")) as logs:
        both = [part(archive, logs.port, hospital) for _ in range(2)]
        for n in range(20):
            record_now(archive.engine, accessed(n))
        wait_for(lambda: len(logs.messages) >= 20)
        for each in both:
            each.stop(10)
    assert patients(logs) == [f"P{n}" for n in range(20)]


def test_a_file_that_cannot_be_used_is_said_at_once(sqlite_archive, tmp_path):
    with pytest.raises(UsageError, match="nowhere"):
        AuditPart(
            sqlite_archive, Settings(audit_syslog="logs", audit_syslog_authorities=tmp_path / "nowhere.pem")
        )
