"""The same instances in firstread and in Orthanc: what both find and give is the same."""

from io import BytesIO

import numpy as np
import pytest
from dicomweb_client import DICOMwebClient
from dicomweb_client.session_utils import create_session_from_user_pass
from PIL import Image
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from tests.dicom.ct_series import EXPLICIT, ROOT, anatomy, ct_series, encode
from tests.network.conftest import orthanc  # noqa: F401 - the peer
from tests.workflow.deliveries.conftest import orthanc_dicomweb  # noqa: F401 - its DICOMweb

STUDY, SERIES = f"{ROOT}.1", f"{ROOT}.1.1"
QUERIES = [
    "",
    "PatientName=DOE*",
    "PatientName=*J?HN*",
    "PatientID=A1",
    "PatientID=A*",
    "StudyDate=20250101",
    "StudyDate=20250115-20250301",
    "StudyDate=-20250115",
    "StudyDate=20250201-",
    "AccessionNumber=ACC2",
    f"StudyInstanceUID={ROOT}.3",
    "ModalitiesInStudy=MR",
    "00100020=B1",
    "PatientName=DOE*&StudyDate=20250201-",
    "PatientID=nobody",
]


def get(client, path, accept):
    """An answer to a URL as it stands: Orthanc 1.10 does not undo what dicomweb-client encodes in a query."""
    answer = client._session.get(f"{client.base_url}{path}", headers={"Accept": accept}, timeout=30)
    answer.raise_for_status()
    return answer


@pytest.fixture
def both(sqlite_client, orthanc, orthanc_dicomweb):  # noqa: F811
    """Clients of firstread and of Orthanc, to whom the same was sent."""
    peer = orthanc(**orthanc_dicomweb)
    session = create_session_from_user_pass("t", "t")
    clients = (sqlite_client, DICOMwebClient(f"http://127.0.0.1:{peer.http}/dicom-web", session=session))
    sent = []
    for study, name, patient, day, accession, modality in (
        (1, "DOE^JANE", "A1", "20250101", "ACC1", "CT"),
        (2, "DOE^JOHN", "A2", "20250201", "ACC2", "CT"),
        (3, "ROE^RICHARD", "B1", "20250301", "ACC3", "MR"),
    ):
        for ds in ct_series(anatomy(2, 24), study=study):
            ds.PatientName, ds.PatientID, ds.StudyDate = name, patient, day
            ds.AccessionNumber, ds.Modality = accession, modality
            sent.append(dcmread(DicomBytesIO(encode(ds))))
    for each in clients:
        assert len(each.store_instances(sent).ReferencedSOPSequence) == len(sent)
    yield clients
    session.close()


def test_orthanc_finds_and_gives_the_same(both):
    def found(client, query):
        answer = get(client, f"/studies?{query}", "application/dicom+json")
        return {each["0020000D"]["Value"][0] for each in answer.json()} if answer.content else set()

    for query in QUERIES:
        ours, theirs = (found(each, query) for each in both)
        assert ours == theirs, query

    for level in ("series", "instances"):
        ours, theirs = (getattr(each, f"search_for_{level}")(STUDY) for each in both)
        told = [
            {(one["0020000E"]["Value"][0], one["00080060"]["Value"][0]) for one in each}
            for each in (ours, theirs)
        ]
        assert len(ours) == len(theirs)
        assert told[0] == told[1]

    ours, theirs = (each.retrieve_instance_metadata(STUDY, SERIES, f"{SERIES}.1") for each in both)
    shared = set(ours) & set(theirs) - {"00080005", "7FE00010"}
    assert len(shared) > 20
    assert {tag: ours[tag] for tag in shared} == {tag: theirs[tag] for tag in shared}

    pixels = (("application/octet-stream", EXPLICIT),)
    ours, theirs = (
        each.retrieve_instance_frames(STUDY, SERIES, f"{SERIES}.1", [1], media_types=pixels) for each in both
    )
    assert ours == theirs
    ours, theirs = (each.retrieve_instance(STUDY, SERIES, f"{SERIES}.2") for each in both)
    assert ours == theirs


def test_orthanc_shows_the_same_picture_through_a_window(both):
    path = f"/studies/{STUDY}/series/{SERIES}/instances/{SERIES}.1/rendered?window=40,400,linear"
    shown = (Image.open(BytesIO(get(each, path, "image/png").content)) for each in both)
    ours, theirs = (np.asarray(each.convert("L")).astype(int) for each in shown)
    assert np.abs(ours - theirs).max() <= 2
