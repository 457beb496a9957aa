"""Peers that send what no peer should: nothing crashes, hangs or stays behind."""

import random
import socket
import threading
import time
from io import BytesIO

import psutil
import pytest
from pydicom import dcmread
from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage

from firstread.archive.models import Instance
from firstread.archive.verify import verify
from firstread.network import Acceptance, Listening, Node
from tests.archive.samples import instances, rows
from tests.dicom.ct_series import EXPLICIT
from tests.network.conftest import association, store_raw, wait_for
from tests.network.streams import VERIFICATION, associate, context


@pytest.fixture
def strict(archive):
    """A node with small limits."""
    acceptance = Acceptance(
        callers=None, associations=60, idle_s=2.0, instance_bytes=200_000, memory_bytes=2_000_000
    )
    with Node(archive, Listening(port=0, acceptance=acceptance)) as node:
        yield node


def threads():
    return sum(thread.name.startswith(("AcceptorThread", "Thread-")) for thread in threading.enumerate())


def is_well(node):
    with association(node.port) as peer:
        return peer.is_established and peer.send_c_echo().Status == 0x0000


def talk(port, *contents):
    """Send bytes, each after an answer to those before, and return the last answer until the node closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        try:
            for before in contents[:-1]:
                peer.sendall(before)
                assert peer.recv(65536)[0] == 0x02  # accepted
            peer.sendall(contents[-1])
            answer = b""
            while part := peer.recv(65536):
                answer += part
        except ConnectionError:
            return b""
        return answer


@pytest.mark.parametrize(
    "content",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"\x01\x00\xff\xff\xff\xff" + bytes(64),
        b"\x04\x00\x00\x00\x00\x04" + bytes(4),
        b"\x05\x00\x00\x00\x00\x04" + bytes(4),
        b"\x09\x00\x00\x00\x00\x04" + bytes(4),
        b"\x01\x00\x00\x00\x00\x44\x00\x01" + bytes(66),
        b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00",
        associate(contexts=context(1, VERIFICATION)),  # without a transfer syntax
        b"",
    ],
)
def test_what_is_no_association_is_ended_and_nobody_else_notices(strict, content):
    before = threads()
    talk(strict.port, content)
    assert is_well(strict)
    wait_for(lambda: threads() <= before, 30)


@pytest.mark.parametrize(
    "after",
    [
        b"\x04\x00\xff\xff\xff\xf0" + bytes(100),  # a PDU of 4 GiB
        b"\x04\x00\x00\x00\x00\x0a\xff\xff\xff\xff\x01\x03" + bytes(4),  # an item longer than its PDU
        b"\x04\x00\x00\x00\x00\x06\x00\x00\x00\x02\x63\x03",  # a context that was not accepted
        b"\x04\x00\x00\x00\x00\x0c\x00\x00\x00\x08\x01\x03" + b"\xff" * 6,  # a command set that is none
        b"\x01\x00\x00\x00\x00\x44\x00\x01" + bytes(66),  # a second association on the same connection
    ],
)
def test_an_association_that_goes_wrong_is_aborted(strict, after):
    before = threads()
    answer = talk(strict.port, associate(), after)
    assert answer == b"" or answer[0] == 0x07  # A-ABORT
    assert is_well(strict)
    wait_for(lambda: threads() <= before, 30)


def test_a_peer_that_trickles_is_cut_off(strict):
    with socket.create_connection(("127.0.0.1", strict.port), timeout=10) as peer:
        peer.sendall(b"\x01\x00\x00\x00\x10\x00")
        start = time.monotonic()
        with pytest.raises(ConnectionError):
            while time.monotonic() - start < 15:
                peer.sendall(b"\0")
                time.sleep(0.05)
    assert time.monotonic() - start < 10


def test_noise_of_any_kind_leaves_the_node_well(strict, archive):
    chance = random.Random(5)
    good = associate()
    before = threads()
    for _ in range(120):
        content = bytearray(good)
        for _ in range(chance.randint(1, 8)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        if chance.random() < 0.5:
            content = content[: chance.randrange(len(content))]
        with socket.create_connection(("127.0.0.1", strict.port), timeout=10) as peer:
            peer.sendall(bytes(content) + chance.randbytes(chance.randint(0, 200)))
    wait_for(lambda: is_well(strict))
    assert rows(archive, Instance) == []
    wait_for(lambda: threads() <= before, 30)


def test_data_sets_of_noise_are_refused_one_by_one_on_a_good_association(strict, archive):
    chance = random.Random(11)
    (sent,) = instances(1)
    with association(strict.port) as peer:
        for n in range(60):
            content = bytearray(sent.dataset)
            for _ in range(chance.randint(1, 30)):
                content[chance.randrange(min(400, len(content)))] = chance.randrange(256)
            cut = bytes(content[: chance.randrange(1, len(content))])
            assert store_raw(peer, cut, sent.sop_instance_uid) in (0x0000, 0xC000, 0xA900), n
        assert store_raw(peer, bytes(sent.dataset), sent.sop_instance_uid) == 0x0000
    assert verify(archive).sound


def test_an_instance_beyond_the_limit_ends_its_association_and_frees_its_memory(strict, archive):
    with association(strict.port) as peer:
        assert store_raw(peer, bytes(500_000), "1.2.3") is None
        wait_for(lambda: not peer.is_established)
        assert peer.is_aborted
    assert rows(archive, Instance) == []
    wait_for(lambda: strict._server.room.taken == 0)
    assert is_well(strict)


def test_fifty_open_associations_hold_no_memory_and_no_core(strict, archive):
    (sent,) = instances(1)
    ds = dcmread(BytesIO(sent.header + bytes(sent.dataset)))
    own = psutil.Process()
    opened = []
    try:
        for n in range(50):
            entity = AE(f"S{n}")
            entity.add_requested_context(CTImageStorage, EXPLICIT)
            entity.dimse_timeout = entity.network_timeout = 60
            opened.append(entity.associate("127.0.0.1", strict.port, ae_title="FIRSTREAD"))
            if n == 5:
                before = own.memory_info().rss
            assert opened[-1].send_c_store(ds).Status == 0x0000
        assert strict._server.room.taken == 0
        assert own.memory_info().rss - before < 100 << 20
    finally:
        for peer in opened:
            peer.abort()
    assert len(rows(archive, Instance)) == 1
