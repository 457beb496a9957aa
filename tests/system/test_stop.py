"""The node is told to stop while a study is read."""

import signal

import pytest

from firstread.archive import open_archive
from firstread.archive.models import Result
from firstread.network.outgoing import files_of_folder
from firstread.network.scu import Caller
from firstread.workflow.job_list import list_jobs
from tests.archive.samples import rows
from tests.serving import serving
from tests.workflow.conftest import tell_ball_reader
from tests.workflow.samples import until

ROUTES = '[{"name": "ball", "reader": "ball", "when": {"modality": "CT"}}]'
OPTIONS = {"role": "all", "routes": ROUTES, "study_quiet_s": "0.2"}


@pytest.fixture
def told(tmp_path, ball_reader, monkeypatch):
    return tell_ball_reader(ball_reader, tmp_path, monkeypatch)


def job(archive, state):
    return until(lambda: next((job for job in list_jobs(archive) if job.state == state), None))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("grace_s", "signals", "code"), [("0", 1, 0), ("300", 2, 128 + signal.SIGTERM)])
def test_a_read_that_does_not_end_in_time_waits_for_the_next_start(
    tmp_path, told, small_study, grace_s, signals, code
):
    told("wait")
    with (
        serving(tmp_path, stop_grace_s=grace_s, **OPTIONS) as node,
        open_archive(tmp_path / "archive") as archive,
    ):
        assert until(lambda: node.health().json()["ready"])
        Caller("SCANNER").send(node.peer, files_of_folder(small_study))
        until(lambda: job(archive, "running").stage)
        for _ in range(signals):
            node.process.send_signal(signal.SIGTERM)
            until(lambda: any("stopping" in event for event in node.events()))
        assert node.process.wait(120) == code
        if code == 0:
            assert (job(archive, "waiting").attempts, node.events()[-1]) == (0, "stopped")
    told("")
    with (
        serving(tmp_path, worker_lost_s="1", **OPTIONS) as node,
        open_archive(tmp_path / "archive") as archive,
    ):
        job(archive, "done")
        assert len(rows(archive, Result)) == 1


@pytest.mark.timeout(300)
def test_a_read_that_ends_in_time_is_finished_while_nothing_new_is_taken(tmp_path, told, small_study):
    told("wait")
    with (
        serving(tmp_path, stop_grace_s="120", **OPTIONS) as node,
        open_archive(tmp_path / "archive") as archive,
    ):
        Caller("SCANNER").send(node.peer, files_of_folder(small_study))
        until(lambda: job(archive, "running").stage)
        node.process.send_signal(signal.SIGTERM)
        until(lambda: any("stopping" in event for event in node.events()))
        told("")
        assert node.process.wait(120) == 0
        assert job(archive, "done").attempts == 1
