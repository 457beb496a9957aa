from datetime import timedelta

import pytest

from firstread.access import Actor
from firstread.alerts.acts import acknowledge, cancel, close, confirm, downgrade
from firstread.alerts.configuration import load_configuration
from firstread.alerts.queries import find_alert, statistics
from firstread.archive.database import reading, writing
from firstread.errors import RefusedInput, UsageError
from tests.alerts.conftest import CHAIN
from tests.alerts.samples import BEGIN, alerts, critical, finding, kinds, notifications, raised, refer, result


@pytest.fixture
def database_url():
    """SQLite: what is asked of the database is asked of both in test_sending and test_raising."""


LI = Actor("person", "li", roles=frozenset({"radiologist"}))
DOCTOR = Actor("person", "smith", roles=frozenset({"clinician"}))


def act(process, what, *arguments, **options):
    with writing(process.archive.engine) as connection:
        return what(connection, *arguments, **options)


def told(process, channel="mail"):
    return sorted(message.address for message in process.heard[channel].got)


def test_everybody_of_the_first_step_is_told_at_once(process, archive, study):
    raised(archive, critical(study))
    process.tick()
    assert told(process) == ["li@hospital.example", "wu@hospital.example"]
    (alert,) = alerts(archive)
    assert alert.state == "notified"
    assert alert.due_at == BEGIN + timedelta(minutes=10)


def test_the_next_step_is_told_when_the_clock_runs_out_and_not_before(process, archive, study):
    raised(archive, critical(study))
    process.tick()
    process.tick(minutes=9, seconds=59)
    assert alerts(archive)[0].state == "notified"
    process.tick(seconds=1)
    assert alerts(archive)[0].state == "escalated"
    assert told(process)[2:] == ["zhao@hospital.example"]
    assert {row.channel for row in notifications(archive) if row.step == 1} == {"web", "mail"}


def test_at_the_end_of_the_chain_the_alert_stays_open_and_says_so(process, archive, study):
    raised(archive, critical(study))
    for _ in range(4):
        process.tick(minutes=20)
    (alert,) = alerts(archive)
    assert (alert.state, alert.due_at) == ("escalated", None)
    assert kinds(archive).count("chain ended") == 1
    with reading(archive.engine) as connection:
        assert statistics(connection, at=process.clock()).levels[0].overdue == 1


def test_an_acknowledgement_stops_the_clock_and_is_kept_with_its_words(process, archive, study):
    (number,) = raised(archive, critical(study))
    process.tick()
    done = act(
        process, acknowledge, number, LI, process.ticker.configuration(), how="telephone",
        recipient="Dr Smith", read_back="large pneumothorax on the right", at=process.clock(),
    )  # fmt: skip
    assert (done.state, done.ended) == ("acknowledged", True)
    process.tick(hours=5)
    assert len(told(process)) == 2
    with reading(archive.engine) as connection:
        (taken,) = find_alert(connection, number).acknowledgements
    assert (taken["recipient"], taken["recorded_by"], taken["how"]) == ("Dr Smith", "li", "telephone")
    assert taken["read_back"] == "large pneumothorax on the right"


def test_two_who_acknowledge_at_once_are_told_apart(process, archive, study):
    (number,) = raised(archive, critical(study))
    configuration = process.ticker.configuration()
    act(process, acknowledge, number, LI, configuration)
    with pytest.raises(RefusedInput, match="acknowledged"):
        act(process, acknowledge, number, DOCTOR, configuration)


def test_a_chain_can_wait_for_the_clinician_whoever_else_has_seen_it(process_of, archive, study):
    process = process_of(CHAIN.replace('levels = ["minutes"]', 'levels = ["minutes"]\nuntil = ["clinician"]'))
    (number,) = raised(archive, critical(study))
    process.tick()
    configuration = load_configuration(process.settings)
    assert not act(process, acknowledge, number, LI, configuration).ended
    process.tick(minutes=10)
    assert alerts(archive)[0].state == "escalated"
    assert act(process, acknowledge, number, DOCTOR, configuration).ended
    assert kinds(archive)[-2:].count("acknowledged") == 1


def test_an_acknowledged_alert_is_closed_a_day_later(process, archive, study):
    (number,) = raised(archive, critical(study))
    act(process, acknowledge, number, LI, process.ticker.configuration(), at=process.clock())
    process.tick(hours=23)
    assert alerts(archive)[0].state == "acknowledged"
    process.tick(hours=1)
    assert alerts(archive)[0].state == "closed"


def test_only_what_was_acknowledged_is_closed_by_hand(process, archive, study):
    (number,) = raised(archive, critical(study))
    with pytest.raises(RefusedInput, match="Nobody"):
        act(process, close, number, LI)
    act(process, acknowledge, number, LI, process.ticker.configuration())
    assert act(process, close, number, LI)


def test_a_downgraded_alert_has_the_clock_of_its_level_and_tells_nobody_twice(process, archive, study):
    (number,) = raised(archive, critical(study))
    process.tick()
    act(process, downgrade, number, LI, "days", "small", process.ticker.configuration(), at=process.clock())
    process.tick(hours=23)
    (alert,) = alerts(archive)
    assert (alert.level, alert.state) == ("days", "notified")
    assert alert.deadline_at == BEGIN + timedelta(days=3)
    assert len(told(process)) == 2


def test_an_alert_is_not_made_more_urgent_by_downgrading(process, archive, study):
    (number,) = raised(archive, critical(study))
    with pytest.raises(UsageError, match="already"):
        act(process, downgrade, number, LI, "minutes", "why", process.ticker.configuration())


@pytest.mark.parametrize("reason", ["", "  ", "x" * 3000])
def test_nothing_is_cancelled_without_a_reason(process, archive, study, reason):
    (number,) = raised(archive, critical(study))
    with pytest.raises(UsageError):
        act(process, cancel, number, LI, reason)
    assert alerts(archive)[0].state == "raised"


def test_a_cancelled_alert_tells_nobody_any_more(process, archive, study):
    (number,) = raised(archive, critical(study))
    act(process, cancel, number, LI, "a skin fold")
    process.tick(hours=1)
    assert told(process) == []
    assert alerts(archive)[0].state == "cancelled"


def test_a_confirmed_alert_goes_on_until_it_is_acknowledged(process, archive, study):
    (number,) = raised(archive, critical(study))
    assert act(process, confirm, number, LI)
    process.tick()
    assert process.heard["mail"].got[0].confirmed
    assert alerts(archive)[0].state == "notified"


def test_the_referring_physician_is_told_where_dicom_names_one_who_has_an_account(process_of, archive, study):
    process = process_of(CHAIN.replace('["role:radiologist"]', '["referring"]'))
    refer(archive, "ZHAO")
    raised(archive, critical(study))
    process.tick()
    assert told(process) == ["zhao@hospital.example"]


def test_a_step_that_means_nobody_is_passed_over_at_once_and_that_is_said(process_of, archive, study):
    process = process_of(CHAIN.replace('["role:radiologist"]', '["role:nobody"]'))
    raised(archive, critical(study))
    process.tick()
    assert told(process) == ["zhao@hospital.example"]
    assert "step skipped" in kinds(archive)


def test_what_a_later_step_says_again_is_not_told_again(process_of, archive, study):
    process = process_of(CHAIN.replace('["role:head"]', '["role:radiologist"]').replace('"web", ', ""))
    raised(archive, critical(study))
    process.tick()
    process.tick(minutes=10)
    assert len(told(process)) == 2
    assert kinds(archive)[-2:] == ["step skipped", "chain ended"]


def test_an_alert_raised_anew_is_told_anew(process, archive, study):
    lesion = {"mean": 41.0}
    raised(archive, result(finding(**lesion), study=study))
    process.tick()
    assert told(process) == []  # of days: the shipped chain, in browsers
    raised(archive, critical(study), revision=2)
    process.tick()
    assert len(told(process)) == 2


def test_without_accounts_everybody_at_this_computer_is_shown_it(process_of, archive, study):
    process = process_of("")
    raised(archive, critical(study))
    process.tick()
    (only,) = notifications(archive)
    assert (only.recipient, only.channel, only.state) == ("anyone", "web", "sent")


def test_statistics_are_of_the_alerts_that_were_acknowledged(process, archive):
    from tests.alerts.samples import study_of

    for minutes in range(1, 21):
        uid = study_of(archive, study=minutes)
        (number,) = raised(archive, critical(uid))
        at = BEGIN + timedelta(minutes=4 * minutes)
        act(process, acknowledge, number, LI, process.ticker.configuration(), at=at)
    with reading(archive.engine) as connection:
        numbers = statistics(connection, at=process.clock()).levels[0]
    assert (numbers.raised, numbers.open, numbers.acknowledged, numbers.in_time) == (20, 0, 20, 15)
    assert (numbers.median_s, numbers.p95_s) == (42 * 60, 76 * 60)
