import threading

import pytest
from sqlalchemy import update

from firstread.access import Actor
from firstread.alerts import lease, sending
from firstread.alerts.acts import acknowledge
from firstread.alerts.channels.base import Uncertain
from firstread.alerts.models import AlertChannel, AlertNotification
from firstread.alerts.ticker import QUEUED
from firstread.archive.database import reading, writing
from firstread.network.failures import PassingFailure, PermanentFailure
from tests.alerts.conftest import CHAIN
from tests.alerts.samples import alerts, critical, kinds, notifications, raised, study_of
from tests.archive.samples import rows

AWAY = PassingFailure("The mail server is away.")


def states(archive):
    return {(row.recipient, row.channel): row.state for row in notifications(archive)}


def test_a_channel_that_fails_is_tried_again_later_and_later(process, archive, study):
    process.heard["mail"].fails = [AWAY] * 2
    raised(archive, critical(study))
    process.tick(1)
    waits = {(row.next_try_at - process.clock()).total_seconds() for row in notifications(archive)}
    assert waits == {sending.FIRST_WAIT_S}
    process.tick(seconds=10)
    assert len(process.heard["mail"].got) == 2


def test_a_channel_that_fails_twice_falls_through_to_the_next_and_says_so(process, archive, study):
    process.heard["mail"].fails = [AWAY] * 4
    raised(archive, critical(study))
    process.tick(seconds=10)
    process.tick(seconds=10)
    assert [message.recipient for message in process.heard["pager"].got] == ["pager"]
    assert kinds(archive).count("fell through") == 2
    assert alerts(archive)[0].state == "notified"


def test_a_refusal_falls_through_at_once(process, archive, study):
    process.heard["mail"].fails = [PermanentFailure("No such mail box.")] * 2
    raised(archive, critical(study))
    process.tick()
    assert len(process.heard["pager"].got) == 1
    assert states(archive)["mail:li@hospital.example", "mail"] == "failed"


def test_where_nobody_of_a_step_is_reached_the_next_is_told_at_once(process_of, archive, study):
    process = process_of(CHAIN.replace('otherwise = ["pager"], ', ""))
    process.heard["mail"].fails = [PermanentFailure("No such mail box.")] * 2
    raised(archive, critical(study))
    process.tick(3)
    assert [message.address for message in process.heard["mail"].got] == ["zhao@hospital.example"]
    assert "unreachable" in kinds(archive)
    assert alerts(archive)[0].state == "escalated"


def test_a_channel_that_is_away_rests_and_what_waits_for_it_falls_through_without_a_try(process, archive):
    process.heard["mail"].fails = [AWAY] * QUEUED
    for number in range(1, QUEUED // 2 + 3):  # two mails each
        raised(archive, critical(study_of(archive, study=number)))
    process.tick(3)
    assert rows(archive, AlertChannel)[0].failures >= sending.FAILURES_THAT_REST_A_CHANNEL
    untried = {row.alert_key for row in notifications(archive) if row.channel == "mail" and not row.attempts}
    assert len(untried) == 2
    assert untried == {message.alert for message in process.heard["pager"].got}
    process.tick(4, minutes=5)
    assert rows(archive, AlertChannel) == []


def test_a_mail_that_may_have_been_taken_is_never_sent_again_and_something_else_is(process, archive, study):
    process.heard["mail"].fails = [Uncertain("No answer.")] * 2
    raised(archive, critical(study))
    process.tick()
    process.tick(5, hours=1)
    assert states(archive)["mail:li@hospital.example", "mail"] == "uncertain"
    assert [message.address for message in process.heard["mail"].got] == ["zhao@hospital.example"]
    assert len(process.heard["pager"].got) == 1


def interrupted(archive, channel):
    """As a process leaves it that was killed between the last word and its note."""
    with writing(archive.engine) as connection:
        connection.execute(
            update(AlertNotification)
            .where(AlertNotification.channel == channel)
            .values(state="sending", claim="killed", sent_at=None)
        )


def test_what_a_killed_process_was_mailing_is_uncertain_and_falls_through(process, archive, study):
    raised(archive, critical(study))
    process.tick()
    interrupted(archive, "mail")
    process.clock.go_on(seconds=lease.LEASE_S)
    process.ticker = process.another()
    process.tick()
    assert len(process.heard["mail"].got) == 2  # those of before
    assert len(process.heard["pager"].got) == 1
    assert states(archive)["mail:wu@hospital.example", "mail"] == "uncertain"


def test_what_a_killed_process_was_posting_is_posted_again_under_the_same_key(process_of, archive, study):
    process = process_of(CHAIN.replace('channels = ["mail"], otherwise = ["pager"]', 'channels = ["pager"]'))
    raised(archive, critical(study))
    process.tick()
    interrupted(archive, "pager")
    process.clock.go_on(seconds=lease.LEASE_S)
    process.ticker = process.another()
    process.tick()
    first, second = process.heard["pager"].got
    assert first.key == second.key


def test_one_process_at_a_time_runs_the_clocks(process, archive, study):
    raised(archive, critical(study))
    process.tick()
    other = process.another()
    assert not other.tick()
    process.clock.go_on(seconds=lease.LEASE_S)
    assert other.tick()
    assert not process.ticker.tick()
    other.stop()
    assert process.ticker.tick()


def test_processes_that_begin_together_have_one_lease(process, archive):
    others = [process.another() for _ in range(4)]
    held = []
    threads = [threading.Thread(target=lambda each=each: held.append(each.tick())) for each in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(held) == [False, False, False, True]


def test_a_process_that_lost_its_lease_sends_nothing_that_another_sends(process, archive, study):
    raised(archive, critical(study))
    process.tick(1)
    sent = notifications(archive)[0].id
    again = sending.attempt(archive.engine, process.heard["mail"], sent, process="late", public_url="")
    assert again.verdict == "unwanted"
    assert len(process.heard["mail"].got) == 2


def test_what_nobody_waits_for_any_more_is_not_sent(process, archive, study):
    process.heard["mail"].fails = [AWAY] * 2
    (number,) = raised(archive, critical(study))
    process.tick(1)
    with writing(archive.engine) as connection:
        acknowledge(connection, number, Actor("person", "li"), process.ticker.configuration())
    process.tick(hours=1)
    assert process.heard["mail"].got == []
    assert {row.state for row in notifications(archive)} == {"dropped"}


def test_a_channel_without_its_settings_fails_and_falls_through(process, archive, study):
    del process.heard["mail"]
    raised(archive, critical(study))
    process.tick(seconds=10)
    process.tick(seconds=10)
    assert len(process.heard["pager"].got) == 1


def test_a_fault_of_a_channel_stops_no_clock(process, archive, study):
    process.heard["mail"].fails = [RuntimeError("of a patient")] * 2
    raised(archive, critical(study))
    process.tick()
    assert {row.error for row in notifications(archive) if row.channel == "mail"} == {
        "Unexpected RuntimeError."
    }
    assert len(process.heard["pager"].got) == 1


def test_a_file_that_cannot_be_used_any_more_changes_nothing(process, archive, study):
    process.tick()
    process.settings.alerts_file.write_text("[[[")
    raised(archive, critical(study))
    process.tick()
    assert len(process.heard["mail"].got) == 2


@pytest.mark.parametrize("tries", [1, 7, 30])
def test_waits_are_never_longer_than_five_minutes(process, archive, study, tries):
    process.heard["mail"].fails = [AWAY] * 1000
    raised(archive, critical(study))
    for _ in range(tries):
        process.tick(1, minutes=6)
    with reading(archive.engine) as connection:
        assert len(sending.channels_due(connection, process.clock())) == 0
    waits = [row.next_try_at for row in notifications(archive) if row.channel == "mail" and row.next_try_at]
    assert max((at - process.clock()).total_seconds() for at in waits) <= sending.LONGEST_WAIT_S
