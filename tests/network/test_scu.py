import socket

import pytest
from pydicom import dcmread
from pynetdicom import AE, evt
from pynetdicom.sop_class import Comprehensive3DSRStorage, CTImageStorage, Verification

from firstread.archive import Part10, open_archive
from firstread.network import Listening, Node, Peer
from firstread.network.outgoing import files_of_folder, files_of_study
from firstread.network.scu import Caller, PeerFailed
from tests.archive.samples import instances
from tests.dicom.ct_series import EXPLICIT, JPEG_LS
from tests.network.conftest import ANYONE, free_port
from tests.network.test_retrieve_scp import study_uid

HURRIED = Caller("SENDER", seconds=20, tries=3, first_wait_s=0.01)


@pytest.fixture
def folder(tmp_path):
    """Five DICOM files of two transfer syntaxes, and one that is none."""
    made = [*instances(3), *instances(2, series=2, syntax=JPEG_LS)]
    where = tmp_path / "files"
    where.mkdir()
    for n, each in enumerate(made):
        (where / f"{n}.dcm").write_bytes(each.header + bytes(each.dataset))
    (where / "readme.txt").write_text("none")
    return where


class Moody:
    """A storage SCP that answers with the statuses that it is given, then with Success."""

    def __init__(self, *statuses):
        self.left = list(statuses)
        self.taken = []
        entity = AE("MOODY")
        entity.add_supported_context(Verification)
        entity.add_supported_context(CTImageStorage, [EXPLICIT, JPEG_LS])
        entity.add_supported_context(Comprehensive3DSRStorage)
        self.server = entity.start_server(
            ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, self.store)]
        )
        self.peer = Peer("MOODY", "127.0.0.1", self.server.server_address[1])

    def store(self, event):
        status = self.left.pop(0) if self.left else 0x0000
        if status is None:
            event.assoc.abort()
            return 0x0000
        if status == 0x0000:
            self.taken.append(str(event.request.AffectedSOPInstanceUID))
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()


def test_an_echo_says_how_long_the_answer_took(node):
    assert 0 < HURRIED.echo(Peer("FIRSTREAD", "127.0.0.1", node.port)) < 10


def test_a_node_that_is_away_or_rejects_is_said(node):
    with pytest.raises(PeerFailed, match="does not answer"):
        HURRIED.echo(Peer("PACS", "127.0.0.1", free_port()))
    with pytest.raises(PeerFailed, match="rejects this node"):
        HURRIED.echo(Peer("OTHER", "127.0.0.1", node.port))


def test_a_node_that_does_not_offer_a_service_is_said():
    with Moody() as moody:
        for call in (
            lambda: HURRIED.find(moody.peer, "STUDY", {"PatientID": "SYN-1"}),
            lambda: HURRIED.get(moody.peer, {"StudyInstanceUID": "1.2.3"}, print),
            lambda: HURRIED.move(moody.peer, {"StudyInstanceUID": "1.2.3"}, destination="SENDER"),
        ):
            with pytest.raises(PeerFailed, match="does not offer"):
                call()


def test_files_arrive_at_storescp_as_they_are(folder, storescp):
    port, got = storescp
    stages = []
    sent = HURRIED.send(
        Peer("ELSEWHERE", "127.0.0.1", port), files_of_folder(folder), progress=lambda *a: stages.append(a)
    )
    assert (sent.sent, sent.refused) == (5, ())
    assert stages[-1] == ("send", 1.0)
    ours = {bytes(Part10.parse(path.read_bytes()).dataset) for path in folder.glob("*.dcm")}
    assert {bytes(Part10.parse(path.read_bytes()).dataset) for path in got.iterdir()} == ours


def test_a_study_of_the_archive_arrives_at_orthanc(archive, stored, orthanc):
    peer = orthanc(free_port())
    files = files_of_study(archive, study_uid(stored))
    assert HURRIED.send(Peer("ORTHANC", "127.0.0.1", peer.port), files).sent == 6
    assert peer("/statistics")["CountInstances"] == 6
    assert files_of_study(archive, "no/../uid") == []


@pytest.mark.parametrize("trouble", [0xA700, None])
def test_a_peer_without_room_or_that_breaks_off_is_tried_again(folder, trouble):
    with Moody(0x0000, trouble, trouble) as moody:
        sent = HURRIED.send(moody.peer, files_of_folder(folder))
    assert (sent.sent, sent.refused) == (5, ())
    assert sorted(set(moody.taken)) == sorted(each.sop_instance_uid for each in files_of_folder(folder))


def test_what_is_refused_for_good_is_told_and_not_tried_again(folder):
    with Moody(0x0000, 0xC000) as moody:
        sent = HURRIED.send(moody.peer, files_of_folder(folder))
    assert sent.sent == 4
    ((uid, status),) = sent.refused
    assert status == 0xC000
    assert uid not in moody.taken


def test_a_peer_that_stays_away_is_given_up_by_name(folder):
    peer = Peer("PACS", "127.0.0.1", free_port())
    with pytest.raises(PeerFailed, match=r"5 of 5 instances were not sent to PACS@127\.0\.0\.1"):
        HURRIED.send(peer, files_of_folder(folder))


@pytest.mark.parametrize("storescp", ["+x="], indirect=True)
def test_what_the_peer_cannot_take_is_told(folder, storescp):
    port, got = storescp
    sent = HURRIED.send(Peer("ELSEWHERE", "127.0.0.1", port), files_of_folder(folder))
    compressed = [each for each in files_of_folder(folder) if each.transfer_syntax_uid == JPEG_LS]
    assert sent.sent == len(list(got.iterdir())) == 3
    assert sorted(sent.refused) == sorted((each.sop_instance_uid, 0x0122) for each in compressed)


def test_a_prior_is_found_and_fetched_with_c_get(tmp_path, archive, node, stored):
    peer = Peer("FIRSTREAD", "127.0.0.1", node.port)
    (found,) = HURRIED.find(peer, "STUDY", {"PatientID": "", "StudyInstanceUID": study_uid(stored)})
    with open_archive(tmp_path / "ours") as ours:
        assert HURRIED.get(peer, {"StudyInstanceUID": found.StudyInstanceUID}, ours.receive) == 6
        got = {}
        for each in files_of_study(ours, found.StudyInstanceUID):
            with each.at_hand() as path:
                got[each.sop_instance_uid] = path.read_bytes()
    assert {uid: bytes(Part10.parse(content).dataset) for uid, content in got.items()} == {
        each.sop_instance_uid: bytes(each.dataset) for each in stored
    }


def test_a_prior_is_fetched_from_orthanc_with_c_move(archive, orthanc, folder):
    port = free_port()
    peer = orthanc(port)
    there = Peer("ORTHANC", "127.0.0.1", peer.port)
    HURRIED.send(there, files_of_folder(folder))
    uid = str(dcmread(folder / "0.dcm").StudyInstanceUID)
    with Node(archive, Listening(port=port, acceptance=ANYONE)):
        assert HURRIED.move(there, {"StudyInstanceUID": uid}, destination="FIRSTREAD") == 5
    assert len(files_of_study(archive, uid)) == 5


def test_an_answer_that_never_comes_ends_the_call():
    # The kernel connects; nobody accepts.
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        pytest.raises(PeerFailed, match="does not answer"),
    ):
        Caller("SENDER", seconds=0.5).echo(Peer("PACS", "127.0.0.1", mute.getsockname()[1]))
