import json
from dataclasses import replace

import pytest

from firstread.archive import open_archive
from firstread.archive.models import Job
from firstread.workflow import attempts
from tests.archive.samples import rows
from tests.workflow.samples import WANTED, receive, take, want

STUDY = "1.2.826.0.1.3680043.8.498.7.1"


@pytest.fixture
def archive(tmp_path, monkeypatch, ball_reader):
    """The archive of the commands, with a study of three images."""
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "archive"))
    with open_archive(tmp_path / "archive") as opened:
        receive(opened)
        yield opened


def test_a_job_is_added_shown_cancelled_and_retried(firstread, archive):
    added = firstread("jobs", "add", STUDY, "--reader", "ball", "--priority", "stat")
    assert (added.code, added.out) == (0, "Job 1 waits.\n")
    listed = firstread("jobs", "list")
    assert listed.code == 0
    assert [word in listed.out for word in ("waiting", "stat", "ball", STUDY)] == [True] * 4
    assert firstread("jobs", "cancel", 1).out == "Job 1 is cancelled.\n"
    assert "cancelled" in firstread("jobs", "show", 1).out
    assert firstread("jobs", "retry", 1).out == "Job 1 waits.\n"
    assert [row.state for row in rows(archive, Job)] == ["waiting"]


def test_the_routes_say_what_is_added_unless_a_reader_is_named(firstread, archive, monkeypatch):
    assert firstread("jobs", "add", STUDY).out == "Nothing new is to be read.\n"
    monkeypatch.setenv(
        "FIRSTREAD_ROUTES", json.dumps([{"name": "all", "reader": "ball", "when": {"modality": "CT"}}])
    )
    assert firstread("jobs", "add", STUDY, "--json").out == "[1]\n"


def test_what_failed_is_shown_with_its_error_and_what_it_follows(firstread, archive):
    (first,) = want(archive)
    take(archive, first)
    (second,) = want(archive, again=True)
    held = take(archive, second)
    attempts.give_up(archive, held, "The reading process was killed.")
    shown = firstread("jobs", "show", second)
    assert "The reading process was killed." in shown.out
    assert f"follows job {first}" in shown.out
    told = json.loads(firstread("jobs", "show", second, "--json").out)
    assert (told["status"]["state"], told["status"]["predecessor"]) == ("failed", first)
    assert "killed" in firstread("jobs", "list", "--state", "failed").out


def test_a_job_that_is_done_is_shown_with_its_deliveries(firstread, archive):
    (job,) = want(archive)
    attempts.finish(
        archive, take(archive, job), digest="0" * 64, category="4A", deliveries=[("PACS", "sr.dcm")]
    )
    shown = firstread("jobs", "show", job)
    assert [word in shown.out for word in ("4A", "PACS", "sr.dcm", "results/")] == [True] * 4


def test_jobs_are_listed_in_the_order_in_which_they_are_read(firstread, archive):
    for study, priority in ((1, "routine"), (2, "routine"), (3, "stat"), (4, "urgent")):
        receive(archive, study=study)
        want(archive, replace(WANTED, priority=priority), study=study)
    take(archive, 2)
    listed = json.loads(firstread("jobs", "list", "--json").out)
    assert [job["id"] for job in listed] == [2, 3, 4, 1]
    stat = json.loads(firstread("jobs", "list", "--json", "--priority", "stat").out)
    assert [job["id"] for job in stat] == [3]
    assert len(json.loads(firstread("jobs", "list", "--json", "--study", STUDY).out)) == 1
    assert json.loads(firstread("jobs", "list", "--json", "--reader", "nobody").out) == []
    assert firstread("jobs", "list", "--state", "failed").out == "No job.\n"


def test_no_patient_is_named(firstread, archive):
    want(archive)
    for shown in (("list",), ("list", "--json"), ("show", 1), ("show", 1, "--json")):
        said = firstread("jobs", *shown).out
        assert "Synthetic" not in said
        assert "SYN-1" not in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", 9),
        ("retry", 9),
        ("cancel", 9),
        ("add", "1.2.3"),
        ("add", "1.2.3", "--reader", "ball"),
        ("add", STUDY, "--reader", "nobody"),
        ("add", STUDY, "--reader", "ball", "--to", "nowhere"),
        ("list", "--state", "odd"),
    ],
)
def test_what_cannot_be_ends_with_2(firstread, archive, arguments):
    assert firstread("jobs", *arguments).code == 2
