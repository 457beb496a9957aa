"""The node as a process of its own: told to stop, killed, misconfigured."""

import signal
import socket
import sys
import threading

import pytest

from firstread.archive import open_archive
from firstread.archive.models import Instance
from firstread.archive.verify import digest_of, verify
from firstread.cli import main
from firstread.network.outgoing import files_of_folder
from firstread.network.scu import Caller, PeerFailed
from tests.archive.samples import instances, rows
from tests.network.conftest import association as associated
from tests.network.conftest import is_listening, store_raw, wait_for
from tests.network.dicomweb.conftest import multipart
from tests.serving import serving

CALLER = Caller("SCANNER", seconds=20, tries=1, first_wait_s=0.01)


def stopped(node, number=signal.SIGTERM):
    """Tell a node to stop, and return its exit code."""
    node.process.send_signal(number)
    return node.process.wait(60)


def test_it_listens_where_it_says_hears_whom_it_is_told_and_stops_on_sigterm(tmp_path):
    with serving(tmp_path) as node:
        assert (node.peer.ae_title, node.peer.host) == ("FIRSTREAD", "127.0.0.1")
        assert CALLER.echo(node.peer) > 0
        with pytest.raises(PeerFailed, match="rejects"):
            Caller("STRANGER", seconds=20).echo(node.peer)
        assert stopped(node) == 0
        assert node.events()[-1] == "stopped"


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (["--instances", "many"], "many is no number of instances"),
        (["--instances", "0"], "0 is no number of instances"),
        (["--role", "scp", "--instances", "auto"], "Only a worker has instances"),
    ],
)
def test_instances_that_cannot_be_meant_are_refused(asked, why, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["firstread", "serve", *asked])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert why in capsys.readouterr().err


@pytest.mark.timeout(120)
def test_told_to_stop_it_finishes_the_request_that_is_under_way_and_takes_no_other(tmp_path):
    (instance,) = instances(1)
    body = multipart(instance.header + bytes(instance.dataset))
    head = (
        "POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        'Content-Type: multipart/related; type="application/dicom"; boundary=B\r\n'
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with serving(tmp_path, role="api") as node:
        where = node.told["api"]
        assert node.health().status_code == 200
        with socket.create_connection((where["host"], where["port"]), timeout=60) as slow:
            slow.sendall(head.encode() + body[:100])
            assert node.health("live").status_code == 200  # asked after it, answered after it was begun
            node.process.send_signal(signal.SIGTERM)
            wait_for(lambda: not is_listening(where["port"]))
            slow.sendall(body[100:])
            answer = b"".join(iter(lambda: slow.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200")
        assert node.process.wait(60) == 0
    with open_archive(tmp_path / "archive") as archive:
        assert [row.sop_instance_uid for row in rows(archive, Instance)] == [instance.sop_instance_uid]


@pytest.mark.timeout(120)
def test_everything_acknowledged_before_a_sigkill_is_there_as_it_was_sent(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    sent = {each.sop_instance_uid: each for each in instances(120)}
    acknowledged = set()
    for after in (5, 23, 60):
        left = [each for uid, each in sent.items() if uid not in acknowledged]
        with serving(tmp_path) as node, associated(node.peer.port) as association:
            for n, each in enumerate(left):
                if n == after:
                    threading.Timer(0.002 * after, node.process.kill).start()
                if store_raw(association, bytes(each.dataset), each.sop_instance_uid) != 0x0000:
                    break
                acknowledged.add(each.sop_instance_uid)
        assert node.process.returncode == -9
    with open_archive(tmp_path / "archive") as archive:
        found = verify(archive)
        assert found.sound
        stored = {row.sop_instance_uid: row for row in rows(archive, Instance)}
        assert len(acknowledged) >= 88
        assert acknowledged <= set(stored)
        for uid, row in stored.items():
            content = archive.files.path(row.file).read_bytes()
            assert content.endswith(bytes(sent[uid].dataset))
            assert digest_of(archive.files.path(row.file)) == row.file_digest


def test_a_sender_that_lost_its_node_goes_on_where_it_was(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for n, each in enumerate(instances(40)):
        (folder / f"{n}.dcm").write_bytes(each.header + bytes(each.dataset))
    files = files_of_folder(folder)
    with serving(tmp_path) as node:

        def end(stage, share):
            if share > 0.3:
                node.process.kill()

        with pytest.raises(PeerFailed):
            CALLER.send(node.peer, files, progress=end)
    with serving(tmp_path) as node:
        assert CALLER.send(node.peer, files).sent == 40
        assert stopped(node) == 0
    with open_archive(tmp_path / "archive") as archive:
        assert verify(archive).sound
        assert len(rows(archive, Instance)) == 40


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"FIRSTREAD_DICOM_CALLERS": "A" * 20}, "may call"),
        ({"FIRSTREAD_DICOM_NETWORKS": "here"}, "no network"),
        ({"FIRSTREAD_DICOM_AE_TITLE": "A" * 20}, "no AE title"),
        ({"FIRSTREAD_DICOM_TLS_CERTIFICATE": "/none.pem"}, "TLS file"),
        ({"FIRSTREAD_DESTINATIONS": '{"pacs": "nonsense"}'}, "an address is"),
        ({"FIRSTREAD_DICOM_HOST": "192.0.2.1"}, "Cannot listen"),
    ],
)
def test_a_setting_that_cannot_be_used_ends_with_2(firstread, monkeypatch, tmp_path, settings, said):
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "archive"))
    monkeypatch.setenv("FIRSTREAD_DICOM_PORT", "0")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    ended = firstread("serve", "--role", "scp")
    assert ended.code == 2
    assert said in ended.err


def test_people_are_told_where_it_listens_and_that_nobody_may_call_yet(tmp_path):
    with serving(tmp_path, dicom_callers="", log_format="text") as node:
        assert stopped(node, signal.SIGINT) == 0
        said = node.log.read_text()
    assert f"FIRSTREAD listens for DICOM on 127.0.0.1 port {node.peer.port}" in said
    assert "dicom_callers" in said
    assert " stopped " in said


@pytest.mark.parametrize("command", [["serve", "--role", "worker"], ["worker", "--instances", "auto"]])
def test_people_are_told_that_nothing_is_read_and_sent_where_no_route_and_no_destination_is_there(
    tmp_path, command
):
    with serving(tmp_path, command=command, health_port="0") as node:
        assert "port" not in node.told
        assert (node.told["routes"], node.told["destinations"]) == ([], [])
        assert set(node.health().json()["checks"]) == {"stopping", "database", "disk", "worker"}
        assert stopped(node) == 0
        said = "\n".join(node.events())
    assert "no route: nothing will be read" in said
    assert "no destination: results stay here" in said


def test_quiet_is_quiet(tmp_path):
    with serving(tmp_path, "--quiet") as node:
        assert stopped(node) == 0
        assert node.log.read_text() == ""


def test_systemd_is_told_that_it_is_ready_lives_and_stops(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        told = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        with serving(tmp_path, health_port="0", **told) as node:
            assert manager.recv(64) == b"READY=1"
            assert manager.recv(64) == b"WATCHDOG=1"
            node.process.send_signal(signal.SIGTERM)
            while (state := manager.recv(64)) == b"WATCHDOG=1":
                pass
            assert state == b"STOPPING=1"
            assert node.process.wait(60) == 0


def test_dicomweb_is_served_to_others_only_where_the_settings_allow_it(firstread, tmp_path, monkeypatch):
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "archive"))
    monkeypatch.setenv("FIRSTREAD_API_HOST", "0.0.0.0")
    refused = firstread("serve", "--role", "api")
    assert refused.code == 2
    assert "api_allow_remote" in refused.err


def test_a_port_that_is_taken_is_said(firstread, tmp_path, monkeypatch):
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "archive"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("FIRSTREAD_API_PORT", str(taken.getsockname()[1]))
        refused = firstread("serve", "--role", "api")
    assert refused.code == 2
    assert "Cannot listen" in refused.err
