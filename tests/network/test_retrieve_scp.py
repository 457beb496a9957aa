import subprocess
from contextlib import contextmanager

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from firstread.archive import Part10
from firstread.network import Listening, Node, Peer
from firstread.network.answers import keep_answers
from tests.archive.samples import instances
from tests.dicom.ct_series import EXPLICIT, IMPLICIT, JPEG_LS
from tests.network.conftest import ANYONE
from tests.waiting import free_port


def study_uid(sent):
    from io import BytesIO

    return dcmread(BytesIO(sent[0].header + bytes(sent[0].dataset)), stop_before_pixels=True).StudyInstanceUID


def identifier(**keys):
    made = Dataset()
    for keyword, value in keys.items():
        setattr(made, keyword, value)
    return made


@contextmanager
def mover(port, *contexts):
    entity = AE("ASKER")
    for context in contexts:
        entity.add_requested_context(*context)
    peer = entity.associate(
        "127.0.0.1", port, ae_title="FIRSTREAD", ext_neg=[build_role(CTImageStorage, scp_role=True)],
        evt_handlers=[(evt.EVT_C_STORE, _keep)],
    )  # fmt: skip
    keep_answers(peer)
    peer.kept = []
    yield peer
    peer.release()


def _keep(event):
    event.assoc.kept.append(event.request.DataSet.getvalue())
    return 0x0000


def get(port, *syntaxes, **keys):
    with mover(port, (StudyRootQueryRetrieveInformationModelGet,), (CTImageStorage, list(syntaxes))) as peer:
        *_, (status, failed) = peer.send_c_get(identifier(**keys), StudyRootQueryRetrieveInformationModelGet)
        return status, failed, peer.kept


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, JPEG_LS])
def test_c_get_gives_back_the_bytes_that_came(archive, node, syntax):
    sent = instances(3, syntax=syntax)
    for each in sent:
        archive.receive(each)
    status, _, kept = get(node.port, syntax, QueryRetrieveLevel="STUDY", StudyInstanceUID=study_uid(sent))
    assert (status.Status, status.NumberOfCompletedSuboperations) == (0x0000, 3)
    assert sorted(kept) == sorted(bytes(each.dataset) for each in sent)


def test_a_peer_that_takes_only_another_uncompressed_syntax_gets_that(archive, node):
    sent = instances(2, syntax=EXPLICIT)
    for each in sent:
        archive.receive(each)
    status, _, kept = get(node.port, IMPLICIT, QueryRetrieveLevel="STUDY", StudyInstanceUID=study_uid(sent))
    assert (status.Status, len(kept)) == (0x0000, 2)
    assert all(one not in kept for one in (bytes(each.dataset) for each in sent))


def test_what_a_peer_does_not_take_is_told_as_failed(archive, node):
    sent = instances(2, syntax=JPEG_LS)
    for each in sent:
        archive.receive(each)
    status, failed, kept = get(
        node.port, EXPLICIT, QueryRetrieveLevel="STUDY", StudyInstanceUID=study_uid(sent)
    )
    assert (status.Status, status.NumberOfFailedSuboperations, kept) == (0xA702, 2, [])
    assert set(failed.FailedSOPInstanceUIDList) == {each.sop_instance_uid for each in sent}


@pytest.mark.filterwarnings("ignore:Invalid value")  # of the peer's own pydicom
@pytest.mark.parametrize(
    "keys", [{}, {"StudyInstanceUID": ""}, {"StudyInstanceUID": "*"}, {"PatientID": "*"}]
)
def test_nobody_retrieves_the_whole_archive_by_mistake(node, stored, keys):
    status, _, kept = get(node.port, EXPLICIT, QueryRetrieveLevel="STUDY", **keys)
    assert (status.Status, kept) == (0xA900, [])


def test_what_is_not_there_is_a_success_without_instances(node):
    status, _, kept = get(node.port, EXPLICIT, QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3")
    assert (status.Status, kept) == (0x0000, [])


def test_c_move_to_an_unknown_destination_is_refused(node, stored):
    with mover(node.port, (StudyRootQueryRetrieveInformationModelMove,)) as peer:
        *_, (status, _) = peer.send_c_move(
            identifier(QueryRetrieveLevel="STUDY", StudyInstanceUID=study_uid(stored)),
            "NOBODY",
            StudyRootQueryRetrieveInformationModelMove,
        )
    assert status.Status == 0xA801


def test_a_move_that_is_refused_is_told_so_without_a_call_to_its_destination(archive, stored):
    nowhere = {"ELSEWHERE": Peer("ELSEWHERE", "127.0.0.1", free_port())}
    with (
        Node(archive, Listening(port=0, acceptance=ANYONE, destinations=nowhere)) as node,
        mover(node.port, (StudyRootQueryRetrieveInformationModelMove,)) as peer,
    ):
        statuses = [
            status.Status
            for keys in ({}, {"StudyInstanceUID": study_uid(stored)}, {"StudyInstanceUID": "1.2.3"})
            for status, _ in peer.send_c_move(
                identifier(QueryRetrieveLevel="STUDY", **keys),
                "ELSEWHERE",
                StudyRootQueryRetrieveInformationModelMove,
            )
        ]
    assert statuses == [0xA900, 0xA801, 0x0000]


@pytest.mark.parametrize(("level", "count"), [("STUDY", 6), ("SERIES", 3), ("IMAGE", 1)])
def test_movescu_of_dcmtk_has_a_study_series_or_image_sent_to_storescp(
    archive, stored, storescp, debian_tool, level, count
):
    port, folder = storescp
    first = stored[0]
    from io import BytesIO

    head = dcmread(BytesIO(first.header + bytes(first.dataset)), stop_before_pixels=True)
    keys = {"STUDY": ["StudyInstanceUID"], "SERIES": ["StudyInstanceUID", "SeriesInstanceUID"]}.get(
        level, ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"]
    )
    arguments = [part for key in keys for part in ("-k", f"{key}={head[key].value}")]
    destinations = {"ELSEWHERE": Peer("ELSEWHERE", "127.0.0.1", port)}
    with Node(archive, Listening(port=0, acceptance=ANYONE, destinations=destinations)) as node:
        done = subprocess.run(
            [debian_tool("movescu"), "-S", "-aec", "FIRSTREAD", "-aem", "ELSEWHERE",
             "-k", f"QueryRetrieveLevel={level}", *arguments, "127.0.0.1", str(node.port)],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    got = [Part10.parse(path.read_bytes()) for path in folder.iterdir()]
    assert len(got) == count
    by_uid = {each.sop_instance_uid: bytes(each.dataset) for each in stored}
    assert all(bytes(each.dataset) == by_uid[each.sop_instance_uid] for each in got)


def test_getscu_of_dcmtk_gets_a_study(node, stored, debian_tool, tmp_path):
    folder = tmp_path / "got"
    folder.mkdir()
    done = subprocess.run(
        [debian_tool("getscu"), "-S", "-aec", "FIRSTREAD", "-od", str(folder), "-k", "QueryRetrieveLevel=STUDY",
         "-k", f"StudyInstanceUID={study_uid(stored)}", "127.0.0.1", str(node.port)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    got = {dcmread(path).SOPInstanceUID for path in folder.iterdir()}
    assert got == {each.sop_instance_uid for each in stored}
