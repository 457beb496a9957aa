import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from firstread.archive import OWN_SOURCE
from firstread.archive.columns import now
from firstread.archive.database import writing
from firstread.archive.models import Job, Study
from firstread.errors import UsageError
from firstread.settings import Settings
from firstread.workflow.intake import Intake, read_now, stable_studies
from tests.archive.samples import instances, rows
from tests.workflow.samples import WANTED, job_row, receive, take


@pytest.fixture
def routed(ball_reader):
    """Settings in which every CT is read by `ball`."""
    return Settings(study_quiet_s=0.0, routes=({"name": "CT", "reader": "ball", "when": {"modality": "CT"}},))


def test_a_study_is_complete_when_nothing_came_for_a_while(archive):
    uid = receive(archive)
    assert stable_studies(archive, quiet_s=60) == []
    assert stable_studies(archive, quiet_s=0) == [uid]
    with writing(archive.engine) as connection:
        connection.execute(update(Study).values(last_received_at=now() - timedelta(seconds=61)))
    assert stable_studies(archive, quiet_s=60) == [uid]


def test_a_study_of_which_more_is_expected_waits(archive):
    uid = receive(archive)
    for seconds, stable in ((60, []), (-1, [uid])):
        with writing(archive.engine) as connection:
            connection.execute(update(Study).values(expected_until=now() + timedelta(seconds=seconds)))
        assert stable_studies(archive, quiet_s=0) == stable


def test_a_study_is_routed_once_and_again_when_more_of_it_came(archive, routed):
    receive(archive)
    (job,) = Intake(archive, routed).route_stable()
    assert job_row(archive, job).route == "CT"
    assert stable_studies(archive, quiet_s=0) == []
    take(archive, job)
    receive(archive, 1, first=4)
    (revision,) = Intake(archive, routed).route_stable()
    assert job_row(archive, revision).predecessor == job


def test_what_makes_no_other_images_makes_no_revision(archive, routed):
    receive(archive)
    (job,) = Intake(archive, routed).route_stable()
    take(archive, job)
    receive(archive)  # again, the same
    receive(archive, 1, series=2, change=lambda ds: setattr(ds, "Modality", "SR"))
    archive.receive(instances(1, first=5)[0], source=OWN_SOURCE)
    assert Intake(archive, routed).route_stable() == ()
    assert stable_studies(archive, quiet_s=0) == []


def test_no_rule_no_read(archive):
    receive(archive)
    assert Intake(archive, Settings(study_quiet_s=0.0)).route_stable() == ()
    assert stable_studies(archive, quiet_s=0) == []
    assert rows(archive, Job) == []


def test_many_hosts_that_route_at_once_make_each_job_once(archive, routed):
    for study in range(1, 6):
        receive(archive, study=study)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: Intake(archive, routed).route_stable(), range(4)))
    assert sum(map(len, made)) == len(rows(archive, Job)) == 5


def test_a_study_that_grows_while_it_is_routed_waits_until_it_is_quiet(archive, routed, monkeypatch):
    from firstread.workflow import intake

    receive(archive)
    facts_of = intake.facts_of

    def slow(*arguments, **options):
        found = facts_of(*arguments, **options)
        receive(archive, 1, first=4)
        return found

    monkeypatch.setattr(intake, "facts_of", slow)
    assert Intake(archive, routed).route_stable() == ()
    monkeypatch.undo()
    assert len(Intake(archive, routed).route_stable()) == 1


def test_a_study_that_cannot_be_routed_keeps_no_other_waiting(archive, routed, caplog):
    broken = receive(archive)
    for path in archive.files.folder.glob("*/*/*"):
        path.unlink()
    receive(archive, study=2)
    intake = Intake(archive, routed)
    with caplog.at_level(logging.WARNING):
        assert len(intake.route_stable()) == 1
        assert intake.route_stable() == ()
    assert caplog.text.count("could not be routed") == 1  # it is not tried every second
    assert stable_studies(archive, quiet_s=0) == [broken]


def test_a_person_has_a_study_read_whatever_the_routes_say_and_again(archive):
    uid = receive(archive)
    (job,) = read_now(archive, uid, WANTED)
    take(archive, job)
    (again,) = read_now(archive, uid, WANTED)
    assert job_row(archive, again).predecessor == job
    with pytest.raises(UsageError, match=r"1\.2\.3"):
        read_now(archive, "1.2.3", WANTED)
