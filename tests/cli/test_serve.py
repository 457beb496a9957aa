"""The node as a process of its own: told to stop, killed, misconfigured."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from firstread.archive import open_archive
from firstread.archive.models import Instance
from firstread.archive.verify import digest_of, verify
from firstread.network import Peer
from firstread.network.outgoing import files_of_folder
from firstread.network.scu import Caller, PeerFailed
from tests.archive.samples import instances, rows
from tests.network.conftest import association as associated
from tests.network.conftest import store_raw, wait_for
from tests.network.dicomweb.conftest import multipart

CALLER = Caller("SCANNER", seconds=20, tries=1, first_wait_s=0.01)


@contextmanager
def serving(tmp_path, *, role="scp", **settings):
    """A process of `firstread serve`; yields it and the node that it is."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src"),
        "FIRSTREAD_ARCHIVE_DIR": str(tmp_path / "archive"),
        "FIRSTREAD_DICOM_PORT": "0",
        "FIRSTREAD_DICOM_CALLERS": "SCANNER",
        **settings,
    }
    command = [sys.executable, "-m", "firstread.cli", "serve", "--role", role, "--json"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            process.told = told = json.loads(process.stdout.readline())
            yield process, Peer(told["ae_title"], told["host"], told["port"]) if "port" in told else None
        finally:
            process.kill()


def test_it_listens_where_it_says_hears_whom_it_is_told_and_stops_on_sigterm(tmp_path):
    with serving(tmp_path) as (process, peer):
        assert (peer.ae_title, peer.host) == ("FIRSTREAD", "127.0.0.1")
        assert CALLER.echo(peer) > 0
        with pytest.raises(PeerFailed, match="rejects"):
            Caller("STRANGER", seconds=20).echo(peer)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert "Traceback" not in process.stderr.read()


def events(process):
    """What a process logged, once it has ended."""
    return [json.loads(line)["event"] for line in process.stderr.read().splitlines()]


def health(process, part="health", which="ready"):
    where = process.told[part]
    return requests.get(f"http://127.0.0.1:{where['port']}/health/{which}", timeout=30)


def test_a_process_without_the_api_says_on_a_port_of_its_own_whether_it_is_ready(tmp_path):
    with serving(tmp_path, FIRSTREAD_HEALTH_PORT="0", FIRSTREAD_ARCHIVE_RESERVE_MIB="0") as (process, _):
        assert health(process, which="live").status_code == 200
        ready = health(process)
        assert ready.status_code == 200
        assert ready.json()["checks"] == dict.fromkeys(("stopping", "database", "disk", "scp"), "fine")
        assert "api" not in process.told


def test_it_is_not_ready_where_the_disk_has_less_than_its_reserve(tmp_path):
    reserve = str(shutil.disk_usage(tmp_path).total >> 20)
    with serving(tmp_path, FIRSTREAD_HEALTH_PORT="0", FIRSTREAD_ARCHIVE_RESERVE_MIB=reserve) as (process, _):
        refused = health(process)
        assert refused.status_code == 503
        assert refused.json()["checks"]["disk"] == "less free than archive_reserve_mib"
        assert health(process, which="live").status_code == 200


@pytest.mark.timeout(120)
def test_told_to_stop_it_is_not_ready_at_once_and_what_is_under_way_is_finished(tmp_path):
    dataset = bytes(instances(1)[0].dataset)
    uid = instances(1)[0].sop_instance_uid
    with serving(tmp_path, role="api", FIRSTREAD_API_PORT="0") as (process, _):
        where = process.told["api"]
        head = (
            "POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            'Content-Type: multipart/related; type="application/dicom"; boundary=B\r\n'
        )
        body = multipart(instances(1)[0].header + dataset)
        with socket.create_connection((where["host"], where["port"]), timeout=60) as slow:
            slow.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:100])
            wait_for(lambda: health(process, "api").status_code == 200)
            process.send_signal(signal.SIGTERM)
            assert (
                "stopping"
                in process.stderr.readline() + process.stderr.readline() + process.stderr.readline()
            )
            slow.sendall(body[100:])
            answer = b"".join(iter(lambda: slow.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200")
        assert process.wait(60) == 0
    with open_archive(tmp_path / "archive") as archive:
        assert [row.sop_instance_uid for row in rows(archive, Instance)] == [uid]


@pytest.mark.timeout(120)
def test_everything_acknowledged_before_a_sigkill_is_there_as_it_was_sent(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    sent = {each.sop_instance_uid: each for each in instances(120)}
    acknowledged = set()
    for after in (5, 23, 60):
        left = [each for uid, each in sent.items() if uid not in acknowledged]
        with serving(tmp_path) as (process, peer), associated(peer.port) as association:
            for n, each in enumerate(left):
                if n == after:
                    threading.Timer(0.002 * after, process.kill).start()
                if store_raw(association, bytes(each.dataset), each.sop_instance_uid) != 0x0000:
                    break
                acknowledged.add(each.sop_instance_uid)
        assert process.returncode == -9
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
    with serving(tmp_path) as (process, peer):

        def end(stage, share):
            if share > 0.3:
                process.kill()

        with pytest.raises(PeerFailed):
            CALLER.send(peer, files, progress=end)
    with serving(tmp_path) as (process, peer):
        assert CALLER.send(peer, files).sent == 40
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
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
        ({"FIRSTREAD_DESTINATIONS": '{"pacs": "nonsense"}'}, "no DICOM node"),
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
    with serving(tmp_path, FIRSTREAD_DICOM_CALLERS="", FIRSTREAD_LOG_FORMAT="text") as (process, peer):
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        said = process.stderr.read()
    assert f"FIRSTREAD listens for DICOM on 127.0.0.1 port {peer.port}" in said
    assert "dicom_callers" in said
    assert " stopped " in said


def test_quiet_is_quiet_and_every_line_is_json(tmp_path):
    with serving(tmp_path) as (process, _):
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        assert events(process)[-1] == "stopped"
    environment = os.environ | {
        "FIRSTREAD_ARCHIVE_DIR": str(tmp_path / "archive"),
        "FIRSTREAD_DICOM_CALLERS": "CT",
    }
    command = [sys.executable, "-m", "firstread.cli", "serve", "--role", "scp", "--quiet", "--json"]
    environment["FIRSTREAD_DICOM_PORT"] = "0"
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""


def test_systemd_is_told_that_it_is_ready_lives_and_stops(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        told = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        with serving(tmp_path, FIRSTREAD_HEALTH_PORT="0", **told) as (process, _):
            assert manager.recv(64) == b"READY=1"
            assert manager.recv(64) == b"WATCHDOG=1"
            process.send_signal(signal.SIGTERM)
            while (state := manager.recv(64)) == b"WATCHDOG=1":
                pass
            assert state == b"STOPPING=1"
            assert process.wait(30) == 0


def test_dicomweb_is_served_here_and_to_others_only_where_the_settings_allow_it(
    firstread, tmp_path, monkeypatch
):
    with serving(tmp_path, role="api", FIRSTREAD_API_PORT="0") as (process, _):
        where = process.told["api"]
        assert (
            requests.get(f"http://127.0.0.1:{where['port']}/dicom-web/studies", timeout=30).status_code == 204
        )
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "archive"))
    monkeypatch.setenv("FIRSTREAD_API_HOST", "0.0.0.0")
    refused = firstread("serve", "--role", "api")
    assert refused.code == 2
    assert "api_allow_remote" in refused.err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("FIRSTREAD_API_HOST", "127.0.0.1")
        monkeypatch.setenv("FIRSTREAD_API_PORT", str(taken.getsockname()[1]))
        refused = firstread("serve", "--role", "api")
    assert refused.code == 2
    assert "Cannot listen" in refused.err
