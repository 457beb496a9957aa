import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import delete

from firstread.archive import OWN_SOURCE
from firstread.archive.database import writing
from firstread.archive.models import Delivery, Instance, Job, Result
from firstread.errors import UsageError
from firstread.workflow import jobs
from tests.archive.samples import instances, rows
from tests.workflow.samples import WANTED, job_row, receive, take, want


@pytest.fixture
def job(archive):
    """A job that waits, of a study of three images."""
    receive(archive)
    (made,) = want(archive)
    return made


def end(archive, held):
    return jobs.finish(archive, held, digest="0" * 64, category="4A", deliveries=[("PACS", "sr.dcm")])


def complete(archive, held):
    """Write the result folder as a read does, as far as it counts here."""
    folder = archive.folder / held.folder
    folder.mkdir(parents=True)
    (folder / "result.json").write_text("{}")


def test_a_read_becomes_one_job_a_reader_with_all_that_was_wanted(archive):
    receive(archive)
    reads = [replace(WANTED, priority="stat", destinations=("PACS", "web"), route="r", lang="zh")] * 2
    (made,) = want(archive, *reads)
    row = job_row(archive, made)
    assert (row.state, row.priority, row.revision, row.route, row.lang) == ("waiting", 0, 1, "r", "zh")
    assert json.loads(row.destinations) == ["PACS", "web"]
    assert want(archive) == ()


def test_a_study_without_an_image_becomes_no_job(archive):
    receive(archive, change=lambda ds: setattr(ds, "Modality", "SR"))
    assert want(archive) == ()


def test_a_job_that_waits_becomes_more_urgent_and_not_less(archive, job):
    before = job_row(archive, job).workflow_id
    assert want(archive, replace(WANTED, priority="stat")) == ()
    assert job_row(archive, job).priority == 0
    assert job_row(archive, job).workflow_id != before  # it stands elsewhere in the queue
    want(archive)
    assert job_row(archive, job).priority == 0


def test_an_attempt_is_counted_before_anything_is_read_and_sees_what_is_there(archive, job):
    receive(archive, 2, first=4)
    held = take(archive, job)
    row = job_row(archive, job)
    assert (row.state, row.attempts, row.images, row.worker) == ("running", 1, 5, "w")
    assert len(held.files) == 5
    assert held.folder == f"results/{held.study_uid}/{job}"


def test_own_results_and_other_versions_are_not_read(archive, job):
    archive.receive(instances(1, first=9)[0], source=OWN_SOURCE)
    archive.receive(instances(1, seed=5)[0], source="CT1")
    assert len(take(archive, job).files) == 3


@pytest.mark.parametrize("begun", ["running", "done", "failed"])
def test_images_that_come_after_the_read_began_make_the_next_revision(archive, job, begun):
    held = take(archive, job)
    if begun == "done":
        assert end(archive, held)
    if begun == "failed":
        jobs.give_up(archive, held, "no")
    assert want(archive) == ()
    receive(archive, 1, first=4)
    (revision,) = want(archive)
    row = job_row(archive, revision)
    assert (row.revision, row.predecessor, row.state) == (2, job, "waiting")
    receive(archive, 1, first=5)
    assert want(archive) == ()  # it waits, and will read that too


def test_a_revision_names_the_result_that_it_takes_the_place_of(archive, job):
    first = take(archive, job)
    assert end(archive, first)
    (second,) = want(archive, again=True)
    jobs.give_up(archive, take(archive, second), "no")
    (third,) = want(archive, again=True)
    held = take(archive, third)
    assert held.former == first.folder
    assert end(archive, held)
    former, latter = rows(archive, Result)
    assert (former.predecessor, latter.predecessor) == (None, former.id)


def test_a_result_its_deliveries_and_the_end_of_the_job_are_one(archive, job):
    assert end(archive, take(archive, job))
    (result,), (delivery,) = rows(archive, Result), rows(archive, Delivery)
    assert (result.job_key, result.category) == (job, "4A")
    assert (delivery.destination, delivery.document, delivery.state) == ("PACS", "sr.dcm", "waiting")
    assert job_row(archive, job).state == "done"
    assert take(archive, job) is None


def test_whoever_lost_the_job_ends_nothing(archive, job):
    lost, held = take(archive, job, worker="a"), take(archive, job, worker="b")
    assert not jobs.is_held(archive, lost)
    jobs.tell(archive, lost, "detect", 0.9)
    jobs.give_up(archive, lost, "no")
    jobs.try_later(archive, lost, "no", wait_s=0, counted=True)
    assert not end(archive, lost)
    row = job_row(archive, job)
    assert (row.state, row.stage, row.worker) == ("running", "", "b")
    assert end(archive, held)
    assert not end(archive, held)
    assert len(rows(archive, Result)) == 1


def test_many_that_end_the_same_attempt_write_one_result(archive, job):
    held = take(archive, job)
    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(lambda _: end(archive, held), range(4)))
    assert sorted(ended) == [False, False, False, True]
    assert len(rows(archive, Result)) == 1


def test_what_ends_the_worker_again_and_again_fails_for_good(archive, job):
    for _ in range(3):
        assert take(archive, job) is not None
    assert take(archive, job) is None
    row = job_row(archive, job)
    assert (row.state, row.attempts) == ("failed", 3)
    assert "3 times" in row.error


def test_a_read_that_had_ended_is_taken_whatever_the_attempts(archive, job):
    held = [take(archive, job) for _ in range(3)][-1]
    complete(archive, held)
    again = take(archive, job)
    assert job_row(archive, job).attempts == 3
    assert end(archive, again)


def test_a_job_whose_images_were_removed_fails(archive, job):
    with writing(archive.engine) as connection:
        connection.execute(delete(Instance))
    assert take(archive, job) is None
    assert "No image" in job_row(archive, job).error


def test_a_job_that_is_tried_later_waits_under_another_workflow(archive, job):
    before = job_row(archive, job).workflow_id
    jobs.try_later(archive, take(archive, job), "out of memory", wait_s=60, counted=True)
    row = job_row(archive, job)
    assert (row.state, row.attempts, row.error) == ("waiting", 1, "out of memory")
    assert row.next_try_at is not None
    assert row.workflow_id != before
    assert jobs.claim(archive, job, workflow_id=before, worker="w", most_attempts=3) is None


def test_an_attempt_that_was_not_its_fault_is_not_counted(archive, job):
    jobs.try_later(archive, take(archive, job), "", wait_s=0, counted=False)
    assert job_row(archive, job).attempts == 0


def test_a_person_retries_what_failed_with_all_attempts(archive, job):
    jobs.give_up(archive, take(archive, job), "no")
    jobs.retry(archive, job)
    row = job_row(archive, job)
    assert (row.state, row.attempts, row.error, row.ended_at) == ("waiting", 0, "", None)
    assert take(archive, job) is not None


def test_what_a_later_revision_took_the_place_of_is_not_retried(archive, job):
    jobs.give_up(archive, take(archive, job), "no")
    (later,) = want(archive, again=True)
    with pytest.raises(UsageError, match=str(later)):
        jobs.retry(archive, job)


def test_a_cancelled_job_is_nobodys(archive, job):
    held = take(archive, job)
    jobs.cancel(archive, job)
    assert not jobs.is_held(archive, held)
    assert not end(archive, held)
    assert take(archive, job) is None


@pytest.mark.parametrize("act", [jobs.retry, jobs.cancel])
def test_what_cannot_be_done_with_a_job_is_said(archive, job, act):
    assert end(archive, take(archive, job))
    with pytest.raises(UsageError, match="done"):
        act(archive, job)
    with pytest.raises(UsageError, match="no job"):
        act(archive, 999)


def test_no_two_jobs_of_one_reader_have_the_same_revision(archive):
    receive(archive)
    with ThreadPoolExecutor(4) as pool:
        made = [job for jobs_made in pool.map(lambda _: want(archive), range(4)) for job in jobs_made]
    assert len(made) == len(rows(archive, Job)) == 1
