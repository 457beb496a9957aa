import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import ip_network

import pytest
from pydicom import dcmread
from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage, Verification

from firstread.archive import open_archive
from firstread.archive.models import Instance
from firstread.archive.verify import verify
from firstread.errors import ArchiveFull, UsageError
from firstread.network import Listening, StoreSCP
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


@pytest.fixture
def archive(tmp_path):
    with open_archive(tmp_path / "archive") as opened:
        yield opened


@pytest.fixture
def listener(archive):
    with StoreSCP(archive.receive, Listening(port=0)) as running:
        yield running


@contextmanager
def association(port, *syntaxes, calling="SCANNER", called="FIRSTREAD"):
    """An association with a listener, for CT images and C-ECHO."""
    entity = AE(calling)
    entity.add_requested_context(Verification)
    entity.add_requested_context(CTImageStorage, list(syntaxes or (EXPLICIT,)))
    made = entity.associate("127.0.0.1", port, ae_title=called)
    try:
        yield made
    finally:
        if made.is_established:
            made.release()


def test_an_echo_is_answered(listener):
    with association(listener.port) as peer:
        assert peer.send_c_echo().Status == 0x0000


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, JPEG_LS, JPEG_2000, RLE])
def test_what_is_acknowledged_is_stored_in_its_transfer_syntax_byte_for_byte(
    archive, listener, tmp_path, syntax
):
    path = write(tmp_path / "in", [encode(ct_series()[0], syntax)]) / "0000.dcm"
    with association(listener.port, syntax) as peer:
        assert peer.send_c_store(dcmread(path)).Status == 0x0000
    (row,) = rows(archive, Instance)
    assert (row.transfer_syntax_uid, row.source) == (syntax, "SCANNER")
    stored = dcmread(archive.files.path(row.file))
    assert stored.PixelData == dcmread(path).PixelData
    assert stored.file_meta.SourceApplicationEntityTitle == "SCANNER"
    assert verify(archive).sound


def test_another_implementation_stores_a_series_on_several_associations(
    archive, listener, tmp_path, debian_tool
):
    program = debian_tool("storescu")
    folders = [write(tmp_path / str(n), ct_series(anatomy(6, 16), series=n)) for n in range(1, 4)]

    def send(folder):
        command = [program, "+sd", "-aec", "FIRSTREAD", "127.0.0.1", str(listener.port), str(folder)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    with ThreadPoolExecutor(3) as pool:
        for done in pool.map(send, folders):
            assert done.returncode == 0, done.stderr
    assert len(rows(archive, Instance)) == 18
    assert verify(archive).sound


def test_the_same_again_is_acknowledged_and_stored_once(archive, listener):
    ds = ct_series()[0]
    with association(listener.port) as peer:
        for _ in range(2):
            assert peer.send_c_store(_with_meta(ds)).Status == 0x0000
    assert len(rows(archive, Instance)) == 1


def _with_meta(ds):
    from io import BytesIO

    return dcmread(BytesIO(encode(ds)))


def test_an_instance_without_a_study_cannot_be_understood(archive, listener):
    ds = _with_meta(ct_series()[0])
    del ds.StudyInstanceUID
    with association(listener.port) as peer:
        assert peer.send_c_store(ds).Status == 0xC000
        assert peer.send_c_echo().Status == 0x0000  # the association goes on
    assert rows(archive, Instance) == []


def test_a_data_set_that_is_another_instance_does_not_match():
    (sent,) = instances(1)

    def receive(instance, *, source):
        from firstread.archive.header import read_header

        read_header(type(instance)(sent.sop_class_uid, "1.2.3", EXPLICIT, b"", sent.dataset))

    with StoreSCP(receive, Listening(port=0)) as listener, association(listener.port) as peer:
        assert peer.send_c_store(_with_meta(ct_series()[0])).Status == 0xA900


def test_a_full_disk_is_out_of_resources():
    def receive(instance, *, source):
        raise ArchiveFull("full")

    with StoreSCP(receive, Listening(port=0)) as listener, association(listener.port) as peer:
        assert peer.send_c_store(_with_meta(ct_series()[0])).Status == 0xA700


@pytest.mark.parametrize(
    ("options", "calling", "called", "welcome"),
    [
        ({}, "ANYONE", "FIRSTREAD", True),
        ({}, "ANYONE", "OTHER", False),
        ({"calling_ae_titles": ("SCANNER",)}, "SCANNER", "FIRSTREAD", True),
        ({"calling_ae_titles": ("SCANNER",)}, "STRANGER", "FIRSTREAD", False),
        ({"hosts": (ip_network("127.0.0.0/8"),)}, "SCANNER", "FIRSTREAD", True),
    ],
)
def test_only_those_who_are_listed_are_heard(archive, options, calling, called, welcome):
    with (
        StoreSCP(archive.receive, Listening(port=0, **options)) as listener,
        association(listener.port, calling=calling, called=called) as peer,
    ):
        assert peer.is_established == welcome


def test_a_host_that_is_not_listed_is_cut_off_unheard(archive):
    hosts = (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    with (
        StoreSCP(archive.receive, Listening(port=0, hosts=hosts)) as listener,
        socket.create_connection(("127.0.0.1", listener.port), timeout=10) as peer,
    ):
        assert peer.recv(1) == b""


def test_one_association_more_than_allowed_is_rejected(archive):
    with (
        StoreSCP(archive.receive, Listening(port=0, associations=2)) as listener,
        association(listener.port) as one,
        association(listener.port) as two,
        association(listener.port) as three,
    ):
        assert (one.is_established, two.is_established, three.is_established) == (True, True, False)
        assert three.is_rejected


def test_a_port_that_is_taken_is_said(archive):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="Cannot listen"):
        StoreSCP(archive.receive, Listening(port=taken.getsockname()[1]))


def test_after_closing_nobody_is_answered(archive):
    with StoreSCP(archive.receive, Listening(port=0)) as listener:
        port = listener.port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
