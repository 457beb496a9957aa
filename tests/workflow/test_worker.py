import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread
from sqlalchemy import text

from firstread.archive.database import writing
from firstread.archive.models import Delivery, Job, Result, Study
from firstread.archive.models import Worker as WorkerRow
from firstread.archive.results import result_folder_name
from firstread.errors import UsageError
from firstread.workflow import durable, jobs
from firstread.workflow.result_folder import load_result
from firstread.workflow.worker import Worker
from tests.archive.samples import rows
from tests.workflow.samples import WANTED, job_row, receive, until, want

# Where nothing depends on the database; what does is in test_jobs.py, on both.
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
REPOSITORY = Path(__file__).resolve().parents[2]


def receive_chest(archive, count=12, **options):
    """Store a study that is large enough to be read; more of it, where some is there."""
    return receive(archive, count, size=32, **options)


def until_state(archive, job, state):
    return until(lambda: (row := job_row(archive, job)).state == state and row)


@pytest.fixture
def started(archive, database_url, told):
    """A function that starts a worker as a process of its own, and returns it with its name."""
    running = []

    def start(**settings):
        environment = os.environ | {
            f"FIRSTREAD_{name.upper()}": str(value) for name, value in settings.items()
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.workflow.worker_process", archive.folder, database_url or ""],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment, cwd=REPOSITORY,
        )  # fmt: skip
        running.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_study_that_came_is_read_delivered_and_read_again_when_more_of_it_comes(
    archive, settings, told, tmp_path
):
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    settings = settings.model_copy(
        update={
            "routes": (
                {"name": "CT", "reader": "ball", "when": {"modality": "CT"}, "destinations": ["files"]},
            ),
            "destinations": type(settings)(destinations={"files": f"folder:{outbox}"}).destinations,
        }
    )
    receive_chest(archive)
    with Worker(archive, settings) as worker:
        (job,) = until(lambda: rows(archive, Job))
        until_state(archive, job.id, "done")
        assert worker.ready()
        until(lambda: [row.state for row in rows(archive, Delivery)] and not unsent(archive))
        receive_chest(archive, 14)
        revision = until(lambda: len(rows(archive, Job)) == 2 and rows(archive, Job)[1])
        until_state(archive, revision.id, "done")
    former, latter = rows(archive, Result)
    assert latter.predecessor == former.id
    first, second = (archive.folder / row.folder for row in (former, latter))
    assert load_result(second).acquisition.slices == 14
    named = load_result(second).predecessor.sop_instance_uid
    assert named == dcmread(first / "sr.dcm").SOPInstanceUID
    assert first.stat().st_mode & 0o777 == 0o700
    assert (archive.folder / "results").stat().st_mode & 0o777 == 0o700
    assert list(outbox.rglob("report.pdf"))
    for path in archive.folder.glob("workflows.sqlite*"):
        assert path.stat().st_mode & 0o777 == 0o600
        assert b"Synthetic" not in path.read_bytes()


def unsent(archive):
    return [row.id for row in rows(archive, Delivery) if row.state != "sent"]


@sqlite_only
def test_a_stat_study_overtakes_two_hundred_that_wait(archive, settings, told):
    told("wait")
    receive_chest(archive)
    want(archive, *(replace(WANTED, reader=f"reader {n}") for n in range(200)))
    (first,) = want(archive, replace(WANTED, priority="urgent"))
    with Worker(archive, settings):
        until(lambda: job_row(archive, first).stage == "load")
        until(
            lambda: len(known(archive)) == 201
        )  # in the queue, where nothing begins while the first is read
        receive_chest(archive, study=2)
        (stat,) = want(archive, replace(WANTED, priority="stat"), study=2)
        until(lambda: len(known(archive)) == 202)
        told("")
        until_state(archive, stat, "done")
    begun = [row for row in rows(archive, Job) if row.started_at is not None]
    assert [row.id for row in sorted(begun, key=lambda row: row.started_at)][:2] == [first, stat]


def known(archive):
    return durable.states([row.workflow_id for row in rows(archive, Job)])


@sqlite_only
def test_a_worker_reads_as_many_at_once_as_it_is_allowed_and_no_more(archive, settings, told):
    told("wait")
    for study in (1, 2, 3):
        receive_chest(archive, study=study)
        want(archive, study=study)
    with Worker(archive, settings.model_copy(update={"worker_reads": 2})):
        until(lambda: [row.stage for row in rows(archive, Job)].count("load") == 2)
        until(lambda: len(known(archive)) == 3)
        assert sorted(row.state for row in rows(archive, Job)) == ["running", "running", "waiting"]
        told("")
        until(lambda: all(row.state == "done" for row in rows(archive, Job)))
    assert sorted(row.attempts for row in rows(archive, Job)) == [1, 1, 1]


@sqlite_only
def test_a_revision_begins_when_the_one_before_has_ended(archive, settings, told):
    told("wait")
    receive_chest(archive)
    (first,) = want(archive)
    with Worker(archive, settings.model_copy(update={"worker_reads": 2})):
        until(lambda: job_row(archive, first).stage == "load")
        receive_chest(archive, 14)
        revision, other = want(archive, WANTED, replace(WANTED, reader="none"))
        until_state(archive, other, "failed")  # what came with it was begun
        assert job_row(archive, revision).state == "waiting"
        told("")
        until_state(archive, revision, "done")
    assert job_row(archive, first).ended_at < job_row(archive, revision).started_at
    assert job_row(archive, revision).images == 14


@sqlite_only
def test_a_read_that_is_cancelled_ends_at_once_and_can_be_retried(archive, settings, told):
    told("wait")
    receive_chest(archive)
    (job,) = want(archive)
    with Worker(archive, settings):
        until_state(archive, job, "running")
        until(lambda: job_row(archive, job).stage == "load")
        workflow = job_row(archive, job).workflow_id
        jobs.cancel(archive, job)
        until(lambda: durable.states([workflow]) == {workflow: False})
        told("")
        jobs.retry(archive, job)
        assert until_state(archive, job, "done").attempts == 1


@sqlite_only
@pytest.mark.parametrize("word", ["refuse", "die"])
def test_what_is_refused_fails_at_once_and_what_may_pass_after_its_attempts(
    archive, settings, told, word, monkeypatch
):
    from firstread.workflow import read_job

    monkeypatch.setattr(read_job, "FIRST_WAIT_S", 0.1)
    told(word)
    receive_chest(archive)
    (job,) = want(archive)
    with Worker(archive, settings):
        row = until_state(archive, job, "failed")
    assert row.attempts == (1 if word == "refuse" else 3)
    assert ("safe" if word == "refuse" else "killed") in row.error
    assert "Synthetic" not in row.error
    assert rows(archive, Result) == []


@sqlite_only
def test_a_result_that_was_damaged_before_it_was_kept_is_read_anew(archive, settings, told, monkeypatch):
    from firstread.workflow import read_job

    monkeypatch.setattr(read_job, "FIRST_WAIT_S", 0.1)
    receive_chest(archive)
    (job,) = want(archive)
    folder = archive.folder / result_folder_name(rows(archive, Study)[0].study_uid, job)
    folder.mkdir(parents=True)
    (folder / "result.json").write_text("{}")
    with Worker(archive, settings):
        row = until_state(archive, job, "done")
    assert (row.attempts, row.images) == (1, 12)
    assert load_result(folder).acquisition.slices == 12


@sqlite_only
def test_a_worker_that_stops_puts_its_job_back_without_a_lost_attempt(archive, settings, told):
    told("wait")
    receive_chest(archive)
    (job,) = want(archive)
    worker = Worker(archive, settings)
    with worker:
        until(lambda: job_row(archive, job).stage == "load")
        worker.stop(0.1)
    assert not worker.ready()
    row = job_row(archive, job)
    assert (row.state, row.attempts, row.error) == ("waiting", 0, "")
    assert rows(archive, WorkerRow) == []


@sqlite_only
def test_a_process_has_one_worker(archive, settings, told):
    with Worker(archive, settings), pytest.raises(UsageError, match="already"), Worker(archive, settings):
        pass


def test_what_a_killed_worker_had_begun_is_read_by_another(archive, started, told):
    told("wait")
    receive_chest(archive)
    (job,) = want(archive)
    first, name = started()
    until(lambda: job_row(archive, job).stage == "load")
    assert job_row(archive, job).worker == name
    first.kill()
    told("")
    _, other = started()
    row = until_state(archive, job, "done")
    assert (row.worker, row.attempts) == (other, 2)
    assert len(rows(archive, Result)) == 1


def test_queues_that_are_lost_are_filled_again_from_the_rows(archive, started, told, database_url):
    told("wait")
    receive_chest(archive)
    running, waiting = want(archive), want(archive, replace(WANTED, priority="urgent", reader="none"))
    first, _ = started()
    until(lambda: job_row(archive, running[0]).stage == "load")
    first.kill()
    first.wait()
    if database_url:
        with writing(archive.engine) as connection:
            connection.execute(text("DROP SCHEMA firstread_workflows CASCADE"))
    else:
        for path in archive.folder.glob("workflows.sqlite*"):
            path.unlink()
    told("")
    started()
    until_state(archive, running[0], "done")
    until_state(archive, waiting[0], "failed")  # there is no such reader


def test_a_worker_that_was_cut_off_and_returns_makes_no_second_result(archive, started, told):
    told("wait")
    receive_chest(archive)
    (job,) = want(archive)
    first, _ = started(worker_lost_s=2)
    until(lambda: job_row(archive, job).stage == "load")
    first.send_signal(signal.SIGSTOP)
    _, other = started(worker_lost_s=2)
    until(lambda: job_row(archive, job).worker == other)
    told("")
    until_state(archive, job, "done")
    receive_chest(archive, study=2)
    first.send_signal(signal.SIGCONT)
    until(lambda: len(rows(archive, WorkerRow)) == 2)  # it is back, and goes on
    (result,) = rows(archive, Result)
    first.terminate()
    assert first.wait(60) == 0
    assert rows(archive, Result) == [result]
    assert job_row(archive, job).state == "done"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_worker_stops_while_the_database_is_away_and_another_goes_on(
    archive, started, told, postgres_server
):
    told("wait")
    receive_chest(archive)
    (job,) = want(archive)
    first, _ = started()
    until(lambda: job_row(archive, job).stage == "load")
    postgres_server.stop()
    try:
        first.terminate()
        assert first.wait(60) == 0
    finally:
        postgres_server.start()
    told("")
    started()
    until_state(archive, job, "done")
    assert len(rows(archive, Result)) == 1
