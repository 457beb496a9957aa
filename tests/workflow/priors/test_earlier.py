import shutil

import pytest

from firstread.archive import PRIOR_SOURCE, open_archive
from firstread.workflow.priors import find_prior, unread_prior
from tests.workflow.priors.samples import keep, read, study, uid

READER = "lung_nodule"


def test_the_latest_earlier_study_that_was_read_is_the_prior(archive):
    keep(archive, study(1, "20200101"), study(2, "20220101"), study(3, "20230101"), study(4, "20240101"))
    keep(archive, study(5, "20250101"))
    expected = {number: read(archive, number) for number in (1, 2, 5)}
    assert find_prior(archive, uid(4), READER) == expected[2]
    assert find_prior(archive, uid(2), READER) == expected[1]
    assert find_prior(archive, uid(1), READER) is None
    assert find_prior(archive, uid(4), "another reader") is None


def test_priors_are_found_on_postgresql_too(tmp_path, postgres_url):
    with open_archive(tmp_path / "archive", url=postgres_url) as archive:
        keep(archive, study(1, "20200101"), study(2, "20220101"))
        keep(archive, study(3, "20230101"), source=PRIOR_SOURCE)
        keep(archive, study(4, "20240101"))
        assert unread_prior(archive, uid(4), READER) == uid(3)
        folder = read(archive, 2)
        assert find_prior(archive, uid(4), READER) == folder


def test_on_the_same_day_the_time_decides(archive):
    keep(archive, study(1, "20240101", time="080000"), study(2, "20240101", time="090000"))
    keep(archive, study(3, "20240101", time=""))
    morning = read(archive, 1)
    read(archive, 3)
    assert find_prior(archive, uid(2), READER) == morning
    assert find_prior(archive, uid(1), READER) is None
    assert find_prior(archive, uid(3), READER) is None


def test_the_newest_result_of_a_study_counts_while_its_folder_is_there(archive):
    keep(archive, study(1, "20200101"), study(2, "20240101"))
    first, second = read(archive, 1), read(archive, 1, revision=2)
    assert find_prior(archive, uid(2), READER) == second
    shutil.rmtree(second)
    assert find_prior(archive, uid(2), READER) == first


@pytest.mark.parametrize(
    "other",
    [
        {"patient": "SYN-2"},
        {"issuer": "ELSEWHERE"},
        {"born": "19600102"},
        {"born": ""},
        {"date": ""},
    ],
    ids=lambda other: "-".join(f"{key}={value}" for key, value in other.items()),
)
def test_nobody_is_compared_with_another_person(archive, other):
    keep(archive, study(1, **{"date": "20200101", **other}), study(2, "20240101"))
    read(archive, 1)
    assert find_prior(archive, uid(2), READER) is None


def test_studies_without_a_patient_id_are_not_compared(archive):
    keep(archive, study(1, "20200101", patient=""), study(2, "20240101", patient=""))
    read(archive, 1)
    assert find_prior(archive, uid(2), READER) is None


def test_a_study_that_came_under_two_patients_is_not_compared(archive):
    keep(archive, study(1, "20200101"), study(2, "20240101"))
    read(archive, 1)
    other = study(1, "20200101", patient="SYN-2")
    assert find_prior(archive, uid(2), READER) is not None
    keep(archive, other)
    assert find_prior(archive, uid(2), READER) is None
    assert find_prior(archive, "1.2.3", READER) is None


def test_a_fetched_prior_is_to_be_read_until_its_reading_has_ended(archive):
    keep(archive, study(1, "20200101"), study(2, "20220101"), study(3, "20230101"), source=PRIOR_SOURCE)
    keep(archive, study(4, "20240101"))
    assert unread_prior(archive, uid(4), READER) == uid(3)
    read(archive, 3, reader="another reader")
    assert unread_prior(archive, uid(4), READER) == uid(3)
    read(archive, 3, state="running")
    assert unread_prior(archive, uid(4), READER) == uid(3)
    read(archive, 3, state="failed", revision=2)
    assert unread_prior(archive, uid(4), READER) == uid(2)
    read(archive, 2)
    assert unread_prior(archive, uid(4), READER) is None


def test_what_was_not_fetched_is_left_to_its_routes(archive):
    keep(archive, study(1, "20200101"), study(2, "20240101"))
    assert unread_prior(archive, uid(2), READER) is None


def test_a_prior_is_read_without_priors_of_its_own_being_read_first(archive):
    keep(archive, study(1, "20200101"), study(2, "20220101"), source=PRIOR_SOURCE)
    keep(archive, study(3, "20240101"))
    assert unread_prior(archive, uid(2), READER) is None
    assert unread_prior(archive, uid(3), READER) == uid(2)
