import socket
import threading
from ipaddress import ip_network

import pytest

from firstread.errors import UsageError
from firstread.network import Acceptance, Listening, Node
from firstread.network.acceptance import Caller
from tests.archive.samples import instances
from tests.network.conftest import ANYONE, association, wait_for


@pytest.mark.parametrize(
    ("callers", "calling", "called", "welcome"),
    [
        (None, "ANYONE", "FIRSTREAD", True),
        (None, "ANYONE", "OTHER", False),
        ((), "ANYONE", "FIRSTREAD", False),
        ((Caller("SCANNER"),), "SCANNER", "FIRSTREAD", True),
        ((Caller("SCANNER"),), "STRANGER", "FIRSTREAD", False),
        ((Caller("SCANNER", ip_network("127.0.0.0/8")),), "SCANNER", "FIRSTREAD", True),
        ((Caller("SCANNER", ip_network("10.0.0.0/8")),), "SCANNER", "FIRSTREAD", False),
    ],
)
def test_only_those_who_are_listed_are_heard(archive, callers, calling, called, welcome):
    acceptance = Acceptance(callers=callers)
    with (
        Node(archive, Listening(port=0, acceptance=acceptance)) as node,
        association(node.port, calling=calling, called=called) as peer,
    ):
        assert peer.is_established == welcome
        assert peer.is_rejected != welcome
        if not welcome:
            reason = 7 if called == "OTHER" else 3
            assert (peer.acceptor.primitive.result, peer.acceptor.primitive.diagnostic) == (1, reason)


def test_a_node_hears_nobody_unless_it_is_told_to(archive):
    with Node(archive, Listening(port=0)) as node, association(node.port) as peer:
        assert peer.is_rejected


def test_a_host_that_is_not_listed_is_cut_off_unheard(archive):
    acceptance = Acceptance(callers=None, networks=(ip_network("10.0.0.0/8"), ip_network("::1/128")))
    with (
        Node(archive, Listening(port=0, acceptance=acceptance)) as node,
        socket.create_connection(("127.0.0.1", node.port), timeout=10) as peer,
    ):
        assert peer.recv(1) == b""


def test_one_association_more_than_allowed_is_rejected_for_now(archive):
    acceptance = Acceptance(callers=None, associations=2)
    with (
        Node(archive, Listening(port=0, acceptance=acceptance)) as node,
        association(node.port) as one,
        association(node.port) as two,
        association(node.port) as three,
    ):
        assert (one.is_established, two.is_established, three.is_established) == (True, True, False)
        assert three.acceptor.primitive.result == 2


def test_a_port_that_is_taken_is_said(archive):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="Cannot listen"):
        Node(archive, Listening(port=taken.getsockname()[1]))


def test_after_closing_nobody_is_answered(archive):
    with Node(archive, Listening(port=0)) as node:
        port = node.port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_what_is_being_stored_when_it_is_closed_is_finished_and_acknowledged(archive):
    begun, go_on, statuses = threading.Event(), threading.Event(), []

    def receive(instance, *, source):
        begun.set()
        go_on.wait(20)
        return archive.receive(instance, source=source)

    node = Node(archive, Listening(port=0, acceptance=ANYONE), receive=receive)
    with association(node.port) as peer:
        from io import BytesIO

        from pydicom import dcmread

        (sent,) = instances(1)
        ds = dcmread(BytesIO(sent.header + bytes(sent.dataset)))
        sending = threading.Thread(target=lambda: statuses.append(peer.send_c_store(ds).Status))
        sending.start()
        assert begun.wait(20)
        closing = threading.Thread(target=node.close)
        closing.start()
        wait_for(lambda: not node._thread.is_alive())
        go_on.set()
        sending.join(20)
        closing.join(20)
    assert statuses == [0x0000]


def test_a_silent_peer_is_cut_off(archive):
    with (
        Node(archive, Listening(port=0, acceptance=Acceptance(callers=None, idle_s=1.0))) as node,
        association(node.port) as peer,
    ):
        wait_for(lambda: not peer.is_established, 15)
        assert peer.is_aborted
