import json
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from firstread.archive import open_archive
from firstread.archive.columns import now
from firstread.archive.database import writing
from firstread.archive.models import Delivery, Job, Result, Study
from tests.archive.samples import instances, rows
from tests.network.test_retrieve_scp import study_uid


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """An archive of the settings with three deliveries: sent, failed, waiting."""
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "archive"))
    with open_archive(tmp_path / "archive") as opened:
        opened.receive(instances(1)[0])
        with writing(opened.engine) as connection:
            study = connection.execute(select(Study.id)).scalar_one()
            connection.execute(insert(Job).values(id=1, study_key=study, reader="lung_nodule", state="done"))
            connection.execute(insert(Result).values(id=1, job_key=1, folder="results/1", digest="0" * 64))
            waits = {"attempts": 3, "next_try_at": now() + timedelta(hours=1), "error": "pacs is busy."}
            for document, values in (
                ("sr.dcm", {"state": "sent", "attempts": 1}),
                ("seg.dcm", {"state": "failed", "attempts": 33, "error": "pacs does not answer."}),
                ("report.dcm", {"state": "waiting", **waits}),
            ):
                connection.execute(
                    insert(Delivery).values(result_key=1, destination="pacs", document=document, **values)
                )
        yield opened


def states(archive):
    return [(row.document, row.state, row.attempts, row.next_try_at) for row in rows(archive, Delivery)]


def test_deliveries_are_listed_with_their_tries_and_errors(firstread, archive):
    told = firstread("deliveries", "list")
    assert told.code == 0
    lines = told.out.splitlines()
    assert [line.split()[1:4] for line in lines[1:]] == [
        ["waiting", "pacs", "report.dcm"], ["failed", "pacs", "seg.dcm"], ["sent", "pacs", "sr.dcm"],
    ]  # fmt: skip
    assert "pacs does not answer." in told.out
    assert "UTC" in lines[1]


def test_some_are_asked_for_and_told_as_json(firstread, archive):
    (one,) = json.loads(firstread("deliveries", "list", "--state", "failed", "--json").out)
    assert (one["document"], one["study_uid"]) == ("seg.dcm", study_uid(instances(1)))
    assert firstread("deliveries", "list", "--study", "1.2.3").out == "No delivery.\n"
    assert firstread("deliveries", "list", "--state", "lost").code == 2


def test_what_failed_is_tried_again_and_what_waits_only_where_it_is_named(firstread, archive):
    before = states(archive)
    assert firstread("deliveries", "retry").out == "1 to be tried again.\n"
    assert states(archive) == [before[0], ("seg.dcm", "waiting", 0, None), before[2]]
    assert json.loads(firstread("deliveries", "retry", 3, "--json").out) == {"retried": [3]}
    assert states(archive)[2] == ("report.dcm", "waiting", 0, None)


def test_where_there_is_nothing_to_try_again_it_ends_with_3(firstread, archive):
    told = firstread("deliveries", "retry", "--destination", "web")
    assert told.code == 3
    assert "no such delivery" in told.err
    assert firstread("deliveries", "retry", 1).code == 3


def test_what_cannot_arrive_any_more_is_dropped_by_number_or_destination(firstread, archive):
    asked = firstread("deliveries", "drop")
    assert (asked.code, "--destination" in asked.err) == (2, True)
    dropped = firstread("deliveries", "drop", "--destination", "pacs", "--json")
    assert len(json.loads(dropped.out)["dropped"]) == 2
    assert sorted(row[1] for row in states(archive)) == ["dropped", "dropped", "sent"]
    assert firstread("deliveries", "drop", "--destination", "pacs").code == 3
