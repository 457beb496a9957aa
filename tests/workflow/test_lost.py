import os
import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from firstread.archive.columns import now
from firstread.archive.database import writing
from firstread.archive.models import Worker
from firstread.workflow import durable, lost
from tests.archive.samples import rows


@pytest.fixture
def taken(monkeypatch):
    """The workers that were taken over, of those that `a`, `b` and `own` are: each has begun a workflow."""
    found = []
    monkeypatch.setattr(durable, "executors", lambda: {"a", "b", "own"})
    monkeypatch.setattr(durable, "take_over", found.extend)
    return found


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


def test_a_worker_that_gives_no_sign_of_life_is_taken_over_whatever_its_clock_says(archive, taken):
    clock = Clock()
    watch = lost.Watch(archive, "own", lost_s=30, clock=clock)
    for worker in ("a", "b", "own"):
        lost.sign_of_life(archive, worker)
    with writing(archive.engine) as connection:
        late = now() - timedelta(hours=1)
        connection.execute(update(Worker).where(Worker.id == "a").values(seen_at=late))
    assert watch.take_over_lost() == ()
    clock.seconds = 31.0
    lost.sign_of_life(archive, "a")
    assert watch.take_over_lost() == ("b",)
    assert taken == ["b"]
    assert sorted(row.id for row in rows(archive, Worker)) == ["a", "own"]


def test_a_sign_of_life_renews_the_row(archive):
    lost.sign_of_life(archive, "a")
    before = rows(archive, Worker)[0]
    lost.sign_of_life(archive, "a")
    (after,) = rows(archive, Worker)
    assert after.seen_at > before.seen_at
    assert after.started_at == before.started_at
    lost.sign_off(archive, "a")
    assert rows(archive, Worker) == []


def test_a_worker_that_nobody_knows_is_taken_over(archive, taken):
    lost.sign_of_life(archive, "a")
    assert lost.Watch(archive, "own", lost_s=30).take_over_lost() == ("b",)


def test_a_worker_of_this_host_whose_process_ended_is_lost_at_once(archive, taken):
    ended = subprocess.run(
        [sys.executable, "-c", "from firstread.workflow.lost import this_process; print(this_process())"],
        capture_output=True,
        text=True,
        check=True,
    )
    with writing(archive.engine) as connection:
        row = {"id": "a", "host": "here", "process": ended.stdout.strip()}
        connection.execute(insert(Worker).values(row))
        connection.execute(insert(Worker).values(row | {"id": "b", "process": lost.this_process()}))
    assert lost.Watch(archive, "own", lost_s=3600).take_over_lost() == ("a",)


def test_a_process_is_told_from_another_with_its_number_and_of_another_host_nothing_is_said():
    here = lost.this_process()
    assert not lost.has_ended(here)
    place, _, begun = here.rpartition("/")
    assert lost.has_ended(f"{place}/{int(begun) - 1}")
    assert not lost.has_ended(f"another-boot/1/{os.getpid()}/1")
    assert not lost.has_ended("nonsense")


def test_a_workflow_that_nobody_runs_is_ended_after_a_while(sqlite_archive, monkeypatch):
    ended = []
    begun = {"x", "y"}
    monkeypatch.setattr(durable, "stranded", lambda: begun)
    monkeypatch.setattr(durable, "abandon", ended.extend)
    clock = Clock()
    watch = lost.Watch(sqlite_archive, "own", lost_s=30, clock=clock)
    watch.abandon_stranded()
    begun.discard("y")  # it had only just begun
    clock.seconds = 9.0
    watch.abandon_stranded()
    begun.add("y")
    clock.seconds = 11.0
    watch.abandon_stranded()
    assert ended == ["x"]
