from xml.etree import ElementTree

import pytest
from pydicom.dataset import Dataset

from firstread.network.dicomweb.model_json import values
from tests.archive.samples import instances
from tests.dicom.ct_series import ROOT
from tests.network.dicomweb.test_retrieve import parts


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
     "StudyInstanceUID=../etc", "fuzzymatching=perhaps", "emptyvaluematching=perhaps", "00400275.=1",
     "RequestAttributesSequence.Nonsense=1"],
)  # fmt: skip
def test_a_query_that_means_nothing_is_400_and_is_not_repeated(three, query):
    answer = three.get(f"/studies?{query}")
    assert answer.status_code == 400
    assert not any(word in answer.text for word in ("yesterday", "etc", "perhaps"))


def test_nothing_found_is_204_and_another_media_type_is_406(three):
    assert three.get("/studies?PatientID=nobody").status_code == 204
    assert three.get("/studies?limit=0").status_code == 204
    assert three.get("/studies", Accept="text/html").status_code == 406


def test_every_level_says_where_its_results_are_retrieved(three):
    for path, retrieved in (
        ("/studies", f"/studies/{ROOT}.1"),
        ("/series", f"/studies/{ROOT}.1/series/{ROOT}.1.1"),
        ("/instances", f"/studies/{ROOT}.1/series/{ROOT}.1.1/instances/{ROOT}.1.1.1"),
    ):
        found = three.get(f"{path}?StudyInstanceUID={ROOT}.1").json()
        assert [each["00081190"]["Value"] for each in found] == [[three.url + retrieved]]


def test_pages_follow_each_other_and_a_warning_says_that_there_are_more(three):
    pages = [three.get(f"/studies?limit=2&offset={offset}") for offset in (0, 2, 4)]
    assert [len(page.json()) if page.content else 0 for page in pages] == [2, 1, 0]
    assert [page.status_code for page in pages] == [200, 200, 204]
    assert pages[0].headers["Warning"].startswith(f'299 {three.url}: "There are additional results')
    assert "Warning" not in pages[1].headers


def uids(answer, keyword="StudyInstanceUID"):
    return {str(values(each, keyword)[0]) for each in answer.json()} if answer.content else set()


@pytest.mark.parametrize(
    "query",
    [
        f"StudyInstanceUID={ROOT}.1,{ROOT}.3",
        f"StudyInstanceUID={ROOT}.1%5C{ROOT}.3",
        f"StudyInstanceUID={ROOT}.1&StudyInstanceUID={ROOT}.3",
        f"0020000D={ROOT}.1,{ROOT}.3",
    ],
)
def test_a_list_of_uids_is_written_in_each_of_the_ways(three, query):
    assert uids(three.get(f"/studies?{query}")) == {f"{ROOT}.1", f"{ROOT}.3"}


@pytest.mark.parametrize("query", ["", "?", "?&limit=10", "?PatientName=", "?PatientName=*", "?00100010="])
def test_nothing_asked_for_matches_everything(three, query):
    assert len(uids(three.get(f"/studies{query}"))) == 3


@pytest.mark.parametrize(
    "field", ["all", "PatientSex", "00100040", "PatientSex,00100040", "all&includefield=Rows"]
)
def test_fields_are_included_by_keyword_by_tag_and_all(three, field):
    answer = three.get(f"/studies?includefield={field}")
    assert all("00100040" in each for each in answer.json())
    assert ("Warning" in answer.headers) == ("Rows" in field)


@pytest.fixture
def requested(web, sqlite_archive):
    """Three series of one study: of two requests, and of none."""

    def receive(n, step, procedure):
        def change(ds):
            ds.PerformedProcedureStepStartDate, ds.PerformedProcedureStepStartTime = f"2025010{n}", "0900"
            ds.BodyPartExamined = "CHEST" if step else None
            if step:
                ds.RequestAttributesSequence = [Dataset()]
                ds.RequestAttributesSequence[0].ScheduledProcedureStepID = step
                ds.RequestAttributesSequence[0].RequestedProcedureID = procedure

        sqlite_archive.receive(instances(1, series=n, change=change)[0])

    receive(1, "STEP1", "PROC1")
    receive(2, "STEP2", "PROC1")
    receive(3, "", "")
    return web


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("RequestAttributesSequence.ScheduledProcedureStepID=STEP1", {1}),
        ("00400275.00400009=STEP2", {2}),
        ("00400275.RequestedProcedureID=PROC*", {1, 2}),
        ("00401001=PROC1", {1, 2, 3}),  # only in the sequence; outside of it, it is ignored
        ("PerformedProcedureStepStartDate=20250102-", {2, 3}),
        ("00400244=20250101&00400245=08-10", {1}),
        ("BodyPartExamined=%22%22&emptyvaluematching=true", {3}),
        ("00400275.00400009=%22%22&emptyvaluematching=true", {3}),
        ("BodyPartExamined=%22%22", set()),
    ],
)
def test_series_are_found_by_their_requests_and_steps(requested, query, expected):
    found = uids(requested.get(f"/series?{query}"), "SeriesInstanceUID")
    assert found == {f"{ROOT}.1.{n}" for n in expected}


def test_a_series_tells_its_request_and_an_instance_how_many_bits_it_has(requested):
    first, _, third = requested.get("/series").json()
    (item,) = first["00400275"]["Value"]
    assert (values(item, "ScheduledProcedureStepID"), values(item, "RequestedProcedureID")) == (
        ["STEP1"],
        ["PROC1"],
    )
    assert "00400275" not in third
    assert values(requested.get("/instances?limit=1").json()[0], "BitsAllocated") == [16]


@pytest.mark.parametrize("accept", ['multipart/related; type="application/dicom+xml"'])
@pytest.mark.parametrize("path", ["/studies", "/series", "/instances"])
def test_results_are_given_as_xml_a_part_each(three, path, accept):
    answer = three.get(path, Accept=accept)
    assert answer.headers["Content-Type"].startswith('multipart/related; type="application/dicom+xml"')
    found = parts(answer)
    told = three.get(path).json()
    assert len(found) == len(told) == 3
    for (_, part), json in zip(found, told, strict=True):
        read = ElementTree.fromstring(part)
        assert [each.get("tag") for each in read] == list(json)


def test_json_is_preferred_where_anything_will_do_and_the_order_of_the_client_counts(three):
    for accept, given in (
        ("*/*", "application/dicom+json"),
        ("application/json", "application/json"),
        (
            'multipart/related; type="application/dicom+xml";q=0.5, application/dicom+json',
            "application/dicom+json",
        ),
        (
            'application/dicom+json;q=0.5, multipart/related; type="application/dicom+xml"',
            "multipart/related",
        ),
    ):
        assert three.get("/studies", Accept=accept).headers["Content-Type"].startswith(given)
    assert three.get("/studies?accept=application/json").headers["Content-Type"] == "application/json"
