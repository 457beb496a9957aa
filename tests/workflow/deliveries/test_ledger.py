from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from firstread.archive.columns import now
from firstread.archive.database import writing
from firstread.archive.models import Delivery, Job, Result, Study
from firstread.workflow.deliveries import drop_deliveries, list_deliveries, retry_deliveries
from tests.dicom.read_samples import STUDY


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request):
    return request.getfixturevalue("postgres_url") if request.param == "postgresql" else None


@pytest.fixture
def deliveries(archive):
    """Four deliveries of a result: sent, failed, failed elsewhere, and waiting for its next try."""
    with writing(archive.engine) as connection:
        study = connection.execute(select(Study.id)).scalar_one()
        job = connection.execute(
            insert(Job).values(study_key=study, reader="lung_nodule", state="done").returning(Job.id)
        ).scalar_one()
        result = connection.execute(
            insert(Result).values(job_key=job, folder="results/1", digest="0" * 64).returning(Result.id)
        ).scalar_one()
        return [
            connection.execute(
                insert(Delivery).values(result_key=result, **values).returning(Delivery.id)
            ).scalar_one()
            for values in (
                {"destination": "pacs", "document": "sr.dcm", "state": "sent", "attempts": 1, "sent_at": now()},
                {"destination": "pacs", "document": "seg.dcm", "state": "failed", "attempts": 33, "error": "away"},
                {"destination": "web", "document": "sr.dcm", "state": "failed", "attempts": 1, "error": "refused"},
                {"destination": "web", "document": "seg.dcm", "state": "waiting", "attempts": 8,
                 "next_try_at": now() + timedelta(hours=1), "error": "busy"},
            )
        ]  # fmt: skip


def test_deliveries_are_listed_newest_first_with_what_became_of_them(archive, deliveries):
    listed = list_deliveries(archive)
    assert [each.id for each in listed] == deliveries[::-1]
    last = listed[0]
    assert (last.study_uid, last.reader, last.destination, last.document) == (
        STUDY, "lung_nodule", "web", "seg.dcm",
    )  # fmt: skip
    assert (last.state, last.attempts, last.error) == ("waiting", 8, "busy")
    assert last.next_try_at > now()


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({"states": ("failed",)}, [2, 1]),
        ({"states": ("failed", "sent")}, [2, 1, 0]),
        ({"destination": "pacs"}, [1, 0]),
        ({"study_uid": STUDY}, [3, 2, 1, 0]),
        ({"study_uid": "1.2.3"}, []),
        ({"limit": 1}, [3]),
    ],
)
def test_some_may_be_asked_for(archive, deliveries, asked, numbers):
    assert [deliveries.index(each.id) for each in list_deliveries(archive, **asked)] == numbers


@pytest.mark.parametrize(
    ("chosen", "destination", "numbers"),
    [
        ((), None, [1, 2]),
        ((), "pacs", [1]),
        ((0, 1), None, [1]),
        ((3,), None, [3]),
        ((1, 2), "web", [2]),
    ],
)
def test_what_failed_or_waits_is_tried_again_at_once_and_what_was_sent_is_not(
    archive, deliveries, chosen, destination, numbers
):
    tried = retry_deliveries(archive, [deliveries[n] for n in chosen], destination=destination)
    assert [deliveries.index(each) for each in tried] == numbers
    for each in list_deliveries(archive):
        if each.id in tried:
            assert (each.state, each.attempts, each.next_try_at) == ("waiting", 0, None)
        else:
            assert each.state in ("sent", "failed", "waiting")


def test_ids_that_are_not_there_are_left_out(archive, deliveries):
    with writing(archive.engine) as connection:
        connection.execute(update(Delivery).values(state="sent"))
    assert retry_deliveries(archive, [*deliveries, 10_000]) == ()


def test_what_is_dropped_is_neither_tried_again_nor_keeps_its_study_until_it_is_taken_back(
    archive, deliveries
):
    assert drop_deliveries(archive, destination="web") == tuple(deliveries[2:])
    assert drop_deliveries(archive, [deliveries[0]]) == ()  # it was sent
    assert [each.state for each in list_deliveries(archive)] == ["dropped", "dropped", "failed", "sent"]
    assert retry_deliveries(archive) == (deliveries[1],)
    assert retry_deliveries(archive, [deliveries[2]]) == (deliveries[2],)
    with pytest.raises(ValueError, match="which"):
        drop_deliveries(archive)
