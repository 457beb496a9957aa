"""SQL in what is searched for: through QIDO, C-FIND and the command line, on both databases."""

from contextlib import suppress

import pytest
import requests
from pydicom.dataset import Dataset
from sqlalchemy import func, select

from firstread.archive.database import reading
from firstread.archive.models import Patient, Study
from firstread.archive.query import find
from firstread.dicom.quiet import quiet
from firstread.errors import UsageError
from firstread.network import Listening, Node
from tests.access.granting import allow
from tests.archive.samples import instances
from tests.cli.conftest import firstread  # noqa: F401 - a fixture
from tests.network.conftest import ANYONE
from tests.network.dicomweb.conftest import serving
from tests.network.test_query_scp import ask

PAYLOADS = (
    "' OR '1'='1",
    "' OR 1=1 --",
    "x'; DROP TABLE study; --",
    "x'); DELETE FROM patient; --",
    "' UNION SELECT name, patient_id, 1, 1, 1 FROM patient --",
    "\\' OR 1=1 #",
    "%' OR '%'='",
    "_____",
    "%",
    '" OR ""="',
    "1; SELECT pg_sleep(20)",
    "1 OR randomblob(100000000)",
)
KEYWORDS = (
    "PatientName",
    "PatientID",
    "AccessionNumber",
    "StudyDescription",
    "StudyID",
    "ReferringPhysicianName",
    "ModalitiesInStudy",
    "StudyInstanceUID",
)


@pytest.fixture
def filled(archive):
    """Two patients with a study each."""
    for number in (1, 2):
        for each in instances(
            1, study=number, change=lambda ds, n=number: setattr(ds, "PatientID", f"ID-{n}")
        ):
            archive.receive(each)
    return archive


def counts(archive):
    with reading(archive.engine) as connection:
        return [connection.execute(select(func.count(table.id))).scalar_one() for table in (Patient, Study)]


def test_qido_finds_nothing_by_sql_and_loses_nothing(filled):
    with serving(filled) as url, requests.Session() as session:
        for keyword in KEYWORDS:
            for payload in PAYLOADS:
                answer = session.get(f"{url}/dicom-web/studies", params={keyword: payload}, timeout=30)
                assert answer.status_code in (200, 204, 400), (keyword, payload)
                assert answer.status_code != 200 or answer.json() == [], (keyword, payload)
        for parameter in ("limit", "offset", "includefield", "orderby", "fuzzymatching"):
            for payload in PAYLOADS:
                answer = session.get(f"{url}/dicom-web/studies", params={parameter: payload}, timeout=30)
                assert answer.status_code < 500, (parameter, payload)
                assert answer.status_code != 200 or len(answer.json()) <= 2
        for payload in PAYLOADS:
            assert (
                session.get(f"{url}/dicom-web/studies", params={payload: "1"}, timeout=30).status_code < 500
            )
    assert counts(filled) == [2, 2]


def test_c_find_finds_nothing_by_sql(filled):
    allow(filled, "role:node")
    with Node(filled, Listening(port=0, acceptance=ANYONE)) as node:
        for keyword in ("PatientName", "PatientID", "AccessionNumber", "StudyID"):
            for payload in PAYLOADS:
                with quiet():  # pydicom says that it is too long, and sends it
                    *matches, _ = ask(
                        node.port, QueryRetrieveLevel="STUDY", **{keyword: payload.replace("\\", "")}
                    )
                assert matches == [], (keyword, payload)
        *matches, _ = ask(node.port, QueryRetrieveLevel="STUDY", PatientID="")
    assert len(matches) == 2
    assert counts(filled) == [2, 2]


@pytest.mark.parametrize("level", ["study", "series", "instance"])
def test_no_level_of_a_search_is_sql(filled, level):
    with reading(filled.engine) as connection:
        for keyword in KEYWORDS:
            for payload in PAYLOADS:
                with suppress(UsageError):
                    assert find(connection, level, {keyword: payload}) == [], (keyword, payload)
    assert counts(filled) == [2, 2]


def test_the_command_line_finds_nothing_by_sql(firstread, tmp_path, monkeypatch):  # noqa: F811
    from tests.dicom.ct_series import anatomy, ct_series, write

    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "archive"))
    firstread("archive", "add", write(tmp_path / "in", ct_series(anatomy(1, 16))))
    for payload in PAYLOADS:
        done = firstread("archive", "list", "--json", "--match", f"PatientName={payload}")
        assert (done.code, done.out.strip()) in ((0, "[]"), (2, "")), payload
    done = firstread("archive", "list", "--match", f"{PAYLOADS[0]}=1")
    assert done.code == 2
    assert len(firstread("archive", "list", "--json").out) > 10


def test_what_is_stored_is_never_sql(archive):
    """Values of attributes go into the database as they are."""
    payload = "x'); DROP TABLE study; --"

    def change(ds: Dataset):
        ds.PatientName = ds.StudyDescription = payload
        ds.PatientID = "' OR '1'='1"

    for each in instances(1, change=change):
        archive.receive(each)
    with reading(archive.engine) as connection:
        (found,) = find(connection, "study", {"PatientID": "' OR '1'='1"})
    assert found["StudyDescription"] == payload
