import pytest
from sqlalchemy import select

from firstread.archive.claims import claim
from firstread.archive.database import reading, writing
from firstread.archive.models import Study
from firstread.archive.worklist import mark
from firstread.worklist.filters import Filters
from firstread.worklist.find import PAGE, find, find_study
from tests.web.pages.samples import add_studies, key_of


@pytest.fixture
def uids(archive):
    return add_studies(archive, 30)


def look(archive, within=None, owner="account:1", **filters):
    with reading(archive.engine) as connection:
        return find(connection, Filters(**filters), within=within, owner=owner)


def change(archive, uid, **said):
    with writing(archive.engine) as connection:
        mark(connection, key_of_in(connection, uid), **said)


def key_of_in(connection, uid):
    return connection.execute(select(Study.id).where(Study.study_uid == uid)).scalar_one()


def test_the_most_urgent_comes_first_then_whoever_waits_longest(archive, uids):
    change(archive, uids[17], alert="minutes")
    rows = look(archive).rows
    assert rows[0].study_uid == uids[17]
    assert [(row.urgency, row.since) for row in rows] == sorted((row.urgency, row.since) for row in rows)
    assert {row.urgency for row in rows} == {0, 1, 2, 3}


def test_what_is_signed_is_not_open_any_more(archive, uids):
    change(archive, uids[3], report="signed")
    found = look(archive)
    assert (found.total, found.of_stage["open"], found.of_stage["all"]) == (29, 29, 30)
    assert [row.study_uid for row in look(archive, stage="signed").rows] == [uids[3]]


@pytest.mark.parametrize("sort", ["waiting", "newest", "name", "modality", "stage", "category"])
def test_every_order_is_an_order_and_loses_nothing(archive, uids, sort):
    rows = look(archive, sort=sort, stage="all").rows
    assert {row.study_uid for row in rows} == set(uids)
    of = {
        "waiting": lambda row: row.since,
        "newest": lambda row: -row.since.timestamp(),
        "name": lambda row: row.name.lower(),
        "modality": lambda row: row.modalities,
        "stage": lambda row: row.stage,
        "category": lambda row: -len(row.category),
    }[sort]
    assert [of(row) for row in rows] == sorted(of(row) for row in rows)


def test_words_of_a_search_are_beginnings_of_names_numbers_and_parts_of_the_description(archive, uids):
    everything = {row.study_uid: row for row in look(archive, stage="all").rows}
    one = everything[uids[7]]
    family, given = one.name.split("^")
    for asked in (one.patient_id, one.accession, one.accession.lower(), uids[7]):
        assert [row.study_uid for row in look(archive, stage="all", q=asked).rows] == [uids[7]]
    found = {row.study_uid for row in look(archive, stage="all", q=f"{given[:3]} {family.upper()[:3]}").rows}
    begins = (family[:3], given[:3])
    assert found == {
        uid for uid, row in everything.items() if tuple(part[:3] for part in row.name.split("^")) == begins
    }
    assert {row.description for row in look(archive, stage="all", q="thorax").rows} == {
        "CT thorax with contrast"
    }
    assert look(archive, stage="all", q="100% no_such").rows == ()


def test_filters_narrow_and_every_stage_is_counted(archive, uids):
    with writing(archive.engine) as connection:
        claim(connection, key_of_in(connection, uids[0]), owner="account:1", name="jane")
        claim(connection, key_of_in(connection, uids[1]), owner="account:2", name="john")
    assert [row.study_uid for row in look(archive, whose="mine", stage="all").rows] == [uids[0]]
    assert look(archive, whose="free", stage="all").total == 28
    assert {row.modalities for row in look(archive, modality="DX", stage="all").rows} == {"DX"}
    assert {row.urgency for row in look(archive, urgency=1, stage="all").rows} == {1}
    assert look(archive, came="1", stage="all").total == 0
    found = look(archive, stage="failed")
    assert found.total == found.of_stage["failed"] == len(found.rows) > 0
    assert found.modalities == ("CT", "DX")


def test_only_what_may_be_seen_is_found_counted_or_named(archive, uids):
    within = Study.study_uid == uids[4]
    found = look(archive, within=within, stage="all")
    assert [row.study_uid for row in found.rows] == [uids[4]]
    assert (found.of_stage["all"], len(found.modalities)) == (1, 1)
    assert look(archive, within=Study.study_uid == "no").is_empty
    with reading(archive.engine) as connection:
        assert find_study(connection, uids[4], within=within) is not None
        assert find_study(connection, uids[5], within=within) is None


def test_pages_follow_each_other(archive):
    uids = add_studies(archive, PAGE + 5)
    first, second = look(archive), look(archive, page=2)
    assert (len(first.rows), len(second.rows), first.pages) == (PAGE, 5, 2)
    assert {row.study_uid for row in (*first.rows, *second.rows)} == set(uids)
    assert key_of(archive, uids[0])
