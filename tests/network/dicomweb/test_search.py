import pytest

from tests.archive.samples import instances
from tests.dicom.ct_series import ROOT


@pytest.fixture
def three(web, sqlite_archive):
    for study in (1, 2, 3):
        sqlite_archive.receive(instances(1, study=study)[0])
    return web


def test_what_cannot_be_searched_by_is_ignored_and_said(three):
    answer = three.get("/studies?StationName=CT1&includefield=PatientWeight")
    assert len(answer.json()) == 3
    assert "PatientWeight, StationName" in answer.headers["Warning"]


def test_a_key_in_the_path_and_another_in_the_query_do_not_go_together(three):
    assert three.get(f"/studies/{ROOT}.1/series?StudyInstanceUID={ROOT}.2").status_code == 400


@pytest.mark.parametrize(
    "query",
    ["Nonsense=1", "StudyDate=yesterday", "limit=-1", "limit=a", "PatientID=a&PatientID=b", "PatientID=%00",
     "StudyInstanceUID=../etc", "fuzzymatching=perhaps"],
)  # fmt: skip
def test_a_query_that_means_nothing_is_400_and_is_not_repeated(three, query):
    answer = three.get(f"/studies?{query}")
    assert answer.status_code == 400
    assert not any(word in answer.text for word in ("yesterday", "etc", "perhaps"))


def test_nothing_found_is_204_and_another_media_type_is_406(three):
    assert three.get("/studies?PatientID=nobody").status_code == 204
    assert three.get("/studies?limit=0").status_code == 204
    assert three.get("/studies", Accept="application/dicom+xml").status_code == 406


def test_every_level_says_where_its_results_are_retrieved(three):
    for path, retrieved in (
        ("/studies", f"/studies/{ROOT}.1"),
        ("/series", f"/studies/{ROOT}.1/series/{ROOT}.1.1"),
        ("/instances", f"/studies/{ROOT}.1/series/{ROOT}.1.1/instances/{ROOT}.1.1.1"),
    ):
        found = three.get(f"{path}?StudyInstanceUID={ROOT}.1").json()
        assert [each["00081190"]["Value"] for each in found] == [[three.url + retrieved]]
