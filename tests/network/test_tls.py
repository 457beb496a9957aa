import ssl
import subprocess

import pytest

from firstread.errors import UsageError
from firstread.network import Listening, Node, Peer
from firstread.network.scu import Caller, PeerFailed
from firstread.network.tls import TLSFiles, client_context, server_context
from tests.authority import Authority
from tests.network.conftest import ANYONE


@pytest.fixture
def hospital(debian_tool, tmp_path):
    return Authority(debian_tool("openssl"), tmp_path, "hospital")


@pytest.fixture
def stranger(debian_tool, tmp_path):
    return Authority(debian_tool("openssl"), tmp_path, "stranger")


@pytest.fixture
def secure(archive, hospital):
    """A node that speaks TLS and asks for certificates of the hospital's authority."""
    context = server_context(TLSFiles(*hospital.issue("node"), hospital.file))
    with Node(archive, Listening(port=0, acceptance=ANYONE, tls=context)) as node:
        yield node


def call(port, files, host="127.0.0.1"):
    caller = Caller("SENDER", client_context(files), seconds=10)
    return caller.echo(Peer("FIRSTREAD", host, port, tls=True))


def test_both_sides_show_a_certificate_that_the_other_believes(secure, hospital):
    assert call(secure.port, TLSFiles(*hospital.issue("scanner"), hospital.file)) > 0


def test_a_caller_without_a_certificate_or_with_a_strangers_is_cut_off(secure, hospital, stranger):
    for files in (
        TLSFiles(authorities=hospital.file),
        TLSFiles(*stranger.issue("intruder"), hospital.file),
    ):
        with pytest.raises(PeerFailed):
            call(secure.port, files)


def test_a_node_whose_certificate_is_a_strangers_or_anothers_is_not_called(archive, hospital, stranger):
    own = hospital.issue("scanner")
    for certificate in (stranger.issue("false"), hospital.issue("elsewhere", host="10.0.0.9")):
        context = server_context(TLSFiles(*certificate))
        with (
            Node(archive, Listening(port=0, acceptance=ANYONE, tls=context)) as node,
            pytest.raises(PeerFailed),
        ):
            call(node.port, TLSFiles(*own, hospital.file))


def test_plain_text_is_not_heard_and_keeps_nobody_waiting(secure, hospital):
    from tests.network.conftest import association

    with association(secure.port) as plain:
        assert not plain.is_established
    assert call(secure.port, TLSFiles(*hospital.issue("scanner"), hospital.file)) > 0


def test_what_is_older_than_tls_1_2_is_refused(secure, hospital):
    import socket

    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", secure.port)) as plain, pytest.raises(OSError):
        old.wrap_socket(plain)


def test_storescu_of_dcmtk_sends_over_tls(archive, secure, hospital, debian_tool, tmp_path):
    from firstread.archive.models import Instance
    from tests.archive.samples import rows
    from tests.dicom.ct_series import anatomy, ct_series, write

    certificate, key = hospital.issue("scanner")
    folder = write(tmp_path / "files", ct_series(anatomy(3, 16)))
    done = subprocess.run(
        [debian_tool("storescu"), "+tls", str(key), str(certificate), "+cf", str(hospital.file), "+sd",
         "-aec", "FIRSTREAD", "127.0.0.1", str(secure.port), str(folder)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(rows(archive, Instance)) == 3


def test_files_that_cannot_be_used_are_said(tmp_path, hospital, stranger):
    certificate, _ = hospital.issue("node")
    _, other = stranger.issue("other")
    with pytest.raises(UsageError, match="needs a certificate"):
        server_context(TLSFiles())
    for files in (
        TLSFiles(certificate, other),
        TLSFiles(tmp_path / "none.pem"),
        TLSFiles(authorities=certificate.parent),
    ):
        with pytest.raises(UsageError, match="cannot be used"):
            client_context(files)
