from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from firstread.cli.demo.run import _delivered, _job_of_all, _one_after_another, _read
from firstread.errors import FirstreadError
from firstread.progress import silent
from firstread.workflow.job_list import JobDelivery, JobDetails, JobStatus

NOW = datetime(2026, 1, 15, tzinfo=UTC)


def details(state, *deliveries, error=""):
    """A job in a state, with deliveries in theirs."""
    status = JobStatus(
        id=1, study_uid="1.2", reader="lung_nodule", revision=1, predecessor=None, route="chest CT", state=state,
        priority="routine", attempts=1, stage="detect", progress=0.5, images=192, host="here", created_at=NOW,
        started_at=NOW, ended_at=NOW, next_try_at=None, category="", error=error,
    )  # fmt: skip
    made = tuple(
        JobDelivery(n, "pacs", "sr.dcm", each, 1, None, NOW, "It refused." if each == "failed" else "")
        for n, each in enumerate(deliveries)
    )
    return JobDetails(status, "", {}, made)


def test_a_read_is_waited_for_and_its_progress_shown():
    shown = []
    assert _read(details("running"), lambda *stage: shown.append(stage)) is None
    assert shown == [("detect", 0.5)]
    assert _read(details("done"), silent) == details("done")


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_read_that_failed_is_a_failure_with_its_reason(state):
    with pytest.raises(FirstreadError, match="No slices"):
        _read(details(state, error="No slices."), silent)


def test_a_stage_has_ended_when_the_next_is_seen():
    told = {}
    show = _one_after_another(told.__setitem__)
    for stage, share in (("load", 0.4), ("load", 0.6), ("detect", 0.1)):
        show(stage, share)
    assert told == {"load": 1.0, "detect": 0.1}


def test_every_delivery_is_waited_for():
    assert _delivered(details("done")) is None
    assert _delivered(details("done", "sent", "waiting")) is None
    assert _delivered(details("done", "sent", "sent")) is not None


def test_a_delivery_that_failed_is_a_failure_with_its_reason():
    with pytest.raises(FirstreadError, match="It refused"):
        _delivered(details("done", "sent", "failed"))


def test_the_job_that_reads_all_slices_is_waited_for():
    def job(revision, state, seconds):
        return replace(details(state).status, revision=revision, created_at=NOW + timedelta(seconds=seconds))

    assert _job_of_all([], NOW) is None
    assert _job_of_all([job(1, "running", -5)], NOW) is None  # of what had come by then
    assert _job_of_all([job(1, "waiting", -5)], NOW).revision == 1  # reads what is there when it begins
    assert _job_of_all([job(2, "waiting", 3), job(1, "done", -5)], NOW).revision == 2
    assert _job_of_all([job(1, "done", 3)], NOW).revision == 1
