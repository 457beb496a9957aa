import logging
import subprocess
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from pydicom import dcmread
from pynetdicom import AE

from firstread.archive import PRIOR_SOURCE
from firstread.archive.models import Instance
from firstread.archive.verify import verify
from firstread.errors import ArchiveFull
from firstread.network import Listening, Node
from firstread.network.answers import keep_answers
from tests.archive.samples import instances, rows
from tests.dicom.ct_series import (
    EXPLICIT,
    IMPLICIT,
    JPEG_2000,
    JPEG_LS,
    RLE,
    anatomy,
    ct_series,
    encode,
    write,
)
from tests.network.conftest import ANYONE, association, store_raw


def test_an_echo_is_answered(node):
    with association(node.port) as peer:
        assert peer.send_c_echo().Status == 0x0000


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, JPEG_LS, JPEG_2000, RLE])
def test_what_is_acknowledged_is_stored_in_its_transfer_syntax_byte_for_byte(archive, node, tmp_path, syntax):
    path = write(tmp_path / "in", [encode(ct_series()[0], syntax)]) / "0000.dcm"
    with association(node.port, syntax) as peer:
        assert peer.send_c_store(dcmread(path)).Status == 0x0000
    (row,) = rows(archive, Instance)
    assert (row.transfer_syntax_uid, row.source) == (syntax, "SCANNER")
    stored = dcmread(archive.files.path(row.file))
    assert stored.PixelData == dcmread(path).PixelData
    assert stored.file_meta.SourceApplicationEntityTitle == "SCANNER"
    assert verify(archive).sound


@pytest.mark.parametrize(("originator", "source"), [("FIRSTREAD", PRIOR_SOURCE), ("WORKSTATION", "SCANNER")])
def test_what_this_node_had_itself_sent_with_c_move_is_a_prior(archive, node, tmp_path, originator, source):
    path = write(tmp_path / "in", [encode(ct_series()[0])]) / "0000.dcm"
    with association(node.port) as peer:
        sent = peer.send_c_store(dcmread(path), originator_aet=originator, originator_id=1)
    assert sent.Status == 0x0000
    (row,) = rows(archive, Instance)
    assert row.source == source


def test_another_implementation_stores_a_series_on_several_associations(archive, node, tmp_path, debian_tool):
    program = debian_tool("storescu")
    folders = [write(tmp_path / str(n), ct_series(anatomy(6, 16), series=n)) for n in range(1, 4)]

    def send(folder):
        command = [program, "+sd", "-aec", "FIRSTREAD", "127.0.0.1", str(node.port), str(folder)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    with ThreadPoolExecutor(3) as pool:
        for done in pool.map(send, folders):
            assert done.returncode == 0, done.stderr
    assert len(rows(archive, Instance)) == 18
    assert verify(archive).sound


def test_the_same_again_is_acknowledged_and_stored_once(archive, node):
    ds = ct_series()[0]
    with association(node.port) as peer:
        for _ in range(2):
            assert peer.send_c_store(_with_meta(ds)).Status == 0x0000
    assert len(rows(archive, Instance)) == 1


def _with_meta(ds):
    return dcmread(BytesIO(encode(ds)))


def test_an_instance_without_a_study_cannot_be_understood(archive, node):
    ds = _with_meta(ct_series()[0])
    del ds.StudyInstanceUID
    with association(node.port) as peer:
        assert peer.send_c_store(ds).Status == 0xC000
        assert peer.send_c_echo().Status == 0x0000  # the association goes on
    assert rows(archive, Instance) == []


def test_a_data_set_that_is_another_instance_does_not_match(archive, node):
    with association(node.port) as peer:
        assert store_raw(peer, bytes(instances(1)[0].dataset), "1.2.3") == 0xA900
    assert rows(archive, Instance) == []


@pytest.mark.parametrize(("error", "status"), [(ArchiveFull("full"), 0xA700), (KeyError("a fault"), 0xA700)])
def test_where_it_cannot_be_kept_the_sender_is_asked_to_try_again(
    archive, error, status, caplog, monkeypatch
):
    # Other tests of the suite run programs in this process that set logging up for themselves.
    monkeypatch.setattr(logging.getLogger("firstread.network"), "disabled", False)
    caplog.set_level(logging.WARNING, logger="firstread.network")

    def receive(instance, *, source):
        raise error

    with (
        Node(archive, Listening(port=0, acceptance=ANYONE), receive=receive) as node,
        association(node.port) as peer,
    ):
        assert peer.send_c_store(_with_meta(ct_series()[0])).Status == status
    assert "C-STORE refused with A700" in caplog.text


def test_a_private_storage_class_is_stored_too(archive, node):
    ds = _with_meta(ct_series()[0])
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.826.0.1.3680043.8.498.77"
    entity = AE("SCANNER")
    entity.add_requested_context(ds.SOPClassUID, EXPLICIT)
    peer = entity.associate("127.0.0.1", node.port, ae_title="FIRSTREAD")
    keep_answers(peer)
    assert peer.send_c_store(ds).Status == 0x0000
    peer.release()
    assert [row.sop_class_uid for row in rows(archive, Instance)] == ["1.2.826.0.1.3680043.8.498.77"]


def test_nothing_about_a_patient_is_logged(archive, node, caplog):
    ds = _with_meta(ct_series()[0])
    ds.PatientName, ds.PatientID = "SECRET^NAME", "SECRETID"
    broken = _with_meta(ct_series()[1])
    broken.PatientName = "SECRET^NAME"
    del broken.StudyInstanceUID
    with caplog.at_level("DEBUG"), association(node.port) as peer:
        peer.send_c_store(ds)
        assert peer.send_c_store(broken).Status == 0xC000
    assert "SECRET" not in caplog.text
