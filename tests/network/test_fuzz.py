"""Thousands of damaged streams, in the process and over the wire: the node is as it was before."""

import random

import psutil
import pytest

from firstread.archive import Part10, open_archive
from firstread.archive.header import read_header
from firstread.archive.verify import verify
from firstread.errors import RefusedInput
from tests.archive.samples import instances
from tests.dicom.ct_series import BIG, DEFLATED, EXPLICIT, IMPLICIT, JPEG_LS
from tests.network.conftest import association, store_raw
from tests.network.hostile_peer import Held, throw_all
from tests.network.streams import good, malformed, mutated
from tests.system.fleet import nursery, settings_of
from tests.waiting import free_port, wait_for

MOST_GROWTH_MIB = 64
MUTATED = 400


@pytest.fixture
def served(tmp_path):
    """A node as a process of its own, with its port."""
    port = free_port()
    with nursery(tmp_path, settings_of(tmp_path / "archive", None)) as forks:
        node = forks.server(
            "scp", "serve", "--role", "scp",
            FIRSTREAD_DICOM_PORT=str(port), FIRSTREAD_DICOM_IDLE_S="2", FIRSTREAD_DICOM_INSTANCE_MIB="4",
        )  # fmt: skip
        wait_for(lambda: "listens" in node.log)
        yield node, port


def assert_as_before(node, port, streams, tmp_path):
    """Throw streams at a node that has met some of them, and look at what it holds before and after."""
    process = psutil.Process(node.pid)
    idle = process.num_threads()
    throw_all(port, streams[:: max(1, len(streams) // 40)])
    wait_for(lambda: process.num_threads() <= idle, 30)
    before = Held.by(process)
    throw_all(port, streams)
    wait_for(lambda: process.num_threads() <= idle, 30)
    after = Held.by(process)
    assert node.runs
    assert after.memory_mib - before.memory_mib < MOST_GROWTH_MIB
    assert after.files <= before.files + 4  # a database connection more
    (sent,) = instances(1, series=9)
    with association(port) as peer:
        assert store_raw(peer, bytes(sent.dataset), sent.sop_instance_uid) == 0x0000
    assert [list(path.iterdir()) for path in (tmp_path / "archive" / "incoming").iterdir()] == [[]]
    assert "Traceback" not in node.log
    assert "Synthetic" not in node.log
    node.end()
    with open_archive(tmp_path / "archive") as archive:
        assert verify(archive).sound


def test_streams_that_are_damaged_by_chance_leave_the_node_as_it_was(served, tmp_path):
    (instance,) = instances(1)
    chance = random.Random(23)
    associations = good(bytes(instance.dataset), instance.sop_instance_uid)
    streams = [mutated(chance, associations) for _ in range(MUTATED)]
    assert_as_before(*served, streams, tmp_path)


def test_streams_that_are_wrong_in_every_way_that_has_a_name_leave_the_node_as_it_was(served, tmp_path):
    (instance,) = instances(1)
    streams = [stream for _, stream in malformed(bytes(instance.dataset), instance.sop_instance_uid)]
    assert_as_before(*served, streams, tmp_path)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED, JPEG_LS])
def test_headers_that_are_damaged_by_chance_are_read_or_refused_and_nothing_else(syntax):
    chance = random.Random(31)
    (instance,) = instances(1, syntax=syntax)
    whole = instance.header + bytes(instance.dataset)
    read = 0
    for _ in range(800):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            content[chance.randrange(132, len(content))] = chance.choice([0, 0xFF, chance.randrange(256)])
        if chance.random() < 0.3:
            del content[chance.randrange(140, len(content)) :]
        try:
            read_header(Part10.parse(bytes(content)))
            read += 1
        except RefusedInput:
            pass
    assert 0 < read < 800
