import base64
import json

import pytest
from dicomweb_client import DICOMwebClient
from pydicom import dcmread
from starlette.responses import JSONResponse, Response

from firstread.archive import open_archive
from firstread.archive.models import Instance
from firstread.workflow.deliveries import PassingFailure, PermanentFailure, deliver, documents_for
from firstread.workflow.deliveries.deliver import way_to
from tests.archive.samples import rows
from tests.dicom.read_samples import STUDY
from tests.network.dicomweb.conftest import serving
from tests.workflow.deliveries.conftest import DICOM

ELSEWHERE = "1.2.3"


def store_response(uid, *, reason=None, sequence="00081198"):
    item = {"00081155": {"vr": "UI", "Value": [uid]}}
    if reason is not None:
        item["00081197"] = {"vr": "US", "Value": [reason]}
    return {sequence: {"vr": "SQ", "Value": [item]}}


@pytest.fixture
def theirs(tmp_path):
    """Our own DICOMweb service over another archive, and that archive."""
    with open_archive(tmp_path / "theirs") as archive, serving(archive) as url:
        yield f"{url}/dicom-web", archive


@pytest.fixture
def sr_uid(result_folder):
    return str(dcmread(result_folder / "sr.dcm").SOPInstanceUID)


def test_every_document_is_stored_once_however_often_it_is_sent(archive, settings_of, theirs, result_folder):
    url, there = theirs
    settings = settings_of(web=f"stow:{url}")
    for _ in range(2):
        for document in documents_for("web", settings, result_folder):
            deliver(archive, settings, "web", result_folder, document)
    listed = DICOMwebClient(url).search_for_instances(STUDY)
    sent = {str(dcmread(result_folder / name).SOPInstanceUID) for name in DICOM}
    assert {one["00080018"]["Value"][0] for one in listed} == sent
    assert len(listed) == len(DICOM)
    for row in rows(there, Instance):
        stored = dcmread(there.files.path(row.file))
        assert any(dcmread(result_folder / name) == stored for name in DICOM)
    assert way_to("web", settings).test() == f"{url} answers"


def test_orthanc_takes_them_under_the_study_that_was_read(
    archive, settings_of, orthanc, orthanc_dicomweb, result_folder
):
    peer = orthanc(**orthanc_dicomweb)
    url = f"http://127.0.0.1:{peer.http}/dicom-web"
    settings = settings_of(secrets={"web": "t:t"}, web=f"stow:{url}")
    for _ in range(2):
        for document in documents_for("web", settings, result_folder):
            deliver(archive, settings, "web", result_folder, document)
    (study,) = peer("/studies?expand")
    assert study["MainDicomTags"]["StudyInstanceUID"] == STUDY
    series = [peer(f"/series/{key}") for key in study["Series"]]
    assert sorted((one["MainDicomTags"]["Modality"], len(one["Instances"])) for one in series) == [
        ("DOC", 1), ("OT", 3), ("SEG", 1), ("SR", 1),
    ]  # fmt: skip
    assert way_to("web", settings).test() == f"{url} answers"
    with pytest.raises(PermanentFailure, match="status 401"):
        way_to("web", settings_of(secrets={"web": "t:wrong"}, web=f"stow:{url}")).test()


def test_the_body_is_one_part_whose_length_is_told(archive, settings_of, receiver, result_folder):
    deliver(archive, settings_of(web=f"stow:{receiver.url}/dicom-web"), "web", result_folder, "seg.dcm")
    ((method, path, headers, body),) = receiver.got
    assert (method, path) == ("POST", "/dicom-web/studies")
    assert headers["content-length"] == str(len(body))
    assert headers["content-type"].startswith('multipart/related; type="application/dicom"; boundary=')
    assert (result_folder / "seg.dcm").read_bytes() in body


@pytest.mark.parametrize(
    ("secret", "header"),
    [
        ("eyJ.token-1", "Bearer eyJ.token-1"),
        ("me:pass:word", "Basic " + base64.b64encode(b"me:pass:word").decode()),
        (None, None),
    ],
)
def test_a_secret_is_a_token_or_a_user_and_password(
    archive, settings_of, receiver, result_folder, secret, header
):
    settings = settings_of(secrets={"web": secret} if secret else {}, web=f"stow:{receiver.url}")
    deliver(archive, settings, "web", result_folder, "sr.dcm")
    assert receiver.got[0][2].get("authorization") == header


@pytest.mark.parametrize("uid", ["sr", "", ELSEWHERE])
@pytest.mark.parametrize(
    ("reason", "failure"),
    [
        (0x0110, PassingFailure),
        (0xA700, PassingFailure),
        (0x0122, PermanentFailure),
        (0xA900, PermanentFailure),
        (0xC409, PermanentFailure),
    ],
)
def test_a_reason_says_whether_it_is_tried_again(
    archive, settings_of, receiver, result_folder, sr_uid, uid, reason, failure
):
    told = store_response(sr_uid if uid == "sr" else uid, reason=reason)
    receiver.answers = [JSONResponse(told, 409)]
    with pytest.raises(failure, match=f"reason {reason:04X}"):
        deliver(archive, settings_of(web=f"stow:{receiver.url}"), "web", result_folder, "sr.dcm")


@pytest.mark.parametrize("status", [202, 409])
def test_what_is_there_already_or_stored_with_a_warning_counts_as_stored(
    archive, settings_of, receiver, result_folder, sr_uid, status
):
    receiver.answers = [
        JSONResponse(store_response(sr_uid, reason=0x0111), status),
        JSONResponse(store_response(sr_uid, sequence="00081199"), status),
        JSONResponse([store_response(sr_uid, sequence="00081199")], status),
    ]
    for _ in range(3):
        deliver(archive, settings_of(web=f"stow:{receiver.url}"), "web", result_folder, "sr.dcm")
    assert receiver.answers == []


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<NativeDicomModel/>", b"[]", b"{}", b"null", b'{"00081198": 7}', b'{"00081198": {"Value": [7]}}',
        b"[" * 100_000,
        json.dumps(store_response(ELSEWHERE, sequence="00081199")).encode(),
        json.dumps({"00081198": {"Value": [{"00081197": {"Value": ["many"]}}]}}).encode(),
    ],
)  # fmt: skip
def test_an_answer_that_does_not_say_whether_it_is_stored_fails_for_good(
    archive, settings_of, receiver, result_folder, body
):
    receiver.answers = [Response(body, 202)]
    with pytest.raises(PermanentFailure, match="not whether"):
        deliver(archive, settings_of(web=f"stow:{receiver.url}"), "web", result_folder, "sr.dcm")
