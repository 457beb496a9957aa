import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from firstread.archive.models import Job
from firstread.errors import UsageError
from firstread.workflow import attempts, jobs
from tests.archive.samples import rows
from tests.workflow.samples import WANTED, job_row, receive, take, want


def end(archive, held):
    return attempts.finish(archive, held, digest="0" * 64, category="4A", deliveries=[("PACS", "sr.dcm")])


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


def test_a_job_that_waits_sends_its_result_to_all_who_want_it(archive, job):
    for destinations in (("web",), ("PACS", "web")):
        assert want(archive, replace(WANTED, destinations=destinations)) == ()
    assert json.loads(job_row(archive, job).destinations) == ["web", "PACS"]


def test_what_is_wanted_elsewhere_after_it_was_read_is_read_again(archive, job):
    take(archive, job)
    assert want(archive) == ()
    (second,) = want(archive, replace(WANTED, destinations=("PACS",)))
    assert json.loads(job_row(archive, second).destinations) == ["PACS"]


@pytest.mark.parametrize("begun", ["running", "done", "failed"])
def test_images_that_come_after_the_read_began_make_the_next_revision(archive, job, begun):
    held = take(archive, job)
    if begun == "done":
        assert end(archive, held)
    if begun == "failed":
        attempts.give_up(archive, held, "no")
    assert want(archive) == ()
    receive(archive, 1, first=4)
    (revision,) = want(archive)
    row = job_row(archive, revision)
    assert (row.revision, row.predecessor, row.state) == (2, job, "waiting")
    receive(archive, 1, first=5)
    assert want(archive) == ()  # it waits, and will read that too


def test_a_person_retries_what_failed_with_all_attempts(archive, job):
    attempts.give_up(archive, take(archive, job), "no")
    jobs.retry(archive, job)
    row = job_row(archive, job)
    assert (row.state, row.attempts, row.error, row.ended_at) == ("waiting", 0, "", None)
    assert take(archive, job) is not None


def test_what_a_later_revision_took_the_place_of_is_not_retried(archive, job):
    attempts.give_up(archive, take(archive, job), "no")
    (later,) = want(archive, again=True)
    with pytest.raises(UsageError, match=str(later)):
        jobs.retry(archive, job)


def test_a_cancelled_job_is_nobodys(archive, job):
    held = take(archive, job)
    jobs.cancel(archive, job)
    assert not attempts.is_held(archive, held)
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
