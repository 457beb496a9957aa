import subprocess

import pytest
from pydicom import dcmread

from firstread.archive import Part10
from firstread.archive.models import Instance, Study
from firstread.network import Listening, Node
from firstread.workflow.deliveries import (
    PassingFailure,
    PermanentFailure,
    deliver,
    documents_for,
    keep_result,
)
from firstread.workflow.deliveries.deliver import way_to
from tests.archive.samples import rows
from tests.dicom.read_samples import STUDY
from tests.network.conftest import ANYONE, free_port
from tests.workflow.deliveries.conftest import DICOM


def send_all(archive, settings, name, folder):
    for document in documents_for(name, settings, folder):
        deliver(archive, settings, name, folder, document)


def test_every_document_reaches_storescp_as_it_is(archive, settings_of, storescp, result_folder):
    port, got = storescp
    settings = settings_of(pacs=f"ELSEWHERE@127.0.0.1:{port}")
    send_all(archive, settings, "pacs", result_folder)
    arrived = {dcmread(path).SOPInstanceUID: dcmread(path) for path in got.iterdir()}
    assert len(arrived) == len(DICOM)
    for name in DICOM:
        sent = dcmread(result_folder / name)
        assert arrived[sent.SOPInstanceUID] == sent


def test_orthanc_lists_all_under_the_study_that_was_read_and_once_however_often_they_are_sent(
    archive, settings_of, orthanc, result_folder
):
    peer = orthanc()
    settings = settings_of(pacs=f"ORTHANC@127.0.0.1:{peer.port}")
    for _ in range(2):
        send_all(archive, settings, "pacs", result_folder)
    (study,) = peer("/studies?expand")
    assert study["MainDicomTags"]["StudyInstanceUID"] == STUDY
    series = [peer(f"/series/{key}") for key in study["Series"]]
    assert sorted((one["MainDicomTags"]["Modality"], len(one["Instances"])) for one in series) == [
        ("DOC", 1), ("OT", 3), ("SEG", 1), ("SR", 1),
    ]  # fmt: skip
    assert way_to("pacs", settings).test().startswith(f"ORTHANC@127.0.0.1:{peer.port} answers")


def test_what_orthanc_sends_back_changes_nothing(archive, settings_of, orthanc, result_folder):
    keep_result(archive, result_folder)
    kept = rows(archive, Study), rows(archive, Instance)
    with Node(archive, Listening(port=0, acceptance=ANYONE)) as node:
        peer = orthanc(node.port)
        send_all(archive, settings_of(pacs=f"ORTHANC@127.0.0.1:{peer.port}"), "pacs", result_folder)
        (study,) = peer("/studies")
        assert peer("/modalities/ours/store", [study])["InstancesCount"] == len(DICOM)
    assert (rows(archive, Study), rows(archive, Instance)) == kept


def test_what_comes_back_re_encoded_is_no_conflict(archive, result_folder, debian_tool, tmp_path):
    keep_result(archive, result_folder)
    (before,) = rows(archive, Study)
    for name in DICOM:
        recoded = tmp_path / name
        subprocess.run([debian_tool("dcmconv"), "+ti", result_folder / name, recoded], check=True, timeout=60)
        assert archive.receive(Part10.parse(recoded.read_bytes()), source="PACS").outcome == "returned"
    assert rows(archive, Study) == [before]


def test_a_node_that_is_away_is_tried_again_later(archive, settings_of, result_folder):
    settings = settings_of(pacs=f"PACS@127.0.0.1:{free_port()}")
    with pytest.raises(PassingFailure, match="does not answer"):
        deliver(archive, settings, "pacs", result_folder, "sr.dcm")
    with pytest.raises(PassingFailure, match="does not answer"):
        way_to("pacs", settings).test()


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (0xA700, PassingFailure),
        (None, PassingFailure),
        (0xC000, PermanentFailure),
        (0x0122, PermanentFailure),
    ],
)
def test_out_of_resources_and_a_broken_association_pass_and_a_refusal_does_not(
    archive, settings_of, result_folder, moody, status, failure
):
    node = moody(status)
    settings = settings_of(pacs=str(node.peer))
    with pytest.raises(failure):
        deliver(archive, settings, "pacs", result_folder, "sr.dcm")
    assert node.taken == []
    deliver(archive, settings, "pacs", result_folder, "sr.dcm")
    assert node.taken == [dcmread(result_folder / "sr.dcm").SOPInstanceUID]


def test_an_address_that_is_none_fails_for_good(archive, settings_of, result_folder):
    with pytest.raises(PermanentFailure, match="no DICOM node"):
        deliver(archive, settings_of(pacs="PACS@host:none"), "pacs", result_folder, "sr.dcm")
