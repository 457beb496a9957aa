import json

import pytest

from firstread.archive import open_archive
from firstread.network import Listening, Node
from tests.archive.samples import instances
from tests.network.conftest import ANYONE, free_port
from tests.network.test_retrieve_scp import study_uid


@pytest.fixture
def node(tmp_path):
    """A node that anyone may call, and its archive."""
    with (
        open_archive(tmp_path / "theirs") as archive,
        Node(archive, Listening(port=0, acceptance=ANYONE)) as running,
    ):
        running.archive = archive
        yield running


@pytest.fixture
def folder(tmp_path):
    where = tmp_path / "in"
    where.mkdir()
    for n, each in enumerate(instances(3)):
        (where / f"{n}.dcm").write_bytes(each.header + bytes(each.dataset))
    return where


def test_a_node_that_answers_is_said(firstread, node, monkeypatch):
    told = firstread("echo", f"FIRSTREAD@127.0.0.1:{node.port}")
    assert told.code == 0
    assert f"FIRSTREAD@127.0.0.1:{node.port} answers" in told.out
    monkeypatch.setenv("FIRSTREAD_DESTINATIONS", json.dumps({"pacs": f"FIRSTREAD@127.0.0.1:{node.port}"}))
    assert json.loads(firstread("echo", "pacs", "--json").out)["seconds"] > 0


def test_a_node_that_does_not_answer_ends_with_5_and_one_that_is_none_with_2(firstread):
    away = firstread("echo", f"PACS@127.0.0.1:{free_port()}")
    assert (away.code, away.out) == (5, "")
    assert "does not answer" in away.err
    assert firstread("echo", "nonsense").code == 2


def test_a_folder_is_sent(firstread, node, folder):
    told = firstread("send", folder, "--to", f"FIRSTREAD@127.0.0.1:{node.port}")
    assert (told.code, told.out) == (0, f"3 instances sent to FIRSTREAD@127.0.0.1:{node.port}, 0 refused.\n")
    assert len(list(node.archive.files.names())) == 3


def test_a_study_of_the_archive_is_sent_by_its_uid(firstread, node, folder, monkeypatch, tmp_path):
    monkeypatch.setenv("FIRSTREAD_ARCHIVE_DIR", str(tmp_path / "archive"))
    firstread("archive", "add", folder)
    told = firstread("send", study_uid(instances(1)), "--to", f"FIRSTREAD@127.0.0.1:{node.port}", "--json")
    assert json.loads(told.out) == {"sent": 3, "refused": []}
    assert firstread("send", "1.2.3", "--to", f"FIRSTREAD@127.0.0.1:{node.port}").code == 3


def test_refusals_end_with_4(firstread, node, folder):
    broken = instances(1, series=5)[0]
    (folder / "broken.dcm").write_bytes(broken.header + bytes(broken.dataset)[:40])
    told = firstread("send", folder, "--to", f"FIRSTREAD@127.0.0.1:{node.port}", "--json")
    assert told.code == 4
    said = json.loads(told.out)
    assert (said["sent"], said["refused"][0]["status"]) == (3, "C000")
