"""The node as a process of its own: told to stop, killed, misconfigured."""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from firstread.archive import open_archive
from firstread.archive.models import Instance
from firstread.archive.verify import digest_of, verify
from firstread.network import Peer
from firstread.network.outgoing import files_of_folder
from firstread.network.scu import Caller, PeerFailed
from tests.archive.samples import instances, rows
from tests.network.conftest import association as associated
from tests.network.conftest import store_raw

CALLER = Caller("SCANNER", seconds=20, tries=1, first_wait_s=0.01)


@contextmanager
def serving(tmp_path, **settings):
    """A process of `firstread serve`; yields it and the node that it is."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src"),
        "FIRSTREAD_ARCHIVE_DIR": str(tmp_path / "archive"),
        "FIRSTREAD_DICOM_PORT": "0",
        "FIRSTREAD_DICOM_CALLERS": "SCANNER",
        **settings,
    }
    command = [sys.executable, "-m", "firstread.cli", "serve", "--role", "scp", "--json"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            told = json.loads(process.stdout.readline())
            yield process, Peer(told["ae_title"], told["host"], told["port"])
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
    ended = firstread("serve")
    assert ended.code == 2
    assert said in ended.err


def test_people_are_told_where_it_listens_and_that_nobody_may_call_yet(tmp_path):
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src"),
        "FIRSTREAD_ARCHIVE_DIR": str(tmp_path / "archive"),
        "FIRSTREAD_DICOM_PORT": "0",
    }
    command = [sys.executable, "-m", "firstread.cli", "serve"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        first, second = process.stderr.readline(), process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert first.startswith("FIRSTREAD listens on 127.0.0.1 port ")
    assert "dicom_callers" in second
