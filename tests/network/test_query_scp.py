import subprocess

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
)

from firstread.errors import ArchiveUnavailable
from firstread.network import query_scp
from firstread.network.answers import keep_answers
from tests.archive.samples import instances
from tests.dicom.ct_series import DEFLATED


def ask(port, model=StudyRootQueryRetrieveInformationModelFind, cancel_after=None, **keys):
    """The statuses and identifiers that a query is answered with."""
    entity = AE("ASKER")
    entity.add_requested_context(model)
    peer = entity.associate("127.0.0.1", port, ae_title="FIRSTREAD")
    keep_answers(peer)
    identifier = Dataset()
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    answers = []
    for status, found in peer.send_c_find(identifier, model):
        answers.append((status.Status, found))
        if len(answers) == cancel_after:
            peer.send_c_cancel(1, query_model=model)
    peer.release()
    return answers


@pytest.mark.parametrize(
    ("level", "keys", "count"),
    [
        ("STUDY", {"StudyInstanceUID": ""}, 1),
        ("STUDY", {"StudyDate": "19000101-19000102"}, 0),
        ("SERIES", {"Modality": "CT", "SeriesInstanceUID": ""}, 2),
        ("IMAGE", {"SOPInstanceUID": ""}, 6),
    ],
)
def test_each_level_answers_with_what_matches(node, stored, level, keys, count):
    *matches, last = ask(node.port, QueryRetrieveLevel=level, **keys)
    assert len(matches) == count
    assert last == (0x0000, None)
    for status, found in matches:
        assert status == 0xFF00
        assert found.QueryRetrieveLevel == level
        assert found.RetrieveAETitle == "FIRSTREAD"
        assert set(keys) <= {element.keyword for element in found}


def test_what_was_asked_for_is_returned_and_what_cannot_be_matched_is_empty(node, stored):
    (status, found), _ = ask(
        node.port, QueryRetrieveLevel="STUDY", PatientID="", ModalitiesInStudy="CT", BodyPartExamined="CHEST",
        NumberOfStudyRelatedInstances="", ReferencedStudySequence=[],
    )  # fmt: skip
    assert status == 0xFF01  # a key that cannot be matched was given
    assert found.NumberOfStudyRelatedInstances == 6
    assert found.ModalitiesInStudy == "CT"
    assert found.BodyPartExamined in (None, "")
    assert len(found.ReferencedStudySequence) == 0


def test_names_in_any_script_come_back_as_utf_8(archive, node):
    def named(ds):
        ds.SpecificCharacterSet, ds.PatientName = "ISO_IR 192", "王^小东"

    archive.receive(instances(1, change=named)[0])
    (_, found), _ = ask(
        node.port, PatientRootQueryRetrieveInformationModelFind, QueryRetrieveLevel="PATIENT", PatientName="王*",
        SpecificCharacterSet="ISO_IR 192",
    )  # fmt: skip
    assert found.SpecificCharacterSet == "ISO_IR 192"
    assert str(found.PatientName) == "王^小东"


@pytest.mark.filterwarnings("ignore:Invalid value")  # of the peer's own pydicom
@pytest.mark.parametrize(
    ("model", "keys"),
    [
        (StudyRootQueryRetrieveInformationModelFind, {"PatientID": "1"}),
        (StudyRootQueryRetrieveInformationModelFind, {"QueryRetrieveLevel": "PATIENT"}),
        (StudyRootQueryRetrieveInformationModelFind, {"QueryRetrieveLevel": "WORKLIST"}),
        (PatientRootQueryRetrieveInformationModelFind, {"QueryRetrieveLevel": "STUDY", "StudyTime": "-"}),
    ],
)
def test_an_identifier_that_does_not_match_is_answered_with_a900(node, model, keys):
    assert ask(node.port, model, **keys) == [(0xA900, None)]


def test_more_matches_than_anybody_reads_end_with_out_of_resources(node, stored, monkeypatch):
    monkeypatch.setattr(query_scp, "MOST_MATCHES", 4)
    statuses = [status for status, _ in ask(node.port, QueryRetrieveLevel="IMAGE", SOPInstanceUID="")]
    assert statuses == [0xFF00] * 4 + [0xA700]


def test_a_database_that_is_away_is_out_of_resources(node, monkeypatch):
    def away(*_, **__):
        raise ArchiveUnavailable("away")

    monkeypatch.setattr(query_scp, "find", away)
    assert ask(node.port, QueryRetrieveLevel="STUDY") == [(0xA700, None)]


def test_a_query_can_be_cancelled(archive, node):
    for each in instances(120, size=8):
        archive.receive(each)
    statuses = [s for s, _ in ask(node.port, cancel_after=1, QueryRetrieveLevel="IMAGE", SOPInstanceUID="")]
    assert statuses[-1] in (0xFE00, 0x0000)
    assert statuses[0] == 0xFF00


def test_findscu_of_dcmtk_finds_a_study(node, stored, debian_tool):
    done = subprocess.run(
        [debian_tool("findscu"), "-S", "-aec", "FIRSTREAD", "-k", "QueryRetrieveLevel=SERIES", "-k", "Modality=CT",
         "-k", "SeriesInstanceUID", "127.0.0.1", str(node.port)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (done.stdout + done.stderr).count("SeriesInstanceUID") == 2


def test_an_identifier_larger_than_any_query_is_refused_undecoded(node, stored):
    assert ask(node.port, QueryRetrieveLevel="STUDY", TextValue="x" * 140_000) == [(0xA900, None)]


def test_deflated_identifiers_are_not_negotiated(node):
    entity = AE("ASKER")
    entity.add_requested_context(StudyRootQueryRetrieveInformationModelFind, DEFLATED)
    peer = entity.associate("127.0.0.1", node.port, ae_title="FIRSTREAD")
    assert peer.accepted_contexts == []
    peer.abort()
