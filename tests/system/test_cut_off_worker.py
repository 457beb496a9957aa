"""A worker whose database or network goes away in the middle of a read: nothing is lost, nothing is read twice."""

import pytest
from sqlalchemy.engine import make_url

from firstread.archive import Part10, open_archive
from firstread.archive.models import Job, Result, Worker
from tests.archive.samples import rows
from tests.system.fleet import nursery, settings_of
from tests.system.hosts import two_hosts
from tests.system.proxy import Proxy, to_file
from tests.system.whole_path import (
    assert_read_and_delivered_once,
    is_over,
    reading_and_sending,
    small_studies,
)
from tests.waiting import wait_for

AWAY = "database does not answer"
WORKER = ("serve", "--role", "worker")


@pytest.fixture
def word(tmp_path):
    """The file that tells the ball reader what to do: wait, or nothing."""
    path = tmp_path / "word"
    path.write_text("wait")
    return path


def store(archive, files):
    for file in files:
        archive.receive(Part10.parse(file.read_bytes()), source="SCANNER")


def reading_of(archive):
    """The job that is being read by now, if one is."""
    return next((job for job in rows(archive, Job) if job.state == "running" and job.stage), None)


@pytest.mark.timeout(180)
def test_a_worker_whose_cable_is_pulled_is_replaced_and_returns_without_a_second_result(
    tmp_path, postgres_server, postgres_url, storescp, ball_reader, word
):
    port, _ = storescp
    studies = small_studies(tmp_path / "studies", count=2)
    settings = settings_of(tmp_path / "archive", postgres_url) | reading_and_sending(port)
    settings |= {"FIRSTREAD_WORKER_LOST_S": "3", "BALL_READER": f"@{word}"}
    with (
        two_hosts() as cable,
        Proxy(to_file(postgres_server.folder / ".s.PGSQL.5432"), listener=cable.listen(0)) as database,
        nursery(tmp_path, settings, within=cable.within(1), sites=[ball_reader]) as there_forks,
        nursery(tmp_path, settings, sites=[ball_reader]) as here_forks,
        open_archive(tmp_path / "archive", url=postgres_url) as archive,
    ):
        away = make_url(postgres_url).set(host=cable.addresses[0], port=database.port, query={})
        store(archive, studies[0])
        there = there_forks.server("there", *WORKER, FIRSTREAD_DATABASE_URL=str(away))
        job = wait_for(lambda: reading_of(archive), 60)
        here = here_forks.server("here", *WORKER)
        cable.pull()
        wait_for(lambda: (found := reading_of(archive)) and found.worker != job.worker, 60)
        word.write_text("")
        wait_for(lambda: [row for row in rows(archive, Job) if row.state == "done"], 60)
        cable.plug()
        wait_for(lambda: len(rows(archive, Worker)) == 2, 60)  # it is back
        here.end()
        store(archive, studies[1])
        wait_for(lambda: len(rows(archive, Result)) == 2, 60)  # and reads
        assert rows(archive, Job)[1].worker == job.worker
        there.end()
        assert {row.state for row in rows(archive, Job)} == {"done"}
        assert len(rows(archive, Result)) == 2


@pytest.mark.timeout(180)
def test_a_database_that_crashes_during_a_read_and_returns_is_read_for_without_a_restart(
    tmp_path, postgres_server, postgres_url, storescp, ball_reader, word
):
    port, delivered = storescp
    studies = small_studies(tmp_path / "studies", count=3)
    settings = settings_of(tmp_path / "archive", postgres_url) | reading_and_sending(port)
    with (
        nursery(tmp_path, settings | {"BALL_READER": f"@{word}"}, sites=[ball_reader]) as forks,
        open_archive(tmp_path / "archive", url=postgres_url) as archive,
    ):
        worker = forks.server("worker", *WORKER)
        store(archive, studies[0])
        for later in studies[1:]:
            wait_for(lambda: reading_of(archive), 60)
            before = worker.log.count(AWAY)
            postgres_server.stop()
            word.write_text("")  # the read ends while the database is away
            wait_for(lambda before=before: worker.log.count(AWAY) > before, 60)
            postgres_server.start()
            word.write_text("wait")
            store(archive, later)
        word.write_text("")
        wait_for(lambda: is_over(archive, len(studies)), 60)
        assert worker.runs
        worker.end()
        assert_read_and_delivered_once(archive, studies, delivered)
