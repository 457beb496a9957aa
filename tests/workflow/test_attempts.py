from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import delete

from firstread.archive import OWN_SOURCE
from firstread.archive.database import writing
from firstread.archive.models import Delivery, Instance, Result
from firstread.workflow import attempts
from tests.archive.samples import instances, rows
from tests.workflow.samples import job_row, receive, take, want


def end(archive, held):
    return attempts.finish(archive, held, digest="0" * 64, category="4A", deliveries=[("PACS", "sr.dcm")])


def complete(archive, held):
    """Write the result folder as a read does, as far as it counts here."""
    folder = archive.folder / held.folder
    folder.mkdir(parents=True)
    (folder / "result.json").write_text("{}")


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


def test_a_revision_names_the_result_that_it_takes_the_place_of(archive, job):
    first = take(archive, job)
    assert end(archive, first)
    (second,) = want(archive, again=True)
    attempts.give_up(archive, take(archive, second), "no")
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
    assert not attempts.is_held(archive, lost)
    attempts.tell(archive, lost, "detect", 0.9)
    attempts.give_up(archive, lost, "no")
    attempts.try_later(archive, lost, "no", wait_s=0, counted=True)
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


def test_one_that_only_keeps_what_was_read_takes_no_attempt_back(archive, job):
    complete(archive, take(archive, job))
    for _ in range(2):
        attempts.try_later(archive, take(archive, job), "no room", wait_s=0, counted=False)
    assert job_row(archive, job).attempts == 1


def test_a_job_whose_images_were_removed_fails(archive, job):
    with writing(archive.engine) as connection:
        connection.execute(delete(Instance))
    assert take(archive, job) is None
    assert "No image" in job_row(archive, job).error


def test_a_job_that_is_tried_later_waits_under_another_workflow(archive, job):
    before = job_row(archive, job).workflow_id
    attempts.try_later(archive, take(archive, job), "out of memory", wait_s=60, counted=True)
    row = job_row(archive, job)
    assert (row.state, row.attempts, row.error) == ("waiting", 1, "out of memory")
    assert row.next_try_at is not None
    assert row.workflow_id != before
    assert attempts.claim(archive, job, workflow_id=before, worker="w", most_attempts=3) is None


def test_an_attempt_that_was_not_its_fault_is_not_counted(archive, job):
    attempts.try_later(archive, take(archive, job), "", wait_s=0, counted=False)
    assert job_row(archive, job).attempts == 0
