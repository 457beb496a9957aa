"""Probes across patients and departments: whatever is asked, and however, nothing tells that a hidden study is there.

Every probe asks the same of a study that the reader may not see and of one that does not exist, and compares: the
answer, what it is told with, and how many statements of SQL it takes.
"""

import re
import subprocess
from contextlib import contextmanager

import pytest
import requests
from sqlalchemy import event

from firstread.access import Actor
from firstread.access.door import RightsDoor
from firstread.access.rights import Rights
from firstread.archive import open_archive
from firstread.archive.database import reading
from firstread.archive.query import find
from firstread.network import Acceptance, Listening, Node, Peer
from firstread.web import create_app
from tests.access.granting import allow, hold
from tests.access.world import INSIDE, MISSING, OUTSIDE, fill
from tests.network.dicomweb.conftest import running

READER = Actor("person", "reader", departments=frozenset({INSIDE.department}))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def archive(request, tmp_path_factory):
    """The hospital, and a reader who may see one department's studies and nothing else; on both databases."""
    url = request.getfixturevalue("module_postgres_url") if request.param == "postgresql" else None
    with open_archive(tmp_path_factory.mktemp("hospital"), url=url) as opened:
        fill(opened)
        allow(opened, READER.key, scope="department:mine")
        allow(opened, READER.key, "study.delete", "department:mine")
        allow(opened, READER.key, "study.store")
        allow(opened, "node:READER", scope="department:mine")
        hold(opened, "node:READER", department=INSIDE.department)
        yield opened


@pytest.fixture(scope="module")
def module_postgres_url(postgres_server):
    with postgres_server.empty_archive() as url:
        yield url


@pytest.fixture(scope="module")
def web(archive):
    door = RightsDoor(Rights(archive.engine), lambda request: READER)
    with running(create_app(archive, door=door, keep_metadata=False)) as url, requests.Session() as session:

        def ask(method, path, **options):
            return session.request(method, f"{url}/dicom-web{path}", timeout=30, **options)

        yield ask


@contextmanager
def statements(engine):
    """How many statements the database gets while the block runs."""
    counted = []

    def count(connection, cursor, statement, *_):
        counted.append(re.sub(r"\s+", " ", statement))

    event.listen(engine, "before_cursor_execute", count)
    try:
        yield counted
    finally:
        event.remove(engine, "before_cursor_execute", count)


def told(answer, case):
    """Everything that an answer tells, but for the UIDs and names that the request itself had."""
    body = answer.content
    for known in (case.study, *case.secrets[1:]):
        body = body.replace(known.encode(), b"ASKED")
    headers = {k.lower(): v for k, v in answer.headers.items() if k.lower() not in ("date", "content-length")}
    return answer.status_code, headers, body, len(body)


SEARCHES = (
    "/studies?StudyInstanceUID={study}",
    "/studies?PatientID={patient_id}",
    "/studies?PatientID={patient_id}&limit=1&offset=0",
    "/studies?PatientName={patient_name}",
    "/studies?PatientName={patient_name}&fuzzymatching=true",
    "/studies?AccessionNumber=A{number}",
    "/studies?ReferringPhysicianName={referring}&PatientID={patient_id}",
    "/studies?StudyInstanceUID={study}&includefield=all",
    "/studies?StudyInstanceUID={study}&includefield=PatientName&includefield=00081030",
    "/studies?StudyInstanceUID={study}&ModalitiesInStudy=CT",
    "/studies?StudyInstanceUID={study}&StudyDate=20250101-",
    "/studies?PatientID={patient_id}&StudyDate=20250102&emptyvaluematching=true",
    "/studies?PatientID={patient_id}&PatientComments=1",
    "/studies?PatientID={patient_id}&SeriesDescription=x",
    "/series?StudyInstanceUID={study}",
    "/series?SeriesInstanceUID={study}.1",
    "/instances?SOPInstanceUID={study}.1.1",
    "/instances?StudyInstanceUID={study}&limit=1&offset=1",
    "/studies/{study}/series",
    "/studies/{study}/series?Modality=CT",
    "/studies/{study}/instances",
    "/studies/{study}/series/{study}.1/instances",
)
RETRIEVALS = (
    "/studies/{study}",
    "/studies/{study}/series/{study}.1",
    "/studies/{study}/series/{study}.1/instances/{study}.1.1",
    "/studies/{study}/metadata",
    "/studies/{study}/series/{study}.1/metadata",
    "/studies/{study}/series/{study}.1/instances/{study}.1.1/metadata",
    "/studies/{study}/series/{study}.1/instances/{study}.1.1/frames/1",
    "/studies/{study}/series/{study}.1/instances/{study}.1.1/frames/99",
    "/studies/{study}/series/{study}.1/instances/{study}.1.1/bulkdata/7FE00010",
    "/studies/{study}/series/{study}.1/instances/{study}.1.1/bulkdata/00100010",
    "/studies/{study}/series/{study}.1/instances/{study}.1.1/rendered?window=1,2",
    "/studies/{study}/series/{study}.1/instances/{study}.1.1/rendered?window=nonsense",
    "/studies/{study}/thumbnail",
    # A series of the hidden study under the one that is seen, and the other way round.
    "/studies/" + INSIDE.study + "/series/{study}.1/metadata",
    "/studies/{study}/series/" + INSIDE.series + "/metadata",
)


def path_of(template, case):
    return template.format(
        study=case.study, patient_id=case.patient_id, patient_name=case.patient_name, number=case.number,
        referring=case.referring,
    )  # fmt: skip


@pytest.mark.parametrize("template", [*SEARCHES, *RETRIEVALS])
def test_what_is_hidden_is_answered_as_what_is_not_there_with_the_same_work(archive, web, template):
    for accept in ("*/*", "text/html"):
        found = {}
        for case in (MISSING, OUTSIDE):  # once for what is compiled and cached
            web("GET", path_of(template, case), headers={"Accept": accept})
        for case in (MISSING, OUTSIDE):
            with statements(archive.engine) as done:
                answer = web("GET", path_of(template, case), headers={"Accept": accept})
            found[case] = (told(answer, case), len(done))
        assert found[OUTSIDE] == found[MISSING]


@pytest.mark.parametrize("template", SEARCHES)
def test_the_same_searches_find_what_may_be_seen(web, template):
    answer = web("GET", path_of(template, INSIDE))
    assert answer.status_code == 200
    for secret in OUTSIDE.secrets:
        assert secret not in answer.text


def test_no_page_of_a_list_and_no_count_has_what_is_hidden(web):
    for level, least in (("studies", 1), ("series", 1), ("instances", 2)):
        whole = web("GET", f"/{level}?includefield=all").json()
        paged = []
        for offset in range(10):
            answer = web("GET", f"/{level}?limit=1&offset={offset}")
            paged += answer.json() if answer.status_code == 200 else []
            more = offset + 1 < len(whole)
            assert ("additional results" in answer.headers.get("Warning", "")) == more
        assert len(whole) == len(paged) >= least
        assert {each["0020000D"]["Value"][0] for each in whole} == {INSIDE.study}


def test_a_name_that_two_patients_share_shows_one_of_them(web):
    answer = web("GET", "/studies?PatientName=*&fuzzymatching=true")
    assert {each["00100020"]["Value"][0] for each in answer.json()} == {INSIDE.patient_id}


def test_patients_are_found_by_what_may_be_seen_of_them_alone(archive):
    within = Rights(archive.engine).within(READER, "study.read")
    with reading(archive.engine) as connection:
        assert [row["PatientID"] for row in find(connection, "patient", {}, within=within)] == [
            INSIDE.patient_id
        ]
        assert find(connection, "patient", {"PatientID": OUTSIDE.patient_id}, within=within) == []


@pytest.mark.parametrize("deeper", ["", "/series/{series}", "/series/{series}/instances/{instance}"])
def test_deleting_what_is_hidden_is_deleting_what_is_not_there(archive, web, deeper):
    found = {}
    for case in (MISSING, OUTSIDE, MISSING, OUTSIDE):
        with statements(archive.engine) as done:
            path = f"/studies/{case.study}" + deeper.format(series=case.series, instance=case.instance)
            answer = web("DELETE", path)
        found[case] = (told(answer, case), len(done))
    assert found[OUTSIDE] == found[MISSING]
    assert found[OUTSIDE][0][0] == 404
    with reading(archive.engine) as connection:
        assert len(find(connection, "instance", {"StudyInstanceUID": OUTSIDE.study})) >= 2


def test_storing_into_a_hidden_study_is_answered_as_storing_a_new_one(web):
    new = {}
    for case in (MISSING, OUTSIDE):
        image = case.images(1, series=7)[0]
        body = b"--B\r\nContent-Type: application/dicom\r\n\r\n" + image.header + bytes(image.dataset)
        kind = 'multipart/related; type="application/dicom"; boundary=B'
        answer = web(
            "POST", f"/studies/{case.study}", data=body + b"\r\n--B--\r\n", headers={"Content-Type": kind}
        )
        new[case] = told(answer, case)
        assert answer.status_code == 200
        assert web("GET", f"/studies/{case.study}/metadata").status_code == 404
    assert new[OUTSIDE] == new[MISSING]


# With dcmtk's tools


@pytest.fixture(scope="module")
def port(archive, tmp_path_factory):
    anyone = Acceptance(callers=None, idle_s=10.0)
    with (
        open_archive(tmp_path_factory.mktemp("sink")) as kept,
        Node(kept, Listening(ae_title="SINK", port=0, acceptance=anyone)) as sink,
    ):
        allow(kept, "role:node")
        listening = Listening(
            port=0, acceptance=anyone, destinations={"SINK": Peer("SINK", "127.0.0.1", sink.port)}
        )
        with Node(archive, listening) as node:
            yield node.port, kept


def call(tool, port, *arguments):
    """What a tool of dcmtk says, without the names and UIDs that it was given."""
    return subprocess.run(
        [tool, "-v", "-S", "-aet", "READER", "-aec", "FIRSTREAD", *arguments, "127.0.0.1", str(port)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def keys(case, level, *more):
    named = {
        "STUDY": [f"StudyInstanceUID={case.study}"],
        "SERIES": [f"StudyInstanceUID={case.study}", f"SeriesInstanceUID={case.series}"],
        "IMAGE": [f"StudyInstanceUID={case.study}", f"SeriesInstanceUID={case.series}",
                  f"SOPInstanceUID={case.instance}"],
    }[level]  # fmt: skip
    return [part for key in (f"QueryRetrieveLevel={level}", *named, *more) for part in ("-k", key)]


def heard(done, case):
    said = done.stdout + done.stderr
    for known in (case.study, *case.secrets[1:]):
        said = said.replace(known, "ASKED")
    return done.returncode, said


@pytest.mark.parametrize("level", ["STUDY", "SERIES", "IMAGE"])
def test_findscu_hears_the_same_of_what_is_hidden_and_of_what_is_not_there(archive, port, debian_tool, level):
    heard_of, counts = {}, {}
    for case in (MISSING, OUTSIDE, MISSING, OUTSIDE):
        with statements(archive.engine) as done:
            heard_of[case] = heard(
                call(debian_tool("findscu"), port[0], *keys(case, level, "PatientName")), case
            )
        counts[case] = len(done)
    assert heard_of[OUTSIDE] == heard_of[MISSING]
    assert counts[OUTSIDE] == counts[MISSING]
    seen = call(debian_tool("findscu"), port[0], *keys(INSIDE, level, "PatientName"))
    assert INSIDE.patient_name in seen.stdout + seen.stderr


@pytest.mark.parametrize(
    "key", ["PatientID=*", "PatientName=O*", "StudyDate=20250102", "ModalitiesInStudy=CT"]
)
def test_findscu_never_hears_of_what_is_hidden_however_wide_it_asks(port, debian_tool, key):
    done = call(
        debian_tool("findscu"), port[0], "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID", "-k", "PatientID",
        "-k", "NumberOfStudyRelatedInstances", "-k", key,
    )  # fmt: skip
    assert done.returncode == 0
    for secret in OUTSIDE.secrets:
        assert secret not in done.stdout + done.stderr


@pytest.mark.parametrize("level", ["STUDY", "SERIES", "IMAGE"])
def test_movescu_and_getscu_get_nothing_of_what_is_hidden(port, debian_tool, tmp_path, level):
    heard_of = {}
    folder = tmp_path / "got"
    folder.mkdir()
    for case in (MISSING, OUTSIDE):
        moved = call(debian_tool("movescu"), port[0], "-aem", "SINK", *keys(case, level))
        got = call(debian_tool("getscu"), port[0], "-od", str(folder), *keys(case, level))
        heard_of[case] = heard(moved, case), heard(got, case)
    assert heard_of[OUTSIDE] == heard_of[MISSING]
    assert list(folder.iterdir()) == []
    with reading(port[1].engine) as connection:
        assert find(connection, "study", {}) == []


def test_movescu_and_getscu_get_what_may_be_seen(port, debian_tool, tmp_path):
    call(debian_tool("getscu"), port[0], "-od", str(tmp_path), *keys(INSIDE, "STUDY"))
    assert len(list(tmp_path.iterdir())) >= 2
    assert call(debian_tool("movescu"), port[0], "-aem", "SINK", *keys(INSIDE, "STUDY")).returncode == 0
    with reading(port[1].engine) as connection:
        assert [row["StudyInstanceUID"] for row in find(connection, "study", {})] == [INSIDE.study]
