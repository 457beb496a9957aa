import json

import pytest
from sqlalchemy import select, update

from firstread.archive import OWN_SOURCE, PRIOR_SOURCE
from firstread.archive.database import writing
from firstread.archive.models import Job, Notice, Study
from firstread.archive.worklist import mark, refresh
from firstread.workflow import attempts, intake, jobs
from firstread.workflow.routes import PlannedRead
from tests.archive.samples import instances, rows
from tests.web.pages.samples import entry, key_of
from tests.workflow.samples import WANTED, take, want


def arrive(archive, source="CT1", **options):
    (uid,) = {archive.receive(each, source=source).study_uid for each in instances(2, **options)}
    return uid


def routed(archive, uid):
    intake.route(archive, uid, ())


def test_a_study_goes_through_its_stages_and_each_is_told(archive):
    uid = arrive(archive)
    key = key_of(archive, uid)
    stages = [entry(archive, uid).stage]
    routed(archive, uid)
    stages.append(entry(archive, uid).stage)
    (job,) = want(archive)
    stages.append(entry(archive, uid).stage)
    held = take(archive, job)
    stages.append(entry(archive, uid).stage)
    attempts.finish(archive, held, digest="", category="4A", deliveries=[], summary='[{"category": "4A"}]')
    stages.append(entry(archive, uid).stage)
    for report in ("in_review", "signed", ""):
        with writing(archive.engine) as connection:
            mark(connection, key, report=report)
        stages.append(entry(archive, uid).stage)
    assert stages == [
        "arriving", "unread", "queued", "reading", "preliminary", "in_review", "signed", "preliminary"
    ]  # fmt: skip
    told = [row for row in rows(archive, Notice) if row.kind == "study"]
    assert len(told) >= len(stages)
    assert {row.study_key for row in told} == {key}


def test_a_job_that_fails_or_is_cancelled_or_tried_again_is_shown(archive):
    uid = arrive(archive)
    routed(archive, uid)
    (job,) = want(archive)
    held = take(archive, job)
    attempts.give_up(archive, held, "The series has gaps.")
    assert entry(archive, uid).stage == "failed"
    jobs.retry(archive, job)
    assert entry(archive, uid).stage == "queued"
    jobs.cancel(archive, job)
    assert entry(archive, uid).stage == "unread"


@pytest.mark.parametrize(
    ("priority", "alert", "urgency"),
    [("routine", "", 3), ("urgent", "", 2), ("stat", "", 1), ("routine", "minutes", 0),
     ("urgent", "hours", 1), ("stat", "days", 1)],
)  # fmt: skip
def test_urgency_is_of_the_gravest_alert_and_of_the_job(sqlite_archive, priority, alert, urgency):
    uid = arrive(sqlite_archive)
    want(sqlite_archive, PlannedRead("", "ball", priority, (), "en", None))
    key = key_of(sqlite_archive, uid)
    with writing(sqlite_archive.engine) as connection:
        mark(connection, key, alert=alert)
    assert entry(sqlite_archive, uid).urgency == urgency
    with writing(sqlite_archive.engine) as connection:
        mark(connection, key, alert="")
    assert entry(sqlite_archive, uid).urgency == {"routine": 3, "urgent": 2, "stat": 1}[priority]


def test_a_job_that_waits_can_be_moved_and_its_study_with_it(archive):
    uid = arrive(archive)
    (job,) = want(archive)
    before = rows(archive, Job)[0].workflow_id
    jobs.change_priority(archive, job, "stat")
    assert (entry(archive, uid).urgency, rows(archive, Job)[0].priority) == (1, 0)
    assert rows(archive, Job)[0].workflow_id != before


def test_a_prior_that_was_fetched_is_not_listed_until_it_comes_by_itself(archive):
    uid = arrive(archive, source=PRIOR_SOURCE)
    assert not entry(archive, uid).listed
    arrive(archive, source="CT1")  # the same images
    assert entry(archive, uid).listed


def test_results_do_not_change_what_a_study_is_called(archive):
    uid = arrive(archive)

    def as_result(ds):
        ds.Modality = "SR"
        ds.SeriesInstanceUID += ".9"
        ds.SOPInstanceUID += ".9"

    for each in instances(1, change=as_result):
        archive.receive(each, source=OWN_SOURCE)
    assert entry(archive, uid).modalities == "CT"


def test_while_a_study_is_read_again_its_first_result_stays(archive):
    uid = arrive(archive)
    (job,) = want(archive)
    chips = '[{"category": "3", "mm": 6.1}]'
    attempts.finish(archive, take(archive, job), digest="", category="3", deliveries=[], summary=chips)
    (again,) = want(archive, WANTED, again=True)
    row = entry(archive, uid)
    assert (row.job, row.category, json.loads(row.summary)) == (again, "3", json.loads(chips))


def test_what_is_undone_leaves_the_row_as_it_was(archive):
    uid = arrive(archive)
    with pytest.raises(ZeroDivisionError), writing(archive.engine) as connection:
        connection.execute(update(Study).values(routed_at=select(Study.last_received_at).scalar_subquery()))
        refresh(connection, key_of_within(connection, uid))
        raise ZeroDivisionError
    assert entry(archive, uid).stage == "arriving"


def key_of_within(connection, uid):
    return connection.execute(select(Study.id).where(Study.study_uid == uid)).scalar_one()
