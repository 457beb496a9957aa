from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from firstread.archive.claims import ClaimedByOther, claim, history, holder, release
from firstread.archive.database import reading, writing
from firstread.archive.models import Notice, Study
from firstread.errors import UsageError
from tests.archive.samples import rows
from tests.web.pages.samples import add_studies


@pytest.fixture
def study(archive):
    add_studies(archive, 1)
    return rows(archive, Study)[0].id


def take(archive, study, who, **options):
    with writing(archive.engine) as connection:
        connection.execute(select(Study.id).where(Study.id == study).with_for_update(of=Study))
        return claim(connection, study, owner=who, name=who.title(), **options)


def held(archive, study):
    with reading(archive.engine) as connection:
        return holder(connection, study)


def test_a_claim_holds_until_it_is_released(archive, study):
    first = take(archive, study, "jane")
    assert take(archive, study, "jane") == first
    with pytest.raises(ClaimedByOther) as told:
        take(archive, study, "john")
    assert told.value.claim == first
    with writing(archive.engine) as connection:
        assert not release(connection, study, owner="john")
        assert release(connection, study, owner="jane")
    assert held(archive, study) is None
    assert take(archive, study, "john").name == "John"


def test_a_claim_is_taken_over_only_as_it_was_seen_and_with_a_reason(archive, study):
    first = take(archive, study, "jane")
    with pytest.raises(UsageError, match="reason"):
        take(archive, study, "john", seen=first.id, reason="  ")
    second = take(archive, study, "john", seen=first.id, reason="Jane is ill.")
    with pytest.raises(ClaimedByOther):  # jane's page still shows her own claim
        take(archive, study, "mary", seen=first.id, reason="x")
    with reading(archive.engine) as connection:
        past = history(connection, study)
    assert [(one.owner, one.reason, one.released_at is None) for one in past] == [
        ("john", "Jane is ill.", True),
        ("jane", "", False),
    ]
    assert second == past[0]
    taken = [row for row in rows(archive, Notice) if row.kind == "taken"]
    assert len(taken) == 1 and "Jane is ill." in taken[0].content


def test_of_many_who_claim_at_once_one_has_it(archive, study):
    def go(n):
        try:
            return take(archive, study, f"p{n}").owner
        except ClaimedByOther as other:
            return other.claim.owner

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(go, range(6)))) == 1
